"""Sick-Sicker (Alarid-Escudero 2023): printed figures, every correction, the trace, the probabilistic analysis."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.economics.cea import frontier
from lmssim.kernels.rewards import COST, QALY
from tests.kit.exact import assert_agrees, solved, solved_draws, variant
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray

N = 75
STATED = 'correction = "darth_simpson"'
PRINTED = {"soc": (151_580, 20.711), "b": (259_100, 22.184), "ab": (378_875, 23.137), "a": (284_805, 21.499)}
OTHER_CORRECTIONS = {
    "simpson_any": ((152_092, 21.021), (259_883, 22.490), (73_348, 125_209)),
    "half_cycle": ((152_262, 21.038), (259_992, 22.511), (73_134, 125_532)),
}
"""Standard of care, treatment B (cost, QALYs), the two ICERs."""


def _matrix(on_b: bool) -> FloatArray:
    """Transition matrix, rows and columns healthy, sick, sicker, dead."""
    p_d, p_1d, p_2d, p_h1, p_1h = (-np.expm1(-r) for r in (0.002, 0.006, 0.02, 0.15, 0.5))
    p_12 = -np.expm1(-0.105 * (0.6 if on_b else 1.0))
    return np.array(
        [
            [(1 - p_d) * (1 - p_h1), (1 - p_d) * p_h1, 0, p_d],
            [(1 - p_1d) * p_1h, (1 - p_1d) * (1 - p_1h - p_12), (1 - p_1d) * p_12, p_1d],
            [0, 0, 1 - p_2d, p_2d],
            [0, 0, 0, 1],
        ]
    )


def _by_hand(strategy: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Trace, and cost and utility of its points."""
    on_a, on_b = "a" in strategy, "b" in strategy
    trace = np.array([np.linalg.matrix_power(_matrix(on_b), t)[0] for t in range(N + 1)])
    treatment = 12_000 * on_a + 13_000 * on_b
    return trace, trace @ [2_000, 4_000 + treatment, 15_000 + treatment, 0], trace @ [1, 0.95 if on_a else 0.75, 0.5, 0]


def test_printed_figures() -> None:
    """Costs, QALYs and ICERs of the paper's table, to all of its digits."""
    program, outcomes = bundled_program("sick_sicker"), solved(bundled_program("sick_sicker")).outcomes[0]
    for strategy, (cost, qaly) in PRINTED.items():
        s = program.strategies.index(strategy)
        assert outcomes[s, COST] == pytest.approx(cost, abs=0.5)
        assert outcomes[s, QALY] == pytest.approx(qaly, abs=0.0006)
    rows = {program.strategies[r.strategy]: r for r in frontier(list(outcomes[:, COST]), list(outcomes[:, QALY]))}
    assert rows["b"].icer == pytest.approx(72_988, abs=1)
    assert rows["ab"].icer == pytest.approx(125_764, abs=1)
    assert "dominated" in rows["a"].status


@pytest.mark.parametrize("correction", OTHER_CORRECTIONS)
def test_other_corrections(correction: str, tmp_path: Path) -> None:
    """Simpson's weights and half-cycle give their own figures."""
    soc, b, icers = OTHER_CORRECTIONS[correction]
    program = variant(tmp_path, "sick_sicker", (STATED, f'correction = "{correction}"'))
    at = dict(zip(program.strategies, solved(program).outcomes[0], strict=True))
    for name, (cost, qaly) in (("soc", soc), ("b", b)):
        assert at[name][COST] == pytest.approx(cost, abs=0.5)
        assert at[name][QALY] == pytest.approx(qaly, abs=0.0005)
    for (low, high), icer in zip((("soc", "b"), ("b", "ab")), icers, strict=True):
        difference = at[high] - at[low]
        assert difference[COST] / difference[QALY] == pytest.approx(icer, abs=1)


