"""Numeric floor: numba kernels over plain arrays, knowing nothing of the objects above them.

Compiled code is kept on disk, in a user cache folder named by a hash of this folder's sources: numba itself looks
only at the file of a calling function, so an edited callee elsewhere would otherwise go on running its old code.
The folder must be set before any kernel is defined, which is why it happens on import of this package.
"""

from __future__ import annotations

import hashlib
import os
import sys
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


def _user_cache() -> Path:
    if "LMSSIM_CACHE" in os.environ:
        return Path(os.environ["LMSSIM_CACHE"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lmssim"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "lmssim"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "lmssim"


CACHE_DIR = _user_cache() / "kernels" / _source_hash()
numba.config.CACHE_DIR = str(CACHE_DIR)
