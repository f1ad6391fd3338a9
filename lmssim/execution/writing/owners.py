"""Who holds something: a process by its number, host and start, so that others can tell whether it still runs."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

BOOT = Path("/proc/sys/kernel/random/boot_id")
STARTED = 19
"""Field of /proc/PID/stat, after the name in brackets, that says when a process was started."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process."""

    pid: int
    """Its number."""
    host: str
    """Name of the machine, or of the container."""
    boot: str
    """What the kernel calls its present run; empty where it does not say."""
    begun: str
    """When the process was started, in the kernel's ticks; empty where it does not say."""
    since: str
    """When it took hold, for people."""

    @classmethod
    def of(cls, document: Any) -> Self | None:
        """From what JSON holds; None if that is something else."""
        try:
            texts = {name: str(document[name]) for name in ("host", "boot", "begun", "since")}
            return cls(pid=int(document["pid"]), **texts)
        except (KeyError, TypeError, ValueError):
            return None

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @property
    def is_local(self) -> bool:
        """Whether it runs, or ran, under the same kernel and name as this process."""
        return self.host == _host()

    @property
    def is_gone(self) -> bool:
        """Whether it has certainly ended: of a process on another machine nobody here knows."""
        if not self.is_local:
            return False
        return self.boot != _boot() or not is_running(self.pid) or self.begun != _begun(self.pid)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def this_process() -> Owner:
    """The calling process."""
    pid, now = os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S")
    return Owner(pid=pid, host=_host(), boot=_boot(), begun=_begun(pid), since=now)


def _host() -> str:
    return platform.node() or "localhost"


@cache
def _boot() -> str:
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    """Whether this machine has a process of a number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _begun(pid: int) -> str:
    """Start of a process: another process that later has its number has another start."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[STARTED]
        )
    except (OSError, IndexError):
        return ""
