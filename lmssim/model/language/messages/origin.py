"""Which file a message is about: of a model that includes others, the one where the key stands, and the line.

Files are merged before they are checked, so that whatever finds a fault knows the key alone. Here the key is looked up
in the files, each read again; that is done only when there is something to say.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError
from lmssim.model.language.messages import kinds
from lmssim.model.language.messages.lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Part = str | int
"""A key, or the position in a list, from 0."""
STEP = re.compile(r"\.?([^\s.\[\]:=]+)((?:\[\d+\])*)")
TRANSITION = re.compile(r"transition (\S+) -> ([^\s:]+)")


@dataclass(frozen=True)
class Origins:
    """The files of an input, in the order in which they are merged: what is included first, the file itself last."""

    path: Path = Path()
    files: tuple[Path, ...] = ()
    merged: dict[str, Any] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()

    @contextmanager
    def named(self) -> Iterator[None]:
        """Errors raised within name the file and line where the key stands that they begin with."""
        try:
            yield
        except InputError as error:
            text = self.locate(str(error))
            if text == str(error):
                raise
            raise type(error)(text) from None

    def locate(self, text: str) -> str:
        """A message that begins with the file and a key, with the file and line where the key stands.

        A name that is unknown there but known as something else is said to be that.
        """
        text = kinds.explained(text, self.merged, self.parameters)
        start = f"{self.path}: "
        if not text.startswith(start) or (text.endswith(")") and "(line " in text[-14:]):
            return text
        said = text[len(start) :]
        parts = self._transition(said) or _parts(said)
        found = self._found(parts)
        if found is None:
            return text
        path, own = found
        line = line_of(path.read_text(encoding="utf-8-sig"), own)
        return f"{path}: {said}" + (f" (line {line})" if line else "")

    def _found(self, parts: list[Part]) -> tuple[Path, list[Part]] | None:
        """The file that knows most of a key, of several the one merged last, and the key as it stands there."""
        best: tuple[int, Path, list[Part]] | None = None
        for path, prefix in (*((file, 0) for file in self.files), *self._stratum(parts)):
            data, own = _read(path), parts
            if prefix:
                own = ["population", *parts[prefix:]]
            elif parts[:1] == ["transitions"] and len(parts) > 1:
                own = self._own_transition(data, parts)
            depth = _depth(data, own)
            if depth and (best is None or depth + max(prefix - 1, 0) >= best[0]):
                best = depth + max(prefix - 1, 0), path, own[:depth]
        return None if best is None else best[1:]

    def _stratum(self, parts: list[Part]) -> Iterator[tuple[Path, int]]:
        """The file of a stratum's population, and how many parts of the key stand for its `population`."""
        if parts[:2] == ["population", "strata"] and len(parts) > 2:
            stratum = self.merged.get("population", {}).get("strata", {}).get(parts[2])
            if isinstance(stratum, dict) and isinstance(stratum.get("file"), str):
                yield self.path.parent / stratum["file"], 3

    def _own_transition(self, data: dict[str, Any], parts: list[Part]) -> list[Part]:
        """Key of a transition by its position in a file, from that in all of them together."""
        joined, own = self.merged.get("transitions", []), data.get("transitions", [])
        position = parts[1]
        if isinstance(position, int) and position < len(joined) and joined[position] in own:
            return ["transitions", own.index(joined[position]), *parts[2:]]
        return []

    def _transition(self, said: str) -> list[Part]:
        """Key of a transition that a message names by where it leads from and to; none if it names none."""
        found = TRANSITION.match(said)
        if found is None:
            return []
        best: list[Part] = []
        for position, transition in enumerate(self.merged.get("transitions", [])):
            if not isinstance(transition, dict):
                continue
            names = [transition[key] for key in ("to", "name", "mark") if key in transition]
            if any(found[2] == name or found[2].startswith(f"{name}.") for name in names):
                sources = transition.get("from")
                best = best or ["transitions", position]
                if found[1] in (sources if isinstance(sources, list) else [sources]):
                    return ["transitions", position]
        return best


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(path.read_text(encoding="utf-8-sig"))


def _parts(said: str) -> list[Part]:
    """Keys and positions that a message begins with."""
    parts: list[Part] = []
    position = 0
    while found := STEP.match(said, position):
        parts.append(found[1])
        parts += [int(index) - 1 for index in re.findall(r"\d+", found[2])]
        position = found.end()
        if said[position : position + 1] != ".":
            break
    return parts


def _depth(data: Any, parts: list[Part]) -> int:
    """How many parts of a key there are in some data."""
    depth = 0
    for part in parts:
        if isinstance(part, str) and isinstance(data, dict) and part in data:
            data = data[part]
            depth += 1
            continue
        if not isinstance(part, int) or not isinstance(data, list) or part >= len(data):
            break
        data = data[part]
        depth += 1
    return depth
