"""Rows that several processes make together, in Parquet files of a folder, each row known by what it was made from.

A row carries a `key`, the hash of all that it reads, and a `part`: rows of one key differ in it (the strategy, say).
Files come and go whole; whoever looks sees the rows of those that are there. A row is right whoever made it, so that
two files with the same row do no harm. A file that was cut short or altered is told by its name, and its rows are made
again.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from lmssim.execution import store
from lmssim.execution.checkpoint import DamagedPartWarning
from lmssim.execution.shared.code import installed
from lmssim.execution.writing.guards import guarding
from lmssim.execution.writing.leases import SECONDS, Lease, owner_in
from lmssim.execution.writing.owners import is_running
from lmssim.execution.writing.sharing import digest_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lmssim.execution.writing.owners import Owner

KEY, PART, ERROR = "key", "part", "error"
"""Columns that every table of rows has; `error` is null of a row that was made."""
PLAN, ROWS = "plan", ""
"""Beginnings of the names of files: what is wanted, and rows."""
CODE, NAME = b"lmssim.code", b"lmssim.name"
"""Entries of a file's metadata: by which code its rows were made."""
Row = tuple[str, str]
"""Key and part of a row."""


class Unguarded:
    """The guard over a shared folder: names are content, so nothing need be asked or noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def admit(self, path: Path) -> Path:
        """Temporary name."""
        return path.with_name(f".{path.name}.{_host()}.{os.getpid()}{store.TEMPORARY}")

    def record(self, path: Path, part: Path) -> None:
        """Note nothing."""

    def keep(self, path: Path) -> None:
        """Note nothing."""

    def begin(self) -> Path:
        """The folder."""
        return self.folder


class SharedTables:
    """Tables of rows in a folder.

    Parameters
    ----------
    folder : Path
        Where; `opened` makes it.
    seconds : float
        How long the lease of a process of another machine holds after its last sign of life.

    Attributes
    ----------
    done : set of (str, str)
        Rows that were made, as of the last look.
    failed : set of (str, str)
        Rows that could not be made, by anybody, since the first look.
    """

    def __init__(self, folder: Path, seconds: float = SECONDS) -> None:
        self.folder, self.seconds = folder, seconds
        self.done: set[Row] = set()
        self.failed: set[Row] = set()
        self.others: dict[str, int] = {}
        """Rows made by other code, by its name."""
        self._seen: set[str] = set()
        self._first = True

    def opened(self) -> AbstractContextManager[None]:
        """Make the folder, clear what killed processes left, and write to it until the context ends.

        Raises
        ------
        OutputError
            If it cannot be written to.
        """
        store.make_folder(self.folder)
        self._remove_abandoned()
        return guarding(self.folder, Unguarded(self.folder))

    def _remove_abandoned(self) -> None:
        """Remove leases and half-written files of processes of this machine that have ended."""
        for path in self.folder.glob("*.lease"):
            owner = owner_in(path)
            if owner is not None and owner.is_gone:
                store.remove(path)
        for path in self.folder.glob(f".*.{_host()}.*{store.TEMPORARY}"):
            pid = path.name.removesuffix(store.TEMPORARY).rpartition(".")[2]
            if pid.isdigit() and not is_running(int(pid)):
                store.remove(path)

    # === Rows ===

    def look(self) -> None:
        """Take account of files that have come since the last look.

        Warns
        -----
        DamagedPartWarning
            Of a file that is not what its name says.
        """
        for path in self._files(ROWS):
            if path.name in self._seen:
                continue
            self._seen.add(path.name)
            content = _content(path)
            if content is not None:
                self._count(content)
        self._first = False

    def _count(self, content: bytes) -> None:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            made_by = file.schema_arrow.metadata or {}
            table = file.read(columns=[KEY, PART, ERROR])
        if made_by.get(CODE, b"").decode() != installed().digest:
            name = made_by.get(NAME, b"another program").decode()
            self.others[name] = self.others.get(name, 0) + table.num_rows
            return
        made = table[ERROR].is_null().to_pylist()
        names = (map(sys.intern, table[name].to_pylist()) for name in (KEY, PART))  # rows share them with cells
        for row, is_made in zip(zip(*names, strict=True), made, strict=True):
            if is_made:
                self.done.add(row)
            elif not self._first:
                self.failed.add(row)

    def write(self, table: pa.Table) -> None:
        """Write rows, and count them.

        Parameters
        ----------
        table : pyarrow.Table
            With the columns `key`, `part` and `error`.

        Raises
        ------
        OutputError
            If the system refuses.
        """
        content = _bytes_of(_stamped(table))
        self._seen.add(self._write(content, ROWS).name)
        self._first = False
        self._count(content)

    def rows(self, wanted: Iterable[str]) -> pa.Table:
        """Rows of some keys, in order of key and part, each once; of a row that failed once and was made, that one.

        Columns that a file lacks are null in its rows.
        """
        import pyarrow.compute as pc

        keys = pa.array(sorted(set(wanted)), pa.string())
        found = []
        for content in self._contents():
            table = pq.read_table(pa.BufferReader(content))
            if (table.schema.metadata or {}).get(CODE, b"").decode() == installed().digest:
                table = table.filter(pc.is_in(table[KEY], keys))
                found.append(table.replace_schema_metadata(None))
        if not found:
            return pa.table({name: pa.array([], pa.string()) for name in (KEY, PART, ERROR)})
        table = pa.concat_tables(found, promote_options="permissive")
        table = table.append_column("_failed", pc.is_valid(table[ERROR]))
        order = pc.sort_indices(table, [(KEY, "ascending"), (PART, "ascending"), ("_failed", "ascending")])
        table = table.take(order).drop_columns(["_failed"])
        names = list(zip(table[KEY].to_pylist(), table[PART].to_pylist(), strict=True))
        return table.filter(pa.array([i == 0 or name != names[i - 1] for i, name in enumerate(names)], pa.bool_()))

    def _contents(self) -> Iterator[bytes]:
        """Every file of rows that is whole; read again if another process puts files together meanwhile."""
        while True:
            files = self._files(ROWS)
            contents = [_content(path, quiet=True) for path in files]
            if all(content is not None or path.is_file() for path, content in zip(files, contents, strict=True)):
                yield from (content for content in contents if content is not None)
                return

    def compact(self) -> None:
        """Put the rows of all files that this code made into one; remove those that it stands for, and damaged ones."""
        files = self._files(ROWS)
        ours = [path for path in files if _is_ours(path)]
        spent = [path for path in files if _content(path, quiet=True) is None]
        if len(ours) > 1:
            merged = self.rows({key for path in ours for key in _keys_of(path)})
            kept = self._write(_bytes_of(_stamped(merged)), ROWS)
            self._seen.add(kept.name)
            spent = [path for path in (*ours, *spent) if path != kept]
        for path in spent:
            store.remove(path)

    # === What is wanted ===

    def write_plan(self, table: pa.Table, document: Mapping[str, Any]) -> None:
        """Write what is wanted, and what it was made from, so that others can tell how far the work has come."""
        metadata = {b"lmssim": store.json_text(document).encode()}
        path = self._write(_bytes_of(table.replace_schema_metadata(metadata)), PLAN)
        path.touch()
        for other in self._files(PLAN):
            if other != path:
                store.remove(other)

    def plan(self) -> tuple[pa.Table, dict[str, Any]] | None:
        """What was wanted last; None if nothing is told."""
        import json

        for path in sorted(self._files(PLAN), key=_modified, reverse=True):
            content = _content(path, quiet=True)
            if content is not None:
                table = pq.read_table(pa.BufferReader(content))
                return table, json.loads(table.schema.metadata[b"lmssim"])
        return None

    # === Who does what ===

    def lease(self, name: str) -> Lease:
        """Lease of a piece of work."""
        return Lease(self.folder / f"{name}.lease", self.seconds)

    def owners(self) -> list[Owner]:
        """Processes that hold leases, each once."""
        found = {}
        for path in self.folder.glob("*.lease"):
            owner = owner_in(path)
            if owner is not None and not owner.is_gone:
                found[owner.host, owner.pid] = owner
        return sorted(found.values(), key=lambda owner: (owner.host, owner.pid))

    def times(self) -> list[tuple[float, int]]:
        """When each file of rows was written, in seconds, and how many rows it has; in order."""
        found = []
        for path in self._files(ROWS):
            content = _content(path, quiet=True)
            if content is not None:
                found.append((_modified(path), pq.read_metadata(pa.BufferReader(content)).num_rows))
        return sorted(found)

    # --- files ---

    def _files(self, kind: str) -> list[Path]:
        if not self.folder.is_dir():
            return []
        start = f"{kind}-" if kind else ""
        names = (path for path in self.folder.iterdir() if digest_in(path.name) is not None)
        return sorted(path for path in names if path.name.removesuffix(".parquet")[:-64] == start)

    def _write(self, content: bytes, kind: str) -> Path:
        start = f"{kind}-" if kind else ""
        path = self.folder / f"{start}{hashlib.sha256(content).hexdigest()}.parquet"
        return (
            path if path.is_file() and store.hash_of(path) == digest_in(path.name) else store.write_bytes(path, content)
        )


def _stamped(table: pa.Table) -> pa.Table:
    """A table that says by which code it was made."""
    code = installed()
    return table.replace_schema_metadata({CODE: code.digest.encode(), NAME: code.name.encode()})


def _bytes_of(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd")
    return content.getvalue()


def _content(path: Path, *, quiet: bool = False) -> bytes | None:
    """What is in a file; None if it has gone, or is not what its name says."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest() == digest_in(path.name):
        return content
    if not quiet:
        warnings.warn(f"{path}: damaged; what it held is made again.", DamagedPartWarning, stacklevel=4)
    return None


def _is_ours(path: Path) -> bool:
    """Whether a file is whole, and was made by the code that runs."""
    content = _content(path, quiet=True)
    if content is None:
        return False
    metadata = pq.read_schema(pa.BufferReader(content)).metadata or {}
    return bool(metadata.get(CODE, b"").decode() == installed().digest)


def _keys_of(path: Path) -> Iterator[str]:
    content = _content(path, quiet=True)
    if content is not None:
        yield from pq.read_table(pa.BufferReader(content), columns=[KEY])[KEY].to_pylist()


def _host() -> str:
    return platform.node() or "localhost"


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
