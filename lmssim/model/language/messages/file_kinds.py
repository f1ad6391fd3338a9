"""What a TOML file is of, told by its keys: whoever gives a trial's design to `lmssim run` reads what to do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class FileKind(NamedTuple):
    """A kind of file."""

    what: str
    command: str
    """That reads it."""
    keys: frozenset[str]
    """That together only such a file has."""


KINDS = (
    FileKind("a scenario", "lmssim run", frozenset({"schema_version", "name"})),
    FileKind("the design of a trial on virtual patients", "lmssim trial run", frozenset({"arms", "trial"})),
    FileKind("the plan of a trial", "lmssim trial design --file", frozenset({"trial", "endpoint"})),
    FileKind("a calibration", "lmssim calibrate", frozenset({"scenario", "free", "studies"})),
    FileKind("a budget", "lmssim agency --budget", frozenset({"incidence", "uptake"})),
    FileKind("a proposed study", "lmssim voi --study", frozenset({"data", "conduct"})),
    FileKind("a sweep", "lmssim sweep", frozenset({"scenario", "vary"})),
)


def other_kind(keys: Iterable[str], known: Iterable[str]) -> str:
    """Which other kind of file has these keys, in words for a message; blank if none is told.

    Parameters
    ----------
    keys : iterable of str
        Keys of the file, at the top.
    known : iterable of str
        Keys that the kind of file may have that is wanted.
    """
    there, wanted = set(keys), set(known)
    for kind in KINDS:
        if kind.keys <= there and not kind.keys <= wanted:
            return f"is {kind.what}, which `{kind.command}` reads."
    return ""
