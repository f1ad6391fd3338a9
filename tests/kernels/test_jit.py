"""Compiled code is kept where it can be written, and nowhere else."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]
KERNELS = TOP / "lmssim" / "kernels"
APART = re.compile(r"^@(?:inner|borrow|paste)\ndef (\w+)\(", re.MULTILINE)
ASK = "from lmssim.kernels import CACHE_DIR; print(CACHE_DIR); assert CACHE_DIR.is_dir()"


def asked(**environment: str) -> subprocess.CompletedProcess[str]:
    """The folder that a fresh process takes."""
    known = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True, env=known)


def test_a_folder_that_cannot_be_written_is_replaced(tmp_path: Path) -> None:
    """By one of the process, which goes with it; the user is told."""
    (tmp_path / "file").write_text("")
    done = asked(LMSSIM_CACHE=str(tmp_path / "file" / "cache"))
    assert "CacheWarning: compiled code cannot be kept" in done.stderr
    assert not Path(done.stdout.strip()).exists()


def test_an_empty_or_relative_name_is_no_folder(tmp_path: Path) -> None:
    """As the standard of these variables says."""
    for stated in ("", "somewhere"):
        done = asked(LMSSIM_CACHE="", XDG_CACHE_HOME=stated, HOME=str(tmp_path))
        assert done.stdout.startswith(str(tmp_path))


def test_python_calls_nothing_that_has_no_wrapper_for_it() -> None:
    """What kernels alone may call would end the process: it is neither imported nor reached through its module."""
    apart = {
        (".".join(path.relative_to(TOP).with_suffix("").parts), name)
        for path in KERNELS.rglob("*.py")
        for name in APART.findall(path.read_text())
    }
    assert ("lmssim.kernels.walk", "first_event") in apart
    files = [path for folder in ("lmssim", "tests", "bench") for path in (TOP / folder).rglob("*.py")]
    reached = {path: _reached(path) & apart for path in files if KERNELS not in path.parents}
    assert not any(reached.values()), {str(path): names for path, names in reached.items() if names}


def _reached(path: Path) -> set[tuple[str, str]]:
    """Modules of kernels, each with a name that a file takes from it."""
    text = path.read_text()
    if "lmssim.kernels" not in text:
        return set()
    nodes, modules, found = list(ast.walk(ast.parse(text))), dict[str, str](), set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lmssim.kernels"):
            found |= {(node.module or "", each.name) for each in node.names}
            modules |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            found.add((modules[node.value.id], node.attr))
    return found
