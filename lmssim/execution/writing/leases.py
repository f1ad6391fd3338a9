"""Leases: one of several processes holds a name for as long as it shows signs of life, and no longer.

A lease is a file that names its owner. Its owner touches it now and then; a lease whose owner has ended, or that
nobody has touched for long, is expired, and the next who asks takes it. Time is that of the file system, so clocks of
several machines need not agree.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from lmssim.execution.writing.owners import Owner, this_process

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

SECONDS = 120.0
"""How long a lease that nobody touches is held against others, where they cannot see whether its owner runs."""
TOUCHES = 6
"""How often in this time its owner touches it."""
CUT_SECONDS = 5.0
"""The same of a lease that does not say who holds it: its owner was ended while taking it."""
PROGRAM = "lmssim"


class Lease:
    """A name held against other processes, and threads, from `take` until `release`.

    Parameters
    ----------
    path : Path
        File of the lease, in a folder that is there.
    seconds : float
        After so long without a sign of life it expires.

    Attributes
    ----------
    token : str
        What tells this holding from others.
    """

    def __init__(self, path: Path, seconds: float = SECONDS) -> None:
        self.path, self.seconds, self.token = path, seconds, secrets.token_hex(8)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> bool:
        """Take the lease; False if somebody else holds it.

        Raises
        ------
        OSError
            If the system refuses the file.
        """
        self._remove_expired()
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        document = {"program": PROGRAM, "token": self.token, **this_process().document()}
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file)
        except OSError:
            self.path.unlink(missing_ok=True)
            raise
        self._thread = threading.Thread(target=self._keep, name="lmssim-lease", daemon=True)
        self._thread.start()
        return True

    def release(self) -> None:
        """Give the lease back, if it is still held."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
        if self.is_held:
            with suppress(OSError):
                self.path.unlink()

    @property
    def is_held(self) -> bool:
        """Whether the lease is this one's; it is not if it was taken for dead."""
        return token_in(self.path) == self.token

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _keep(self) -> None:
        while not self._stop.wait(self.seconds / TOUCHES):
            with suppress(OSError):
                os.utime(self.path)

    def _remove_expired(self) -> None:
        """Remove an expired lease; of several processes that see it, the one that can rename it."""
        seen = token_in(self.path)
        if seen is None or not self._is_expired():
            return
        aside = self.path.with_name(f"{self.path.name}.{self.token}")
        try:
            self.path.rename(aside)
        except OSError:
            return
        if token_in(aside) != seen:  # somebody has taken it since: give it back
            with suppress(OSError):
                os.link(aside, self.path)
        with suppress(OSError):
            aside.unlink()

    def _is_expired(self) -> bool:
        owner = owner_in(self.path)
        if owner is not None and owner.is_gone:
            return True
        if owner is not None and owner.is_local:
            return False
        return _idle(self.path, self.token) > (min(CUT_SECONDS, self.seconds) if owner is None else self.seconds)


def owner_in(path: Path) -> Owner | None:
    """Who holds a lease; None if the file does not say."""
    return Owner.of(_document(path))


def token_in(path: Path) -> str | None:
    """What tells one holding of a lease from another; None if there is no such file, empty if it is cut short."""
    document = _document(path)
    return None if document is None else str(document.get("token", ""))


def _document(path: Path) -> dict[str, object] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def is_lease(path: Path) -> bool:
    """Whether a file is a lease of this program's, also one that was cut short."""
    document = _document(path)
    return document is not None and (document.get("program") == PROGRAM or not path.stat().st_size)


def _idle(path: Path, token: str) -> float:
    """Seconds since a file was touched, by the clock of its file system."""
    probe = path.with_name(f"{path.name}.{token}.now")
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except OSError:
        return 0.0
    finally:
        with suppress(OSError):
            probe.unlink()
