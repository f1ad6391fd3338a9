"""The command line as a whole: fast help, and one line for whatever goes wrong."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lmssim
from lmssim.bundled import bundled_names, calibration_folder
from lmssim.cli import app
from lmssim.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Cli

HEAVY = (
    "numba",
    "pandas",
    "scipy",
    "matplotlib",
    "simpy",
    "numpy",
    "pyarrow",
    "joblib",
    "pydantic",
    "jinja2",
    "emcee",
    "arviz_stats",
    "threadpoolctl",
)
HELP = f"""
import sys
from lmssim.cli.app import main
try:
    main(["--help"])
finally:
    heavy = [name for name in {HEAVY} if name in sys.modules] + [m for m in sys.modules if m.startswith("lmssim.model")]
    print("heavy:", heavy, file=sys.stderr)
"""


def test_help_imports_nothing_heavy() -> None:
    """So that it is immediate."""
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert done.stderr == "heavy: []\n"
    assert all(command in done.stdout for command in ("run", "trace", "show", "init", "schema"))


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("run", "--help"), ("show", "--help")])
def test_help_is_no_error(cli: Cli, words: tuple[str, ...]) -> None:
    """Also without a command."""
    outcome = cli(*words)
    assert outcome.code == 0
    assert "Usage:" in outcome.out
    assert outcome.err == ""


def _commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Words of every command, and the command, groups among them."""
    for name, command in app.commands_of(app.app).commands.items():
        yield (name,), command
        yield from (((name, inner), each) for inner, each in getattr(command, "commands", {}).items())


@pytest.mark.parametrize(("words", "command"), list(_commands()))
def test_help_loses_no_words(cli: Cli, words: tuple[str, ...], command: Any) -> None:
    """Those of the docstring stand there in a row, and brackets of options too, which rich would take for styles."""
    shown = cli(*words, "--help").out.replace("\u2502", " ").split()
    for paragraph in command.help.split("\n\n"):
        assert " ".join(paragraph.split()) in " ".join(shown)
    options = [param for param in command.params if not getattr(param, "hidden", False)]
    bracketed = {word for param in options for word in (param.help or "").split() if "[" in word}
    assert bracketed <= set(shown)


def test_help_of_all_commands_loses_no_brackets(cli: Cli) -> None:
    """In the list of commands either."""
    assert "[analyses.N]" in cli("--help").out


def test_only_workbooks_with_formulas_are_said_to_have_some(cli: Cli) -> None:
    """Those of run and psa; the others hold tables."""
    options = {words: param for words, command in _commands() for param in command.params if "--xlsx" in param.opts}
    assert {words for words, param in options.items() if "formulas" in param.help} == {("run",), ("psa",)}
    assert {("tornado",), ("threshold",), ("agency",), ("trial", "run")} <= set(options)


@pytest.mark.parametrize(("words", "near"), [(("tornada",), "tornado"), (("trial", "desing"), "design")])
def test_a_misspelt_command_has_one_mark_after_its_hint(cli: Cli, words: tuple[str, ...], near: str) -> None:
    """And none of its own."""
    outcome = cli(*words)
    assert outcome.code == 2
    assert f"Did you mean '{near}'? Try '" in outcome.err


ROOT = Path(lmssim.__file__).parents[1]
IN_TEXT = r"(?:`|\(|\brun |\"  )lmssim ([a-z][a-z-]*)"
"""A command that a text tells the reader to use, and not lmssim as the subject of a sentence."""
IN_CODE = r"^(?: {4}|\$ )lmssim ([a-z][a-z-]*)"
FENCE = r"^```.*?^```"


def _texts() -> dict[str, str]:
    """Sources, templates, documents and bundled data, by name."""
    folders = (
        "lmssim/**/*.py",
        "lmssim/**/*.j2",
        "docs/*.md",
        "*.md",
        "results/*.md",
        "scenarios/**/*",
        "calibration/*",
    )
    found = {
        path
        for pattern in folders
        for path in ROOT.glob(pattern)
        if path.suffix in (".py", ".j2", ".md", ".toml", ".csv")
    }
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(found)}


def test_texts_name_real_commands() -> None:
    """Reports, messages, help and documents send nobody to a command that does not exist."""
    commands = {command.name for command in app.app.registered_commands} | set(app.GROUPS)
    named: dict[str, set[str]] = {}
    for name, text in _texts().items():
        words = re.findall(IN_TEXT, text) + re.findall(IN_CODE, text, re.MULTILINE)
        for block in re.findall(FENCE, text, re.MULTILINE | re.DOTALL):
            words += re.findall(r"^lmssim ([a-z][a-z-]*)", block, re.MULTILINE)
        for word in words:
            named.setdefault(word, set()).add(name)
    assert {word: where for word, where in named.items() if word not in commands} == {}
    assert commands - {"schema"} <= set(named)


