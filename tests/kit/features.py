"""Models in continuous time, each with one feature of the language: the exact engine is compared with lives on all."""

from __future__ import annotations

from tests.kit.models import (
    DEAD,
    OS,
    TERMINAL,
    absorbing,
    attributes,
    branch,
    chance,
    clocks,
    endpoint,
    event,
    exponential,
    fixed,
    frame,
    law,
    move,
    plan,
    relapses,
    section,
    start,
    state,
    strategy,
    there_and_back,
    tick,
    weibull,
)

FEATURES: dict[str, str] = {}
"""Feature -> model."""


def featured(model: str, strategies: str = strategy("one"), horizon: float = 9.4) -> str:
    """A model of this module as a scenario."""
    settings = "cost_categories = ['drug', 'care', 'end']\ntimes = [0.5, 2.0, 5.0]"
    whole = frame(horizon, rate=0.03, settings=settings, strategies=strategies).replace("times = [1.0]\n", "")
    return whole + model + DEAD + OS


# === Hazards, clocks and effects ===

FEATURES["carried risk whose rate changes"] = (
    attributes(ill="flag")
    + start("a")
    + state("b", set={"ill": True})
    + state("c")
    + move("a", "b", weibull(1.7, 2))
    + move("b", "c", law("log_normal", meanlog=0.3, sdlog=0.6))
    + move(["a", "b", "c"], "dead", weibull(0.8, 6, clock="model"), risk="death", effects={"ill": 0.8})
    + endpoint("ill", "b", death="competing")
)

for keep in ("latest", "first"):
    FEATURES[f"named clock, {keep}"] = (
        clocks(relapse=keep)
        + start("well")
        + state("relapsed", starts=["relapse"])
        + there_and_back(
            weibull(1.3, 2),
            exponential(0.9),
            weibull(2, 4, clock="relapse", default_origin="model"),
            of=("well", "relapsed"),
        )
    )

FEATURES["fixed delays and fixed stays"] = (
    start("first", duration=0.4, next="second", cost_per_year={"drug": 100})
    + state("second", duration=1.3, next="third")
    + state("third")
    + move("third", "fourth", fixed(0.75))
    + state("fourth")
    + move("fourth", "second", exponential(1.5))
    + move(["first", "second", "third", "fourth"], "dead", law("gompertz", shape=0.2, rate=0.1, clock="model"))
)

for clock in ("entry", "model"):
    FEATURES[f"effect with delay, full and waning, on {clock}"] = (
        attributes(on="flag")
        + clocks(treatment="latest")
        + start("before")
        + state("alive", set={"on": True}, starts=["treatment"])
        + move("before", "alive", exponential(1.1))
        + move(
            "alive",
            "dead",
            weibull(1.5, 3, clock=clock),
            effects={"on": {"value": -1.2, "clock": "treatment", "delay": 0.5, "full": 1, "wane": 2, "steps": 8}},
        )
    )

FEATURES["timed effect carried between states"] = (
    attributes(on="flag")
    + start("a", set={"on": True})
    + state("b")
    + there_and_back(
        weibull(1.2, 2),
        exponential(0.8),
        weibull(1.5, 5, clock="model"),
        effects={"on": {"value": -0.8, "clock": "model", "full": 2, "wane": 4}},
    )
)

for again in ({}, {"redraw": True}):
    FEATURES[f"mixture cure{', redraw = true' if again else ''}"] = (
        start("a")
        + state("b")
        + there_and_back(
            weibull(1.5, 2, cure=0.35, **again),
            exponential(1.2),
            law("log_logistic", shape=2, scale=5, clock="model", cure=0.2),
        )
        + endpoint("b", death="competing")
    )

# === Visits, occult disease and silent events ===

