"""Factors of a global sensitivity analysis: independent groups of uncertain parameters, as declared or by kind.

A block (`lmssim.studies.sensitivity.paired.blocks`) belongs to one factor whole, because variance cannot be divided by
Sobol' indices between parameters that depend on each other.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.economics.variance_based.design import Layout
from lmssim.errors import InputError, unknown
from lmssim.studies.sensitivity.paired.blocks import blocks_of
from lmssim.studies.sensitivity.sobol.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.blocks import Block

MOST_FACTORS = 15
OTHERS = "other parameters"


@dataclass(frozen=True)
class Factor:
    """A factor: blocks whose levels are drawn anew together.

    Attributes
    ----------
    name : str
        As declared, or of its kind or block.
    blocks : sequence of Block
        What it holds.
    """

    name: str
    blocks: Sequence[Block]

    @property
    def members(self) -> list[str]:
        """Its parameters."""
        return [member for block in self.blocks for member in block.members]

    @property
    def streams(self) -> list[str]:
        """Streams of uniforms that decide its level."""
        return [stream for block in self.blocks for stream in block.streams]

    @property
    def label(self) -> str:
        """What people read."""
        n = len(self.members)
        if n == 1:
            return self.blocks[0].label
        return f"{self.name} ({n} parameters{', drawn jointly' * (len(self.blocks) == 1)})"

    @property
    def is_ordered(self) -> bool:
        """Whether its level is one number that has an order."""
        return len(self.blocks) == 1 and not self.blocks[0].joint


def layout_of(factors: Sequence[Factor]) -> Layout:
    """Columns of a design of some factors."""
    owners = [k for k, factor in enumerate(factors) for _ in factor.streams]
    return Layout(owners, [factor.is_ordered for factor in factors])


def factors_of(program: Program, declared: Mapping[str, Sequence[str]]) -> list[Factor]:
    """Factors: those declared, each block that is left, and the other parameters, by kind if none are declared.

    Parameters
    ----------
    declared : mapping of str to sequence of str
        Parameters, blocks or patterns by the name of each factor.

    Raises
    ------
    InputError
        If a name fits nothing, stands in two factors, divides a block, or there are more than `MOST_FACTORS`.
    """
    blocks = blocks_of(program)
    found = [Factor(name, _named(name, words, blocks)) for name, words in declared.items()]
    _check_apart(found)
    taken = {block.name for factor in found for block in factor.blocks}
    left = [block for block in blocks if block.name not in taken]
    found += [Factor(block.name, [block]) for block in left if block.joint]
    found += list(_by_kind(program, [block for block in left if not block.joint], declared))
    _check_count(program, found)
    return found


def _by_kind(program: Program, blocks: Sequence[Block], declared: Mapping[str, Sequence[str]]) -> Iterator[Factor]:
    """Parameters that are drawn alone, by kind; together if factors were declared."""
    kinds: dict[str, list[Block]] = {}
    currency = program.scenario.file.settings.currency
    for block in blocks:
        kind = OTHERS if declared else kind_of(program.scenario.table[block.name], currency) or OTHERS
        kinds.setdefault(kind, []).append(block)
    for kind, members in sorted(kinds.items(), key=lambda each: each[0] == OTHERS):
        yield Factor(members[0].name if len(members) == 1 else kind, members)


def _named(name: str, words: Sequence[str], blocks: Sequence[Block]) -> list[Block]:
    """Blocks that some names and patterns fit, none of them in part."""
    of = {member: block for block in blocks for member in block.members} | {block.name: block for block in blocks}
    asked: dict[str, None] = {}
    for word in words:
        fitting = fnmatch.filter(of, word)
        if not fitting:
            raise InputError(unknown("uncertain parameter", word, of, f"--group {name}"))
        asked |= dict.fromkeys(fitting)
    found: dict[str, Block] = {}
    for each in asked:
        block = of[each]
        if each != block.name and block.name not in asked and not set(block.members) <= set(asked):
            raise InputError(f"--group {name}: no index of '{each}': {block.why_not_divided}.")
        found[block.name] = block
    return list(found.values())


def _check_apart(factors: Sequence[Factor]) -> None:
    """Refuse a block in two factors."""
    of: dict[str, str] = {}
    for factor in factors:
        for block in factor.blocks:
            if of.setdefault(block.name, factor.name) != factor.name:
                raise InputError(f"--group {factor.name}: '{block.name}' is in '{of[block.name]}' too; name it once.")


def _check_count(program: Program, factors: Sequence[Factor]) -> None:
    names = [factor.name for factor in factors]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"--group {twice}: another factor has that name; choose another one.")
    if len(factors) > MOST_FACTORS:
        raise InputError(
            f"{program.scenario.path}: {len(factors)} factors; at most {MOST_FACTORS} are analysed: put some together "
            "with --group NAME=ID,ID."
        )
    if len(factors) < 2:
        raise InputError(
            f"{program.scenario.path}: every uncertain parameter is in one factor, '{names[0]}', which explains all of "
            "the variance: declare more with --group NAME=ID,ID, or divide a block with `--shapley`."
            if factors
            else f"{program.scenario.path}: no uncertain parameter is used, so there is nothing to vary."
        )
