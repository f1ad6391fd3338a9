"""What is spoilt: folders of a few small files, each a whole input of some commands."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmssim.bundled import scenarios_folder
from tests.kit.features import FEATURES, featured
from tests.kit.models import HEAD
from tests.kit.small import write_model
from tests.kit.toy import write_toy

if TYPE_CHECKING:
    from collections.abc import Sequence

RICH = Path(__file__).parent / "rich"
"""A scenario with something of every table of the language, and the files that it reads."""
EXAMPLES = {
    "illness_death": ("illness_death.toml", "illness_death.csv"),
    "hiv": ("hiv.toml", "hiv.csv"),
    "partitioned": ("partitioned.toml", "partitioned.csv"),
    "sick_sicker": ("sick_sicker.toml", "sick_sicker.csv"),
}
"""Bundled examples of each kind of model."""


@dataclass(frozen=True)
class Subject:
    """Files that belong together."""

    folder: Path
    """Where they stand, as they are meant."""
    main: str
    """The one that a command is given."""
    doors: tuple[str, ...]
    """What is done with it: names of `tests.fuzz.doors`."""


def write_subjects(folder: Path) -> Sequence[Subject]:
    """Write every subject to a folder of its own.

    Parameters
    ----------
    folder : Path
        An empty folder.
    """
    model = ("load", "compiled", "des", "cohort", "show", "run", "trace", "verify")
    return [
        Subject(shutil.copytree(RICH, folder / "rich"), "rich.toml", (*model, "case", "validate")),
        Subject(write_model(_new(folder / "small")).parent, "small.toml", model),
        *(_example(folder / name, files, model) for name, files in EXAMPLES.items()),
        *(_feature(folder / f"feature_{k}", name, model) for k, name in enumerate(sorted(FEATURES))),
        Subject(write_toy(_new(folder / "toy")).parent, "toy_fit.toml", ("problem", "calibrate")),
    ]


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _example(folder: Path, files: Sequence[str], doors: tuple[str, ...]) -> Subject:
    _new(folder)
    for name in files:
        shutil.copy(scenarios_folder() / "examples" / name, folder / name)
    return Subject(folder, files[0], doors)


def _feature(folder: Path, name: str, doors: tuple[str, ...]) -> Subject:
    (_new(folder) / "feature.toml").write_text(HEAD + featured(FEATURES[name]))
    return Subject(folder, "feature.toml", doors)
