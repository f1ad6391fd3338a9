"""The house stays tidy: rooms of a readable size, tests beside what they test, files that the formatter keeps."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

TOP = Path(__file__).parents[1]
PACKAGE, TESTS = TOP / "lmssim", TOP / "tests"
MOST_MODULES, MOST_LINES = 16, 600
WIDE = {"kernels": 18, "cli": 20}
"""Folders that may hold more: the kernels, which will be redesigned, and the commands, a file each."""
OF_THEIR_OWN = {"bench", "calibration", "fuzz", "kit", "scenarios", "verification"}
"""Folders of tests that mirror none of the package: data, helpers, speed, and what is compared with outside truth."""
OF_SEVERAL = {"cli/test_bad_input.py", "cli/test_killed.py", "test_exported_members.py", "test_house.py"}
"""Tests that are of more than one module."""
MODULES = sorted(PACKAGE.rglob("*.py"))


def within(path: Path, folder: Path = PACKAGE) -> str:
    """A path from a folder on."""
    return path.relative_to(folder).as_posix()


def test_no_folder_is_too_wide() -> None:
    """A newcomer finds a module by few names."""
    for folder in {path.parent for path in MODULES}:
        count = len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        most = WIDE.get(within(folder), MOST_MODULES)
        assert count <= most, f"lmssim/{within(folder)} holds {count} modules, at most {most}: give some a folder."


def test_no_module_is_too_long() -> None:
    """A module holds one idea."""
    for path in MODULES:
        count = len(path.read_text().splitlines())
        assert count <= MOST_LINES, f"lmssim/{within(path)} has {count} lines, at most {MOST_LINES}: split it by ideas."


def test_the_formatter_reads_every_line() -> None:
    """There is one way of writing."""
    for path in [*MODULES, *TESTS.rglob("*.py")]:
        assert "# fmt: " + "skip" not in path.read_text(), f"{within(path, TOP)} keeps lines from the formatter."


def test_every_test_lies_where_its_module_does() -> None:
    """`tests/a/test_b.py` tests `lmssim/a/b.py`, or the folder `lmssim/a/b`."""
    for path in TESTS.rglob("test_*.py"):
        name = within(path, TESTS)
        module = PACKAGE / Path(name).with_name(path.name.removeprefix("test_"))
        known = name.split("/")[0] in OF_THEIR_OWN or name in OF_SEVERAL
        known = known or module.is_file() or module.with_suffix("").is_dir()
        assert known, f"tests/{name} stands where no lmssim/{within(module)} is: move it to what it tests."


def test_the_kit_holds_helpers_alone() -> None:
    """Tests stand elsewhere."""
    tests = [within(path, TESTS) for path in (TESTS / "kit").rglob("test_*.py")]
    assert not tests, f"tests/kit holds helpers, not {', '.join(tests)}."


def test_what_a_package_offers_is_there() -> None:
    """Every name of `__all__`, once."""
    for path in PACKAGE.rglob("__init__.py"):
        package = importlib.import_module(".".join(path.parent.relative_to(TOP).parts))
        names: list[str] = getattr(package, "__all__", [])
        missing = [name for name in names if not hasattr(package, name)]
        assert not missing, f"lmssim/{within(path)} offers what is not there: {', '.join(missing)}."
        assert len(names) == len(set(names)), f"lmssim/{within(path)} offers a name twice."


def test_every_row_of_a_document_stands_in_a_table() -> None:
    """A blank line within a table would leave the rows behind it as text."""
    for path in sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md"), *(TOP / "results").rglob("*.md")]):
        lines = ["", *re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL).splitlines(), ""]
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
            begins = line.startswith("|") and not before.startswith("|")
            assert not begins or re.fullmatch(r"\|[ :|-]+", after), f"{within(path, TOP)}: no table begins at: {line}"
