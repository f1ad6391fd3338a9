"""What the installed package is, so that results of other code, or with other packages, are not taken for its own.

The hash is of the files as they are installed, so that it is the same wherever the same release runs, and tells a
changed file whatever version control says.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from lmssim.version import __version__

NO_NUMBERS = ("cli", "report")
"""Folders of the package that no number depends on: commands, and how results are shown."""
THAT_COMPUTE = ("llvmlite", "numba", "numpy", "pandas", "scipy", "simpy")
"""Packages whose version can change a number."""


class Code(NamedTuple):
    """Code that makes results."""

    digest: str
    """SHA-256 of the package's files and of the versions of the packages that it computes with."""
    name: str
    """For people."""


@cache
def installed() -> Code:
    """The code that runs."""
    found = hashlib.sha256()
    versions = {name: metadata.version(name) for name in THAT_COMPUTE}
    found.update(repr(sorted(versions.items())).encode())
    top = Path(__file__).parents[2]
    for path in sorted(top.rglob("*.py")):
        name = path.relative_to(top)
        if name.parts[0] not in NO_NUMBERS:
            found.update(name.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    digest = found.hexdigest()
    return Code(digest, f"lmssim {__version__} ({digest[:8]}), numpy {versions['numpy']}, numba {versions['numba']}")
