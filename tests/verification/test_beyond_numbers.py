"""Values that arithmetic cannot carry are refused by one message; a discount rate of next to nothing is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lmssim
from lmssim.errors import InputError
from tests.kit.models import OS, alive_dead, endpoint, exponential, frame, plan

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = ("compiled", "des", "cohort")
HEAD = "schema_version = 2\nname = 'm'\ntitle = 'M'\n"


def evaluated(text: str, folder: Path, engine: str = "cohort") -> lmssim.Evaluation:
    """A model as an engine runs it."""
    path = folder / "m.toml"
    path.write_text(HEAD + text)
    sampling = lmssim.Sampling(engine=engine) if engine == "cohort" else lmssim.Sampling(engine=engine, n_patients=50)
    return lmssim.evaluate(lmssim.load_scenario(path), sampling=sampling)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_ratio_that_is_no_number(tmp_path: Path, engine: str) -> None:
    """An effect whose exponential overflows."""
    text = frame(horizon=20) + alive_dead(exponential(0.1), "effects = { age = 1e17 }") + OS
    with pytest.raises(InputError, match=r"effects.age: 1e\+17 is not a log ratio of at most 700"):
        evaluated(text, tmp_path, engine)


def test_an_overflow_at_the_solver(tmp_path: Path) -> None:
    """Ratios that overflow only at a patient's age leave no probabilities."""
    text = frame(horizon=20) + alive_dead(exponential(0.1), "effects = { age = 60.0 }") + OS
    with pytest.raises(InputError, match="strategy 'one': probabilities are not numbers"):
        evaluated(text, tmp_path)


def test_a_ratio_of_nothing_is_one(tmp_path: Path) -> None:
    """What abolishes a hazard may be as small as one likes."""
    text = frame(horizon=20) + alive_dead(exponential(0.1), "effects = { age = -1e14 }") + OS
    summary = evaluated(text, tmp_path).summary
    assert summary.loc[summary.outcome == "life_years", "mean"].tolist() == [pytest.approx(20)]


@pytest.mark.parametrize("rate", [5e-324, 1e-300, 1e-13])
@pytest.mark.parametrize("engine", ENGINES)
def test_next_to_no_discounting(tmp_path: Path, engine: str, rate: float) -> None:
    """Life years are those without discounting."""
    outcomes = [
        evaluated(frame(horizon=20, rate=each) + alive_dead(exponential(0.1)) + OS, tmp_path, engine).summary["mean"]
        for each in (rate, 0)
    ]
    assert outcomes[0].tolist() == pytest.approx(outcomes[1].tolist(), rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (frame().replace("[1.0]", "[1e308]") + alive_dead(exponential(0.1)) + OS, "settings.times"),
        (frame() + alive_dead(exponential(0.1)) + OS + plan("p", 1e-300), "is too short"),
        (
            frame() + alive_dead(exponential(0.1)) + endpoint("os", death="competing").replace('["os"]', "[]"),
            "endpoints.os: names no events",
        ),
    ],
)
def test_refused(tmp_path: Path, text: str, message: str) -> None:
    """By the name of the key."""
    with pytest.raises(InputError, match=message):
        evaluated(text, tmp_path)


def test_endless_words_are_cut(tmp_path: Path) -> None:
    """A message that quotes what was written shows both ends of it."""
    with pytest.raises(InputError) as caught:
        evaluated(frame() + alive_dead(exponential(0.1)) + endpoint("x" * 5000), tmp_path)
    assert "xxx...xxx" in str(caught.value)
    assert len(str(caught.value)) < 1000
