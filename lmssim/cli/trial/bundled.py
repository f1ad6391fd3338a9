"""Reference results of the bundled designs of trials: tables, figures and a page of text in one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.terminal import say

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.execution.folder import ResultFolder

README = "README.md"
POOLED = 200
"""Trials whose patients make a curve."""


def trials_into(out: Path, seed: int, jobs: int, *, n_trials: int | None = None, quiet: bool) -> None:
    """Simulate the cases of `results/reference.toml`, and write what they say."""
    from lmssim.bundled import find_trial
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch, manifest
    from lmssim.studies.reference import reference

    clock, asked = Stopwatch(), reference().trials
    n_trials = n_trials or asked.n_trials
    designs = sorted({case.design for case in asked.cases} | {asked.effects.design})
    with ResultFolder(out, [find_trial(name) for name in designs]) as folder:
        folder.begin()
        tables = _tables(seed, jobs, n_trials, quiet=quiet)
        clock.lap("simulate")
        _write(folder, tables, seed, n_trials)
        said: dict[str, Any] = {"trials": asked.model_dump(mode="json") | {"n_trials": n_trials}, "seed": seed}
        document = manifest(said, command=options.command_line(), timings=clock.laps, jobs=jobs)
        folder.finish(document, said)
    if not quiet:
        say(f"Text: {out / README}")


def _tables(seed: int, jobs: int, n_trials: int, *, quiet: bool) -> dict[str, Any]:
    """Tables by the names of their files."""
    from lmssim.studies.reference import reference
    from lmssim.studies.trials.bundled.cases import Case, Effects, run_cases, run_effects
    from lmssim.studies.trials.bundled.replay import Printed, run_replay
    from lmssim.studies.trials.study import simulate_trials

    asked = reference().trials
    cases = [Case(each.design, each.case, each.given) for each in asked.cases]
    with progress_bar("cases of trials", shown=not quiet) as told:
        characteristics, endpoints = run_cases(cases, n_trials, seed, jobs, told)
    with progress_bar("assumed effects", shown=not quiet) as told:
        effects = Effects(asked.effects.design, asked.effects.ratios, asked.effects.curves)
        by_effect = run_effects(effects, n_trials, seed, jobs, told)
    with progress_bar("assurance and value", shown=not quiet) as told:
        assured = simulate_trials(
            asked.assurance.design,
            n_trials=n_trials,
            n=tuple(asked.assurance.n),
            seed=seed,
            value=True,
            jobs=jobs,
            progress=told,
        )
    assert assured.value is not None
    printed = [Printed(**each.model_dump()) for each in asked.replay.printed]
    return {
        "characteristics": characteristics,
        "endpoints": endpoints,
        "effects": by_effect,
        "assurance": assured.assurance,
        "value": assured.value.value,
        "replay": run_replay(asked.replay.design, printed, n_trials, seed),
    }


def _write(folder: ResultFolder, tables: dict[str, Any], seed: int, n_trials: int) -> None:
    """Tables, figures and text."""
    from lmssim.execution.store import write_csv, write_text
    from lmssim.report.parts.style import save_figure
    from lmssim.report.trials.bundled import figures
    from lmssim.report.trials.bundled.text import Numbers, text_of
    from lmssim.studies.reference import reference
    from lmssim.studies.trials.bundled.replay import pooled_curves
    from lmssim.studies.trials.design.reading import load_trial

    for name, table in tables.items():
        write_csv(folder.place(f"{name}.csv"), table)
    replayed = load_trial(reference().trials.replay.design)
    curves = pooled_curves(replayed.name, tuple(replayed.endpoints), min(n_trials, POOLED), seed)
    planned = load_trial("strass_model").planned_ratio
    drawn = {
        "definitions": figures.definitions_figure(tables["endpoints"], "strass_model", planned or 1.0),
        "effects": figures.effects_figure(tables["effects"], tables["assurance"]),
        "replay": figures.replay_figure(curves, tables["replay"], replayed),
    }
    for name, figure in drawn.items():
        folder.add(save_figure(figure, folder.begin() / "figures", name))
    write_text(folder.place(README), text_of(Numbers(**tables), n_trials))
