"""Numeric floor: numba kernels over plain arrays, knowing nothing of the objects above them.

Compiled code is kept on disk, in a user cache folder named by a hash of this folder's sources: numba itself looks
only at the file of a calling function, so an edited callee elsewhere would otherwise go on running its old code.
The folder must be set before any kernel is defined, which is why it happens on import of this package. Where no such
folder can be written, one of this process serves, in which kernels are compiled again by every run.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numba
import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]
CountArray = np.ndarray[Any, np.dtype[Any]]
"""Integers where lives are counted, probabilities where none are lived."""


def _source_hash() -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]}{numba.__version__}".encode())
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


CACHE = "LMSSIM_CACHE"
"""Environment variable that names the folder, which workers of a process share."""


class CacheWarning(UserWarning):
    """Compiled code cannot be kept."""


def _user_cache() -> Path:
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lmssim"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "lmssim"
    stated = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (stated if stated.is_absolute() else Path.home() / ".cache") / "lmssim"


def _cache_folder() -> Path:
    """Folder for compiled code, which can be written; numba's own choice, beside the sources, would go stale."""
    try:
        folder = _user_cache() / "kernels" / _source_hash()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError) as error:  # Path.home() raises RuntimeError
        made = tempfile.mkdtemp(prefix="lmssim-")
        atexit.register(shutil.rmtree, made, ignore_errors=True)
        os.environ[CACHE] = made
        warnings.warn(
            f"compiled code cannot be kept ({error}), so every run compiles it again, for a minute or more; name a "
            f"folder that can be written in {CACHE}.",
            CacheWarning,
            stacklevel=2,
        )
        folder = Path(made) / "kernels" / _source_hash()
        folder.mkdir(parents=True)
        return folder


CACHE_DIR = _cache_folder()
numba.config.CACHE_DIR = str(CACHE_DIR)
