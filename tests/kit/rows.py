"""A published figure as a likelihood reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.studies.calibration.rows import Row

if TYPE_CHECKING:
    from lmssim.model.language.schema import SeriesRow


def target_row(reading: SeriesRow, n: float, target: str = "a", study: str = "one", share: float = 0.5) -> Row:
    """A figure of n patients of a study of its own, fitted, of the family of metastasis."""
    return Row(
        target=target,
        study=study,
        cohort_id=study,
        series="s",
        family="metastasis",
        role="fit",
        held_out=False,
        reading=reading,
        share=share,
        n=float(n),
        is_effective=False,
        within="",
        reason="",
    )
