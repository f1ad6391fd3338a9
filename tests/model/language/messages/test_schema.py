"""Every value of the wrong kind gets one sentence in TOML's words: what stands there, and what may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import InputError
from tests.kit.models import alive_dead, exponential, frame

if TYPE_CHECKING:
    from tests.conftest import Build

MODEL = frame(horizon=20) + alive_dead(exponential(0.1))
OURS = ("Input should", "Value error", "Extra inputs", "valid number", "valid string")
"""Words of the library that reads files, which users do not know."""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("horizon = 20", "horizon = true", "settings.horizon = true: should be a number"),
        ("horizon = 20", "horizon = [20]", r"settings.horizon = \[20\]: should be a number"),
        ("horizon = 20", 'horizon = "long"', "arithmetic of numbers such as"),
        ("horizon = 20", "horizon = 0", "settings.horizon = 0: should be greater than 0"),
        ("times = [1.0]", "times = 1", "settings.times = 1: should be a list"),
        ("times = [1.0]", "times = [true]", r"settings.times\[1\] = true: should be a number"),
        ("rate = 0.1", "rate = true", "hazard.rate = true: should be a number or an expression"),
        ("rate = 0.1", "rate = [1]", r"hazard.rate = \[1\]: should be a number or an expression"),
        ("rate = 0.1", "rte = 0.1", "unknown key 'rte'. Did you mean 'rate'"),
        ("rate = 0.1", 'rate = "lambda"', "reserved word"),
        ("utility = 1", "utility = { a = 1 }", "states.alive.utility = .*should be a number or an expression"),
        ("utility = 1", "duration = 1", "states.alive.duration: needs `next` beside it"),
        ("utility = 1", 'next = "dead"', "states.alive.next: needs `duration` beside it"),
        ("initial = true", 'initial = "true"', "states.alive.initial = 'true': should be true or false"),
        (
            'kind = "absorbing"',
            'kind = "absorbed"',
            "'dwelling', 'chance', 'absorbing' or 'phase'. Did you mean 'absorb",
        ),
        ('from = "alive"', "from = 3", "from = 3: should be text or a list"),
        ("[strategies.one]", "[strategies]\none = 3", "strategies.one = 3: should be a table"),
        ("[strategies.one]", "[strategies.one]\nset.age = 3", "'age' is a covariate, not a parameter"),
        ("[strategies.one]", "[strategies.one]\nset.horizon = 3", "'horizon' is a setting, not a parameter"),
        ('to = "dead"', 'to = "one"', "'one' is a strategy, not a state"),
    ],
)
def test_a_wrong_value_is_said_plainly(build: Build, old: str, new: str, words: str) -> None:
    """Key, value and what is allowed, and no word of the library that reads the file."""
    assert old in MODEL
    with pytest.raises(InputError, match=words) as caught:
        build(MODEL.replace(old, new))
    assert not any(word in str(caught.value) for word in OURS)


def test_a_number_may_be_arithmetic(build: Build) -> None:
    """Thirteen cycles of 28 days."""
    program = build(MODEL.replace("horizon = 20", 'horizon = "13 * 28 / 365.25"').replace("[1.0]", '["1 / 2"]'))
    assert program.rows.horizon == 13 * 28 / 365.25
    assert program.scenario.file.settings.times == [0.5]


def test_default_times_end_at_the_horizon(build: Build) -> None:
    """A default never refuses what a file states; what the file states is kept, and refused beyond the horizon."""
    short = MODEL.replace("times = [1.0]", "").replace("horizon = 20", "horizon = 2.5")
    assert build(short).scenario.file.settings.times == [1.0, 2.0]
    assert build(short.replace("2.5", "0.3")).scenario.file.settings.times == [0.25]
    with pytest.raises(InputError, match=r"20\.005 is not a multiple .* 20 years"):
        build(MODEL.replace("[1.0]", "[20.005]"))


def test_what_a_held_parameter_used_may_be_unused(build: Build) -> None:
    """A derived parameter that is held at a value leaves what it was derived from without use."""
    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import load_scenario

    program = build(MODEL.replace("rate = 0.1", 'rate = "rate"'), {"rate": 0.1})
    folder = program.scenario.path.parent
    (folder / "test.csv").write_text(
        "id,value,distribution,p1,p2,se,low,high,expression\nlog_rate,-2,,,,,,,\nrate,,,,,,,,exp(log_rate)\n"
    )
    held = compile_scenario(load_scenario(program.scenario.path, overrides={"rate": 0.3}))
    assert 0.3 in held.numbers()
