"""Scenario files written from Python: a call for each section, and the models that several tests share.

A call returns TOML text, and a model is the sum of its sections. Keys have the names of the model language; a hazard is
the text between the braces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

HEAD = "schema_version = 2\nname = 'test'\ntitle = 'Test'\n"
"""What every scenario file begins with."""

Entries = dict[str, Any]
"""Keys of a section, and their values."""

BARE = re.compile(r"[A-Za-z0-9_-]+")
"""A key that needs no quotes."""


def toml(value: Any) -> str:
    """A value in TOML; tables are inline."""
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return f"{{ {pairs(value)} }}"
    if isinstance(value, Sequence):
        return f"[{', '.join(toml(item) for item in value)}]"
    return repr(value)


def pairs(entries: Mapping[str, Any], between: str = ", ") -> str:
    """Keys and their values."""
    return between.join(f"{key if BARE.fullmatch(key) else toml(key)} = {toml(v)}" for key, v in entries.items())


def section(header: str, /, **entries: Any) -> str:
    """A table under its header."""
    return f"\n[{header}]\n{pairs(entries, chr(10))}\n"


# === The frame of a scenario ===


def frame(
    horizon: float = 200.0,
    rate: float | tuple[float, float] = 0.0,
    age: float = 60.0,
    settings: str = "",
    covariates: str = "",
    strategies: str = "[strategies.one]",
) -> str:
    """Settings, population and strategies of a test scenario; undiscounted unless a rate, or two, are given."""
    of_costs, of_effects = rate if isinstance(rate, tuple) else (rate, rate)
    return f"""
[settings]
horizon = {horizon}
discount_rate_costs = {of_costs}
discount_rate_effects = {of_effects}
times = [1.0]
{settings}

[population]
covariates.age = {{ kind = "constant", value = {age} }}
{covariates}

{strategies}
"""


def covariate(name: str, kind: str, /, **entries: Any) -> str:
    """A covariate of the population."""
    return f"covariates.{name} = {toml({'kind': kind, **entries})}\n"


def categorical(name: str, /, **probabilities: float) -> str:
    """A covariate of labels, each with its probability."""
    return covariate(name, "categorical", categories=list(probabilities), probabilities=list(probabilities.values()))


def population(*covariates: str) -> str:
    """The population's covariates."""
    return f"\n[population]\n{''.join(covariates)}"


def strategy(name: str, /, **entries: Any) -> str:
    """A strategy."""
    return section(f"strategies.{name}", **entries)


SIZE = covariate("size", "uniform", low=5, high=15)
DEEP = covariate("deep", "binary", probability=0.5)
SEX = categorical("sex", male=0.4, female=0.6)


# === States, and what leads from one to another ===


def attributes(**levels: Any) -> str:
    """Attributes: a flag, or a list of levels."""
    return section("attributes", **levels)


def clocks(**keep: str) -> str:
    """Clocks that keep their latest or their first start."""
    return section("clocks", **keep)


def state(name: str, /, **entries: Any) -> str:
    """A state."""
    return section(f"states.{name}", **entries)


def start(name: str, /, **entries: Any) -> str:
    """The state of everybody at time 0."""
    return state(name, initial=True, **entries)


def absorbing(name: str, /, **entries: Any) -> str:
    """A state that nobody leaves; a death if its cause is given."""
    return state(name, kind="absorbing", **entries)


def branch(to: str, p: float | str | None = "rest", /, **entries: Any) -> dict[str, Any]:
    """A branch of a chance state; without a probability, it is taken where its rule holds."""
    return {"to": to, **({} if p is None else {"p": p}), **entries}


def chance(name: str, /, *branches: dict[str, Any], **entries: Any) -> str:
    """A state that is left at once by one of its branches."""
    return state(name, kind="chance", branches=branches, **entries)


def move(source: str | Sequence[str], target: str | None, hazard: str = "", /, **entries: Any) -> str:
    """A transition, or without a target a silent event within the state."""
    way = {"from": source, **({} if target is None else {"to": target}), **entries}
    return f"\n[[transitions]]\n{pairs(way, chr(10))}\n" + (f"hazard = {{ {hazard} }}\n" if hazard else "")


def law(family: str, /, **parameters: Any) -> str:
    """A hazard of a family, as it stands between the braces."""
    return pairs({"family": family, **parameters})


def exponential(rate: float | str, /, **more: Any) -> str:
    """An exponential hazard."""
    return law("exponential", rate=rate, **more)


def weibull(shape: float | str, scale: float | str, /, **more: Any) -> str:
    """A Weibull hazard."""
    return law("weibull", shape=shape, scale=scale, **more)


def fixed(delay: float, /, **more: Any) -> str:
    """A fixed delay."""
    return law("fixed", delay=delay, **more)


# === What happens at times, and what is counted ===


