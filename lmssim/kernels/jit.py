"""The one set of compilation options: cached on disk, releasing the GIL, IEEE arithmetic (no fastmath)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba

import lmssim.kernels as _kernels  # the cache folder is set on import of the package

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")
CACHE_DIR = _kernels.CACHE_DIR


def jit(function: F) -> F:
    """Compile `function` in nopython mode; the bits do not depend on the caller or on the thread."""
    compiled: F = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function)
    return compiled


def inline(function: F) -> F:
    """As `jit`, for the one-idea pieces that a kernel is built of: always inlined by LLVM."""
    compiled: F = numba.njit(
        cache=True, nogil=True, fastmath=False, error_model="numpy", forceinline=True
    )(function)
    return compiled
