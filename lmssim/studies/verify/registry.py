"""The checks of the battery, in order: each a small function with an id, a section and what must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from inspect import getdoc
from typing import TYPE_CHECKING

from lmssim.errors import NotApplicableError
from lmssim.studies.verify.finding import Finding

if TYPE_CHECKING:
    from lmssim.studies.verify.bench import Bench

SECTIONS = ("inputs", "event/state", "results", "uncertainty", "overall")
"""Sections of the battery, in order."""


class Scope(StrEnum):
    """Of which engines a check is true."""

    EVERY = "every engine"
    LIVES = "engines that simulate patients: compiled, des"
    INPUTS = "the inputs, whatever the engine"


Function = Callable[["Bench"], Finding]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check."""

    id: str
    section: str
    title: str
    """What must hold."""
    function: Function
    scope: Scope = Scope.EVERY
    """Of which engines it is true."""
    effort: int = 0
    """How long it takes, roughly: those that take longest are begun first."""
    static: bool = False
    """Whether it reads the inputs alone, so that it can say what is wrong with a model that does not run."""
    awaited: str = ""
    """Why lmssim does not make the check."""

    @property
    def compares(self) -> str:
        """What it compares, in a sentence or two."""
        return "nothing" if self.awaited else " ".join((getdoc(self.function) or "").split())


CHECKS: dict[str, Check] = {}
"""Checks by id."""


def check(
    id_: str, section: str, title: str, *, scope: Scope = Scope.EVERY, effort: int = 0, static: bool = False
) -> Callable[[Function], Function]:
    """Register a function as a check."""

    def register(function: Function) -> Function:
        CHECKS[id_] = Check(
            id=id_, section=section, title=title, function=function, scope=scope, effort=effort, static=static
        )
        return function

    return register


def awaited(id_: str, section: str, title: str, reason: str) -> None:
    """Register a check of the battery that lmssim does not make."""

    def refuse(_: Bench) -> Finding:
        raise NotApplicableError(reason)

    CHECKS[id_] = Check(id=id_, section=section, title=title, function=refuse, static=True, awaited=reason)


def in_order() -> list[Check]:
    """Checks by section, then as they were registered."""
    return sorted(CHECKS.values(), key=lambda each: SECTIONS.index(each.section))
