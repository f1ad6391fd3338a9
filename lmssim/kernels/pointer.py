"""Raw pointers to array data, for the inner kernels.

numba counts references to every array a function touches; in code made of many small functions over a dozen arrays
this costs ten times the arithmetic. The outermost kernels keep the arrays alive and hand their data down as typed
pointers, which are indexed like one-dimensional arrays and never counted. There is no bounds check, as in numba's arrays.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def pointer(_context: Any, array: Any) -> Any:
    """Pointer to the first element of a C-contiguous array."""
    signature = types.CPointer(array.dtype)(array)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return signature, codegen


@intrinsic  # type: ignore[untyped-decorator]
def advance(_context: Any, base: Any, n: Any) -> Any:
    """Pointer `n` elements further on."""
    signature = base(base, types.intp)

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return signature, codegen