FEATURES["visits, symptoms, occult disease"] = (
    attributes(occult="flag")
    + plan("visit", [{"until": 2, "every": 0.3}, {"every": 0.9}], origin="model")
    + start("well", utility=0.9, schedule=[tick("visit", cost={"care": 100})])
    + state("found", utility=0.6, cost_per_year={"drug": 300})
    + move("well", None, weibull(1.4, 3), when="not occult", mark="onset", set={"occult": True})
    + move(
        "well",
        "found",
        name="visit",
        mark="seen at a visit",
        when="occult",
        detection={"plan": "visit", "sensitivity": 0.55},
    )
    + move("well", "found", exponential(0.5), name="symptoms", mark="symptoms", when="occult")
    + move(["well", "found"], "dead", weibull(1.2, 8, clock="model"), effects={"occult": 0.5})
    + endpoint("found", death="competing")
)

FEATURES["visits counted from entry at a random time"] = (
    attributes(occult="flag")
    + clocks(surgery="latest")
    + plan("visit", 0.8, origin="surgery")
    + start("well")
    + state(
        "operated",
        starts=["surgery"],
        schedule=[tick("visit", cost={"care": 100}, utility_loss=0.2, years=0.1)],
        utility=0.8,
    )
    + state("found")
    + move("well", "operated", exponential(0.7))
    + move("operated", None, exponential(0.6), name="onset", when="not occult", set={"occult": True})
    + move("operated", "found", when="occult", detection={"plan": "visit", "sensitivity": 0.6})
    + move(["well", "operated", "found"], "dead", exponential(0.15))
)

FEATURES["silent events and attributes"] = (
    attributes(stage=["one", "two", "three"], frail="flag")
    + start("alive", utility="0.5 if stage == 'three' else 0.8")
    + move(
        "alive",
        None,
        weibull(1.5, 1.5),
        when="stage == 'one'",
        mark="to two",
        set={"stage": "two"},
    )
    + move(
        "alive",
        None,
        exponential(0.8, clock="model"),
        when="stage == 'two'",
        mark="to three",
        set={"stage": "three"},
    )
    + move(
        "alive",
        None,
        law("gompertz", shape=0.1, rate=0.2, clock="model"),
        when="not frail",
        mark="frailty",
        set={"frail": True},
    )
    + move("alive", "dead", exponential(0.1), effects={"stage_three": 1.2, "frail": 0.6})
    + endpoint("frail", "frailty", death="competing")
)

# === Rewards ===

FEATURES["schedules from entry, model and a clock"] = (
    clocks(c="first")
    + plan("p", 0.35, origin="entry", first=0, max=4)
    + plan("q", [{"until": 3, "every": 0.5}, {"every": 1.1}], origin="model")
    + plan("r", 0.6, origin="c")
    + start("a", schedule=[tick("q", cost={"care": 10}), tick("p", cost={"drug": 3})])
    + state(
        "b",
        starts=["c"],
        schedule=[tick("p", cost={"drug": 7}), tick("q", cost={"care": 2}), tick("r", cost={"end": 5})],
    )
    + there_and_back(weibull(1.5, 2), exponential(0.7), exponential(0.12))
)

FEATURES["limited rewards"] = (
    start(
        "a",
        utility=0.8,
        limited=[{"years": 0.6, "cost_per_year": {"drug": 400}, "utility_loss": 0.2}],
        entry_cost={"care": 20},
    )
    + state(
        "b",
        utility=0.7,
        entry_utility=-0.02,
        limited=[{"years": 1.1, "cost_per_year": {"care": 100}, "utility_loss": 0.3}],
    )
    + move("a", "b", weibull(1.5, 2), cost={"end": 12})
    + move("b", "a", exponential(0.7))
    + move(["a", "b"], "dead", exponential(0.2))
)

LOSSES = (
    plan("v", 0.4)
    + start("a", utility=0.8, events=["x"], schedule=[tick("v", utility_loss=0.1, years=0.15, event="y")])
    + state("b", utility=0.6, events=["x", "z"])
    + there_and_back(weibull(1.3, 1.2), exponential(0.9), exponential(0.25))
    + event("x", 0.4, cost={"care": 90}, utility_loss=0.2, years=0.7)
    + event("y", 0.1, utility_loss=0.15, years=2, stack=True)
    + event("z", 0.3, utility_loss=0.25, years=1)
)
for combine in ("multiplicative", "additive"):
    FEATURES[f"temporary losses, {combine}"] = section("utilities", combine=combine) + LOSSES

