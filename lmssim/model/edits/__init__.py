"""Changes of a scenario's inputs in memory: each takes a scenario and returns another, and the files stay as they are.

They are generic: they know the language's sections, never a model's states, treatments or parameters.
"""

from lmssim.model.edits.course import (
    all_events,
    deaths_of,
    event_probability,
    extreme_mortality,
    no_consequences,
    no_deaths,
    no_events,
    standstill,
)
from lmssim.model.edits.effects import (
    DeclaredEffect,
    declared_effects,
    marks_of,
    scaled_effect,
    treatment_effects,
    watched,
)
from lmssim.model.edits.families import NESTED, in_family
from lmssim.model.edits.rewards import (
    costs,
    no_losses,
    no_norms,
    no_terminal_care,
    no_treatment_costs,
    only_costs_per_year,
    own_events,
    scaled_utilities,
    treatment_costs,
    utilities,
)
from lmssim.model.edits.rewriting import rewrite, rewritten, times, with_file, with_settings
from lmssim.model.edits.settings import (
    Younger,
    bare_model,
    constant_age,
    cycle_length,
    discounting,
    horizon,
    one_strategy,
    reversed_strategies,
    strategies_compared_by_name,
    younger,
)

__all__ = [
    "NESTED",
    "DeclaredEffect",
    "Younger",
    "all_events",
    "bare_model",
    "constant_age",
    "costs",
    "cycle_length",
    "deaths_of",
    "declared_effects",
    "discounting",
    "event_probability",
    "extreme_mortality",
    "horizon",
    "in_family",
    "marks_of",
    "no_consequences",
    "no_deaths",
    "no_events",
    "no_losses",
    "no_norms",
    "no_terminal_care",
    "no_treatment_costs",
    "one_strategy",
    "only_costs_per_year",
    "own_events",
    "reversed_strategies",
    "rewrite",
    "rewritten",
    "scaled_effect",
    "scaled_utilities",
    "standstill",
    "strategies_compared_by_name",
    "times",
    "treatment_costs",
    "treatment_effects",
    "utilities",
    "watched",
    "with_file",
    "with_settings",
    "younger",
]
