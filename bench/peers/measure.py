"""CPU time of the peers beside the hand-written kernel, written to `peers.csv`: run by ``python3 -m bench.peers``.

Each peer is first checked against quadrature, by the spread of its means over equal draws.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from bench import handwritten, illness_death
from bench.illness_death import Draws
from bench.pages import save_pages
from bench.peers import heormodel_lives, simpy_lives
from bench.ratios import PEERS, Ratio, write_ratios
from bench.timing import Case, time_in_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Simulate = Callable[[int, Draws], NDArray[np.float64]]

ROUNDS, CHECKED_DRAWS, PATIENTS, MANY, MOST_ERRORS = 5, 100, 1_000, 100_000, 3.0
SIMPY_DRAWS, HEORMODEL_DRAWS = 10, 100
UNIT = "hand-written paths"


def check(name: str, simulate: Simulate, outcomes: Sequence[str]) -> None:
    """Compare a peer's base case with quadrature.

    Raises
    ------
    RuntimeError
        If a mean is more than three standard errors off.
    """
    repeated = Draws(*(np.repeat(column, CHECKED_DRAWS, axis=0) for column in illness_death.base_case()))
    means = simulate(PATIENTS, repeated)
    error = means.std(axis=0, ddof=1) / np.sqrt(CHECKED_DRAWS)
    worst = illness_death.worst_deviation(means.mean(axis=0), error, outcomes)
    print(f"{name}: at most {worst:.1f} standard errors from quadrature")
    if not worst <= MOST_ERRORS:
        raise RuntimeError(f"{name} gives other results than quadrature: {worst:.1f} standard errors")


def case(name: str, simulate: Simulate, workload: str, n_patients: int, draws: Draws) -> Case:
    """A peer on a workload."""
    n_draws = len(draws.scale_death)
    size = f"{n_patients:,} patients, {n_draws:,} parameter draw{'s' if n_draws > 1 else ''}"
    return Case(
        what=f"{workload} in {name} {version(name)}: a path ({size})",
        unit=UNIT,
        n=2 * n_patients * n_draws,
        call=lambda: simulate(n_patients, draws),
    )


def main() -> None:
    """Check, measure, and write the table and the page."""
    check("simpy", simpy_lives.simulate, simpy_lives.OUTCOMES)
    check("heormodel", heormodel_lives.simulate, heormodel_lives.OUTCOMES)
    few, many = illness_death.sample_draws(SIMPY_DRAWS), illness_death.sample_draws(HEORMODEL_DRAWS)
    base = illness_death.base_case()
    cases = {
        "simpy_psa": case("simpy", simpy_lives.simulate, "W1-psa", PATIENTS, few),
        "heormodel_psa": case("heormodel", heormodel_lives.simulate, "W1-psa", PATIENTS, many),
        "heormodel_big": case("heormodel", heormodel_lives.simulate, "W1-big", MANY, base),
    }
    hand = Case(what="by hand", unit="s", n=2 * MANY, call=lambda: handwritten.simulate(MANY, base))
    handwritten.simulate(2, base)
    found, nanoseconds = time_in_turns(cases, hand, ROUNDS)
    print(f"A path by hand takes {1e9 * nanoseconds:.0f} ns here.")
    ratios = [Ratio(name, found[name], each.unit, each.what) for name, each in cases.items()]
    for ratio in ratios:
        print(f"{ratio.name}: {ratio.ratio:.3g} {ratio.unit}, {ratio.what}")
    write_ratios(ratios, PEERS)
    save_pages()


if __name__ == "__main__":
    main()
