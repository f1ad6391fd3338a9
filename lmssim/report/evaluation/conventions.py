"""Every setting and convention behind a result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmssim.model.language.versions import losses_in_time
from lmssim.report.evaluation.cycles import cycle_conventions
from lmssim.report.evaluation.exactness import words_of
from lmssim.report.parts.digits import amount, listed, plain
from lmssim.report.parts.labels import endpoint_label, named, option_label, state_label, strategy_labels, switch_label
from lmssim.text import one_line

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.model.language.schema import Exclusion, ScenarioFile
    from lmssim.model.scenario import Scenario

DISCOUNTING = {
    "continuous_annual": "continuous, by exp(-ln(1 + r) t): r is the rate per year",
    "continuous_rate": "continuous, by exp(-r t): r is the instantaneous rate",
}

DISCOUNTING_IN_CYCLES = {
    "continuous_annual": "by (1 + r)^-t at the points in time of the cycles: r is the rate per year",
    "continuous_rate": "by exp(-r t) at the points in time of the cycles: r is the instantaneous rate",
}

CROSSING = {
    "refuse": "refused in any draw",
    "cap": "a curve above the one around it is held at that one",
}

LOSS_SENTENCE = {
    "multiplicative": "A loss of utility multiplies the utility of the state by 1 - loss.",
    "additive": "A loss of utility is subtracted from the utility of the state.",
}
LOSS_RULE = {
    "multiplicative": {
        False: "multiplied: utility of the state x (1 - loss), so that a loss of 0.1 takes 0.06 off a utility of 0.6",
        True: "multiplied: norm x utility of the state x (1 - loss), so that a loss of 0.1 takes a tenth off",
    },
    "additive": {
        False: "subtracted: utility of the state - loss",
        True: "subtracted: norm - (1 - utility of the state) - loss",
    },
}
"""By rule, and by whether utilities are relative to a norm."""
TOGETHER = {
    "multiplicative": "different losses at the same time multiply",
    "additive": "different losses at the same time add up",
}


def conventions(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Name and value of each setting."""
    scenario, sampling, words = evaluation.scenario, evaluation.sampling, words_of(evaluation)
    settings = scenario.file.settings
    start = next(n for n, state in scenario.file.states.items() if state.initial)
    draws = evaluation.estimates.n_draws
    return [
        (
            "Time zero",
            f"the treatment decision (entry into '{state_label(scenario, start)}'), the same for every strategy",
        ),
        ("Horizon", f"{plain(settings.horizon)} years"),
        ("Perspective", settings.perspective or "not stated"),
        ("Currency and price year", f"{settings.currency}, {settings.price_year or 'price year not stated'}"),
        ("Discount rate, costs", f"{100 * settings.discount_rate_costs:g}% per year"),
        ("Discount rate, life-years and QALYs", f"{100 * settings.discount_rate_effects:g}% per year"),
        ("Discounting", f"{_discounting(scenario)}, from time zero"),
        *cycle_conventions(scenario.file),
        *curve_conventions(scenario),
        ("Comparator", strategy_labels(scenario)[scenario.comparator]),
        ("Willingness to pay", f"{settings.currency} {listed([amount(w) for w in settings.wtp])} per QALY"),
        ("Cost categories", listed([c.replace("_", " ") for c in settings.cost_categories])),
        ("Terminal care", _terminal(scenario)),
        ("Utilities", _utilities(scenario)),
        *loss_conventions(scenario.file),
        ("Background mortality", _mortality(scenario)),
        ("Population", one_line(scenario.file.population.label or "") or _covariates(scenario)),
        *([("Followed of these", f"who meet the rule: {sampling.where}")] if sampling.where else []),
        ("Named times", f"{listed([f'{t:g}' for t in settings.times])} years"),
        *switch_conventions(scenario),
        ("Endpoints", "; ".join(_endpoint(evaluation, name) for name in scenario.file.endpoints) or "none"),
        ("Engine", sampling.engine),
        *words.conventions(),
        *([] if evaluation.is_expectation else [("Parameters", f"{draws:,} draws" if draws > 1 else "point values")]),
        ("Seed", str(sampling.seed)),
        ("Random numbers", words.random_numbers()),
    ]


def switch_conventions(scenario: Scenario) -> list[tuple[str, str]]:
    """Switches and their chosen options; none if the scenario has none."""
    if not scenario.options:
        return []
    chosen = scenario.options.items()
    at_rest = all(scenario.file.switches[name].default == option for name, option in chosen)
    texts = [f"{switch_label(scenario, name)}: {option_label(scenario, name, option)}" for name, option in chosen]
    return [("Switches, all at the base case" if at_rest else "Switches", "; ".join(texts))]


def curve_conventions(scenario: Scenario) -> list[tuple[str, str]]:
    """Name and value of each convention of survival curves; none if the model has no curves."""
    spec = scenario.file.partitioned_survival
    if spec is None:
        return []
    times = "" if spec.multiplier == 1.0 else f" times {_number(scenario, spec.multiplier)}"
    floor = f"the hazard of each is at least that of background mortality{times}"
    return [
        (
            "Survival curves",
            f"nested, {listed(list(spec.curves))}; "
            + (floor if spec.background == "floor" else "background mortality is not added"),
        ),
        ("Curves that cross", CROSSING[spec.crossing]),
    ]


