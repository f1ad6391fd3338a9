"""A folder in a folder of results that several processes fill together, and how its files are known as lmssim's own.

A file of rows is named by the SHA-256 of its content, so that it is never another's, is written once whoever makes it,
and shows by itself whether it is whole. Leases and files being written stand beside. No list of files is kept, which
many writers would have to share.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHARED = "cells"
"""Name of the folder."""
NAMED = re.compile(r"(?:[a-z]+-)?([0-9a-f]{64})\.parquet")
LEASE = re.compile(r"[0-9a-z-]+\.lease(?:\.[0-9a-f]{16}(?:\.now)?)?")
PART = re.compile(r"\..*\.lmssim-part", re.DOTALL)


def digest_in(name: str) -> str | None:
    """SHA-256 that a name says its file has; None if it is the name of none."""
    found = NAMED.fullmatch(name)
    return None if found is None else found[1]


def strangers_in(folder: Path) -> Iterator[str]:
    """Names of what stands in such a folder and is not lmssim's own, in order."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        own = any(pattern.fullmatch(entry.name) for pattern in (NAMED, LEASE, PART))
        if not (own and entry.is_file(follow_symlinks=False)):
            yield entry.name
