"""Make the bars: of parameters that are drawn alone by runs of the model, of those drawn jointly by regression.

A bar is the expected increment given the parameter at its 2.5% and at its 97.5% quantile, the others over their
distribution. Short runs tell the longest bars of the parameters that are drawn alone, and longer ones make these. A
parameter of a posterior or of another joint group is never held alone: with it the others of its group change, as the
draws have it, so that its bar comes from a regression on joint draws. A block has a bar as a whole beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.one_way.whole import whole_of
from lmssim.errors import InputError, unknown
from lmssim.studies.sensitivity.one_way.bar import BLOCK, RUNS, VALUES, Bar
from lmssim.studies.sensitivity.one_way.block import BlockBar
from lmssim.studies.sensitivity.one_way.regression import Regressions
from lmssim.studies.sensitivity.one_way.result import OneWay
from lmssim.studies.sensitivity.paired.block_draws import PATIENTS as PATIENTS_OF_BLOCKS
from lmssim.studies.sensitivity.paired.block_draws import block_draws
from lmssim.studies.sensitivity.paired.blocks import joint_blocks
from lmssim.studies.sensitivity.paired.contrast import Contrast, check_contrast, contrast_of
from lmssim.studies.sensitivity.paired.joint import own_draws
from lmssim.studies.sensitivity.paired.runs import restricted
from lmssim.studies.sensitivity.paired.varied import varied_of
from lmssim.studies.sensitivity.psa.work import FEWEST_PATIENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.economics.one_way.paired import Paired
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.paired.block_draws import BlockDraws
    from lmssim.studies.sensitivity.paired.blocks import Block
    from lmssim.studies.sensitivity.paired.joint import JointDraws
    from lmssim.studies.sensitivity.paired.response import Response
    from lmssim.studies.sensitivity.paired.runs import AtValues, Drawn, Runs, Solved
    from lmssim.studies.sensitivity.paired.varied import Varied

    Phases = Callable[[str, int, int], None]

DEFAULT_DRAWS, DEFAULT_PATIENTS = 8_000, 200
"""Joint draws, and patients of each."""
MOST_OF_RUNS, MOST_OF_SHORT_RUNS = 1_000, 100
"""Draws of runs, and of the short runs that all parameters have, at most."""
OF_RUNS = 4
"""Part of the patients of a joint draw that a draw of a run has: both ends have the same ones, so that draws and not
patients make most of the error of a bar."""
TOP = 20
"""Parameters whose bars come from longer runs."""
DOES_NOT_VARY = "its draws do not vary"
NOT_DRAWN = "the folder holds no draws of it"
RUN_SAMPLE, SHORT_SAMPLE = "runs", "short runs"


@dataclass(frozen=True)
class Asked:
    """What is compared, and at which willingness to pay.

    Attributes
    ----------
    strategy, against : str, optional
        The strategies; the best of the others and the comparator if absent.
    wtps : sequence of float
        The scenario's own if empty.
    top : int
        Parameters that are drawn alone whose bars come from longer runs: those of the longest bars.
    short : int
        Draws of the short runs that tell which these are.
    """

    strategy: str | None = None
    against: str | None = None
    wtps: Sequence[float] = ()
    top: int = TOP
    short: int = MOST_OF_SHORT_RUNS

    def check(self, scenario: Scenario) -> None:
        """Refuse what cannot be compared."""
        check_contrast(scenario, self.strategy, self.against)
        if not self.all_wtps(scenario):
            raise InputError("--wtp: the scenario names no willingness to pay (settings.wtp); give one or more.")

    def all_wtps(self, scenario: Scenario) -> list[float]:
        """Willingness to pay of the tables."""
        return sorted(set(self.wtps)) or scenario.file.settings.wtp


def one_way(
    runs: Drawn,
    n_draws: int,
    asked: Asked,
    progress: Phases | None = None,
    given: JointDraws | None = None,
) -> OneWay:
    """Bars with the other parameters over their distribution.

    Parameters
    ----------
    runs : Drawn
        Runs the model with a parameter held, over fewer draws than the regression takes.
    n_draws : int
        Joint draws for the regression.
    progress : callable, optional
        Called with (what is done, done, in all).
    given : JointDraws, optional
        Draws that are taken for the regression instead, such as those of a folder of `lmssim psa`.
    """
    scenario, told = runs.program.scenario, progress or _silent
    asked.check(scenario)
    wtps = asked.all_wtps(scenario)
    known = given.response if given is not None else None
    contrast = _chosen(runs, known, asked, wtps, told)
    few = restricted(runs, contrast)
    joint = given or own_draws(replace(few, n_draws=n_draws), partial(told, "joint draws"))
    _check_known(joint, contrast)
    varied = list(varied_of(runs.program).values())
    fits = Regressions.of(joint, contrast, varied, _middle(wtps))
    left_out = [(each, reason) for each in varied if (reason := _why_no_bar(each, joint, fits))]
    absent = {each.id for each, _ in left_out}
    alone = [each for each in varied if not each.joint and each.id not in absent]
    jointly = [each for each in varied if each.joint and each.id not in absent]
    held = replace(few, sampling=replace(few.sampling, n_patients=_of_runs(few)))
    bars = _by_length(held, contrast, alone, asked, told) | _by_regression(fits, jointly, told)
    return OneWay(
        runs.program,
        contrast,
        wtps,
        classic=False,
        base=joint.response.increment(contrast.strategy, contrast.against),
        bars=[bars[each.id] for each in varied if each.id in bars],
        blocks=[fits.block(block) for block in joint_blocks(runs.program) if set(block.members) <= bars.keys()],
        left_out=left_out,
        made=_made(runs, joint, asked, list(bars.values())) | {"explained": fits.curves.controls.r2},
    )


def _of_runs(runs: Drawn) -> int:
    """Patients of each draw of a run."""
    return max(runs.sampling.n_patients // OF_RUNS, FEWEST_PATIENTS)


def _made(runs: Drawn, joint: JointDraws, asked: Asked, bars: Sequence[Bar]) -> dict[str, object]:
    """How bars were made."""
    return {
        "draws": joint.n_draws,
        "psa": joint.origin,
        "draws_of_runs": runs.n_draws,
        "draws_of_short_runs": min(runs.n_draws, asked.short),
        "patients": runs.sampling.n_patients,
        "patients_of_runs": _of_runs(runs),
        "runs": sum(bar.sample == RUN_SAMPLE for bar in bars),
        "short_runs": sum(bar.sample == SHORT_SAMPLE for bar in bars),
        "exact": runs.work.exact,
    }


def _why_no_bar(each: Varied, joint: JointDraws, fits: Regressions) -> str:
    """Why a parameter has no bar; blank if it has one."""
    if each.joint and each.id not in joint.parameters:
        return NOT_DRAWN
    moves = each.id in fits.curves.moving if each.joint else each.low < each.high
    return "" if moves else DOES_NOT_VARY


def _by_length(runs: Drawn, contrast: Contrast, alone: Sequence[Varied], asked: Asked, told: Phases) -> dict[str, Bar]:
    """Bars of parameters that are drawn alone, the longest ones from longer runs."""
    short = replace(runs, n_draws=min(runs.n_draws, asked.short))
    if short.n_draws == runs.n_draws or len(alone) <= asked.top:
        return _by_runs(runs, contrast, alone, RUNS, RUN_SAMPLE, told)
    found = _by_runs(short, contrast, alone, RUNS, SHORT_SAMPLE, told)
    widest = _widest(list(found.values()), asked.all_wtps(runs.program.scenario), asked.top)
    return found | _by_runs(runs, contrast, widest, RUNS, RUN_SAMPLE, told)


def _by_regression(fits: Regressions, jointly: Sequence[Varied], told: Phases) -> dict[str, Bar]:
    """Bars of parameters that are drawn with others."""
    found = {}
    for done, each in enumerate(jointly, 1):
        found[each.id] = fits.bar(each)
        told("regressions", done, len(jointly))
    return found


def _chosen(runs: Drawn, known: Response | None, asked: Asked, wtps: Sequence[float], told: Phases) -> Contrast:
    """The strategies to compare; if they are not named, all are run first."""
    scenario = runs.program.scenario
    if asked.strategy is not None:
        return Contrast(asked.strategy, asked.against or scenario.comparator)
    response = runs.at({}, partial(told, "all strategies")) if known is None else known
    return contrast_of(scenario, response, wtps[0], asked.strategy, asked.against)


def _check_known(joint: JointDraws, contrast: Contrast) -> None:
    """Refuse draws of other strategies."""
    for name in (contrast.strategy, contrast.against):
        if name not in joint.response.strategies:
            raise InputError(unknown("strategy that is a choice", name, joint.response.strategies, "--psa"))


def classic(runs: AtValues | Solved, asked: Asked, progress: Phases | None = None) -> OneWay:
    """Bars with the other parameters at their values; of parameters that are drawn jointly the block has one bar.

    Parameters
    ----------
    runs : Runs
        With the other parameters at their values (`lmssim.studies.sensitivity.paired.runs.at_values`).
    """
    scenario, told = runs.program.scenario, progress or _silent
    asked.check(scenario)
    wtps = asked.all_wtps(scenario)
    response = runs.at({})
    contrast = contrast_of(scenario, response, wtps[0], asked.strategy, asked.against)
    varied = list(varied_of(runs.program).values())
    free = [each for each in varied if not each.joint]
    few = restricted(runs, contrast)
    base = response.increment(contrast.strategy, contrast.against)
    bars = list(_by_runs(few, contrast, free, VALUES, RUN_SAMPLE, told).values())
    blocks = joint_blocks(runs.program)
    drawn = [block_draws(few, block, partial(told, f"block {block.name}")) for block in blocks]
    made: dict[str, object] = {"runs": 2 * len(free), "patients": runs.sampling.n_patients, "exact": response.is_exact}
    if blocks:
        made |= {"draws_of_blocks": [len(each.rows) for each in drawn], "patients_of_blocks": PATIENTS_OF_BLOCKS}
    return OneWay(
        runs.program,
        contrast,
        wtps,
        classic=True,
        base=base,
        bars=bars,
        blocks=[_block_at_values(block, each, contrast, base) for block, each in zip(blocks, drawn, strict=True)],
        left_out=[(each, each.why_not_alone) for each in varied if each.joint],
        made=made,
    )


def _block_at_values(block: Block, found: BlockDraws, contrast: Contrast, base: Paired) -> BlockBar:
    """Bar of a block, the others at their values."""
    s, c = (found.strategies.index(name) for name in (contrast.strategy, contrast.against))
    values = found.values[:, s] - found.values[:, c]
    return BlockBar(block, BLOCK, base, whole_of(values, found.rows), f"block {block.name}")


def _by_runs(
    runs: Runs, contrast: Contrast, varied: Sequence[Varied], method: str, sample: str, told: Phases
) -> dict[str, Bar]:
    """Bars by runs of the model, by parameter."""
    if not varied:
        return {}
    base = runs.at({}).increment(contrast.strategy, contrast.against)
    found = {}
    for done, each in enumerate(varied, 1):
        if each.joint:
            raise ValueError(f"{each.id}: {each.why_not_alone}")
        low, high = (
            runs.at({each.id: value}).increment(contrast.strategy, contrast.against) for value in (each.low, each.high)
        )
        found[each.id] = Bar(each, method, base, low, high, sample)
        told(sample, done, len(varied))
    return found


def _widest(bars: Sequence[Bar], wtps: Sequence[float], top: int) -> list[Varied]:
    """Parameters of the longest bars at any willingness to pay."""
    sizes = {id(bar): max(bar.width(wtp).size / (1.0 + wtp) for wtp in wtps) for bar in bars}
    return [bar.varied for bar in sorted(bars, key=lambda bar: -sizes[id(bar)])[:top]]


def _middle(wtps: Sequence[float]) -> float:
    """Willingness to pay at which terms of fits are chosen."""
    return float(np.mean(wtps))


def _silent(*_: object) -> None:
    return None
