"""Writing results so that a file is either whole or absent, whatever happens in between.

Each file is written under a temporary name in its own folder, then moved into place; in a result folder it is recorded
before. An error of the system (no space, no permission) becomes one message that names the file; files written before
it stay.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import math
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lmssim.errors import OutputError
from lmssim.execution.writing import interruption
from lmssim.execution.writing.guards import guard_of
from lmssim.execution.writing.owners import is_running
from lmssim.text import csv_cell, json_escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

TEMPORARY = ".lmssim-part"
"""End of the names of files being written where no result folder gives them names."""
REASONS = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EFBIG: "the file would be larger than the system allows",
    errno.EROFS: "the disk is read-only",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EEXIST: "a file stands where a folder is needed",
    errno.EISDIR: "a folder of this name is in the way",
    errno.ENAMETOOLONG: "the name is too long",
}


def refusal(path: Path, error: OSError) -> OutputError:
    """Error for a path that cannot be written, in plain words."""
    return OutputError(f"{path}: cannot be written: {REASONS.get(error.errno or 0, error.strerror or str(error))}.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Temporary path to write to, moved onto `path` at the end; removed if anything goes wrong.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    interruption.check()
    guard = guard_of(path)
    part = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}") if guard is None else guard.admit(path)
    _open_parts.add(part)
    try:
        yield part
        if guard is not None:
            guard.record(path, part)
        part.replace(path)
    except OSError as error:
        raise refusal(path, error) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        _open_parts.discard(part)


_open_parts: set[Path] = set()
"""Files being written."""


@interruption.before_the_end
def _remove_open_parts() -> None:
    for part in list(_open_parts):
        part.unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove files that a process of this machine was writing below a folder when it was killed."""
    for path in folder.rglob(f".*{TEMPORARY}"):
        pid = path.name.removesuffix(TEMPORARY).rpartition(".")[2]
        if pid.isdigit() and not is_running(int(pid)) and not path.is_symlink():
            remove(path)


def make_parents(path: Path) -> None:
    """Make the folder of a file.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(path.parent, error) from None


def make_folder(folder: Path) -> Path:
    """Make a folder and see that files can be written to it, before hours are spent on what goes there.

    Raises
    ------
    OutputError
        If the system refuses either.
    """
    make_parents(folder / "any")
    trial = folder / f".{os.getpid()}{TEMPORARY}"
    try:
        trial.write_bytes(b"")
        trial.unlink()
    except OSError as error:
        raise refusal(folder, error) from None
    return folder


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    guard = guard_of(path)
    try:
        if guard is not None:
            guard.begin()
        path.unlink(missing_ok=True)
    except OSError as error:
        raise refusal(path, error) from None


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file."""
    with replacing(path) as part:
        part.write_bytes(content)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text with its line ends as they are."""
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> Path:
    """Write JSON with sorted keys; a number that is not finite becomes null."""
    return write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """JSON with sorted keys; a number that is not finite becomes null."""
    text = json.dumps(_plain(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return json_escaped(text) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, (bool, int, float, str)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def hash_of(path: Path) -> str:
    """SHA-256 of a file; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


# === Tables ===


def write_csv(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table as CSV: floats with all their bits, blanks for what is missing."""
    return _write_csv(path, list(frame.columns), zip(*(_cells(frame[c].tolist()) for c in frame.columns), strict=True))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Write rows as CSV."""
    return _write_csv(path, columns, ([_cell(value) for value in row] for row in rows))


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | float]]) -> Path:
    """Write rows whose texts are cells already; of floats, `csv` writes all bits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([csv_cell(column) for column in columns])
    writer.writerows(rows)
    return write_text(path, text.getvalue())


def _cells(values: list[Any]) -> list[str | float]:
    """`_cell` of every value of a column, each text once; numbers stay numbers."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return values
    if kinds == {float}:
        return [value if value == value else "" for value in values]  # noqa: PLR0124  # NaN alone is not itself
    if kinds == {str}:
        cells = {text: csv_cell(text) for text in set(values)}
        return [cells[text] for text in values]
    return [_cell(value) for value in values]


def records(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Rows of a table as plain Python values."""
    return zip(*(frame[column].tolist() for column in frame.columns), strict=True)


def objects(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries, for JSON."""
    return [dict(zip(frame.columns, row, strict=True)) for row in records(frame)]


def _cell(value: Any) -> str:
    """Shortest text that reads back as the same value; a spreadsheet computes nothing from it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else csv_cell(str(value))


@contextmanager
def write_parquet_stream(path: Path, schema: pa.Schema) -> Iterator[ParquetWriter]:
    """Parquet writer for a table that comes in pieces, each one row group."""
    import pyarrow.parquet as pq

    with replacing(path) as part:
        writer = pq.ParquetWriter(part, schema, compression="zstd")
        try:
            yield writer
        finally:
            writer.close()
