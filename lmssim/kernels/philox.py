"""Counter-based random numbers: Philox 4x64-10, bit for bit NumPy's, addressed by who and what.

A number's address is (seed, stream | block, patient, decision, luck). Word 0 of the counter is the block within an
address, because NumPy increments that word: a patient number there would make patient p's second block equal to
patient p + 1's first. NumPy adds one before its first block, so block b stands at word 0 = b + 1, and an address
equals ``numpy.random.Philox(key=[seed, stream], counter=[0, patient, decision, luck])``.

References
----------
Salmon JK et al. Parallel random numbers: as easy as 1, 2, 3. SC11, 2011. doi:10.1145/2063384.2063405
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from lmssim.kernels.jit import inline, jit

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

STREAM_LUCK = 0
"""Stream of what happens to patients."""
STREAM_PARAMETERS = 1
"""Stream of parameter draws."""
STREAM_POPULATION = 2
"""Stream of baseline covariates."""

MULTIPLIER_0 = np.uint64(0xD2E7470EE14C6C93)
MULTIPLIER_1 = np.uint64(0xCA5A826395121157)
WEYL_0 = np.uint64(0x9E3779B97F4A7C15)
WEYL_1 = np.uint64(0xBB67AE8584CAA73B)
OCCURRENCE_BITS = 20
N_ROUNDS = 10
TWO_TO_MINUS_52 = 2.0**-52


def address_of(name: str) -> int:
    """Name of a decision as the high 44 bits of a counter word; the low 20 bits hold its occurrence.

    Returns
    -------
    int
        Signed 64-bit value, low `OCCURRENCE_BITS` bits zero.
    """
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    word = int.from_bytes(digest, "little") >> OCCURRENCE_BITS << OCCURRENCE_BITS
    return word - (1 << 64) if word >= 1 << 63 else word


@intrinsic  # type: ignore[untyped-decorator]
def _multiply_wide(_context: Any, x: Any, y: Any) -> Any:
    """64 x 64 -> 128-bit product as (high, low)."""
    signature = types.UniTuple(types.uint64, 2)(types.uint64, types.uint64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        narrow = ir.IntType(64)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), narrow)
        low = builder.trunc(product, narrow)
        return cgutils.pack_array(builder, [high, low])

    return signature, codegen


def multiply_wide(x: Any, y: Any) -> tuple[Any, Any]:
    """Python twin of the intrinsic, used where compilation is disabled."""
    product = int(x) * int(y)
    return np.uint64(product >> 64), np.uint64(product & 0xFFFFFFFFFFFFFFFF)


@overload(multiply_wide, inline="always")  # type: ignore[untyped-decorator]
def _multiply_wide_overload(x, y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    # numba compares this signature with the next, annotations and all
    return lambda x, y: _multiply_wide(x, y)  # noqa: PLW0108


@inline
def philox_block(
    seed: int, stream: int, block: int, patient: int, decision: int, luck: int
) -> tuple[int, int, int, int]:
    """Four 64-bit words at an address."""
    c0 = np.uint64(block) + np.uint64(1)
    c1, c2, c3 = np.uint64(patient), np.uint64(decision), np.uint64(luck)
    k0, k1 = np.uint64(seed), np.uint64(stream)
    for _ in range(N_ROUNDS):
        high0, low0 = multiply_wide(MULTIPLIER_0, c0)
        high1, low1 = multiply_wide(MULTIPLIER_1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 = np.uint64(k0 + WEYL_0)
        k1 = np.uint64(k1 + WEYL_1)
    return c0, c1, c2, c3


@inline
def to_uniform(word: int) -> float:
    """Uniform in the open interval (0, 1): never 0, never 1."""
    return (np.float64(np.int64(np.uint64(word) >> np.uint64(12))) + 0.5) * TWO_TO_MINUS_52


@jit
def uniform(seed: int, stream: int, patient: int, decision: int, luck: int) -> float:
    """First uniform at an address."""
    return to_uniform(philox_block(seed, stream, 0, patient, decision, luck)[0])


@jit
def unit_exponential(seed: int, patient: int, decision: int, luck: int) -> float:
    """Unit-exponential budget of a risk at an address of the luck stream."""
    return -math.log(uniform(seed, STREAM_LUCK, patient, decision, luck))


@jit
def fill_uniforms(seed: int, stream: int, first: int, decision: int, luck: int, out: FloatArray) -> None:
    """Uniforms of consecutive patients (or draws) `first`, `first` + 1, ... for one decision.

    Parameters
    ----------
    out : ndarray(float, ndim=1)
        Filled in place.
    """
    for i in range(out.shape[0]):
        out[i] = uniform(seed, stream, first + i, decision, luck)
