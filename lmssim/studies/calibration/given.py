"""Parameters that a calibration is given: the posterior of one that was done before, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray


def posterior_columns(path: Path) -> dict[str, FloatArray]:
    """Numeric columns of a posterior's table.

    Raises
    ------
    DataError
        If there is no such table, or it is not one of numbers.
    """
    import pandas as pd

    if not path.is_file():
        raise DataError(f"{path}: no such file; run `lmssim calibrate {path.stem}` and put its posterior there.")
    try:
        frame = pd.read_parquet(path)
        return {str(name): np.array(frame[name], dtype=np.float64) for name in frame.columns}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a Parquet table of numbers ({str(error).splitlines()[0]}).") from None
