"""Histories: who was where, when, and why it ended; the pivot between engines and all that is read from lives.

Engines write the histories of a block of patients into arrays that are used again for the next block (`Histories`).
`rows_of` turns them into rows, one a stay and one an event record, which last: whatever reads single lives reads these.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lmssim.kernels.layout import ROW_ATTRIBUTES, ROW_ENTERED, ROW_LEFT, ROW_STATE, ROW_WHY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray, IntArray


@dataclass(frozen=True)
class Histories:
    """Stays and event records of a block of patients, under the strategies that they meet.

    Attributes
    ----------
    starts : ndarray(int, ndim=2)
        (n_paths + 1, 2): first row and first mark of each path; path = patient in the block x n_arms + arm.
    rows : ndarray(int, ndim=2)
        (n_rows, 3): state, why it was left (a transition, or negative), attributes on entry.
    times : ndarray(float, ndim=2)
        (n_rows, 2): entered, left (years).
    marks : ndarray(int, ndim=1)
        Codes of events within lives.
    mark_times : ndarray(float, ndim=1)
        Their times (years).
    """

    starts: IntArray
    rows: IntArray
    times: FloatArray
    marks: IntArray
    mark_times: FloatArray

    @property
    def arrays(self) -> tuple[IntArray, IntArray, FloatArray, IntArray, FloatArray]:
        """What kernels take."""
        return self.starts, self.rows, self.times, self.marks, self.mark_times

    def life(self, path: int) -> tuple[IntArray, FloatArray]:
        """What happened on a path, and when: states, reasons, attributes and marks; times of the same."""
        (row, mark), (last_row, last_mark) = self.starts[path], self.starts[path + 1]
        what = np.concatenate([self.rows[row:last_row].ravel(), self.marks[mark:last_mark]])
        return what, np.concatenate([self.times[row:last_row].ravel(), self.mark_times[mark:last_mark]])


def new_histories(n_paths: int, n_rows: int, n_marks: int) -> Histories:
    """Histories with room for some paths, stays and marks, all zero."""
    return Histories(
        np.zeros((n_paths + 1, 2), dtype=np.int64),
        np.zeros((n_rows, 3), dtype=np.int64),
        np.zeros((n_rows, 2)),
        np.zeros(n_marks, dtype=np.int64),
        np.zeros(n_marks),
    )


def compare_histories(a: Histories, b: Histories, n_paths: int) -> tuple[int, float]:
    """Number of lives that differ in anything, and the largest difference of times (years) where the same happened."""
    differing, largest = 0, 0.0
    for path in range(n_paths):
        (what_a, when_a), (what_b, when_b) = a.life(path), b.life(path)
        same = np.array_equal(what_a, what_b) and len(when_a) == len(when_b)
        differing += not (same and np.array_equal(when_a, when_b))
        if same:
            largest = max(largest, float(np.abs(when_a - when_b).max()))
    return differing, largest


# === Rows ===


@dataclass(frozen=True)
class Stays:
    """One element a stay, in order of patient, strategy and time.

    Attributes
    ----------
    patient, strategy : ndarray(int, ndim=1)
        Whose: position of the patient among those followed, and of the strategy in the program.
    state, why, attributes : ndarray(int, ndim=1)
        Flat state; the transition that ended the stay, or a negative reason; attributes on entry.
    entered, left : ndarray(float, ndim=1)
        Times (years).
    """

    patient: IntArray
    strategy: IntArray
    state: IntArray
    why: IntArray
    attributes: IntArray
    entered: FloatArray
    left: FloatArray


@dataclass(frozen=True)
class Records:
    """One element an event within a life, in order of patient, strategy and time.

    Attributes
    ----------
    patient, strategy, event : ndarray(int, ndim=1)
        Whose, as in `Stays`, and the event's code.
    time : ndarray(float, ndim=1)
        Years.
    """

    patient: IntArray
    strategy: IntArray
    event: IntArray
    time: FloatArray


def rows_of(h: Histories, n: int, strategies: IntArray, first: int = 0) -> tuple[Stays, Records]:
    """Stays and event records of a block.

    Parameters
    ----------
    n : int
        Patients of the block.
    strategies : ndarray(int, ndim=2)
        (n_patients or 1, n_arms): strategies that each patient meets.
    first : int
        Position of the first patient.
    """
    n_arms = strategies.shape[1]
    met = np.broadcast_to(strategies, (n, n_arms)).ravel()
    (stay_path, stay), (record_path, record) = (_paths(h.starts[: n * n_arms + 1, column]) for column in (0, 1))
    rows, times = h.rows[stay], h.times[stay]
    stays = Stays(
        first + stay_path // n_arms,
        met[stay_path],
        rows[:, ROW_STATE].copy(),
        rows[:, ROW_WHY].copy(),
        rows[:, ROW_ATTRIBUTES].copy(),
        times[:, ROW_ENTERED].copy(),
        times[:, ROW_LEFT].copy(),
    )
    records = Records(
        first + record_path // n_arms, met[record_path], h.marks[record].copy(), h.mark_times[record].copy()
    )
    return stays, records


def _paths(starts: IntArray) -> tuple[IntArray, slice]:
    """Path of each row, and where the rows stand, from where each path's rows start."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts)), slice(int(starts[0]), int(starts[-1]))


Rows = TypeVar("Rows", Stays, Records)


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows of several blocks, one after another."""
    kind = type(parts[0])
    return kind(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(kind)))
