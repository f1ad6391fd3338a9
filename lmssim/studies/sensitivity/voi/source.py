"""What a value-of-information analysis starts from: draws, what may be learnt, and what people call it all."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lmssim.economics.voi.draws import GROUP, ParameterSet
from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.economics.voi.draws import DecisionDraws
    from lmssim.kernels import FloatArray


@dataclass(frozen=True)
class Source:
    """Draws with names.

    Attributes
    ----------
    title : str
        Of what decision.
    draws : DecisionDraws
        The draws.
    sets : sequence of ParameterSet
        Each parameter alone, then groups and posteriors.
    labels : mapping of str to str
        What strategies are called.
    currency, effect : str
        Units of cost and of effect.
    values : mapping of str to ndarray(float, ndim=1)
        Draws of every quantity that is known by draw, uncertain or not, (n_draws,) each.
    wtps : sequence of float
        Willingness to pay that the source itself asks for; none if it names none.
    where : str
        Folder or files, for messages and reports.
    inputs : mapping of Path to str
        Files that were read, and their SHA-256.
    scenario : mapping
        How the draws were made, if lmssim made them: a manifest's result; empty if not.
    notes : sequence of str
        Sentences about what was read.
    """

    title: str
    draws: DecisionDraws
    sets: Sequence[ParameterSet]
    labels: Mapping[str, str]
    currency: str
    effect: str
    values: Mapping[str, FloatArray]
    wtps: Sequence[float]
    where: str
    inputs: Mapping[Path, str]
    scenario: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def is_net_benefit(self) -> bool:
        """Whether net benefits alone are known, so that no willingness to pay changes anything."""
        return not self.draws.effect.any()

    def with_groups(self, groups: Mapping[str, Sequence[str]]) -> Source:
        """The same with groups of parameters that the user declares, by ids or patterns such as `c_*`.

        Raises
        ------
        InputError
            If a name or pattern fits no parameter, or a group has the name of another set.
        """
        return replace(self, sets=[*self.sets, *(self._group(name, words) for name, words in groups.items())])

    def _group(self, name: str, words: Sequence[str]) -> ParameterSet:
        if any(each.name == name for each in self.sets):
            raise InputError(f"--group {name}: a parameter or group of that name is there; choose another name.")
        uncertain = [each.name for each in self.sets if len(each.members) == 1]
        members: dict[str, None] = {}
        for word in words:
            fitting = fnmatch.filter(uncertain, word)
            if not fitting:
                raise InputError(unknown("uncertain parameter", word, uncertain, f"--group {name}"))
            members |= dict.fromkeys(fitting)
        return ParameterSet(name, name, tuple(members), GROUP)
