"""What stands twice in a file, and would count twice, is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import InputError
from tests.kit.models import (
    DEAD,
    alive_dead,
    attributes,
    branch,
    chance,
    event,
    exponential,
    fixed,
    frame,
    move,
    plan,
    section,
    start,
    state,
    tick,
)

if TYPE_CHECKING:
    from tests.conftest import Build

CYCLES = '\n[cycles]\nlength = 1\ncorrection = "end"\n'
DEATH = exponential(0.1)
PHASE = (
    start("treated", kind="phase", next="alive", events=["harm"])
    + section("treatments.drug", phase="treated", duration=1, events=["harm"])
    + event("harm", 0.1, cost={})
    + state("alive")
    + move("alive", "dead", DEATH)
    + DEAD
)


def in_cycles(*moves: str) -> str:
    """A model in cycles, alive and dead."""
    return frame(horizon=10) + CYCLES + start("alive") + DEAD + "".join(moves)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (in_cycles(*2 * [move("alive", "dead", probability=0.1)]), "transition alive -> dead: two transitions"),
        (
            in_cycles(move("alive", "dead", probability=0.1), move("alive", "dead", probability=0.2)),
            "transition alive -> dead: two transitions",
        ),
        (
            in_cycles(*2 * [move("alive", "dead", probability=0.1, when="age > 50")]),
            "transition alive -> dead: two transitions",
        ),
        (
            in_cycles(move("alive", "dead", probability=0.1, when="true"), move("alive", "dead", probability=0.1)),
            "two transitions",
        ),
        (in_cycles(move(["alive", "alive"], "dead", probability=0.1)), r"transitions\[1\].from\[2\]: 'alive' stands"),
        (frame() + alive_dead(DEATH) + move("alive", "dead", DEATH), "same risk 'dead"),
        (frame() + start("alive") + DEAD + 2 * move("alive", "dead", fixed(2)), "two transitions"),
        (
            frame()
            + start("alive")
            + DEAD
            + move("alive", "dead", DEATH)
            + plan("visits", 1)
            + 2 * move("alive", "dead", detection={"plan": "visits", "sensitivity": 0.5}),
            "two transitions",
        ),
        (
            frame() + chance("fork", branch("dead", 0.3), branch("dead", 0.3), branch("dead"), initial=True) + DEAD,
            r"states.fork.branches\[2\]",
        ),
        (frame() + alive_dead(DEATH) + state("ill", events=["x", "x"]), r"states.ill.events\[2\]: 'x'"),
        (
            frame() + alive_dead(DEATH) + state("ill", schedule=2 * [tick("visits", cost={"total": 1})]),
            r"states.ill.schedule\[2\]",
        ),
        (frame() + alive_dead(DEATH) + attributes(margin=["r0", "r0"]), r"attributes.margin\[2\]"),
        (frame(settings="wtp = [20000, 20000]") + alive_dead(DEATH), r"settings.wtp\[2\]: 20000"),
        (frame() + PHASE, r"treatments.drug.events: 'harm' stands in states.treated.events too"),
        (
            frame(
                strategies='[strategies.one]\nmix = [{fraction = 0.2, treatments = ["drug"]}, {fraction = 0.3,'
                ' treatments = ["drug"]}]'
            )
            + PHASE.replace(', events = ["harm"]', ""),
            r"strategies.one.mix\[2\]: 'drug' stands twice",
        ),
        (
            frame() + alive_dead(DEATH) + section("endpoints.os", events=["dead"], competing=["dead"]),
            "endpoints.os.competing: 'dead'",
        ),
    ],
)
def test_what_counts_twice_is_refused(build: Build, text: str, words: str) -> None:
    """In cycles and in continuous time, within one list or as two entries; the message has the key."""
    with pytest.raises(InputError, match=words):
        build(text)


def test_two_causes_of_one_name_apart_are_alternatives(build: Build) -> None:
    """Transitions of one name whose rules differ, and two of names of their own, are meant."""
    young, old = (move("alive", "dead", probability=p, when=w) for p, w in ((0.1, "age < 70"), (0.2, "age >= 70")))
    assert len(build(in_cycles(young, old)).transitions) == 2
    two = (move("alive", "dead", probability=0.1, name=name) for name in ("heart", "stroke"))
    assert len(build(in_cycles(*two)).transitions) == 2
