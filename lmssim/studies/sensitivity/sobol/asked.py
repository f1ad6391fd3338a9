"""What is asked of a global sensitivity analysis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmssim.errors import InputError
from lmssim.studies.sensitivity.paired.contrast import check_contrast
from lmssim.studies.sensitivity.sobol.plan import check_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.model.scenario import Scenario

DEFAULT_ROWS, DEFAULT_TRAJECTORIES, DEFAULT_PATIENTS = 1_024, 20, 1_000


@dataclass(frozen=True)
class Asked:
    """What is asked of an analysis.

    Attributes
    ----------
    strategy, against : str, optional
        The strategies; the best of the others and the comparator if absent.
    wtps : sequence of float
        The scenario's own if empty.
    rows, trajectories : int
        Of Saltelli's design, a power of 2, and of the screening; 0 leaves one out.
    groups : mapping of str to sequence of str
        Declared factors.
    block : str
        Block that Shapley effects divide; none if blank.
    parts : mapping of str to sequence of str
        Declared parts of it.
    """

    strategy: str | None = None
    against: str | None = None
    wtps: Sequence[float] = ()
    rows: int = DEFAULT_ROWS
    trajectories: int = DEFAULT_TRAJECTORIES
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    block: str = ""
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def check(self, scenario: Scenario) -> None:
        """Refuse what cannot be compared, or does not go together."""
        check_contrast(scenario, self.strategy, self.against)
        check_rows(self.rows, self.trajectories)
        if not self.all_wtps(scenario):
            raise InputError("--wtp: the scenario names no willingness to pay (settings.wtp); give one or more.")
        if self.parts and not self.block:
            raise InputError("--part: divides the block of --shapley: give that too.")
        if self.block and not self.rows:
            raise InputError(f"--shapley {self.block}: is fitted to the evaluations of --rows: give some.")

    def all_wtps(self, scenario: Scenario) -> list[float]:
        """Willingness to pay of the tables."""
        return sorted(set(self.wtps)) or scenario.file.settings.wtp
