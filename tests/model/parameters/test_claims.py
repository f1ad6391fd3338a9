"""Claims of labels: what is refused when a file is loaded, and which numbers nothing claims."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from lmssim.errors import InputError
from lmssim.model.parameters.claims import unclaimed
from lmssim.model.scenario import load_scenario
from tests.kit.models import OS, alive_dead, exponential, frame, section

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

MODEL = frame(horizon=20) + alive_dead(exponential("rate")) + OS + section("switches.s", default="usual")


def option(*claims: Mapping[str, Any], label: str = "30% at 5 years", **more: Any) -> str:
    """The only option."""
    return section("switches.s.options.usual", label=label, claims=list(claims), **more)


DEATH = {"value": 0.3, "events": ["dead"], "by": 5}
SOLVE = {"parameter": "rate", "low": 0.1, "high": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (option(DEATH | {"value": 0.31}), r"claims\[1\]\.value: 0\.31; the label '30% at 5 years' does not print it"),
        (
            option({"value": 0.3}),
            r"claims\[1\]: nothing says what gives the number; give one of value_of, key, outcome",
        ),
        (option(DEATH | {"value_of": "rate"}), "value_of, events stand beside one another"),
        (option({"value": 0.3, "value_of": "rate", "by": 5}), r"\.by: belongs to outcome or events, not to value_of"),
        (option({"value": 0.3, "outcome": "oss", "by": 5}), r"\.outcome: unknown endpoint 'oss'\. Did you mean 'os'"),
        (option(DEATH | {"strategy": "on"}), r"\.strategy: unknown strategy 'on'\. Did you mean 'one'"),
        (option({"value": 0.3, "value_of": "2 * rat"}), r"\.value_of: unknown parameter 'rat'\. Did you mean 'rate'"),
        (option({"value": 0.3, "value_of": "2 *"}), r"\.value_of: '2 \*' is not an expression"),
        (option(DEATH | {"value": 30}), r"\.value: 30 is not a share"),
        (option(DEATH | {"solve": SOLVE | {"parameter": "rat"}}), r"\.solve\.parameter: unknown parameter 'rat'"),
        (option(DEATH | {"solve": SOLVE | {"low": 2}}), r"\.solve\.low: 2 is not below high, 1"),
        (option(DEATH | {"solve": SOLVE | {"low": 0}}), r"solve\.low = 0"),
        (option(DEATH, words={"2 years": "a time"}), r"\.words: '2 years' is no part of the label"),
        (option(DEATH | {"vale": 1}), "vale: unknown key 'vale'. Did you mean 'value'"),
    ],
)
def test_a_claim_that_cannot_hold_is_refused(write_scenario: Callable[..., Path], text: str, message: str) -> None:
    """With its place in the file, whether its option is chosen or not."""
    path = write_scenario(MODEL + text, {"rate": 0.1})
    with pytest.raises(InputError, match=rf"switches\.s\.options\.usual.*{message}") as refused:
        load_scenario(path)
    assert str(path) in str(refused.value)


def model_claim(**entries: Any) -> str:
    """A claim of a scenario about its outcomes."""
    return section("claims.c", **({"label": "c", "within": 0.1, "outcome": "os", "by": 5} | entries))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (model_claim(events=["dead"]), "claims.c: give either an outcome or events"),
        (model_claim(outcome="oss"), r"claims.c.outcome: unknown endpoint 'oss'. Did you mean 'os'"),
        (model_claim(minus="on"), r"claims.c.minus: unknown strategy 'on'. Did you mean 'one'"),
        (model_claim(switches={"s": "x"}), r"claims.c.switches.s: unknown option 'x'"),
        (model_claim(within=0), r"claims.c.within"),
        (model_claim(within=math.inf), r"claims.c.within"),
        (model_claim(strategy="one", minus="one"), r"claims.c.minus: 'one' is the strategy itself"),
        (model_claim(by=500), r"claims.c.by: 500 years lie beyond the horizon, 20 years"),
        (model_claim(value="rat"), r"claims.c.value: unknown parameter 'rat'. Did you mean 'rate'"),
    ],
)
def test_a_claim_of_the_model_that_cannot_be_read_is_refused(
    write_scenario: Callable[..., Path], text: str, message: str
) -> None:
    """With its place and the nearest name."""
    usual = section("switches.s.options.usual")
    with pytest.raises(InputError, match=message):
        load_scenario(write_scenario(MODEL + usual + text, {"rate": 0.1}))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (option(DEATH), []),
        (option(DEATH | {"by": 7}), ["5"]),
        (option(label="HR 0.72, 2019"), ["0.72", "2019"]),
        (option(label="HR 0.72, 2019", words={"2019": "a year"}), ["0.72"]),
        (option({"value": "8 / 12", "value_of": "rate"}, label="8 months"), []),
    ],
)
def test_a_number_is_claimed_by_its_value_or_its_time(
    write_scenario: Callable[..., Path], text: str, numbers: list[str]
) -> None:
    """Or explained by words."""
    scenario = load_scenario(write_scenario(MODEL + text, {"rate": 0.1}))
    assert unclaimed(scenario.file.switches["s"].options["usual"]) == numbers
