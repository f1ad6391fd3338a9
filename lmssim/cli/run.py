"""`lmssim run`: the base case of a scenario."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
MOST_DRAWS = 1_000_000
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
        options.engine("a solution without random numbers"),
    ] = "compiled",
    profiles: options.Profiles = None,
    backend: options.Backend = "threads",
    scheduler: options.Scheduler = "",
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
    draws: Annotated[
        int | None,
        options.whole(
            "Joint draws of the parameters, over which the patients are split: results are expectations over them.",
            2,
            MOST_DRAWS,
            show_default="1000 of a calibrated scenario, with 10 patients or more in each; else --point",
        ),
    ] = None,
    point: Annotated[
        bool,
        typer.Option(
            "--point",
            help="Give every parameter its value, in place of draws. --engine cohort does so anyway.",
        ),
    ] = False,
    random_numbers: Annotated[
        RandomNumbers | None,
        typer.Option(
            help="Whether draws of the parameters share their random numbers. Where results are expectations over "
            "draws, each has patients and numbers of its own (independent); at point values the results are the same "
            "either way, and the manifest says which was chosen.",
            show_default="independent of draws; common at point values",
        ),
    ] = None,
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
        options.results_folder("SCENARIO"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.LiveWorkbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Run the base case: survival, life years, QALYs, costs, ICER and net benefit by strategy, and a report."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    strategies_, formats = options.names_of(strategies), options.formats_of(figures)
    reported = options.is_reported(report, figures, as_json=json)
    options.check_known("--engine", engine, options.ENGINES)
    backend = options.backend_of(backend, scheduler)
    if luck is not None and random_numbers is not None:
        raise InputError("--luck is the old name of --random-numbers: give one of them.")
    numbers = luck or random_numbers
    given: dict[str, Any] = {"patients": patients, "precision": precision, "histories": histories, "draws": draws}
    given |= {"control-variate": control_variate, "random-numbers": numbers == RandomNumbers.independent}
    _check_fits(engine, profiles, given)
    if point and draws is not None:
        raise InputError("--point: takes no draws of the parameters: leave one of --point and --draws out.")

    from lmssim.cli import results
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch, evaluation_part, manifest
    from lmssim.execution.simulate import Sampling
    from lmssim.model.scenario import load_scenario
    from lmssim.studies import point_values
    from lmssim.studies.periods import benefit_by_period
    from lmssim.studies.subgroups import SubgroupStudy

    clock = Stopwatch()
    sampling = Sampling(
        n_patients=DEFAULT_PATIENTS if patients is None else patients,
        seed=seed,
        random_numbers="independent" if numbers == RandomNumbers.independent else "common",
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
    n_draws = (
        0
        if point or engine == options.COHORT
        else _draws_of(loaded, scenario, sampling.n_patients, draws, numbers, given)
    )
    times = _times_of_periods(loaded, sampling, options.years_of(periods, "--periods"))
    clock.lap("load")
    with ResultFolder(out or Path("lmssim-out") / loaded.name, loaded.inputs, beside=beside) as folder:
        with progress_bar(loaded.name, shown=not quiet) as progress:
            sampling = _by_subgroup(loaded, sampling, options.each_once("--by", by))
            case = _evaluated(loaded, BaseCase(sampling, n_draws), precision, progress)
        evaluation = case.evaluation
        clock.lap("simulate")
        beside_it = None
        if case.n_draws and point_values.can_tell(case.sampling):
            beside_it = point_values.point_values(evaluation, case.sampling)
            clock.lap("point values")
        benefit = None
        if times:
            ended = _ended(loaded, scenario, overrides_, switches_, horizon)
            with progress_bar("periods", shown=not quiet) as progress:
                benefit = benefit_by_period(loaded, case.sampling, times, ended, case.n_draws, progress)
            clock.lap("periods")
        result = evaluation_part(
            evaluation.program, evaluation.sampling, overrides_, precision=precision, solved=_solved(evaluation)
        ) | {"periods": list(times), "draws": case.n_draws or None}

        def document() -> dict[str, Any]:
            return manifest(
                result,
                command=options.command_line(),
                timings=clock.laps,
                jobs=sampling.jobs,
                backend=backend,
                block=block,
                use=clock.use("simulate", sampling.jobs, backend),
            )

        with progress_bar("writing histories", shown=histories and not quiet) as progress:
            written = results.write_results(
                evaluation,
                folder,
                document,
                clock.lap,
                formats=formats if reported else None,
                workbook=workbook,
                histories=histories,
                benefit=benefit,
                beside=beside_it,
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


@dataclass(frozen=True)
class BaseCase:
    """Patients in all, the draws over which they are split (none at point values), and what they gave."""

    sampling: Sampling
    n_draws: int
    result: Evaluation | None = None

    @property
    def evaluation(self) -> Evaluation:
        """What they gave."""
        assert self.result is not None
        return self.result

    def run(self, scenario: Scenario, progress: Callable[[int, int], None] | None) -> BaseCase:
        """The same with its results."""
        from lmssim.evaluation import evaluate, expected_values

        if not self.n_draws:
            return replace(self, result=evaluate(scenario, self.sampling, progress=progress))
        return replace(self, result=expected_values(scenario, self.sampling, self.n_draws, progress))

    def doubled(self, most_draws: int | None) -> BaseCase:
        """Twice the patients, and twice the draws, but at most so many."""
        draws = 2 * self.n_draws if most_draws is None else min(2 * self.n_draws, max(most_draws, self.n_draws))
        return BaseCase(replace(self.sampling, n_patients=2 * self.sampling.n_patients), draws)


def _draws_of(
    scenario: Scenario,
    name: str,
    n_patients: int,
    draws: int | None,
    numbers: RandomNumbers | None,
    given: Mapping[str, Any],
) -> int:
    """Draws over which an expectation is taken; none if nothing is calibrated and no draws are asked for.

    Raises
    ------
    InputError
        If an option is given that takes one set of parameters, or the patients are too few.
    """
    from lmssim.evaluation import PATIENTS_PER_DRAW, draws_of

    if draws is None and not scenario.is_calibrated:
        return 0
    for option in ("histories", "control-variate"):
        if given[option]:
            raise InputError(f"--{option}: of one set of parameters, not of draws of them: add --point.")
    if numbers == RandomNumbers.common:
        raise InputError(
            "--random-numbers: each draw has patients and numbers of its own (independent); add --point, or use "
            f"lmssim psa {name} --random-numbers common."
        )
    if draws is None and n_patients < 2 * PATIENTS_PER_DRAW:
        raise InputError(
            f"--patients: {n_patients} are too few for the expectation over draws of the parameters: give "
            f"{2 * PATIENTS_PER_DRAW} or more, or add --point."
        )
    return draws_of(n_patients) if draws is None else draws


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
        "draws": f"solves the parameters' values: lmssim psa --engine {options.COHORT} solves draws of them",
        "control-variate": "has no Monte-Carlo error to reduce: leave --control-variate out",
    }
    for option, reason in reasons.items():
        if given[option] not in (None, False):
            raise InputError(f"--{option}: engine '{options.COHORT}' {reason}.")


def _solved(evaluation: Evaluation) -> dict[str, Any] | None:
    """Of an exact solution, its profiles and the largest errors over the strategies, by outcome; else None."""
    if evaluation.estimates.individual:
        return None
    errors = evaluation.errors.groupby("outcome", sort=False)[["profiles", "steps"]].max()
    return {
        "profiles": evaluation.estimates.n_people,
        "replicates": evaluation.n,
        "errors": {str(name): {"profiles": float(p), "steps": float(s)} for name, p, s in errors.itertuples()},
    }


def _evaluated(
    scenario: Scenario, case: BaseCase, precision: float | None, progress: Callable[[int, int], None] | None
) -> BaseCase:
    """The base case with its results; if a precision is asked for, the patients are doubled until it is reached."""
    case = case.run(scenario, progress)
    if precision is None:
        return case
    if len(case.evaluation.strategies) < 2:
        raise InputError(f"--precision: scenario '{scenario.name}' has one strategy, so there is no increment.")
    if not scenario.file.settings.wtp:
        raise InputError(f"--precision: scenario '{scenario.name}' states no willingness to pay (settings.wtp).")
    wtp, c = scenario.file.settings.wtp[0], case.evaluation.strategies.index(scenario.comparator)
    most_draws = min((group.n_rows for group in scenario.groups.values() if group.n_rows), default=None)
    while (error := case.evaluation.increments.largest_error(wtp, c)) > precision:
        needed = case.evaluation.n * (error / precision) ** 2
        if needed > options.MOST_PATIENTS:
            raise InputError(f"--precision: {precision:g} would take about {needed:.1g} patients; ask for less.")
        _check_rows(case, error, wtp, c, precision, most_draws)
        case = case.doubled(most_draws).run(scenario, progress)
    return case


def _check_rows(case: BaseCase, error: float, wtp: float, c: int, precision: float, most_draws: int | None) -> None:
    """Refuse a precision that so few rows of a posterior cannot give, however many the patients are."""
    if most_draws is None or not case.n_draws or 2 * case.n_draws <= most_draws:
        return
    of_patients = case.evaluation.patient_increments.largest_error(wtp, c)
    least = max(error**2 - of_patients**2, 0.0) ** 0.5 * (case.n_draws / max(most_draws, case.n_draws)) ** 0.5
    if least > precision:
        raise InputError(
            f"--precision: the {most_draws:,} draws of the posterior leave an error of {least:.3g}; ask for less."
        )


def _print(evaluation: Evaluation) -> None:
    from lmssim.report.evaluation.terminal import strategy_table_text

    console().print(strategy_table_text(evaluation))
