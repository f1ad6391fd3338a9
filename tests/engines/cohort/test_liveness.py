"""What need not be followed is left out, and nothing changes."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.engines.cohort import solver
from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.liveness import analyse
from lmssim.engines.cohort.reachable import Patient
from lmssim.engines.cohort.solver import solve
from tests.kit.scenarios import bundled_program


@pytest.mark.parametrize("strategy", [0, 4, 12])
def test_what_is_out_of_reach_changes_nothing(monkeypatch: pytest.MonkeyPatch, strategy: int) -> None:
    """Lines of therapy: whether treatments that are not planned, and effects that are nil, are followed or not."""
    program = bundled_program("advanced")
    numbers, x = program.numbers()[0], program.patients(0, 1, 1)
    patient = Patient(strategy, numbers[strategy], x[0])
    assert analyse(program, patient).live_bits.sum() < analyse(program).live_bits.sum()
    short = solve(program, numbers, x, Fineness(), strategies=[strategy])
    monkeypatch.setattr(solver, "analyse", lambda program, patient=None: analyse(program))
    whole = solve(program, numbers, x, Fineness(), strategies=[strategy])
    for name in ("outcomes", "endpoint", "entries", "marks"):
        one, other = getattr(short, name), getattr(whole, name)
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6, err_msg=name)