OTHERS = r"^.*(dask (scheduler|worker)|docker |python -m build).*$"
"""Lines that call other programs."""


def test_texts_name_real_options() -> None:
    """Of some command; lines that call other programs have theirs."""
    group = app.commands_of(app.app)
    commands = [*group.commands.values()]
    commands += [each for command in commands for each in getattr(command, "commands", {}).values()]
    known = {word for command in (group, *commands) for p in command.params for word in (*p.opts, *p.secondary_opts)}
    named: dict[str, set[str]] = {}
    for name, text in _texts().items():
        for word in re.findall(
            r"(?<![\w-])--[a-z][a-z-]+",
            "" if name.endswith(("css.j2", "CONTRIBUTING.md")) else re.sub(OTHERS, "", text, flags=re.MULTILINE),
        ):
            named.setdefault(word, set()).add(name)
    assert {word: where for word, where in named.items() if word not in known | {"--help"}} == {}


def test_version(cli: Cli) -> None:
    """The package's own."""
    outcome = cli("--version")
    assert (outcome.code, outcome.out) == (0, f"lmssim {lmssim.__version__}\n")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RunError("it went wrong."), 1, "it went wrong."),
        (MemoryError(), 1, "out of memory"),
        (PermissionError(13, "Permission denied", "here"), 2, "here: Permission denied"),
        (ZeroDivisionError("division\nby zero"), 1, "unexpected ZeroDivisionError: division by zero."),
    ],
)
def test_what_goes_wrong_is_one_line(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    """With its exit code; the traceback only if asked for."""

    def fail() -> str:
        raise error

    monkeypatch.setattr("lmssim.cli.schema.schema_text", fail)
    outcome = cli("schema")
    assert outcome.code == code
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.err
    assert "Traceback" in cli("schema", "--debug").err


WARN = """
import warnings
from lmssim.cli import app, schema
from lmssim.execution.checkpoint import DamagedPartWarning
def text():
    warnings.warn("part.npz: damaged; it is made again.", DamagedPartWarning)
    return ""
schema.schema_text = text
app.main(["schema"])
"""


def test_a_warning_is_one_line() -> None:
    """Without its place in the code; it is no error."""
    done = subprocess.run([sys.executable, "-c", WARN], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "lmssim: warning: part.npz: damaged; it is made again.\n")


def test_an_interrupt_is_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a short message."""

    def interrupt() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("lmssim.cli.schema.schema_text", interrupt)
    outcome = cli("schema")
    assert outcome.code == 130
    assert outcome.err == "lmssim: interrupted; files written so far are whole, and temporary files are removed.\n"


def test_a_reader_that_stops_reading_is_no_traceback() -> None:
    """`lmssim schema | head -1`."""
    command = f"'{sys.executable}' -c 'from {app.__name__} import main; main()' schema | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


PLACES = {"SCENARIO": "illness_death", "CALIBRATION": "cutaneous", "DIR": "somewhere"}
"""What stands for a name in the documents, and a name in its place."""


def _printed() -> list[str]:
    """Commands that README and documents print, without what is placed around them."""
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for line in re.findall(r"^(?: {4}|\$ )(lmssim .*)$", text, re.MULTILINE) + re.findall(
            r"`(lmssim [^`]+)`", text
        ):
            found += [part.strip() for part in line.split("#")[0].split("&&")]
    lines = [" ".join(PLACES.get(word, word) for word in line.split()) for line in dict.fromkeys(found)]
    return [line for line in lines if re.match(r"lmssim [a-z]+ [^-]", line) and not re.search(r"\[|[A-Z]{2}", line)]


@pytest.mark.parametrize("line", _printed())
def test_commands_of_the_documents_can_be_typed(line: str) -> None:
    """Their options, values and bundled names exist."""
    _, name, *words = shlex.split(line)
    command: Any = app.commands_of(app.app).commands[name]
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    context = command.make_context(name, words)
    known = {Path(each).stem for each in bundled_names()} | {path.stem for path in calibration_folder().glob("*.toml")}
    named = context.params.get("scenario") or context.params.get("calibration") or context.params.get("name")
    assert not isinstance(named, str) or not named.isidentifier() or named in known
