"""Compiled code is kept where it can be written, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
