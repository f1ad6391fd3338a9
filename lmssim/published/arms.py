"""What the patients of a paper had, in its words, as a strategy of a scenario: which plan, which line, since when.

Words are read in the order: a regimen of a line; a strategy's own id; a later operation; treatment around surgery;
supportive care; any other words as observed practice, and the reading says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.model.language.schema import Planned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.model.scenario import Scenario

OBSERVED = "observed"
SURGERY = "surgery_only"
NO_TREATMENT = ("placebo", "no chemotherapy", "best supportive care", "supportive care", "bsc")
ANY_TREATMENT = ("systemic", "chemotherapy", "dox-based", "systemic or none")
SHORT = {
    "dox": "doxorubicin",
    "ifo": "ifosfamide",
    "gem": "gemcitabine",
    "doc": "docetaxel",
    "dtic": "dacarbazine",
    "aromatase inhibitor": "letrozole",
}
ORIGINS = {"salvage surgery": "salvage_surgery", "metastasectomy": "metastasectomy"}
"""Later operations, and the state that begins them: time counts from it."""
AROUND_SURGERY = {
    "neoadj_rt": ("neoadj_rt",),
    "neoadj_ct": ("neoadj_ct", "neoadj_chemo", "neoadj/perioperative chemo", "perioperative"),
    "heat": ("hyperthermia",),
    "adj_rt": ("adj_rt", "rt", "adj_brachytherapy"),
    "adj_ct": ("adj_ct", "adj_chemo", "chemo"),
}
"""Treatment around surgery, and the words that mean it."""
PLANS = {
    frozenset(["neoadj_rt"]): "neoadj_rt",
    frozenset(["neoadj_ct"]): "neoadj_ct",
    frozenset(["neoadj_ct", "heat"]): "neoadj_ct_ht",
    frozenset(["neoadj_rt", "neoadj_ct"]): "neoadj_both",
    frozenset(["adj_rt"]): "adj_rt",
    frozenset(["adj_ct"]): "adj_ct",
    frozenset(["adj_rt", "adj_ct"]): "adj_both",
}
"""Treatments around surgery, and the strategy that has them."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A strategy that stands for what the patients had."""

    strategy: str
    sequence: str | None = None
    """In place of the strategy's sequence."""
    line: int = 0
    """Line of the regimen that was named; 0 if none was."""
    regimen: str = ""
    since: tuple[str, ...] = ()
    """States that begin what was named."""
    curative: bool = False
    """Treated with curative intent: those with metastases at presentation are no part of it."""
    note: str


def arm_of(text: str, scenario: Scenario) -> Arm:
    """Strategy that stands for a paper's words."""
    words, detail = _split(text)
    strategies = scenario.file.strategies
    regimen = _line(text, words, scenario)
    if regimen is not None:
        return regimen
    if text in strategies:
        return Arm(strategy=text, note=f"strategy {text}")
    for finder in (_later_operation, _around_surgery):
        arm = finder(text, words, detail, scenario)
        if arm is not None:
            return arm
    default = default_strategy(scenario)
    if not words:
        return Arm(strategy=default, note=f"treatment not given, strategy {default}")
    if words in NO_TREATMENT:
        return _without_treatment(text, scenario)
    if words.startswith("mixed") or words in ANY_TREATMENT:
        return Arm(strategy=default, note=f"'{text}' as strategy {default}")
    return Arm(strategy=default, note=f"'{text}' is unknown and read as strategy {default}")


def default_strategy(scenario: Scenario) -> str:
    """Observed practice, or the comparator of a scenario that has none."""
    return OBSERVED if OBSERVED in scenario.file.strategies else scenario.comparator


def _split(text: str) -> tuple[str, str]:
    """Words without what stands in brackets, and what stands there."""
    detail = " ".join(re.findall(r"\(([^)]*)\)", text)).lower()
    return " ".join(re.sub(r"\([^)]*\)", " ", text).lower().split()), detail


