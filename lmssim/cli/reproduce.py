"""`lmssim reproduce`: everything under results/."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation

SITES = ("extremity", "subcutaneous", "cutaneous", "retroperitoneal", "uterine", "all_sites")
PATIENTS = 100_000


def reproduce(
    patients: Annotated[int, typer.Option(metavar="N", help="Patients of each scenario.")] = PATIENTS,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the results.")] = Path("results"),
    quiet: options.Quiet = False,
) -> None:
    """Make the reference results again: the base case of every site, by strategy (DIR/base_case)."""
    from lmssim.evaluation import evaluate
    from lmssim.execution import store
    from lmssim.execution.simulate import Sampling
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.by_site import by_site

    sampling = Sampling(n_patients=patients, seed=seed, jobs=options.jobs_or_all(jobs))
    sampling.validate()
    folder = store.make_folder(out / "base_case")
    evaluations = []
    for site in SITES:
        scenario = load_scenario(site)
        with progress_bar(site, shown=not quiet) as progress:
            evaluations.append(evaluate(scenario, sampling, progress=progress))
    table = by_site(evaluations)
    store.write_csv(folder / "by_site.csv", table)
    store.write_json(folder / "manifest.json", {"scenarios": [_manifest(each) for each in evaluations]})
    if not quiet:
        from lmssim.report.by_site import site_table_text

        options.console().print(site_table_text(table, patients))
        typer.echo(f"Written: {folder / 'by_site.csv'}")


def _manifest(evaluation: Evaluation) -> dict[str, Any]:
    from lmssim.execution.manifest import manifest

    document = manifest(
        evaluation.program, evaluation.sampling, engine="compiled", overrides={}, command=["lmssim", *sys.argv[1:]],
        timings={},
    )  # fmt: skip
    return {key: value for key, value in document.items() if key != "environment"}
