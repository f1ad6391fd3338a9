"""Small models that are strange and right: the battery must find nothing wrong with any of them."""

from __future__ import annotations

from tests.kit.models import (
    DEAD,
    HEAD,
    OS,
    absorbing,
    alive_dead,
    branch,
    chance,
    covariate,
    curves,
    event,
    exponential,
    fixed,
    frame,
    law,
    move,
    section,
    start,
    state,
    strategy,
    weibull,
)

TWO = strategy("one") + strategy("two")
COSTS = "cost_categories = ['care', 'drug']\ncomparator = 'one'\n"
CYCLES = section("cycles", length=1, correction="half_cycle")
SKEWED = covariate("marker", "lognormal", median=1, sdlog=2.5) + covariate("rare", "binary", probability=0.0005)

# === Nobody dies, or everybody ===

NOBODY_DIES = frame(horizon=5, age=40) + alive_dead(exponential(1e-7)) + OS
NO_DEATH_STATE = (
    frame(horizon=10)
    + start("well", utility=0.7)
    + state("ill", utility=0.3)
    + move("well", "ill", exponential(0.3))
    + move("ill", "well", exponential(0.2))
)
ALL_DEAD_EARLY = frame(horizon=90, age=70) + alive_dead(exponential(25)) + OS
ALIVE_AT_THE_HORIZON = frame(horizon=60, age=60, rate=0.035) + alive_dead(law("exponential", rate=0.4, cure=0.3)) + OS

# === Almost nothing to compare ===

ONE_STATE = (
    frame(horizon=3, settings=COSTS)
    + start("alive", utility=0.123456789, cost_per_year={"care": 1e6}, duration=3, next="gone")
    + absorbing("gone")
)
NO_COSTS = frame(horizon=10, settings="cost_categories = []\n") + alive_dead(exponential(0.2)) + OS
NO_UTILITIES = frame(horizon=10) + start("alive") + DEAD + move("alive", "dead", exponential(0.2)) + OS
FIXED_COURSE = (
    frame(horizon=10, rate=0.035)
    + start("first", duration=2, next="second", utility=0.9)
    + state("second", duration=3, next="dead", utility=0.5)
    + DEAD
    + OS
)

# === Rare and skewed ===

RARE_AND_DEAR = (
    frame(horizon=10, settings=COSTS, strategies=TWO, covariates=SKEWED)
    + start("well", utility=0.9, cost_per_year={"care": 10}, events=["ruin"])
    + state("hurt", utility=0.2, cost_per_year={"care": 90_000})
    + DEAD
    + move("well", "hurt", exponential(2e-5), name="hurt")
    + move(["well", "hurt"], "dead", exponential(0.1))
    + event("ruin", 0.0004, cost={"care": 1e6}, expected="harm", utility_loss=0.1, years=0.1)
    + OS
)
MANY_TAILS = (
    frame(horizon=100)
    + start("alive", utility=1)
    + state("next", utility=0.5)
    + DEAD
    + move("alive", "next", law("log_normal", meanlog=2.0, sdlog=3.0))
    + move("alive", "dead", exponential(1e-6))
    + move("next", "dead", weibull(0.3, 30))
    + OS
)

# === Strategies ===

SAME_BY_DESIGN = (
    frame(horizon=20, rate=0.035, settings=COSTS, strategies=TWO + strategy("three"))
    + alive_dead(exponential(0.1))
    + OS
)
BY_NAME = (
    frame(horizon=20, rate=0.035, settings=COSTS, strategies=TWO)
    + start("alive", utility=0.8, cost_per_year={"care": "100 if strategy == 'one' else 300"})
    + DEAD
    + move("alive", "dead", exponential("0.2 if strategy == 'one' else 0.1"))
    + OS
)
FREE_TREATMENT = (
    frame(
        horizon=10,
        rate=0.035,
        settings=COSTS,
        strategies=strategy("one") + strategy("two", treatments=["pill"]) + strategy("three", treatments=["tablet"]),
    )
    + chance("begin", branch("treatment"), initial=True)
    + state("treatment", kind="phase", next="well", utility=0.9)
    + state("well", utility=0.9)
    + DEAD
    + move(["treatment", "well"], "dead", exponential(0.2), name="death")
    + section("treatments.pill", phase="treatment", duration=0.5, cost={"drug": 0})
    + section("treatments.tablet", phase="treatment", duration=0.5, cost={"drug": 1e-3}, cost_per_year={"care": 0})
    + OS
)

# === Time ===

ONE_CYCLE = (
    frame(horizon=1, rate=0.035, settings=COSTS)
    + section("cycles", length=1, correction="start")
    + start("alive", utility=0.9, cost_per_year={"care": 100})
    + DEAD
    + move("alive", "dead", probability=0.2)
    + OS
)
CERTAIN_CYCLES = (
    frame(horizon=6, rate=0.035, strategies=TWO)
    + CYCLES
    + start("a", utility=0.9)
    + state("b", utility=0.5)
    + DEAD
    + move("a", "b", probability=1)
    + move("b", "dead", probability=0.999999)
    + OS
)
SHORT = (
    frame(horizon=0.25, rate=0.035, age=25).replace("times = [1.0]", "times = [0.125]")
    + alive_dead(exponential(0.01))
    + OS
)
AT_ONCE = (
    frame(horizon=30, strategies=TWO, rate=0.035)
    + start("alive", utility=0.5)
    + absorbing("dead", death="disease")
    + move("alive", "dead", fixed(1.0))
    + OS
)
PARTITIONED = (
    frame(horizon=20, rate=0.035, strategies=TWO)
    + start("free", utility=0.9)
    + state("progressed", utility=0.4)
    + DEAD
    + curves({"pfs": exponential(0.8), "os": exponential(0.3)}, states=["free", "progressed", "dead"])
)

STRANGE: dict[str, str] = {
    name.lower(): HEAD + text
    for name, text in list(globals().items())
    if name.isupper() and isinstance(text, str) and "[settings]" in text
}
"""Name to the text of a scenario file."""
