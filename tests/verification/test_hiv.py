"""HIV (Chancellor 1997; Briggs ex. 2.5): printed and exact figures, a published slip, the probabilistic analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import lmssim
from lmssim.engines.cohort.result import trace_table
from lmssim.kernels.rewards import COST, LY_UNDISCOUNTED, N_MAIN
from lmssim.model.compile import compile_scenario
from tests.kit.exact import assert_agrees, solved, solved_draws, variant
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

MONO, COMBINATION = 0, 1
TRACE = {
    1: (721, 202, 67, 10),
    2: (520, 263, 181, 36),
    5: (195, 186, 364, 255),
    10: (38, 49, 234, 679),
    20: (1, 2, 28, 968),
}
SLIP = ("p_ac * (rr if", "p_ac * (rr * (1734 / 1749 if strategy == 'combination' else 1) if")


def test_base_case() -> None:
    """Costs, life-years and the ratio, to 1e-6; undiscounted costs by category."""
    outcomes = solved(bundled_program("hiv")).outcomes[0]
    exact = ((44_663.4536, 7.9912066), (50_601.6513, 8.9373889))
    for s, (cost, years) in enumerate(exact):
        assert outcomes[s, COST] == pytest.approx(cost, rel=1e-6)
        assert outcomes[s, LY_UNDISCOUNTED] == pytest.approx(years, rel=1e-6)
    difference = outcomes[COMBINATION] - outcomes[MONO]
    assert difference[COST] == pytest.approx(5938.198, rel=1e-6)
    assert difference[LY_UNDISCOUNTED] == pytest.approx(0.9461822, rel=1e-6)
    assert difference[COST] / difference[LY_UNDISCOUNTED] == pytest.approx(6275.956, rel=1e-6)
    plain = outcomes[:, N_MAIN + 2 : N_MAIN + 4]
    np.testing.assert_allclose(plain, [(45_541.24, 18_203.97), (48_082.83, 24_492.28)], atol=0.005)


def test_trace() -> None:
    """Rows printed per 1000 people."""
    program = bundled_program("hiv")
    table = trace_table(program, solved(program), np.ones(1))
    mono = table[table["strategy"] == "mono"].set_index("cycle")[program.states]
    for cycle, row in TRACE.items():
        np.testing.assert_allclose(mono.loc[cycle] * 1000, row, atol=0.5001)


def test_half_cycle(tmp_path: Path) -> None:
    """Half-cycle corrected life-years, printed with the slip; with costs not corrected the ratio is 6295.

    The correction moves the years by half a cycle less half of those alive at the end.
    """
    half = ('correction = "end"', 'correction = "half_cycle"')
    years = _with_lamivudine(variant(tmp_path, "hiv", half, SLIP), 2087.0)[:, LY_UNDISCOUNTED]
    np.testing.assert_allclose(years, (8.475, 9.419), atol=6e-4)
    cost = _with_lamivudine(variant(tmp_path, "hiv", SLIP), 2087.0)[:, COST]
    assert (cost[COMBINATION] - cost[MONO]) / (years[COMBINATION] - years[MONO]) == pytest.approx(6295, abs=1)
    exact = solved(bundled_program("hiv"))
    assert exact.trace is not None
    right = solved(variant(tmp_path, "hiv", half)).outcomes[0, :, LY_UNDISCOUNTED]
    gain = 0.5 * exact.trace[0, :, -1, -1]
    np.testing.assert_allclose(right, exact.outcomes[0, :, LY_UNDISCOUNTED] + gain, rtol=1e-12)


def test_the_published_slip(tmp_path: Path) -> None:
    """Dividing A to C by the wrong row's total under the combination gives the other published ratio."""
    program = variant(tmp_path, "hiv", SLIP)
    outcomes = _with_lamivudine(program, 2087.0)
    assert outcomes[COMBINATION, COST] == pytest.approx(50_607.149, abs=0.001)
    assert outcomes[COMBINATION, LY_UNDISCOUNTED] == pytest.approx(8.9400719, abs=1e-7)
    assert _ratio(outcomes) == pytest.approx(6264.004, abs=0.001)
    assert _ratio(_with_lamivudine(bundled_program("hiv"), 2087.0)) == pytest.approx(6276.915, abs=0.001)


def _with_lamivudine(program: Program, cost: float) -> FloatArray:
    outcomes: FloatArray = solved(compile_scenario(program.scenario.with_values({"c_lamivudine": cost}))).outcomes[0]
    return outcomes


def _ratio(outcomes: FloatArray) -> float:
    difference = outcomes[COMBINATION] - outcomes[MONO]
    return float(difference[COST] / difference[LY_UNDISCOUNTED])


def test_probabilistic_analysis() -> None:
    """1000 draws: increments, their intervals, the ratio, and the probability of being worth $10,000 a year."""
    outcomes = solved_draws(bundled_program("hiv"), 1000, seed=63)
    years = outcomes[:, COMBINATION, LY_UNDISCOUNTED] - outcomes[:, MONO, LY_UNDISCOUNTED]
    cost = outcomes[:, COMBINATION, COST] - outcomes[:, MONO, COST]
    assert years.mean() == pytest.approx(0.93, abs=0.01)
    assert cost.mean() == pytest.approx(5814, abs=150)
    np.testing.assert_allclose(np.quantile(years, (0.025, 0.975)), (0.56, 1.22), atol=0.04)
    np.testing.assert_allclose(np.quantile(cost, (0.025, 0.975)), (2618, 10_205), rtol=0.1)
    assert (10_000 * years > cost).mean() == pytest.approx(0.931, abs=0.03)


@pytest.mark.parametrize("engine", ["cohort", "compiled"])
def test_probabilistic_analysis_by_the_study(engine: str) -> None:
    """`lmssim.psa`, exact and by patients whose noise is taken out, gives the printed figures within both errors."""
    found = lmssim.psa("hiv", 800, 500, engine=engine, seed=63)
    years, cost = (found.increment("combination", name) for name in ("life_years", "cost"))
    assert years.mean == pytest.approx(0.93, abs=0.01 + 2 * years.se)
    assert cost.mean == pytest.approx(5814, abs=150 + cost.se)
    np.testing.assert_allclose((years.low, years.high), (0.56, 1.22), atol=0.07)
    np.testing.assert_allclose((cost.low, cost.high), (2618, 10_205), rtol=0.12)
    above = found.inmb[(found.inmb["strategy"] == "combination") & (found.inmb["wtp"] == 10_000)]
    assert float(above["probability"].iloc[0]) == pytest.approx(0.931, abs=0.03)


def test_individual_lives_agree() -> None:
    """Patients one by one agree with the exact solution within their error."""
    assert_agrees(bundled_program("hiv"), 100_000, seed=64)
