"""Counts and repeats of what compiled kernels call: the interpreter of expressions, and exp, log and pow.

Every call of these goes through a function of ours, which counts it and, if asked, does the work once more: the time
that is then added is the time that the work takes, measured within the kernels and without changing a result.
Mathematics are intercepted where the machine code is linked; the interpreter by a function in its place, which is why
kernels must be compiled into a cache folder of their own, and this module used before any kernel is.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
from numba import types
from numba.core.registry import cpu_target

from lmssim.kernels import machine
from lmssim.kernels.jit import jit, keep_apart

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray

MATHEMATICS = {"exp": 1, "expm1": 1, "log": 1, "log1p": 1, "pow": 2, "erfc": 1, "lgamma": 1}
"""Functions of the C library that kernels call, and how many arguments each takes."""
COUNTERS = ("programs", "instructions", *MATHEMATICS)
SWITCHES = ("expressions", "mathematics")
INTERPRETER = "_interpret"
NOTE = "bench_note_program"

note_program = types.ExternalFunction(NOTE, types.int64(types.int64))
interpret = getattr(machine, INTERPRETER)


@jit
def interpret_noted(
    m: IntArray,
    wi: IntArray,
    wf: FloatArray,
    first: int,
    last: int,
    v: FloatArray,
    x: FloatArray,
    attributes: int,
    time: float,
    strategy: int,
) -> float:
    """Run the instructions from `first` to `last`: once, or twice if this is asked."""
    keep_apart()
    if note_program((last - first) // 2) != 0:
        interpret(m, wi, wf, first, last, v, x, attributes, time, strategy)
    value: float = interpret(m, wi, wf, first, last, v, x, attributes, time, strategy)
    return value


class Interception:
    """Counters and switches, alive as long as kernels run."""

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine_of_target = llvm.Target.from_default_triple().create_target_machine(opt=2)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_assembly()), machine_of_target)
        self._engine.finalize_object()
        cpu_target.target_context.refresh()  # numba names its own functions first
        for name in (NOTE, *MATHEMATICS):
            llvm.add_symbol(name, self._engine.get_function_address(name if name == NOTE else f"bench_{name}"))
        setattr(machine, INTERPRETER, interpret_noted)

    def _number(self, name: str) -> Any:
        return ctypes.c_int64.from_address(self._engine.get_global_value_address(name))

    def repeat(self, what: str) -> None:
        """Do one of `SWITCHES` twice from now on, or nothing if the name is empty."""
        for switch in SWITCHES:
            self._number(f"bench_twice_{switch}").value = int(switch == what)

    def counts(self) -> dict[str, int]:
        """Calls so far, by name."""
        return {name: int(self._number(f"bench_n_{name}").value) for name in COUNTERS}


def _assembly() -> str:
    """LLVM assembly of the counters, the switches and the functions in place of others."""
    library = ctypes.CDLL(None)
    parts = [f"@bench_n_{name} = global i64 0" for name in COUNTERS]
    parts += [f"@bench_twice_{name} = global i64 0" for name in SWITCHES]
    parts.append(
        f"define i64 @{NOTE}(i64 %n) {{\n{_add('programs', '1')}{_add('instructions', '%n')}"
        "  %twice = load volatile i64, ptr @bench_twice_expressions\n  ret i64 %twice\n}"
    )
    for name, n_arguments in MATHEMATICS.items():
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        parts.append(_doubled(name, n_arguments, address or 0))
    return "\n".join(parts)


def _add(counter: str, number: str) -> str:
    return (
        f"  %had_{counter} = load i64, ptr @bench_n_{counter}\n"
        f"  %has_{counter} = add i64 %had_{counter}, {number}\n"
        f"  store i64 %has_{counter}, ptr @bench_n_{counter}\n"
    )


def _doubled(name: str, n_arguments: int, address: int) -> str:
    """A function that calls the one at an address once or twice; LLVM cannot know that both calls are of one."""
    arguments = ", ".join(f"double %x{i}" for i in range(n_arguments))
    return (
        f"@bench_of_{name} = global ptr inttoptr (i64 {address} to ptr)\n"
        f"define double @bench_{name}({arguments}) {{\n{_add(name, '1')}"
        f"  %function = load volatile ptr, ptr @bench_of_{name}\n"
        "  %twice = load volatile i64, ptr @bench_twice_mathematics\n"
        "  %asked = icmp ne i64 %twice, 0\n"
        "  br i1 %asked, label %again, label %once\n"
        f"again:\n  %unused = call double %function({arguments})\n  br label %once\n"
        f"once:\n  %value = call double %function({arguments})\n  ret double %value\n}}"
    )
