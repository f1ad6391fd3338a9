"""The one set of compilation options: cached on disk, releasing the GIL, IEEE arithmetic (no fastmath)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba
from numba import types
from numba.extending import intrinsic

import lmssim.kernels as _kernels  # the cache folder is set on import of the package

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")
CACHE_DIR = _kernels.CACHE_DIR


def jit(function: F) -> F:
    """Compile `function` in nopython mode; the bits do not depend on the caller or on the thread.

    That it is not inlined by force is said outright: numba would take that over from the first caller.
    """
    compiled: F = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy", forceinline=False)(function)
    return compiled


def inline(function: F) -> F:
    """As `jit`, for the one-idea pieces that a kernel is built of: always inlined by LLVM."""
    compiled: F = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy", forceinline=True)(function)
    return compiled


def inner(function: F) -> F:
    """As `inline`, for pieces that kernels alone call: Python must not.

    They are compiled without the wrappers for other callers, each of which would hold the whole piece once more.
    """
    apart: dict[str, Any] = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: F = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy", **apart)(function)
    return compiled


def borrow(function: F) -> F:
    """As `jit`, for functions that take many arrays and make none: they borrow them, no references are counted.

    Kernels alone call them, so they are compiled without the wrappers that Python would call, and once for any number:
    numba would compile a function anew for each literal that it is called with.
    """
    apart: dict[str, Any] = {"forceinline": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
    compiled: Any = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy", **apart)(function)
    resolve = compiled.get_call_template

    def of_any_number(args: Any, keywords: Any) -> Any:
        return resolve([types.unliteral(a) for a in args], keywords)

    compiled.get_call_template = of_any_number
    borrowing: F = compiled
    return borrowing


def paste(function: F) -> F:
    """As `borrow`, for long functions with one caller: numba writes them into it, they are not compiled on their own.

    A compiled function holds all that it calls, so that each level of calls compiles what is below once more.
    """
    within: dict[str, Any] = {"inline": "always", "_nrt": False}
    written: F = numba.njit(nogil=True, fastmath=False, error_model="numpy", **within)(function)
    return written


@intrinsic  # type: ignore[untyped-decorator]
def keep_apart(_context: Any) -> Any:
    """Say, within a kernel, that LLVM shall call it and never copy it into its callers.

    Rare and long pieces stay out of the way of the hot loops, and are compiled once.
    """

    def codegen(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), codegen