WEIGHTS = {
    "start": [1.0] * N + [0.0],
    "end": [0.0] + [1.0] * N,
    "none": [1.0] * (N + 1),
    "half_cycle": [0.5] + [1.0] * (N - 1) + [0.5],
    "simpson_any": [1 / 3] + [4 / 3, 2 / 3] * (N // 2) + [1 / 3],
    "darth_simpson": [1 / 3] + [2 / 3, 4 / 3] * (N // 2) + [1 / 3],
}
PLACES = {"start": 0.0, "middle": 0.5, "end": 1.0}


@pytest.mark.parametrize("correction", WEIGHTS)
def test_weights_of_points(correction: str, tmp_path: Path) -> None:
    """Points with these weights, each discounted at its own time."""
    program = variant(tmp_path, "sick_sicker", (STATED, f'correction = "{correction}"'))
    outcomes = solved(program).outcomes[0]
    weights = np.array(WEIGHTS[correction]) * 1.03 ** -np.arange(N + 1.0)
    for s, strategy in enumerate(program.strategies):
        _, cost, utility = _by_hand(strategy)
        assert outcomes[s, COST] == pytest.approx(weights @ cost, rel=1e-10)
        assert outcomes[s, QALY] == pytest.approx(weights @ utility, rel=1e-10)


@pytest.mark.parametrize(
    ("correction", "place"), [*itertools.product(("start", "end", "life_table", "half_cycle"), PLACES)]
)
def test_discounting_within_the_cycle(correction: str, place: str, tmp_path: Path) -> None:
    """The start, the end or their mean of each cycle's occupancy, discounted to a place within the cycle."""
    changed = f'correction = "{correction}"\ndiscount_at = "{place}"'
    program = variant(tmp_path, "sick_sicker", (STATED, changed))
    share = {"start": 0.0, "end": 1.0}.get(correction, 0.5)
    discount = 1.03 ** -(np.arange(N) + PLACES[place])
    outcomes = solved(program).outcomes[0]
    for s, strategy in enumerate(program.strategies):
        _, cost, utility = _by_hand(strategy)
        for outcome, value in ((COST, cost), (QALY, utility)):
            exact = discount @ ((1 - share) * value[:-1] + share * value[1:])
            assert outcomes[s, outcome] == pytest.approx(exact, rel=1e-10)


def test_life_table_is_discounted_at_the_start_by_default(tmp_path: Path) -> None:
    """Without `discount_at` a life table takes the start of each cycle."""
    pair = []
    for k, more in enumerate(("", '\ndiscount_at = "start"')):
        folder = tmp_path / str(k)
        folder.mkdir()
        pair.append(solved(variant(folder, "sick_sicker", (STATED, f'correction = "life_table"{more}'))).outcomes)
    assert np.array_equal(pair[0], pair[1])


def test_trace() -> None:
    """Printed rows of the trace, the years alive over all points, and every row by powers of the matrix."""
    trace = solved(bundled_program("sick_sicker")).trace
    assert trace is not None
    np.testing.assert_allclose(trace[0, 0, 1], (0.859, 0.139, 0.000, 0.002), atol=5e-4)
    np.testing.assert_allclose(trace[0, 0, 5], (0.707, 0.206, 0.072, 0.015), atol=5e-4)
    assert trace[0, 0, :, :3].sum() == pytest.approx(57.19, abs=0.005)
    for s, strategy in enumerate(bundled_program("sick_sicker").strategies):
        np.testing.assert_allclose(trace[0, s], _by_hand(strategy)[0], rtol=1e-12, atol=1e-15)


def test_simpson_needs_an_even_number_of_cycles(tmp_path: Path) -> None:
    """With 75 cycles the rule by its own name is refused; with 74 it has the textbook's weights."""
    with pytest.raises(Exception, match=r"simpson.*even number.*75.*simpson_any"):
        variant(tmp_path, "sick_sicker", (STATED, 'correction = "simpson"'))
    program = variant(tmp_path, "sick_sicker", (STATED, 'correction = "simpson"'), ("horizon = 75", "horizon = 74"))
    _, cost, _ = _by_hand("soc")
    weights = np.array([1, *[4, 2] * 36, 4, 1]) / 3 * 1.03 ** -np.arange(75.0)
    assert solved(program).outcomes[0, 0, COST] == pytest.approx(weights @ cost[:75], rel=1e-10)


def test_individual_lives_agree() -> None:
    """Patients one by one agree with the exact solution within their error."""
    assert_agrees(bundled_program("sick_sicker"), 40_000, seed=61)


def test_acceptability_frontier() -> None:
    """Over parameter draws: standard of care is best below $80,000 per QALY, B to about $120,000, then both."""
    program = bundled_program("sick_sicker")
    mean = solved_draws(program, 1000, seed=62).mean(axis=0)
    for wtp, best in ((70_000, "soc"), (80_000, "b"), (115_000, "b"), (125_000, "ab"), (200_000, "ab")):
        net = wtp * mean[:, QALY] - mean[:, COST]
        assert program.strategies[int(np.argmax(net))] == best
