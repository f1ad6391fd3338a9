"""Partitioned survival in a scenario file: what is refused, by name, and how the curves are compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import InputError
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from tests.kit.models import frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Build


MODEL = """
[states.free]
initial = true
[states.progressed]
[states.dead]
kind = "absorbing"
death = "disease"
[partitioned_survival]
states = ["free", "progressed", "dead"]
[partitioned_survival.curves.pfs]
hazard = { family = "exponential", rate = 0.5 }
[partitioned_survival.curves.os]
hazard = { family = "exponential", rate = 0.2 }
"""
CLOCK = "clocks.visit = 'latest'\n"
PLAN = "[plans.scans]\norigin = 'entry'\nperiods = [{ every = 1 }]\n"
EVENT = "[events.fall]\nprobability = 0.1\n"


def edited(old: str, new: str) -> str:
    """The model with a piece replaced."""
    assert old in MODEL
    return MODEL.replace(old, new, 1)


def in_state(state: str, line: str) -> str:
    """The model with a line in a state's table."""
    return edited(f"[states.{state}]\n", f"[states.{state}]\n{line}\n")


REFUSED = {
    "a state that is not there": (
        edited('"progressed", "dead"]', '"progresed", "dead"]'),
        r"unknown state 'progresed'.* mean 'progressed'",
    ),
    "a state left out": (edited('["free", "progressed", "dead"]', '["free", "dead"]'), "progressed is missing"),
    "a state twice": (
        edited('["free", "progressed", "dead"]', '["free", "progressed", "free", "dead"]'),
        "must stand there once",
    ),
    "too few curves": (MODEL[: MODEL.index("[partitioned_survival.curves.os]")], "1 curves part 2 states; 3 given"),
    "no curve": (MODEL[: MODEL.index("[partitioned_survival.curves.pfs]")] + "curves = {}", "at least one is needed"),
    "death that is no death": (edited('death = "disease"\n', ""), "must be absorbing, with a cause of death"),
    "an absorbing state within": (
        in_state("progressed", "kind = 'absorbing'"),
        "only the last one is not a dwelling state",
    ),
    "another start": (
        edited("initial = true", "").replace("[states.progressed]", "[states.progressed]\ninitial = true"),
        "the first one, free, must have initial = true",
    ),
    "transitions": (
        MODEL + "[[transitions]]\nfrom = 'free'\nto = 'dead'\nhazard = { family = 'exponential', rate = 1 }",
        "transitions: not supported in a partitioned survival model",
    ),
    "events": (MODEL + EVENT, "events: not supported"),
    "a mix": (
        MODEL + "[strategies.m]\nmix = [{ fraction = 1, treatments = [] }]",
        r"strategies\.m\.mix: not supported",
    ),
    "a fixed stay": (in_state("free", "duration = 1\nnext = 'dead'"), r"states\.free\.duration: not supported"),
    "limited time in a later state": (
        in_state("progressed", "limited = [{ years = 1 }]"),
        r"states\.progressed\.limited: not supported",
    ),
    "a plan from entry in a later state": (
        in_state("progressed", "schedule = [{ name = 'scan', at = 'scans' }]") + PLAN,
        "give the plan 'scans' origin",
    ),
    "a tick with a loss": (
        in_state("free", "schedule = [{ name = 'scan', at = 'scans', utility_loss = 0.1, years = 1 }]") + PLAN,
        "a tick has costs only",
    ),
    "a plan that is not there": (
        in_state("free", "schedule = [{ name = 'scan', at = 'scanz' }]") + PLAN,
        "unknown plan 'scanz'",
    ),
    "terminal care that closes costs": (
        MODEL + "[[terminal]]\ndeath = 'dead'\nwindow = 1\ncost = {}\nexcludes = ['total']",
        r"terminal\[1\]\.excludes: not supported",
    ),
    "an endpoint of part of a fall": (
        MODEL + "[endpoints.ttp]\nevents = ['progressed']\ndeath = 'competing'",
        r"events must be \['progressed', 'dead'\]",
    ),
    "an endpoint from a state": (
        MODEL + "[endpoints.pps]\nevents = ['dead']\norigin = 'progressed'",
        r"endpoints\.pps: curves tell only when",
    ),
    "an endpoint of a state that is not there": (MODEL + "[endpoints.os]\nevents = ['ded']", "unknown state 'ded'"),
    "a floor without a table": (
        edited('"dead"]\n', '"dead"]\nbackground = "floor"\n'),
        r"'floor' needs a \[mortality\] table",
    ),
    "a named clock": (
        CLOCK + edited("rate = 0.2", "rate = 0.2, clock = 'visit'"),
        r"curves\.os\.hazard\.clock: 'visit' is not possible; allowed: model, age",
    ),
    "an effect on a named clock": (
        CLOCK + MODEL + "effects.age = { value = 1, delay = 1, clock = 'visit' }",
        r"curves\.os\.effects\.age\.clock",
    ),
    "a cost that changes with age": (
        in_state("free", "cost_per_year.total = 'age'"),
        r"states\.free\.cost_per_year\.total: may not depend on age",
    ),
    "a family's parameter that is missing": (
        edited("rate = 0.2", "shape = 1"),
        r"partitioned_survival\.curves\.os\.hazard: exponential takes rate",
    ),
    "an unknown key": (edited('"dead"]\n', '"dead"]\nfloor = true\n'), "unknown key 'floor'"),
    "an unknown way with crossing": (edited('"dead"]\n', '"dead"]\ncrossing = "clip"\n'), "'refuse' or 'cap'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_by_name(write_scenario: Callable[..., Path], name: str) -> None:
    """One message that names the key and what is allowed."""
    text, message = REFUSED[name]
    clocks = CLOCK if text.startswith(CLOCK) else ""
    path = write_scenario(clocks + frame() + text.removeprefix(CLOCK))
    with pytest.raises(InputError, match=message) as error:
        compile_scenario(load_scenario(path))
    assert str(error.value).startswith(str(path))


def test_curves_are_transitions_of_a_chain(build: Build) -> None:
    """In the order of the file's states, each named for its curve."""
    program = build(frame() + MODEL)
    assert program.transitions == [("free", "progressed", "pfs"), ("progressed", "dead", "os")]


def test_impossible_parameters_are_refused(write_scenario: Callable[..., Path]) -> None:
    """As those of transitions are."""
    path = write_scenario(frame() + edited("rate = 0.5", "rate = 'r'"), {"r": -1.0})
    with pytest.raises(
        InputError, match=r"exponential: rate is -1\.0, but must be 0 or greater \(strategy 'one', draw 0, from r\)"
    ):
        compile_scenario(load_scenario(path))
