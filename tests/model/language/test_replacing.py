"""A transition of an including file adds, or with `replace = true` takes the place of an included one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import InputError
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from tests.kit.models import DEAD, HEAD, exponential, frame, move, start, state

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.program import Program

BASE = (
    frame()
    + start("well")
    + state("ill")
    + DEAD
    + move("well", "ill", exponential(0.2))
    + move(["well", "ill"], "dead", exponential(0.1))
)


def program_of(folder: Path, text: str) -> Program:
    """What a file says over the model that it includes."""
    (folder / "base.toml").write_text(BASE)
    (folder / "main.toml").write_text(HEAD + 'include = ["base.toml"]\n' + text)
    return compile_scenario(load_scenario(folder / "main.toml"))


def rates_of(program: Program) -> dict[tuple[str, str | None], float]:
    """Rate of each transition, by where it leads from and to."""
    numbers = program.numbers()[0, 0]
    return {
        (source, to): float(numbers[row.timing.refs[0]])  # type: ignore[union-attr]
        for (source, to, _), row in zip(program.transitions, program.rows.transitions, strict=True)
    }


def test_a_transition_is_replaced_out_of_the_states_that_are_named(tmp_path: Path) -> None:
    """The others of an included list of states stay as they are."""
    rates = rates_of(program_of(tmp_path, move("ill", "dead", exponential(0.5), replace=True)))
    assert rates == {("well", "ill"): 0.2, ("well", "dead"): 0.1, ("ill", "dead"): 0.5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (move("ill", "dead", exponential(0.5)), "say `replace = true`"),
        (move("ill", "well", exponential(0.5), replace=True), "replace: no included transition leads out of 'ill'"),
        (move(["ill", "dead"], "dead", exponential(0.5), replace=True), "out of 'ill' and 'dead'"),
        (
            move("ill", "dead", exponential(0.5), replace=True, name="other"),
            "no included transition leads out of 'ill' under the name 'other'",
        ),
    ],
)
def test_what_is_not_said_to_replace_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """A second transition without the word, and the word where there is nothing to replace."""
    with pytest.raises(InputError, match=words):
        program_of(tmp_path, text)
