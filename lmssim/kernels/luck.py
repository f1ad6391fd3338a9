"""A patient's luck: numbers drawn once at their address and kept while the patient meets each strategy."""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import inner, jit
from lmssim.kernels.layout import H_DECISION_ADDRESS, H_W_STAMP, H_WF_LUCK, W_STAMP
from lmssim.kernels.philox import STREAM_LUCK, philox_block, to_uniform

KEPT = 4
"""Occurrences of a decision whose luck is kept; later ones are drawn anew (the same numbers, found slower)."""


@jit
def draw_uniform(address: int, seed: int, patient: int, luck: int) -> float:
    """Uniform at an address: a decision's word with its occurrence."""
    return to_uniform(philox_block(seed, STREAM_LUCK, 0, patient, address, luck)[0])


@inner
def kept_uniform(
    m: IntArray, wi: IntArray, wf: FloatArray, decision: int, occurrence: int, seed: int, patient: int, luck: int
) -> float:
    """Uniform of a decision's occurrence, from the patient's kept luck where it is there."""
    address = m[m[H_DECISION_ADDRESS] + decision] | occurrence
    if occurrence >= KEPT:
        return draw_uniform(address, seed, patient, luck)
    i = decision * KEPT + occurrence
    stamp = m[H_W_STAMP] + i
    if wi[stamp] != wi[W_STAMP]:
        wi[stamp] = wi[W_STAMP]
        wf[m[H_WF_LUCK] + i] = draw_uniform(address, seed, patient, luck)
    return wf[m[H_WF_LUCK] + i]


@inner
def kept_exponential(
    m: IntArray, wi: IntArray, wf: FloatArray, decision: int, occurrence: int, seed: int, patient: int, luck: int
) -> float:
    """Unit-exponential budget of a risk's occurrence, kept as `kept_uniform` (a decision is one or the other)."""
    address = m[m[H_DECISION_ADDRESS] + decision] | occurrence
    if occurrence >= KEPT:
        return -math.log(draw_uniform(address, seed, patient, luck))
    i = decision * KEPT + occurrence
    stamp = m[H_W_STAMP] + i
    if wi[stamp] != wi[W_STAMP]:
        wi[stamp] = wi[W_STAMP]
        wf[m[H_WF_LUCK] + i] = -math.log(draw_uniform(address, seed, patient, luck))
    return wf[m[H_WF_LUCK] + i]
