"""`lmssim trial interim`: an interim look at the patients of a trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.trials.interim.look import InterimLook

MOST_LOOKS = 60


def _counts(text: str | list[float]) -> list[float]:
    """Numbers between commas."""
    values = [options.number_of(part.strip()) for part in str(text).split(",")]
    found = [value for value in values if value is not None]
    if len(found) < len(values):
        raise typer.BadParameter(f"'{str(text)[:60]}' is not a list of finite numbers, such as 40,80.")
    return found


def interim(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A CSV table of patients: arm (0 or control, 1 or experimental), time, event (1, 0; 2 and more "
            "compete), and perhaps stratum, entry (a number, or a date) and patient.",
        ),
    ],
    design: Annotated[
        Path, typer.Option("--design", metavar="FILE", help="The design file (TOML), as `lmssim trial design` takes.")
    ],
    look: Annotated[
        int | None,
        options.whole("Number of this look; the planned one nearest in information if absent.", 1, MOST_LOOKS),
    ] = None,
    earlier: Annotated[
        Any,
        typer.Option(
            parser=_counts,
            metavar="D,D",
            help="Events of each look before (for rmst and milestone, information fractions); as planned if absent.",
        ),
    ] = None,
    final: Annotated[
        bool | None,
        typer.Option(
            "--final/--not-final",
            help="Whether this is the final analysis, which spends all of alpha that is left; if it is the design's "
            "last look, if absent.",
        ),
    ] = None,
    planned_events: Annotated[
        float | None, options.above_zero("Events of the last look, if the design states bounds alone.", metavar="D")
    ] = None,
    control: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the control arm, if arms have names of their own.")
    ] = None,
    cutoff: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Calendar time, or date, of the data; the last end of observation if absent."
        ),
    ] = None,
    lost_after: Annotated[
        float | None,
        options.above_zero(
            "Patients without an event whose observation ended so long before the cutoff are lost, for dates of "
            "further looks; if absent, all are followed on.",
            metavar="TIME",
        ),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            metavar="HR:SD",
            help="Prior of the predictive probability: median hazard ratio and standard deviation of its log; flat if "
            "absent.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=options.folder_of,
            help="Folder of tables, figures and report; nothing is written if absent.",
        ),
    ] = None,
    beside: options.BesideOtherFiles = False,
    figures: options.Figures = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Look at a trial's data: bound, test, conditional and predictive power, repeated interval, dates to come."""
    formats = options.formats_of(figures)
    if figures is not None and out is None:
        raise InputError("--figures: are written to a folder; name one by --out.")
    belief = _prior(prior)

    from lmssim.execution.manifest import Stopwatch
    from lmssim.trials.interim.look import look_at
    from lmssim.trials.interim.patients import read_patients
    from lmssim.trials.planning.plan import load_plan

    clock = Stopwatch()
    plan = load_plan(design)
    patients = read_patients(data, unit=plan.time_unit, control=control, cutoff=cutoff)
    found = look_at(
        plan,
        patients,
        look=look,
        earlier=earlier or (),
        final=final,
        planned_events=planned_events,
        prior=belief,
        lost_after=lost_after,
    )
    clock.lap("look")
    manifest: dict[str, Any] | None = None
    if out is not None:
        from lmssim.execution.folder import ResultFolder

        asked = {
            "look": look,
            "earlier": earlier,
            "final": final,
            "planned_events": planned_events,
            "control": control,
            "cutoff": cutoff,
            "lost_after": lost_after,
            "prior": prior,
        }
        with ResultFolder(out, [data, design], beside=beside) as folder:
            manifest = _write(found, folder, {"interim": asked, "data": _hash(data)}, clock.laps, formats)
    if json:
        say(_document(found, manifest, out), end="")
    elif not quiet:
        _print(found)
        if out is not None:
            say(f"Report: {out / 'report.html'}")


def _prior(text: str | None) -> tuple[float, float] | None:
    """Median hazard ratio and standard deviation of its log."""
    if text is None:
        return None
    parts = [options.number_of(part.strip()) for part in text.split(":")]
    if len(parts) != 2 or parts[0] is None or parts[1] is None:
        raise InputError(f"--prior: '{text[:60]}' is not HR:SD, such as 1:0.4.")
    return parts[0], parts[1]


def _hash(path: Path) -> dict[str, str]:
    from lmssim.execution.store import hash_of

    return {"file": path.name, "sha256": hash_of(path)}


def _write(
    look: InterimLook, folder: ResultFolder, asked: dict[str, Any], timings: dict[str, float], formats: tuple[str, ...]
) -> dict[str, Any]:
    """Write tables, figures and report; returns the manifest as written."""
    from lmssim.execution import store
    from lmssim.execution.manifest import manifest
    from lmssim.report.parts.style import save_figure
    from lmssim.report.trials.interim.figures import look_figures
    from lmssim.report.trials.interim.page import write_look_report
    from lmssim.report.trials.interim.tables import arms_frame, looks_frame, results_frame

    result = {"design": look.plan.settings, **asked}
    document = manifest(result, command=options.command_line(), timings=timings)
    for name, frame in (("interim", results_frame), ("interim_looks", looks_frame), ("interim_arms", arms_frame)):
        store.write_csv(folder.place(f"{name}.csv"), frame(look))
    drawn = []
    for name, (figure, title, caption) in look_figures(look).items():
        files = save_figure(figure, folder.begin() / "figures", name, formats)
        folder.add(files)
        drawn.append((files[0], title, caption))
    folder.add([write_look_report(look, folder.begin(), document, drawn)])
    return folder.finish(document, {"design": look.plan.settings, "interim": asked})


def _document(look: InterimLook, manifest: dict[str, Any] | None, out: Path | None) -> str:
    """The look as one JSON document."""
    from lmssim.execution.store import json_text, objects
    from lmssim.report.trials.interim.tables import arms_frame, effect_name, looks_frame, results_frame
    from lmssim.report.trials.interim.words import sentences

    document: dict[str, Any] = {
        "verdict": look.verdict,
        "summary": sentences(look),
        "effect": effect_name(look),
        "prior": look.prior_words,
        "results": objects(results_frame(look)),
        "looks": objects(looks_frame(look)),
        "arms": objects(arms_frame(look)),
    }
    if manifest is not None:
        document |= {"manifest": manifest, "folder": str(out)}
    return json_text(document)


def _print(look: InterimLook) -> None:
    from lmssim.report.trials.design import terminal_table
    from lmssim.report.trials.interim.page import LOOKS_CAPTION, shown_arms, shown_looks, shown_results
    from lmssim.report.trials.interim.words import sentences

    screen = console()
    screen.print(terminal_table(shown_arms(look), f"Patients; times in {look.patients.unit}."))
    screen.print(terminal_table(shown_results(look)))
    screen.print(terminal_table(shown_looks(look), LOOKS_CAPTION))
    for sentence in sentences(look):
        say(sentence)
