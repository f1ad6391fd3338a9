"""How much memory a run may still take: what is free on the machine, or in the process's control group if less."""

from __future__ import annotations

import os
from pathlib import Path

MEMINFO, GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
AVAILABLE, KIB = "MemAvailable:", 1024
ASSUMED = 4 << 30
"""Bytes, where the system does not say."""


def available_memory() -> int:
    """Bytes that new arrays can take without harm to what runs already."""
    group = _group()
    free = _of_machine()
    return free if group is None else min(free, group)


def _of_machine() -> int:
    """Bytes that the system calls available; else all that there are, or `ASSUMED`."""
    try:
        lines = MEMINFO.read_text().splitlines()
        return next(int(line.split()[1]) * KIB for line in lines if line.startswith(AVAILABLE))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return ASSUMED


def _group() -> int | None:
    """Bytes that are left to the control group (version 2), if it has a limit."""
    try:
        most, used = (GROUP / "memory.max").read_text().strip(), (GROUP / "memory.current").read_text()
        return None if most == "max" else max(int(most) - int(used), 0)
    except (OSError, ValueError):
        return None