FEATURES["terminal care"] = (
    plan("v", 0.4)
    + start(
        "a",
        cost_per_year={"drug": 100, "care": 20},
        entry_cost={"care": 3},
        schedule=[tick("v", cost={"care": 7, "drug": 2})],
        events=["x"],
    )
    + state("b", cost_per_year={"care": 50}, limited=[{"years": 0.8, "cost_per_year": {"care": 100}}])
    + move("a", "b", exponential(0.5), cost={"care": 40})
    + move("b", "a", exponential(0.7))
    + move(["a", "b"], "dead", weibull(1.4, 4, clock="model"))
    + move("b", "other", exponential(0.1))
    + absorbing("other", death="other")
    + event("x", 0.4, cost={"care": 90})
    + TERMINAL
)

# === Complications, chance and endpoints ===

FEATURES["events on entry, some of them fatal"] = (
    attributes(infected="flag")
    + start("operation", events=["infection", "leak"])
    + state("home")
    + absorbing("surgical", death="treatment")
    + move("operation", "home", exponential(2))
    + move("home", "operation", weibull(1.5, 2), effects={"infected": 0.6})
    + move(["operation", "home"], "dead", exponential(0.1))
    + event("infection", 0.3, set={"infected": True}, cost={"care": 50}, death=0.2, death_state="surgical")
    + event("leak", 0.2, effects={"infected": 1.1}, cost={"drug": "30 + 20 * infected"})
    + endpoint("leak", death="competing")
    + endpoint("infection", competing=["leak"], death="censoring")
)

FEATURES["chance states with effects, reached at random times"] = (
    attributes(response=["none", "partial", "complete"])
    + start("well")
    + chance(
        "fork",
        branch("treated", 0.3, effects={"response_partial": 0.7}, set={"response": "complete"}),
        branch("treated", "0.2 + 0.05 * min(time, 5)", set={"response": "partial"}),
        branch("dead", None, when="age > 62.5 and response == 'complete'"),
        branch("treated"),
        entry_cost={"drug": "5 * time"},
    )
    + state("treated", cost_per_year={"care": "age"})
    + move("well", "fork", weibull(1.6, 1.5))
    + move("treated", "fork", exponential(0.6), effects={"response_complete": -0.5})
    + move(["well", "treated"], "dead", law("gompertz", shape=0.1, rate=0.0003, clock="age"))
)

FEATURES["chance states that read a clock"] = (
    clocks(start="latest")
    + start("well", starts=["start"])
    + chance(
        "fork",
        branch("dead", None, when="since_start < 1"),
        branch("well", "exp(-since_start)"),
        branch("late"),
    )
    + state("late")
    + move("well", "fork", weibull(2, 2))
    + move("late", "dead", exponential(0.3))
)


FEATURES["endpoints: competing, censoring, first passage"] = relapses()

TREATED = (
    start("choice", kind="phase", next="after")
    + state("after", utility=0.8)
    + section(
        "treatments.drug",
        phase="choice",
        duration=0.5,
        cost={"drug": 1000},
        utility=0.6,
        effects=[{"risk": "relapse", "effect": {"value": -1.0, "delay": 1, "full": 2}}],
    )
    + section(
        "treatments.other",
        phase="choice",
        wait=0.1,
        duration=0.3,
        effects=[{"risk": "relapse", "effect": -0.3}],
    )
    + move("after", "dead", exponential(0.4), name="relapse")
)
MIX = (
    strategy("none")
    + strategy("drug", treatments=["drug"])
    + strategy(
        "practice",
        mix=[
            {"fraction": 0.25, "treatments": ["drug", "other"]},
            {"fraction": 0.45, "treatments": ["other"]},
            {"fraction": 0.3, "treatments": []},
        ],
    )
)
