"""Command lines that nobody meant: options missing, doubled, misspelt, with values of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.spoil import WORDS

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

SHARE = 0.15
"""Of the inputs, how many are command lines."""
GIVEN = """
0 -1 1.5 nan inf 1e3 1_0 0x10 007 +5 5 999999999999999999999999 1e400 -0 , ,, a, =1 c_drug= c_drug=1 c_drug=nan
c_drug=1e400 c_durg=1 c_drug=1=2 u_well=2 u_well=-1 nothing drug nothing,nothing drug,nothing durg
common independent threads loky compiled cohort des dose=usual dose=x dose= =usual costs structure
"""
VALUES = (*GIVEN.split(), *(word for word in WORDS if "\x00" not in word))
"""Values of options, good and bad."""
OPTIONS = {
    "run": "--patients --seed --jobs --engine --profiles --backend --strategies --set --switch --random-numbers "
    "--histories --precision --control-variate --json --quiet",
    "show": "--parameters --strategies --switches --evidence --switch --json",
    "switches": "--patients --seed --jobs --strategies --set --switch --json --quiet",
    "verify": "--engine --check --skip --patients --seed --jobs --set --switch --list --json --quiet",
    "validate": "--targets --draws --patients --seed --jobs --set --switch --json --quiet",
    "trace": "--patient --draw --strategy --seed --set --switch --json --quiet",
    "case": "--case --patients --seed --set --switch --json --quiet",
    "calibrate": "--seed --jobs --design --patients --steps --resume --no-resume --json --quiet",
    "sbc": "--datasets --patients --seed --jobs --quiet",
}
"""Commands and options; `--out` is given apart, so that nothing is written elsewhere."""
FLAGS = {
    "--histories", "--control-variate", "--json", "--quiet", "--parameters", "--evidence", "--list", "--resume",
    "--no-resume",
}  # fmt: off
KEPT_SMALL = {
    "run": ["--patients", "20"],
    "switches": ["--patients", "1024"],
    "validate": ["--draws", "20", "--patients", "20"],
    "case": ["--patients", "20"],
    "verify": ["--patients", "50", "--check", "structure"],
}
"""Options that keep a command short where nothing else is wrong."""
WITHOUT_OUT = {"show"}


def words(rng: Random, path: Path, out: Path) -> list[str]:
    """A command line.

    Parameters
    ----------
    path : Path
        A scenario file that is sound.
    out : Path
        The folder that it may write to.
    """
    command = rng.choice(sorted(OPTIONS))
    line = [command, *([str(path)] if rng.random() < 0.95 else [])]
    for _ in range(rng.choice((1, 1, 2, 3))):
        option = rng.choice(OPTIONS[command].split())
        line.append(option if rng.random() < 0.95 else option[:-1])
        if option not in FLAGS or rng.random() < 0.05:
            line += [rng.choice(VALUES)] if rng.random() < 0.97 else []
    small = KEPT_SMALL.get(command, [])
    line += [word for i, word in enumerate(small) if small[i - i % 2] not in line]
    return line if command in WITHOUT_OUT else [*line, "--out", str(out)]
