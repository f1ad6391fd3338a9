"""The package's own names: sorted, lazy, and each what it says."""

from __future__ import annotations

import subprocess
import sys

import pytest

import lmssim


def test_all_is_sorted_and_whole() -> None:
    """Every name is there, and `dir` offers it."""
    assert lmssim.__all__ == sorted(lmssim.__all__)
    for name in lmssim.__all__:
        assert getattr(lmssim, name) is not None
        assert name in dir(lmssim)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As in any module."""
    with pytest.raises(AttributeError, match="evaluat"):
        _ = lmssim.evaluat


@pytest.mark.parametrize(
    "code",
    [
        "import lmssim; assert 'numba' not in sys.modules; assert callable(lmssim.evaluate)",
        "import lmssim; lmssim.Evaluation; assert callable(lmssim.evaluate)",
        "import lmssim.evaluation; import lmssim; assert callable(lmssim.evaluate)",
        "from lmssim.evaluation import Evaluation; from lmssim import evaluate; assert callable(evaluate)",
    ],
)
def test_evaluate_is_the_function_however_it_is_reached(code: str) -> None:
    """Also when the module of the same name was imported before."""
    subprocess.run([sys.executable, "-c", f"import sys; {code}"], check=True)
