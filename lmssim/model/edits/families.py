"""The same hazards, written in another family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.model.edits.rewriting import with_file

if TYPE_CHECKING:
    from lmssim.model.language.schema import (
        Hazard,
    )
    from lmssim.model.scenario import Scenario


def in_family(scenario: Scenario, family: str) -> Scenario:
    """Every hazard that is a special case of a family, written in that family."""
    transitions = [
        t if t.hazard is None else t.model_copy(update={"hazard": NESTED[family](t.hazard)})
        for t in scenario.file.transitions
    ]
    return with_file(scenario, transitions=transitions)


def _as_weibull(hazard: Hazard) -> Hazard:
    """An exponential as a Weibull of shape 1 (`weibull_ph`, which takes a rate of 0)."""
    if hazard.family != "exponential":
        return hazard
    return hazard.model_copy(update={"family": "weibull_ph", "shape": 1.0})


def _as_generalised_gamma(hazard: Hazard) -> Hazard:
    """A Weibull as a generalised gamma of q = 1, a log-normal of q = 0, a gamma of q = sigma."""
    bare = {"shape": None, "scale": None, "rate": None, "meanlog": None, "sdlog": None, "family": "generalised_gamma"}
    match hazard.family:
        case "weibull":
            new = {"mu": f"log({hazard.scale})", "sigma": f"1 / ({hazard.shape})", "q": 1.0}
        case "log_normal":
            new = {"mu": hazard.meanlog, "sigma": hazard.sdlog, "q": 0.0}
        case "gamma":
            q = f"1 / sqrt({hazard.shape})"
            new = {"mu": f"log(({hazard.shape}) / ({hazard.rate}))", "sigma": q, "q": q}
        case _:
            return hazard
    return hazard.model_copy(update=bare | new)


NESTED = {"weibull": _as_weibull, "generalised gamma": _as_generalised_gamma}