def _later_operation(text: str, words: str, _: str, scenario: Scenario) -> Arm | None:
    for operation, state in ORIGINS.items():
        if words.endswith(operation) and state in scenario.file.states:
            strategy = default_strategy(scenario)
            return Arm(strategy=strategy, since=(state,), note=f"'{text}' as strategy {strategy} since {state}")
    return None


def _around_surgery(text: str, words: str, detail: str, scenario: Scenario) -> Arm | None:
    """Surgery and what is given before and after it."""
    parts = [part.strip() for part in words.replace("+-", "+").split("+")]
    given = frozenset(name for name, known in AROUND_SURGERY.items() if any(_means(p, known) for p in parts))
    if not given and not any("surgery" in part for part in parts):
        return None
    mixed = "+-" in words or any(word in detail for word in ("mixed", "multimodal", "%"))
    if not given and detail in scenario.file.strategies:  # surgery (morcellation)
        wanted = detail
    elif mixed:
        wanted = OBSERVED
    else:
        wanted = PLANS.get(given, OBSERVED) if given else SURGERY
    found = wanted if wanted in scenario.file.strategies else _instead(wanted, scenario)
    missing = "" if found == wanted else f", the scenario has no {wanted}"
    return Arm(strategy=found, curative=True, note=f"'{text}' as strategy {found}{missing}")


def _means(part: str, known: tuple[str, ...]) -> bool:
    return any(part == word or part.startswith(f"{word} ") for word in known)


def _instead(wanted: str, scenario: Scenario) -> str:
    """What stands for observed practice is surgery alone, where the scenario has it; for others the default."""
    if wanted == OBSERVED and SURGERY in scenario.file.strategies:
        return SURGERY
    return default_strategy(scenario)


# === Lines ===


def _line(text: str, words: str, scenario: Scenario) -> Arm | None:
    """A regimen, in the sequence that gives it earliest: the first choice of the earliest line."""
    regimen = _regimen(words)
    default = default_strategy(scenario)
    own = scenario.file.strategies[default].sequence or scenario.file.settings.sequence
    best: tuple[int, int, bool, str] | None = None
    for name in scenario.file.sequences:
        for line, place, given in _treatments(scenario, name):
            here = (line, place, name != own, name)
            if given == regimen and (best is None or here[:3] < best[:3]):
                best = here
    if best is None:
        return None
    line, _place, _other, name = best
    note = f"'{text}' as {regimen} in line {line}, sequence {name}"
    return Arm(
        strategy=default,
        sequence=None if name == own else name,
        line=line,
        regimen=regimen,
        since=(f"line_{line}.{regimen}",),
        note=note,
    )


def _regimen(words: str) -> str:
    """Name of a regimen: its drugs in full, joined."""
    first = words.split(" then ", maxsplit=1)[0]
    drugs = [part.strip() for part in first.split("+")]
    return "_".join(SHORT.get(drug, drug) for drug in drugs)


def _treatments(scenario: Scenario, sequence: str) -> Iterator[tuple[int, int, str]]:
    """Line, place within it and regimen of each treatment of a sequence."""
    places: dict[int, int] = {}
    for planned in scenario.file.sequences[sequence].treatments:
        name = planned.treatment if isinstance(planned, Planned) else planned
        found = re.fullmatch(r"line_(\d+)\.(\w+)", name)
        if found:
            line = int(found[1])
            yield line, places.setdefault(line, 0), found[2]
            places[line] += 1


def _without_treatment(text: str, scenario: Scenario) -> Arm:
    """No line at all, where a strategy or sequence has none."""
    strategies, sequences = scenario.file.strategies, scenario.file.sequences
    default = default_strategy(scenario)
    for name in strategies:
        if name == "supportive_only":
            return Arm(strategy=name, note=f"'{text}' as strategy {name}")
    empty = next((name for name, sequence in sequences.items() if not sequence.treatments), None)
    if empty is None:
        return Arm(strategy=default, note=f"'{text}' is unknown and read as strategy {default}")
    return Arm(strategy=default, sequence=empty, note=f"'{text}' as strategy {default} with sequence {empty}")
