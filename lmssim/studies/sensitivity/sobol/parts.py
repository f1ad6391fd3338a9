"""Parts of a block among which Shapley effects divide its variance: as declared, each parameter, or by kind."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from lmssim.economics.variance_based.shapley import MOST_PARTS
from lmssim.errors import InputError, unknown
from lmssim.studies.sensitivity.sobol.factors import OTHERS
from lmssim.studies.sensitivity.sobol.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.blocks import Block


def block_named(name: str, blocks: Sequence[Block]) -> Block:
    """A block that is drawn jointly.

    Raises
    ------
    InputError
        If there is none of that name, or it is one parameter.
    """
    joint = {block.name: block for block in blocks if len(block.members) > 1}
    if name in joint:
        return joint[name]
    if not joint:
        raise InputError(f"--shapley {name}: no parameters are drawn jointly; Sobol' indices divide all variance.")
    raise InputError(unknown("block that is drawn jointly", name, joint, "--shapley"))


def parts_of(program: Program, block: Block, declared: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Parameters of each part; what no declared part holds is one more.

    Raises
    ------
    InputError
        If a name fits nothing in the block, stands in two parts, or there are fewer than two parts or too many.
    """
    parts = {name: _fitting(name, words, block) for name, words in declared.items()}
    taken: dict[str, str] = {}
    for name, members in parts.items():
        for id_ in members:
            if taken.setdefault(id_, name) != name:
                raise InputError(f"--part {name}: '{id_}' is in '{taken[id_]}' too; name it once.")
    left = [id_ for id_ in block.members if id_ not in taken]
    if not declared and len(left) <= MOST_PARTS:
        parts = {id_: [id_] for id_ in left}
    elif not declared:
        currency = program.scenario.file.settings.currency
        for id_ in left:
            parts.setdefault(kind_of(program.scenario.table[id_], currency) or OTHERS, []).append(id_)
    elif left:
        parts[OTHERS] = [*parts.get(OTHERS, []), *left]
    if not 2 <= len(parts) <= MOST_PARTS:
        raise InputError(
            f"--shapley {block.name}: {len(parts)} part{'s' * (len(parts) != 1)}; from 2 to {MOST_PARTS} are divided: "
            "declare them with --part NAME=ID,ID."
        )
    return parts


def _fitting(name: str, words: Sequence[str], block: Block) -> list[str]:
    found: dict[str, None] = {}
    for word in words:
        fitting = fnmatch.filter(block.members, word)
        if not fitting:
            raise InputError(unknown(f"parameter of '{block.name}'", word, block.members, f"--part {name}"))
        found |= dict.fromkeys(fitting)
    return list(found)