def _discounting(scenario: Scenario) -> str:
    if scenario.file.cycles is None:
        return DISCOUNTING[scenario.file.settings.discounting]
    return DISCOUNTING_IN_CYCLES[scenario.file.settings.discounting]


def _endpoint(evaluation: Evaluation, name: str) -> str:
    spec = evaluation.scenario.file.endpoints[name]
    role = {"event": "death an event", "competing": "death competing", "censoring": "death censoring"}[spec.death]
    origin = "" if spec.origin == "model" else f", from {state_label(evaluation.scenario, spec.origin)}"
    return f"{endpoint_label(evaluation, name)} ({spec.kind}, {role}{origin})"


def _terminal(scenario: Scenario) -> str:
    if not scenario.file.terminal:
        return "none: other costs are not replaced before death"
    return "; ".join(f"before {state_label(scenario, t.death)}, {_care(scenario, t)}" for t in scenario.file.terminal)


def _care(scenario: Scenario, care: Exclusion) -> str:
    """What terminal care replaces within its window, and until when before death other amounts begin."""
    parts = []
    if care.window is not None or not care.before_death:
        replaced = listed([category.replace("_", " ") for category in care.excludes])
        parts.append(f"within {_number(scenario, care.window or 0.0)} years, replaces {replaced}")
    for spell in care.before_death:
        amounts = [f"{category.replace('_', ' ')} per year" for category in spell.cost_per_year]
        amounts += ["a loss of utility"] * (spell.utility_loss is not None)
        parts.append(f"in the last {_number(scenario, spell.years)} years, adds {listed(amounts)}")
    return ", and ".join(parts)


def _number(scenario: Scenario, value: float | str) -> str:
    """A value of the file as a number, where it names a parameter."""
    base = scenario.table.base()
    return plain(float(base[value][0])) if isinstance(value, str) and value in base else str(value)


def _utilities(scenario: Scenario) -> str:
    utilities = scenario.file.utilities
    if utilities.norms is None:
        return "as stated by state, not adjusted for age"
    return (
        f"relative to population norms ({Path(utilities.norms).name}, by age and {listed(list(utilities.keys))}), "
        f"combined {utilities.combine.replace('tive', 'tively')}"
    )


def loss_sentence(file: ScenarioFile) -> str:
    """The rule in one sentence; empty if nothing takes utility away."""
    rules = loss_rules(file)
    return LOSS_SENTENCE[rules["combine"]] if rules else ""


def loss_conventions(file: ScenarioFile) -> list[tuple[str, str]]:
    """Name and value of the conventions of losses; none if nothing takes utility away."""
    rules = loss_rules(file)
    if not rules:
        return []
    parts = [LOSS_RULE[rules["combine"]][file.utilities.norms is not None], TOGETHER[rules["combine"]]]
    if any(losses_in_time(file)):
        parts.append("a repeat while the same loss lasts makes it last longer and does not count twice")
    if rules["stack"]:
        parts.append(f"but repeats of {listed(_words(file, rules['stack']))} count each")
    if rules["stop_on_leaving"]:
        parts.append(f"losses of {listed(_words(file, rules['stop_on_leaving']))} end on leaving the state")
    return [("Losses of utility", "; ".join(parts))]


def _words(file: ScenarioFile, events: list[str]) -> list[str]:
    """Events by their labels."""
    return [file.events[name].label or name.replace("_", " ") for name in events]


def has_losses(file: ScenarioFile) -> bool:
    """Whether anything takes utility away."""
    spells = any(
        spell.utility_loss is not None
        for sections in (file.states, file.treatments)
        for section in sections.values()
        for spell in section.limited
    )
    lasting = any(flag.utility_loss is not None for flag in file.lasting.values())
    return spells or lasting or any(True for _ in losses_in_time(file))


def loss_rules(file: ScenarioFile) -> dict[str, Any]:
    """How losses act and combine; empty if there are none.

    Returns
    -------
    dict
        `combine`: as in `[utilities]`; `stack` and `stop_on_leaving`: the events that declare them.
    """
    if not has_losses(file):
        return {}
    events = {name: event for name, event in file.events.items() if event.utility_loss is not None}
    return {
        "combine": file.utilities.combine,
        "stack": [name for name, event in events.items() if event.stack],
        "stop_on_leaving": [name for name, event in events.items() if event.stop_on_leaving],
    }


def _mortality(scenario: Scenario) -> str:
    mortality = scenario.file.mortality
    if mortality is None:
        return "none"
    kind = {"q": "probabilities of death within a year", "m": "death rates"}[mortality.measure]
    by, life = listed(["age", *mortality.keys]), scenario.life
    text = f"{Path(mortality.table).name} ({kind}, by {by}), constant hazard in each band"
    if life is not None and life.first_age > 0.0:
        text += f"; before age {life.first_age:g}, the first row of each key"
    if life is not None and life.closed is not None:
        return f"{text}; closed: nobody lives beyond age {life.closed:g}, where q = 1"
    return f"{text}; the last row is held for ever"


def _covariates(scenario: Scenario) -> str:
    population = scenario.file.population
    if population.strata:
        return f"mixed by {population.by}: {listed([named(s.label, name) for name, s in population.strata.items()])}"
    return listed([named(spec.label, name) for name, spec in population.covariates.items()])
