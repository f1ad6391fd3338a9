"""`lmssim run`: the base case of a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.options import RandomNumbers
from lmssim.cli.progress import progress_bar
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmssim.evaluation import Evaluation
    from lmssim.execution.simulate import Sampling
    from lmssim.model.scenario import Scenario

DEFAULT_PATIENTS = 100_000
LONGEST_HORIZON = 200
"""Years, as of a scenario's own."""


def run(
    scenario: options.Scenario,
    patients: Annotated[
        int | None,
        options.whole("Patients, each of whom meets every strategy.", 1, options.MOST_PATIENTS, show_default="100000"),
    ] = None,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="compiled; des: the reference engine, slower and with the same results; cohort: a solution without "
            "random numbers.",
        ),
    ] = "compiled",
    profiles: options.Profiles = None,
    backend: options.Backend = "threads",
    strategies: options.Strategies = None,
    by: options.By = None,
    where: options.Where = "",
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    horizon: Annotated[
        float | None,
        options.above_zero(
            "Another horizon than the scenario's; in a model in cycles the nearest whole number of them.",
            metavar="YEARS",
        ),
    ] = None,
    periods: Annotated[
        str | None,
        typer.Option(
            metavar="YEARS,YEARS",
            help="Years at which the periods end by which gains over the comparator are told apart; none: no such "
            "table. With --engine cohort only if given, as every period is solved again.",
            show_default="5,10,20, as far as they lie below the horizon",
        ),
    ] = None,
    random_numbers: Annotated[
        RandomNumbers,
        typer.Option(
            help="Whether draws of the parameters, where a study makes several, share their random numbers. A run has "
            "one, its base case: its results are the same either way, and the manifest says which was chosen."
        ),
    ] = RandomNumbers.common,
    luck: Annotated[RandomNumbers | None, typer.Option(hidden=True)] = None,
    histories: Annotated[bool, typer.Option("--histories", help="Write every stay and event (Parquet).")] = False,
    precision: Annotated[
        float | None,
        options.above_zero(
            "Double the patients, up to about a thousand million, until every incremental net benefit, at the first "
            "willingness to pay, has a standard error of at most SE (in the scenario's currency).",
            metavar="SE",
        ),
    ] = None,
    control_variate: Annotated[
        bool,
        typer.Option(
            "--control-variate",
            help="Also estimate outcomes with a control variate, an exactly solved profile (control_variate.csv). Not "
            "with --engine cohort, which has no Monte-Carlo error.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", parser=options.folder_of, help="Folder of the results.", show_default="./lmssim-out/SCENARIO"
        ),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Run the base case: survival, life years, QALYs, costs, ICER and net benefit by strategy, and a report."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    strategies_, formats = options.names_of(strategies), options.formats_of(figures)
    if figures is not None and report is False:
        raise InputError("--figures: --no-report writes no figures: leave one of the two out.")
    reported = (figures is not None or not json) if report is None else report
    options.check_known("--engine", engine, options.ENGINES)
    options.check_known("--backend", backend, options.BACKENDS)
    if luck is not None and random_numbers != RandomNumbers.common:
        raise InputError("--luck is the old name of --random-numbers: give one of them.")
    independent = (luck or random_numbers) == RandomNumbers.independent
    given = {"patients": patients, "precision": precision, "histories": histories, "random-numbers": independent}
    given |= {"control-variate": control_variate}
    _check_fits(engine, profiles, given)

    from lmssim.cli import results
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch, evaluation_part, manifest
    from lmssim.execution.simulate import Sampling
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.periods import benefit_by_period
    from lmssim.studies.subgroups import SubgroupStudy

    clock = Stopwatch()
    sampling = Sampling(
        n_patients=DEFAULT_PATIENTS if patients is None else patients,
        seed=seed,
        random_numbers="independent" if independent else "common",
        strategies=strategies_,
        backend=backend,
        engine=engine,
        profiles=options.DEFAULT_PROFILES if profiles is None else profiles,
        block=block,
        jobs=options.jobs_or_all(jobs),
        control_variate=control_variate,
        where=where.strip(),
    )
    sampling.validate()
    loaded = load_scenario(scenario, overrides_, switches_)
    options.check_strategies(strategies_, loaded)
    if horizon is not None:
        loaded = _with_horizon(loaded, horizon)
    times = _times_of_periods(loaded, sampling, options.years_of(periods, "--periods"))
    clock.lap("load")
    with ResultFolder(out or Path("lmssim-out") / loaded.name, loaded.inputs, beside=beside) as folder:
        with progress_bar(loaded.name, shown=not quiet) as progress:
            sampling = _by_subgroup(loaded, sampling, options.each_once("--by", by))
            evaluation = _evaluated(loaded, sampling, precision, progress)
        clock.lap("simulate")
        benefit = None
        if times:
            ended = _ended(loaded, scenario, overrides_, switches_, horizon)
            with progress_bar("periods", shown=not quiet) as progress:
                benefit = benefit_by_period(loaded, evaluation.sampling, times, ended, progress=progress)
            clock.lap("periods")
        result = evaluation_part(
            evaluation.program, evaluation.sampling, overrides_, precision=precision, solved=_solved(evaluation)
        ) | {"periods": list(times)}

        def document() -> dict[str, Any]:
            return manifest(
                result,
                command=options.command_line(),
                timings=clock.laps,
                jobs=sampling.jobs,
                backend=backend,
                block=block,
            )

        with progress_bar("writing histories", shown=histories and not quiet) as progress:
            written = results.write_results(
                evaluation,
                folder,
                document,
                clock.lap,
                formats=formats if reported else None,
                histories=histories,
                benefit=benefit,
                by=SubgroupStudy(evaluation) if sampling.partitions else None,
                progress=progress,
            )
    if json:
        say(results.json_document(evaluation, written, folder.path), end="")
    elif not quiet:
        _print(evaluation)
        if sampling.partitions:
            from lmssim.report.evaluation.subgroups import care_sentences

            say("\n".join(care_sentences(SubgroupStudy(evaluation))))
        say(f"Report: {folder.path / 'report.html'}" if reported else f"Tables: {folder.path}")


def _by_subgroup(scenario: Scenario, sampling: Sampling, by: list[str]) -> Sampling:
    """Sampling that keeps the sums of subgroups apart."""
    from lmssim.model.compile.scenario import compile_scenario
    from lmssim.studies.subgroups import with_partitions

    return with_partitions(compile_scenario(scenario), sampling, by) if by else sampling


def _with_horizon(scenario: Scenario, years: float) -> Scenario:
    """The scenario with another horizon; its named times beyond it are left out."""
    from lmssim.model import edits

    if years > LONGEST_HORIZON:
        raise InputError(f"--horizon: {years:g} is not {LONGEST_HORIZON} years or less.")
    changed = edits.horizon(scenario, years)
    return changed if changed.file.settings.times else edits.with_settings(changed, times=[edits.whole_steps(changed)])


def _times_of_periods(scenario: Scenario, sampling: Sampling, asked: tuple[float, ...] | None) -> tuple[float, ...]:
    """Ends of the periods by which gains are told apart, beside the horizon; none if they are not."""
    from lmssim.studies.periods import DEFAULT_TIMES, LEAST, can_tell, check_times

    horizon, several = scenario.file.settings.horizon, len(sampling.strategies or scenario.strategies) > 1
    if asked is None:
        wanted = several and sampling.engine != options.COHORT and can_tell(sampling)
        return tuple(time for time in DEFAULT_TIMES if time < horizon) if wanted else ()
    if not asked:
        return ()
    check_times(asked, horizon, "--periods")
    if not several:
        raise InputError(f"--periods: scenario '{scenario.name}' is run with one strategy, so there is no gain.")
    if not can_tell(sampling):
        raise InputError(f"--periods: {sampling.n_patients:,} patients are too few; give {LEAST:,} or more.")
    return asked


def _ended(
    scenario: Scenario,
    name: str,
    overrides: Mapping[str, float],
    switches: Mapping[str, str],
    horizon: float | None,
) -> Scenario | None:
    """The scenario with effects of treatments that end with their trials' follow-up, if it says how.

    None where the base case has another option of the switch than the default, so that effects are others already.
    """
    from lmssim.model.scenario import load_scenario

    ended = scenario.file.settings.effects_end
    if not ended or any(scenario.options[s] != scenario.file.switches[s].default for s in ended):
        return None
    loaded = load_scenario(name, overrides, {**switches, **ended})
    return loaded if horizon is None else _with_horizon(loaded, horizon)


def _check_fits(engine: str, profiles: int | None, given: Mapping[str, float | bool | None]) -> None:
    """Refuse options that the engine does not use.

    Raises
    ------
    InputError
        If one is given; the message says what to do instead.
    """
    if engine != options.COHORT:
        if profiles is not None:
            raise InputError(
                f"--profiles: engine '{engine}' simulates patients: give --patients or --engine {options.COHORT}."
            )
        return
    reasons = {
        "patients": "is solved for profiles, not patients: give --profiles",
        "precision": "has no Monte-Carlo error to reduce: give --profiles",
        "histories": "has no individual lives: give --engine compiled",
        "random-numbers": "has none: leave --random-numbers out",
        "control-variate": "has no Monte-Carlo error to reduce: leave --control-variate out",
    }
    for option, reason in reasons.items():
        if given[option] not in (None, False):
            raise InputError(f"--{option}: engine '{options.COHORT}' {reason}.")


def _solved(evaluation: Evaluation) -> dict[str, Any] | None:
    """Of an exact solution, its profiles and the largest errors over the strategies, by outcome; else None."""
    if "errors" not in evaluation.tables:
        return None
    errors = evaluation.errors.groupby("outcome", sort=False)[["profiles", "steps"]].max()
    return {
        "profiles": evaluation.estimates.n_people,
        "replicates": evaluation.n,
        "errors": {str(name): {"profiles": float(p), "steps": float(s)} for name, p, s in errors.itertuples()},
    }


def _evaluated(
    scenario: Scenario, sampling: Sampling, precision: float | None, progress: Callable[[int, int], None] | None
) -> Evaluation:
    """Evaluation; if a precision is asked for, the patients are doubled until it is reached."""
    from dataclasses import replace

    from lmssim.evaluation import evaluate

    evaluation = evaluate(scenario, sampling, progress=progress)
    if precision is None:
        return evaluation
    if len(evaluation.strategies) < 2:
        raise InputError(f"--precision: scenario '{scenario.name}' has one strategy, so there is no increment.")
    if not scenario.file.settings.wtp:
        raise InputError(f"--precision: scenario '{scenario.name}' states no willingness to pay (settings.wtp).")
    wtp, c = scenario.file.settings.wtp[0], evaluation.strategies.index(scenario.comparator)
    while (error := evaluation.increments.largest_error(wtp, c)) > precision:
        needed = evaluation.n * (error / precision) ** 2
        if needed > options.MOST_PATIENTS:
            raise InputError(f"--precision: {precision:g} would take about {needed:.1g} patients; ask for less.")
        sampling = replace(sampling, n_patients=2 * sampling.n_patients)
        evaluation = evaluate(scenario, sampling, progress=progress)
    return evaluation


def _print(evaluation: Evaluation) -> None:
    from lmssim.report.evaluation.terminal import strategy_table_text

    console().print(strategy_table_text(evaluation))
