"""What to say of an impossible value that kernels found while they ran: where it stands and what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import InputError, exact
from lmssim.kernels import layout, machine
from lmssim.model.program.numbers import CHECKS

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program.program import Program


def bad_value(program: Program, wi: IntArray, wf: FloatArray) -> InputError:
    """Error for the value that a worker's scratch has noted, to be raised by the caller; the note is taken out.

    It names the file and line where the value stands.

    Parameters
    ----------
    wi, wf : ndarray
        The worker's integers and floats, see `lmssim.kernels.machine.note_bad`.
    """
    return InputError(program.scenario.origins.locate(_complaint(program, wi, wf)))


def _complaint(program: Program, wi: IntArray, wf: FloatArray) -> str:
    argument = int(wi[layout.W_BAD]) - 1
    wi[layout.W_BAD] = 0
    value = float(wf[program.packed.m[layout.H_WF_STACK] + layout.STACK_SIZE - 1])
    number, kind = divmod(argument, machine.CHECK_KIND + 1)
    if kind == machine.KIND_CYCLE:
        return _of_cycle(program, number, int(wi[layout.W_INFO]) + 1, value)
    if kind == machine.KIND_LOOKUP:
        axis = program.rows.axes[number]
        rule = "is not one of its labels" if axis.exact else "lies below its first band"
        return f"{axis.where}: {exact(value)}, looked up for a patient, {rule}."
    code = program.rows.codes[number]
    return f"{code.where}: {exact(value)}, as computed for a patient, is not {CHECKS[code.check][0]}."


def _of_cycle(program: Program, number: int, cycle: int, value: float) -> str:
    transition = program.rows.transitions[number]
    source, target = program.rows.states[transition.source], program.rows.states[transition.to]
    where = f"{program.scenario.path}: state '{source.name}', cycle {cycle}"
    alone = transition is source.transitions[0]  # what exceeds 1 is then its own probability
    if value > 1.0 and not alone:
        return (
            f"{where}: the probabilities up to that of '{target.name}' add up to {exact(value)}; at most 1 is allowed."
        )
    hint = " (is a clock read before it has started?)" if value != value else ""  # noqa: PLR0124 (not a number)
    return f"{where}: the probability of '{target.name}' is {exact(value)}{hint}; it must lie from 0 to 1."
