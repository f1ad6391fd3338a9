"""What the patients of a paper had, in its words, as a strategy of a scenario: which plan, which line, since when.

Words are read in the order: a regimen of a line; a strategy's own id; a later operation; treatment around surgery;
supportive care. Any other words are read as observed practice, and the reading says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.model.language.schema import Planned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.model.scenario import Scenario
    from lmssim.published.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A strategy that stands for what the patients had."""

    strategy: str
    sequence: str | None = None
    """In place of the strategy's sequence."""
    line: int = 0
    """Line of the regimen that was named; 0 if none was."""
    regimen: str = ""
    any_of: tuple[str, ...] = ()
    """Regimens that a line may give and no other line does, where none was named."""
    since: tuple[str, ...] = ()
    """States that begin what was named."""
    curative: bool = False
    """Treated with curative intent."""
    unnamed: bool = False
    """Whether no treatment was named: a mix, or none given."""
    untreated: bool = False
    """Whether no line of systemic treatment is given."""
    note: str


@dataclass(frozen=True)
class Arms:
    """Strategies of a scenario, found by the words of papers."""

    scenario: Scenario
    words: Vocabulary

    def of(self, text: str) -> Arm:
        """Strategy that stands for a paper's words."""
        words, detail = _split(text)
        regimen = self._line(text, words)
        if regimen is not None:
            return regimen
        if text in self.scenario.file.strategies:
            return Arm(strategy=text, note=f"strategy {text}")
        arm = self._later_operation(text, words) or self._around_surgery(text, words, detail)
        return arm or self._other(text, words)

    @property
    def default(self) -> str:
        """Observed practice, or the comparator of a scenario that has none."""
        observed = self.words.strategies.observed
        return observed if observed in self.scenario.file.strategies else self.scenario.comparator

    def _other(self, text: str, words: str) -> Arm:
        """Words that name no regimen, operation or treatment."""
        known = self.words.treatments
        if not words:
            return Arm(strategy=self.default, unnamed=True, note=f"treatment not given, strategy {self.default}")
        if words in known.none:
            return self._without_treatment(text)
        if line := next((n for begin, n in self.words.lines.numbered.items() if words.startswith(begin)), 0):
            return self._of_a_line(text, line)
        if words.startswith(known.mixed) or words in known.any:
            unnamed = words.startswith(known.mixed)
            return Arm(strategy=self.default, unnamed=unnamed, note=f"'{text}' as strategy {self.default}")
        return self._unknown(text)

    def _of_a_line(self, text: str, line: int) -> Arm:
        """Any treatment of a line, from its beginning."""
        phase = self.words.lines.phase.format(line=line)
        if phase not in self.scenario.file.states:
            return self._unknown(text)
        note = f"'{text}' as strategy {self.default} since {phase}"
        given = [(number, regimen) for number, _, regimen in self._treatments(self._own_sequence)]
        elsewhere = {regimen for number, regimen in given if number != line}
        own = tuple(regimen for number, regimen in given if number == line and regimen not in elsewhere)
        return Arm(strategy=self.default, line=line, any_of=own, since=(phase,), note=note)

    def _unknown(self, text: str) -> Arm:
        return Arm(strategy=self.default, note=f"'{text}' is unknown and read as strategy {self.default}")

    def _later_operation(self, text: str, words: str) -> Arm | None:
        for name, operation in self.words.operations.items():
            if words.endswith(name) and operation.state in self.scenario.file.states:
                note = f"'{text}' as strategy {self.default} since {operation.state}"
                return Arm(strategy=self.default, since=(operation.state,), note=note)
        return None

    def _around_surgery(self, text: str, words: str, detail: str) -> Arm | None:
        """Surgery and what is given before and after it."""
        known, strategies = self.words.treatments, self.words.strategies
        parts = [part.strip() for part in words.replace("+-", "+").split("+")]
        given = [name for name, ways in known.around_surgery.items() if any(_means(part, ways) for part in parts)]
        if not given and not any(known.surgery in part for part in parts):
            return None
        if not given and detail in self.scenario.file.strategies:  # surgery (morcellation)
            wanted = detail
        elif "+-" in words or any(word in detail for word in known.mixed_detail):
            wanted = strategies.observed
        else:
            wanted = (known.strategy_of(given) or strategies.observed) if given else strategies.surgery
        found = wanted if wanted in self.scenario.file.strategies else self._instead(wanted)
        missing = "" if found == wanted else f", the scenario has no {wanted}"
        return Arm(strategy=found, curative=True, note=f"'{text}' as strategy {found}{missing}")

    def _instead(self, wanted: str) -> str:
        """Surgery alone in place of observed practice, where the scenario has it; the default in place of others."""
        surgery = self.words.strategies.surgery
        if wanted == self.words.strategies.observed and surgery in self.scenario.file.strategies:
            return surgery
        return self.default

    # === Lines ===

    def _line(self, text: str, words: str) -> Arm | None:
        """A regimen, in the sequence that gives it earliest: the first choice of the earliest line."""
        regimen = self._regimen(words)
        own = self._own_sequence
        best: tuple[int, int, bool, str] | None = None
        for name in self.scenario.file.sequences:
            for line, place, given in self._treatments(name):
                here = (line, place, name != own, name)
                if given == regimen and (best is None or here[:3] < best[:3]):
                    best = here
        if best is None:
            return None
        line, _place, _other, name = best
        return Arm(
            strategy=self.default,
            sequence=None if name == own else name,
            line=line,
            regimen=regimen,
            since=(f"{self.words.lines.phase.format(line=line)}.{regimen}",),
            note=f"'{text}' as {regimen} in line {line}, sequence {name}",
        )

    @property
    def _own_sequence(self) -> str | None:
        return self.scenario.file.strategies[self.default].sequence or self.scenario.file.settings.sequence

    def _regimen(self, words: str) -> str:
        """Name of a regimen: its drugs in full, joined."""
        first = words.split(" then ", maxsplit=1)[0]
        drugs = [part.strip() for part in first.split("+")]
        return "_".join(self.words.lines.drugs.get(drug, drug) for drug in drugs)

    def _treatments(self, sequence: str | None) -> Iterator[tuple[int, int, str]]:
        """Line, place within it and regimen of each treatment of a sequence; of no sequence, none."""
        if sequence is None:
            return
        pattern = re.escape(self.words.lines.phase).replace(re.escape("{line}"), r"(\d+)") + r"\.(\w+)"
        places: dict[int, int] = {}
        for planned in self.scenario.file.sequences[sequence].treatments:
            name = planned.treatment if isinstance(planned, Planned) else planned
            found = re.fullmatch(pattern, name)
            if found:
                line = int(found[1])
                yield line, places.setdefault(line, 0), found[2]
                places[line] += 1

    def _without_treatment(self, text: str) -> Arm:
        """No line at all, where a strategy or sequence has none."""
        untreated = self.words.strategies.untreated
        if untreated in self.scenario.file.strategies:
            return Arm(strategy=untreated, untreated=True, note=f"'{text}' as strategy {untreated}")
        sequences = self.scenario.file.sequences
        empty = next((name for name, sequence in sequences.items() if not sequence.treatments), None)
        if empty is None:
            return self._unknown(text)
        note = f"'{text}' as strategy {self.default} with sequence {empty}"
        return Arm(strategy=self.default, sequence=empty, untreated=True, note=note)


def _split(text: str) -> tuple[str, str]:
    """Words without what stands in brackets, and what stands there."""
    detail = " ".join(re.findall(r"\(([^)]*)\)", text)).lower()
    return " ".join(re.sub(r"\([^)]*\)", " ", text).lower().split()), detail


def _means(part: str, known: list[str]) -> bool:
    return any(part == word or part.startswith(f"{word} ") for word in known)
