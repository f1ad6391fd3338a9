"""The reference engine lives the same lives as the compiled one, bit for bit.

Every scenario whose lives a test reads is compared too (`tests.kit.plain.live`): fixed delays,
ticks, cures, effects that change with time, silent events, rules, every family.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

from lmssim.engines import des
from lmssim.engines.histories import Histories, compare_histories
from lmssim.errors import InputError, LmssimError
from lmssim.evaluation import evaluate
from lmssim.execution.simulate import ENGINES, Sampling
from lmssim.kernels import scalar
from tests.kit.models import (
    DEAD,
    SIZE,
    absorbing,
    alive_dead,
    attributes,
    branch,
    chance,
    clocks,
    event,
    exponential,
    fixed,
    frame,
    law,
    move,
    plan,
    start,
    state,
    tick,
    weibull,
)
from tests.kit.plain import assert_engines_agree, live, sums
from tests.kit.scenarios import LIVED, bundled_program, bundled_scenario

if TYPE_CHECKING:
    from lmssim.execution.estimates import Estimates
    from lmssim.execution.simulate import Engine
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from tests.conftest import Build

N = 250


def _histories(engine: Engine, program: Program, n: int, numbers: FloatArray) -> Histories:
    return next(iter(engine.simulate(program, 0, n, numbers, 1, 0, n)))[2]


# === Bundled scenarios ===


@pytest.mark.parametrize("name", LIVED)
def test_histories_of_bundled_scenarios_are_equal(name: str) -> None:
    """Every strategy; base case, then a draw of the parameters with its own luck, on other patients."""
    program = bundled_program(name)
    assert_engines_agree(program, N)
    drawn = program.numbers(program.sample(1, seed=3, first_draw=7))[0]
    assert_engines_agree(program, N, drawn, seed=3, first=10**12, luck=8)


@pytest.mark.study
@pytest.mark.parametrize("name", LIVED)
def test_histories_of_20_000_patients_are_equal(name: str) -> None:
    """The same, long enough for what is rare."""
    program = bundled_program(name)
    for first in range(0, 20_000, 2_000):
        assert_engines_agree(program, 2_000, first=first)


def _assert_identical(a: Estimates, b: Estimates) -> None:
    for field in ("mean", "square", "product", "state"):
        assert np.array_equal(getattr(a, field), getattr(b, field)), field
    for x, y, field in zip(a.counts, b.counts, a.counts._fields, strict=True):
        assert np.array_equal(x, y), field


@pytest.mark.parametrize("name", LIVED)
@pytest.mark.parametrize("random_numbers", ["common", "independent"])
def test_results_of_bundled_scenarios_are_identical(
    name: str, random_numbers: Literal["common", "independent"]
) -> None:
    """Means, co-moments and counts of two draws, whatever the block and the number of workers."""
    scenario = bundled_scenario(name)
    draws = bundled_program(name).sample(2, seed=9)
    sampling = Sampling(n_patients=70, seed=4, random_numbers=random_numbers)
    fast = evaluate(scenario, sampling, draws).estimates
    reference = evaluate(scenario, replace(sampling, engine="des", block=32, jobs=2), draws).estimates
    _assert_identical(fast, reference)


def test_patients_of_any_number() -> None:
    """The last patient there can be is simulated alone."""
    assert_engines_agree(bundled_program("extremity"), 1, first=2**63 - 1)


# === The engine's own rules ===


def test_first_of_simultaneous_events(build: Build) -> None:
    """Two fixed delays of equal length: the transition to death wins, though it stands last in the file."""
    text = (
        start("alive") + absorbing("elsewhere") + move("alive", "elsewhere", fixed(2)) + move("alive", "dead", fixed(2))
    )
    program = build(frame() + text + DEAD)
    assert live(program, 1).stays(0) == [("alive", 0.0, 2.0), ("dead", 2.0, 2.0)]
    assert_engines_agree(program, 5)


def test_an_event_at_the_horizon_does_not_happen(build: Build) -> None:
    """The model ends first."""
    program = build(frame(horizon=2.0) + alive_dead(fixed(2)))
    history = _histories(des, program, 3, program.numbers()[0])
    assert history.rows[:, 0].tolist() == [program.states.index("alive")] * 3
    assert_engines_agree(program, 3)


SILENT = (
    attributes(grown="flag")
    + event("fall", 0.4, death=0.2, death_state="dead")
    + plan("check", 0.7, origin="entry")
    + start("alive", schedule=[tick("check", event="fall")])
    + move(
        "alive",
        None,
        law("log_logistic", shape=2, scale=3, cure=0.3),
        name="growth",
        mark="growth",
        when="not grown",
        set={"grown": True},
    )
    + move(
        "alive",
        "dead",
        law("gompertz", shape=0.2, rate=0.05),
        effects={
            "grown": {"value": 1.1, "delay": 0.5, "full": 2, "wane": 1, "clock": "model"},
            "age": {"value": 0.002, "on": "hazard"},
        },
    )
)


def test_silent_events_ticks_cures_and_timed_effects_together(build: Build) -> None:
    """A stay that goes on through marks and ticks, some of them fatal."""
    program = build(frame() + SILENT + DEAD)
    assert_engines_agree(program, 300)
    history = _histories(des, program, 300, program.numbers()[0])
    codes = set(history.marks.tolist())
    assert codes == {program.marks.index("fall"), program.marks.index("growth")}


def test_differences_are_seen(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: a race that is run with another patient's luck gives other lives and other times."""
    program = build(frame() + SILENT + DEAD)
    numbers = program.numbers()[0]
    before = _histories(des, program, 50, numbers)
    asked: Any = scalar.event_time

    def other(*arguments: Any) -> Any:
        *question, patient, luck = arguments
        return asked(*question, 0 if patient == 7 else patient, luck)

    monkeypatch.setattr(scalar, "event_time", other)
    after = _histories(des, program, 50, numbers)
    assert compare_histories(before, before, 50) == (0, 0.0)
    assert compare_histories(before, after, 50)[0] == 1
    with pytest.raises(AssertionError):
        assert_engines_agree(program, 50)


# === Refusals ===

REFUSED = {
    "a clock that has not started": clocks(relapse="latest")
    + start("alive")
    + state("relapsed", duration=1, next="dead", starts=["relapse"])
    + move("alive", "relapsed", exponential(0.1))
    + move("alive", "dead", weibull(2, 5, clock="relapse")),
    "branches that leave a share": chance("question", branch("dead", 0.3), branch("dead", "size / 50"), initial=True),
    "an endless life": start("here", duration=0, next="there") + state("there", duration=0, next="here"),
    "a probability above 1": event("fall", "size / 4") + start("alive", events=["fall"], duration=1, next="dead"),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refusals_are_those_of_the_compiled_engine(build: Build, text: str) -> None:
    """The same error in the same words."""
    program = build(frame(covariates=SIZE) + text + DEAD)
    said = []
    for engine in ENGINES:
        with pytest.raises(LmssimError) as refused:
            sums(program, engine=engine)
        said.append((refused.type, str(refused.value)))
    assert said[0] == said[1]


def test_unknown_engine_is_refused() -> None:
    """With the nearest name."""
    with pytest.raises(InputError, match=r"engine: unknown value 'dse'\. Did you mean 'des'"):
        Sampling(engine="dse").validate()
