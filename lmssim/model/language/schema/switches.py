"""Switches: their options, what each sets or changes, and what its label claims of the model."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lmssim.model.language.schema.readings import FollowUp, Statistic
from lmssim.model.language.schema.words import Id, Number, Section, Value


class Solve(Section):
    """The parameter that is solved so that a claim holds."""

    parameter: str
    """A row of a table; `lmssim switches SCENARIO --solve` writes its row again."""
    low: float = Field(gt=0)
    """Least value that is tried."""
    high: float
    """Greatest value that is tried."""
    spread: float | None = Field(default=None, gt=1)
    """The parameter is log-normal, and its 95% interval reaches from the solution divided by this factor to the
    solution times it; fixed if absent."""


class ClaimedOutcome(Section):
    """An outcome of the model of which something is claimed: read as a row of a published series is."""

    outcome: str | None = None
    """Endpoint of the file."""
    events: list[str] = []
    """In place of an endpoint: states entered, or event records."""
    statistic: Statistic = "cumulative_incidence"
    """As in a row of a series."""
    strategy: str | None = None
    """The comparator if absent."""
    by: Number | None = Field(default=None, gt=0)
    """As in a row of a series, in years; the label may print it."""
    since: list[str] = []
    """As in a row of a series."""
    given: list[str] = []
    """As in a row of a series."""
    without: list[str] = []
    """As in a row of a series."""
    where: str | None = None
    """As in a row of a series."""
    follow_up: FollowUp | None = None
    """Potential follow-up, as in a series; to the horizon if absent."""


class Claim(ClaimedOutcome):
    """A number that an option's label prints, and what in the model gives it when the option is chosen.

    One of `outcome`, `events`, `value_of` and `key` says what does.
    """

    value: Number
    """The number, which the label prints rounded: a share for a percentage, years for the time of an outcome."""
    value_of: Value | None = None
    """Expression of parameters."""
    key: str | None = None
    """A number of the file: `settings.discount_rate_costs`; items of a list are counted from 0."""
    solve: Solve | None = None
    """Only of an outcome or events."""


class ModelClaim(ClaimedOutcome):
    """What a scenario claims of an outcome of its model: that it is a number, or the same under two strategies."""

    label: str
    value: Value = 0.0
    """Number or expression of parameters: of the outcome, or of its difference between two strategies."""
    minus: str | None = None
    """Strategy whose outcome is taken off."""
    within: float = Field(gt=0, allow_inf_nan=False)
    """By how much the model may miss the value, besides what chance may do."""
    switches: dict[str, str] = {}
    """Options of switches with which it is claimed: with others it is not read."""
    reason: str = ""
    source_id: str = ""
    locator: str = ""


class SwitchOption(Section):
    """One way in which a switch may stand; with neither `set` nor `change`, the model as it is."""

    label: str | None = None
    reason: str = ""
    """What speaks for it."""
    source_id: str = ""
    """Source of what it sets; if absent, that of the one parameter named."""
    locator: str = ""
    set: dict[str, Value] = {}
    """Parameter -> number or expression of parameters."""
    change: dict[str, Any] = {}
    """Tables merged into the file, as those of a file that includes it."""
    claims: list[Claim] = []
    """What the numbers of the label say of the model."""
    words: dict[str, str] = {}
    """Part of the label whose numbers say nothing of the model, such as the name of a trial -> what it is."""


class Averaged(Section):
    """Weights with which `lmssim psa --average` draws the options of a switch."""

    weights: dict[str, Number] = Field(min_length=1)
    """Option -> its probability; those of all options add up to 1, and what is absent is never drawn."""
    justification: str = Field(min_length=1)
    """Whose judgement it is; tables and reports print it."""


class Switch(Section):
    """A choice between options, of which one holds."""

    label: str | None = None
    default: str
    """Option of the base case."""
    options: dict[Id, SwitchOption]
    average: Averaged | None = None
    """How likely each option is, where the choice is of what is not known; not of method, such as discount rates."""
