"""The conventions of a model in cycles in words: its cycle, correction, discounting and lump sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.model.language.cycles import cycle_clock, discount_place
from lmssim.report.parts.digits import plain

if TYPE_CHECKING:
    from lmssim.model.language.schema import ScenarioFile

CORRECTIONS = {
    "start": "occupancy at the start of each cycle (heemod 'beginning')",
    "end": "occupancy at the end of each cycle (Briggs; heemod 'end')",
    "life_table": "mean of the occupancy at the start and the end of each cycle (life-table)",
    "half_cycle": "half of the occupancy at the start and half of that at the end of each cycle (half-cycle)",
    "none": "no correction: occupancy at all points, time zero included, has full weight",
    "simpson": "Simpson's 1/3 rule: weights 1/3, 4/3, 2/3, ..., 4/3, 1/3",
    "simpson_any": "weights 1/3, 4/3, 2/3, ..., 1/3 of Simpson's 1/3 rule, for any number of cycles",
    "darth_simpson": "weights 1/3, 2/3, 4/3, ..., 1/3 as in darthtools (not those of Simpson's rule)",
}
MOVES = {
    False: "paid once, as other lump sums",
    True: "fall under the cycle correction: weighted and discounted as the occupancy at the end of their cycle",
}
PLACES = {
    "point": "each occupancy at its own time",
    "start": "at the start of each cycle",
    "middle": "at the middle of each cycle",
    "end": "at the end of each cycle",
}


def cycle_conventions(file: ScenarioFile) -> list[tuple[str, str]]:
    """Name and value of each convention of time, in cycles or continuous."""
    clock, spec = cycle_clock(file, ""), file.cycles
    if spec is None or clock is None:
        return [
            ("Cycle", "none: time is continuous, so there is no half-cycle correction"),
            ("Lump sums", "paid in full when they fall due (entry, event, visit, cycle), at time zero too"),
            ("Costs per year", "accrue continuously over the stay"),
        ]
    return [
        ("Cycle", f"{clock.n} cycles of {plain(clock.length)} years; age is taken at the {spec.age} of a cycle"),
        ("Cycle correction", CORRECTIONS[spec.correction]),
        ("Discounting of rewards", PLACES[discount_place(spec)]),
        ("Lump sums", f"paid in full, uncorrected, discounted at the {spec.lump_sums} of the cycle of their event"),
        ("Costs and QALYs of transitions", MOVES[spec.corrects_transitions]),
        ("Costs per year", "times the cycle length, at the points of occupancy"),
    ]