def plan(name: str, every: float | str | Sequence[dict[str, Any]], /, **entries: Any) -> str:
    """A plan of visits: one interval, or periods."""
    periods = [{"every": every}] if isinstance(every, int | float | str) else every
    return section(f"plans.{name}", periods=periods, **entries)


def tick(at: str, /, name: str | None = None, **entries: Any) -> dict[str, Any]:
    """An entry of a schedule: what is paid or happens at each visit of a plan."""
    return {"name": name or at, "at": at, **entries}


def event(name: str, probability: float | str, /, **entries: Any) -> str:
    """A complication."""
    return section(f"events.{name}", probability=probability, **entries)


def endpoint(name: str, /, *events: str, **entries: Any) -> str:
    """An endpoint; its event has its own name unless others are given."""
    return section(f"endpoints.{name}", events=events or (name,), **entries)


def terminal(death: str, /, **entries: Any) -> str:
    """Care at the end of life."""
    return f"\n[[terminal]]\n{pairs({'death': death, **entries}, chr(10))}\n"


def curves(of: Mapping[str, str], /, **more: Any) -> str:
    """Partitioned survival: the hazard of each curve by its name; the last arguments say more of all of them."""
    each = (f"[partitioned_survival.curves.{name}]\nhazard = {{ {hazard} }}\n" for name, hazard in of.items())
    return section("partitioned_survival", **more) + "".join(each)


# === What papers printed ===


def observation(target: str, label: str, statistic: str, /, *events: str, **entries: Any) -> Entries:
    """A row of a series: what was counted, and what was observed."""
    return {"target": target, "label": label, "statistic": statistic, "events": events, **entries}


def series(name: str, label: str, strategy: str, /, *rows: Entries, **entries: Any) -> str:
    """A published series of patients under a strategy."""
    head = section(f"series.{name}", label=label, source_id="nobody", strategy=strategy, **entries)
    return head + "".join(f"\n[[series.{name}.rows]]\n{pairs(row, chr(10))}\n" for row in rows)


# === Models ===

DEAD = absorbing("dead", death="disease")
OS = endpoint("os", "dead")
TERMINAL = terminal("dead", window=1, cost={"end": 8000}, excludes=["care"])
"""Care in the last year of life, which takes the place of other care."""


def alive_dead(hazard: str, more: str = "") -> str:
    """Alive, then dead after one hazard; `more` stands in the transition."""
    return start("alive", utility=1) + DEAD + move("alive", "dead", hazard) + more + "\n"


def illness_death(ill: str, death: str, death_ill: str, /, **of_illness: Any) -> str:
    """Well, ill, dead; the last arguments say more of falling ill."""
    return (
        start("well")
        + state("ill")
        + DEAD
        + move("well", "ill", ill, **of_illness)
        + move("well", "dead", death)
        + move("ill", "dead", death_ill)
    )


def reversible(back: str) -> str:
    """Illness and recovery by a chance state, and death on model time, e times as likely for the ill."""
    return (
        attributes(ill="flag")
        + start("h")
        + state("s", set={"ill": True})
        + chance("back", branch("h"), set={"ill": False})
        + move("h", "s", exponential(0.5))
        + move("s", "back", back)
        + move(["h", "s"], "dead", weibull(2, 8, clock="model"), effects={"ill": 1.0})
        + DEAD
    )


def there_and_back(there: str, back: str, death: str, /, of: Sequence[str] = ("a", "b"), **of_death: Any) -> str:
    """Moves between two states, and death from both as one transition."""
    a, b = of
    return move(a, b, there) + move(b, a, back) + move(of, "dead", death, **of_death)


def relapses(events: Sequence[str] = (), **of_relapse: Any) -> str:
    """Relapse, a second event and back, withdrawal, a cough on the way, and endpoints of every kind.

    Parameters
    ----------
    events : sequence of str
        Complications of those well and of those relapsed.
    of_relapse
        What else stands in the transition to relapse.
    """
    return (
        start("well", events=events)
        + state("relapse", events=events)
        + state("second")
        + absorbing("withdrawn")
        + move("well", "relapse", weibull(1.3, 4), **of_relapse)
        + move(["well", "relapse"], None, exponential(0.2, clock="model"), name="cough", mark="cough")
        + move("relapse", "second", exponential(0.5))
        + move("second", "relapse", exponential(0.8))
        + move(["well", "second"], "withdrawn", exponential(0.05))
        + move(["well", "relapse", "second"], "dead", weibull(1.1, 9, clock="model"))
        + endpoint("efs", "relapse", "cough")
        + endpoint("relapse", death="competing")
        + endpoint("relapse_first", "relapse", competing=["cough", "withdrawn"], death="censoring")
        + endpoint("withdrawal", "withdrawn", death="censoring")
    )
