"""Raw pointers to array data, for the inner kernels.

numba counts references to every array a function touches; in code made of many small functions over a dozen arrays
this costs ten times the arithmetic. The outermost kernels keep the arrays alive and hand their data down as typed
pointers, which are indexed like one-dimensional arrays and never counted. Bounds are not checked, as in numba's arrays.

Each load and store tells LLVM which kind of memory it reaches, so that a number already read is not read again after
every write: what a `constant` pointer reaches never changes while a kernel runs; scratch, histories and results are
apart from each other, and so are integers and floats.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.datamodel.models import PointerModel
from numba.extending import intrinsic, lower_builtin, register_model

CONSTANT = "constant"
"""Kind of memory that nothing writes while a kernel runs."""


class TypedPointer(types.CPointer):
    """numba type of a pointer to `dtype` in one kind of memory."""

    def __init__(self, dtype: Any, kind: str) -> None:
        super().__init__(dtype)
        self.kind = kind
        self.name = f"{kind} {dtype}*"

    @property
    def key(self) -> Any:
        """What makes two types equal."""
        return self.dtype, self.kind


register_model(TypedPointer)(PointerModel)


def _describe(module: Any, instruction: Any, pointer: TypedPointer) -> None:
    """Mark a load or store with its kind of memory: LLVM's type-based alias analysis."""
    root = module.add_metadata(["lmssim"])
    kind = module.add_metadata([pointer.name, root])
    instruction.set_metadata("tbaa", module.add_metadata([kind, kind, ir.Constant(ir.IntType(64), 0)]))
    if pointer.kind == CONSTANT:
        instruction.set_metadata("invariant.load", module.add_metadata([]))


@lower_builtin(operator.getitem, TypedPointer, types.Integer)  # type: ignore[untyped-decorator]
def _load(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
    loaded = builder.load(builder.gep(args[0], [args[1]], inbounds=True))
    _describe(builder.module, loaded, signature.args[0])
    return loaded


@lower_builtin(operator.setitem, TypedPointer, types.Integer, types.Any)  # type: ignore[untyped-decorator]
def _store(_context: Any, builder: Any, signature: Any, args: Any) -> None:
    stored = builder.store(args[2], builder.gep(args[0], [args[1]], inbounds=True))
    _describe(builder.module, stored, signature.args[0])


def _address_of(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return context.make_array(signature.args[0])(context, builder, args[0]).data


@intrinsic  # type: ignore[untyped-decorator]
def constant(_context: Any, array: Any) -> Any:
    """Pointer to the first element of a C-contiguous array that nothing writes while the kernel runs."""
    return TypedPointer(array.dtype, CONSTANT)(array), _address_of


@intrinsic  # type: ignore[untyped-decorator]
def scratch(_context: Any, array: Any) -> Any:
    """Pointer to what a worker notes for itself."""
    return TypedPointer(array.dtype, "scratch")(array), _address_of


@intrinsic  # type: ignore[untyped-decorator]
def history(_context: Any, array: Any) -> Any:
    """Pointer to the stays and marks of a block."""
    return TypedPointer(array.dtype, "history")(array), _address_of


@intrinsic  # type: ignore[untyped-decorator]
def result(_context: Any, array: Any) -> Any:
    """Pointer to sums and counts that are added to."""
    return TypedPointer(array.dtype, "result")(array), _address_of


@intrinsic  # type: ignore[untyped-decorator]
def advance(_context: Any, base: Any, n: Any) -> Any:
    """Pointer `n` elements further on."""
    signature = base(base, types.intp)

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return signature, codegen
