"""Scenario files that the tests of a study share with those of its command."""

from __future__ import annotations

import math

from tests.kit.models import DEAD, exponential, move, section, start, state, strategy, weibull

RECUR = 0.2
DIE = 0.1
CASE_VALUES = {"rate": RECUR, "die": DIE, "loghr": math.log(2)}

CASE = """
[settings]
horizon = 200
[population.covariates]
age = { kind = "constant", value = 60 }
high = { kind = "binary", probability = 0.5 }
size = { kind = "uniform", low = 1, high = 9 }
sex = { kind = "categorical", categories = ["female", "male"], probabilities = [0.9, 0.1] }
"""
CASE += (
    start("free")
    + state("recurred")
    + DEAD
    + move("free", "recurred", exponential("rate * (3 if sex == 'male' else 1)"), effects={"high": "loghr"})
    + move(["free", "recurred"], "dead", exponential("die"))
)
CASE += """
[strategies.usual]
[strategies.treated]
set = { rate = 0.1 }
[cases.one]
label = "One patient"
source_id = "nobody"
strategy = "usual"
covariates = { high = 1, sex = "female" }
observed = [
    { label = "To recurrence", events = ["recurred"], time = 1.5, target = "fig_1" },
    { label = "Recurrence to death", events = ["dead"], since = ["recurred"], time = 4, at_least = true },
]
"""
"""A published patient, beside patients who recur and die at known rates."""

SWITCHED = """
schema_version = 2
name = "small"
title = "Small"
[settings]
horizon = 30
cost_categories = ["care", "drug"]
wtp = [1000, 5000]
times = [5]
comparator = "none"
[population.covariates]
age = { kind = "normal", mean = 60, sd = 8 }
sick = { kind = "binary", probability = 0.5 }
[expressions]
effect = "-0.5"
drug_price = "4000"
"""
SWITCHED += (
    start("start", kind="phase", next="well", utility=0.8)
    + state("well", utility=0.8, cost_per_year={"care": 100})
    + DEAD
    + section(
        "treatments.drug",
        phase="start",
        label="Drug",
        duration=0.1,
        cost={"drug": "drug_price"},
        effects=[{"risk": "death", "effect": "effect"}],
    )
    + move(["start", "well"], "dead", weibull(1.2, 9, clock="model"), name="death", effects={"sick": 0.4})
    + strategy("none")
    + strategy("drug", treatments=["drug"])
    + strategy("some", treatments=[{"treatment": "drug", "when": "sick"}])
    + strategy("practice", mix=[{"fraction": 0.5, "treatments": ["drug"]}])
)
SWITCHED += """
[switches.effect]
label = "Effect of the drug"
default = "good"
[switches.effect.options.good]
[switches.effect.options.null]
label = "no effect"
change.expressions.effect = "0"
[switches.effect.options.better]
change.expressions.effect = "-0.9"
[switches.price]
default = "high"
[switches.price.options.high]
[switches.price.options.low]
change.expressions.drug_price = "3000"
[switches.idle]
default = "a"
[switches.idle.options.a]
[switches.idle.options.b]
"""
"""A drug that prolongs life, with switches on its effect, its price and nothing."""
