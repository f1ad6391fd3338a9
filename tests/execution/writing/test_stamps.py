"""A picture is known again, and no other is taken for it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from lmssim.execution.writing.stamps import is_stamped, stamped

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_picture_is_known_to_the_last_bit(kind: str, tmp_path: Path) -> None:
    """It still shows what it showed; without its stamp, or changed anywhere, it is somebody else's."""
    content = BytesIO()
    Figure(figsize=(1, 1)).savefig(content, format=kind)
    plain = content.getvalue()
    written = stamped(plain)
    assert is_stamped(written)
    for other in (plain, written + b" ", written[:-1], written.replace(b"s", b"z", 1), b"", b"mine"):
        assert not is_stamped(other)
    if kind == "png":
        (tmp_path / "a.png").write_bytes(written)
        assert np.array_equal(matplotlib.image.imread(tmp_path / "a.png"), matplotlib.image.imread(BytesIO(plain)))
