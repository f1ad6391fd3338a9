"""Values on their way to other processes: arrays arrive writable and C-contiguous, which is one type to numba."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np


class _Pickler(pickle.Pickler):
    """Pickles arrays as writable, C-contiguous ones, wherever they stand."""

    def reducer_override(self, value: Any) -> Any:
        """How to pickle an array that is not of this kind; everything else as ever."""
        if type(value) is np.ndarray and not (value.flags.writeable and value.flags.c_contiguous):
            return np.array(value, order="C").__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        return NotImplemented


def pickled(value: Any) -> bytes:
    """A value as bytes for another process of this user, which unpickles them."""
    content = io.BytesIO()
    _Pickler(content, pickle.HIGHEST_PROTOCOL).dump(value)
    return content.getvalue()
