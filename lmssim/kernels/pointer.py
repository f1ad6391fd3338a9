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
from numba.core import cgutils
from numba.core.datamodel.models import PointerModel, PrimitiveModel
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_builtin, register_model

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


# === Four numbers at once ===

FOUR = ir.VectorType(ir.DoubleType(), 4)


def _four(builder: Any, pointer: Any, index: Any) -> Any:
    """Address of four numbers from an index on."""
    return builder.bitcast(builder.gep(pointer, [index], inbounds=True), FOUR.as_pointer())


def _spread(builder: Any, number: Any) -> Any:
    """Four times the same number."""
    four = ir.Constant(FOUR, ir.Undefined)
    for k in range(4):
        four = builder.insert_element(four, number, ir.Constant(ir.IntType(32), k))
    return four


@intrinsic  # type: ignore[untyped-decorator]
def set_four(_context: Any, target: Any, i: Any, source: Any, j: Any, factor: Any) -> Any:
    """Set four numbers from `i` on to those from `j` on times a factor."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        read = builder.load(_four(builder, args[2], args[3]), align=8)
        builder.store(builder.fmul(_spread(builder, args[4]), read), _four(builder, args[0], args[1]), align=8)
        return _context.get_dummy_value()

    return types.none(target, types.intp, source, types.intp, types.float64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def add_four(_context: Any, target: Any, i: Any, source: Any, j: Any, factor: Any) -> Any:
    """Add to four numbers from `i` on those from `j` on times a factor."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        read = builder.fmul(_spread(builder, args[4]), builder.load(_four(builder, args[2], args[3]), align=8))
        at = _four(builder, args[0], args[1])
        builder.store(builder.fadd(builder.load(at, align=8), read), at, align=8)
        return _context.get_dummy_value()

    return types.none(target, types.intp, source, types.intp, types.float64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def sum_fours(
    _context: Any, target: Any, i: Any, step: Any, source: Any, j: Any, stride: Any, weight: Any, every: Any, n: Any,
    n_sums: Any,
) -> Any:
    """Sums of `n` fours times their weights, for several weights at once, held in registers meanwhile.

    The k-th four stands at ``j + k * stride``, its weights from ``k * every`` on; the sums go to `i`, `i + step`, ...
    """
    if not isinstance(n_sums, types.IntegerLiteral):
        return None
    n_held, index = n_sums.literal_value, ir.IntType(64)

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        sums = [cgutils.alloca_once(builder, FOUR) for _ in range(n_held)]
        for held in sums:
            builder.store(ir.Constant(FOUR, [0.0] * 4), held)
        with cgutils.for_range(builder, args[8], intp=index) as loop:
            four = builder.load(
                _four(builder, args[3], builder.add(args[4], builder.mul(loop.index, args[5]))), align=8
            )
            first = builder.mul(loop.index, args[7])
            for k, held in enumerate(sums):
                at = builder.gep(args[6], [builder.add(first, ir.Constant(index, k))], inbounds=True)
                product = builder.fmul(_spread(builder, builder.load(at)), four)
                builder.store(builder.fadd(builder.load(held), product), held)
        for k, held in enumerate(sums):
            at = builder.add(args[1], builder.mul(args[2], ir.Constant(index, k)))
            builder.store(builder.load(held), _four(builder, args[0], at), align=8)
        return _context.get_dummy_value()

    size = types.intp
    return types.none(target, size, size, source, size, size, weight, size, size, n_sums), codegen


@intrinsic  # type: ignore[untyped-decorator]
def add_four_of(_context: Any, target: Any, i: Any, source: Any, j: Any, share: Any, k: Any, factor: Any) -> Any:
    """As `add_four`, of each number the share that stands from `k` on."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        shares = builder.fmul(_spread(builder, args[6]), builder.load(_four(builder, args[4], args[5]), align=8))
        read = builder.fmul(shares, builder.load(_four(builder, args[2], args[3]), align=8))
        at = _four(builder, args[0], args[1])
        builder.store(builder.fadd(builder.load(at, align=8), read), at, align=8)
        return _context.get_dummy_value()

    return types.none(target, types.intp, source, types.intp, share, types.intp, types.float64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def add_four_sizes(_context: Any, target: Any, source: Any, j: Any) -> Any:
    """Add to the first four numbers the absolute values of those from `j` on."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        size = cgutils.get_or_insert_function(builder.module, ir.FunctionType(FOUR, [FOUR]), "llvm.fabs.v4f64")
        read = builder.call(size, [builder.load(_four(builder, args[1], args[2]), align=8)])
        at = _four(builder, args[0], ir.Constant(ir.IntType(64), 0))
        builder.store(builder.fadd(builder.load(at, align=8), read), at, align=8)
        return _context.get_dummy_value()

    return types.none(target, source, types.intp), codegen


# === Tuples of arrays ===

NITEMS, DATA, SHAPE, STRIDES = 2, 4, 5, 6
"""Positions in numba's array structure."""


class Lent(types.Type):
    """numba type of the address of a named tuple of arrays."""

    def __init__(self, of: types.NamedTuple) -> None:
        super().__init__(name=f"lent {of}")
        self.of = of

    @property
    def key(self) -> Any:
        """What makes two types equal."""
        return self.of


@register_model(Lent)
class _LentModel(PrimitiveModel):  # type: ignore[misc]
    """An address."""

    def __init__(self, manager: Any, lent: Lent) -> None:
        super().__init__(manager, lent, manager.lookup(lent.of).get_value_type().as_pointer())


@infer_getattr
class _LentFields(AttributeTemplate):  # type: ignore[misc]
    """The fields of a lent tuple are its arrays."""

    key = Lent

    def generic_resolve(self, lent: Lent, name: str) -> Any:  # type: ignore[override]
        """Type of a field; none if the tuple has no such field."""
        return lent.of[lent.of.fields.index(name)] if name in lent.of.fields else None


@lower_getattr_generic(Lent)  # type: ignore[untyped-decorator]
def _field(context: Any, builder: Any, lent: Lent, address: Any, name: str) -> Any:
    """An array of a lent tuple: where it stands, its shape and its strides, and nobody that owns it."""
    at = lent.of.fields.index(name)
    array = context.make_array(lent.of[at])(context, builder)
    field = cgutils.gep_inbounds(builder, address, 0, at)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    array.parent = cgutils.get_null_value(array.parent.type)
    array.nitems = _load_steady(builder, field, NITEMS)
    array.itemsize = ir.Constant(array.itemsize.type, context.get_abi_sizeof(array.data.type.pointee))
    array.data = _load_steady(builder, field, DATA)
    for part, position in (("shape", SHAPE), ("strides", STRIDES)):
        sizes = [_load_steady(builder, field, position, k) for k in range(lent.of[at].ndim)]
        setattr(array, part, cgutils.pack_array(builder, sizes))
    return array._getvalue()


def _load_steady(builder: Any, base: Any, *path: int) -> Any:
    """Load what does not change while a kernel runs."""
    loaded = builder.load(cgutils.gep_inbounds(builder, base, 0, *path))
    loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return loaded


@intrinsic  # type: ignore[untyped-decorator]
def lend(_context: Any, arrays: Any) -> Any:
    """Address of a named tuple of arrays, which the caller keeps: one argument to pass on, in place of hundreds.

    The function that lends passes the address on to functions that LLVM keeps apart; it does not read through it.
    """

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return cgutils.alloca_once_value(builder, args[0])

    return Lent(arrays)(arrays), codegen
