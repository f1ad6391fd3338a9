"""The checks of the battery, in order: each a small function with an id, a group and what it demands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import NotApplicableError
from lmssim.studies.verify.finding import Finding

if TYPE_CHECKING:
    from lmssim.studies.verify.bench import Bench

GROUPS = ("inputs", "event/state", "results", "uncertainty", "overall")
"""Groups of the battery, in order."""

Function = Callable[["Bench"], Finding]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check."""

    id: str
    group: str
    title: str
    """What must hold."""
    function: Function
    static: bool = False
    """Whether it reads the inputs alone, so that it can say what is wrong with a model that does not run."""
    awaited: str = ""
    """What lmssim does not have yet and the check needs."""


CHECKS: dict[str, Check] = {}
"""Checks by id."""


def check(id_: str, group: str, title: str, *, static: bool = False) -> Callable[[Function], Function]:
    """Register a function as a check."""

    def register(function: Function) -> Function:
        CHECKS[id_] = Check(id=id_, group=group, title=title, function=function, static=static)
        return function

    return register


def awaited(id_: str, group: str, title: str, reason: str) -> None:
    """Register a check of the battery that belongs to what lmssim does not have."""

    def refuse(_: Bench) -> Finding:
        raise NotApplicableError(reason)

    CHECKS[id_] = Check(id=id_, group=group, title=title, function=refuse, static=True, awaited=reason)


def in_order() -> list[Check]:
    """Checks by group, then as they were registered."""
    return sorted(CHECKS.values(), key=lambda each: GROUPS.index(each.group))
