"""Value through the model: what can be learnt, and that it agrees with regression."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.bundled import scenarios_folder
from lmssim.cli.app import main
from lmssim.economics.voi.draws import POSTERIOR, ParameterSet
from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.voi.conditional import MultilevelCheck, ThroughModel, through_model
from lmssim.studies.sensitivity.voi.folder import read_folder
from lmssim.studies.sensitivity.voi.study import InformationStudy
from tests.studies.sensitivity.voi.test_study import two_normals

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """800 draws of the HIV model, solved."""
    path = tmp_path_factory.mktemp("through") / "hiv"
    words = ("psa", "hiv", "--engine", "cohort", "--draws", "800", "--jobs", "1", "--no-report", "--quiet", "--out")
    with pytest.raises(SystemExit):
        main([*words, str(path)])
    return path


@pytest.fixture(scope="module")
def study(folder: Path) -> InformationStudy:
    """Near the ICER."""
    return InformationStudy(read_folder(folder), [6_000.0])


def test_regression_and_the_model_agree(study: InformationStudy) -> None:
    """The log relative risk decides almost everything: both find the same value, within 4 errors."""
    leading = str(study.evppi["name"].iloc[0])
    check = MultilevelCheck(study, through_model(study.source, None), [leading], n_outer=30)
    row = check.to_frame().iloc[0]
    assert abs(row["z"]) < 4.0
    assert row["se"] < 0.6 * row["regression"]
    assert row["draws"] > 30 * 32


def test_draws_given_a_set_hold_it(study: InformationStudy) -> None:
    """All draws of an outer number share the set, and differ in every other uncertain parameter."""
    model = through_model(study.source, None)
    single = next(each for each in study.source.sets if len(each.members) == 1)
    outer = np.array([0, 0, 0, 1, 1, 5])
    draws = model._draws(single, 0, outer)
    assert [len(np.unique(draws[single.name][outer == k])) for k in (0, 1, 5)] == [1, 1, 1]
    assert len(np.unique(draws[single.name])) == 3
    others = [name for name in study.source.draws.parameters if name not in single.members]
    assert all(len(np.unique(draws[name])) > 3 for name in others)
    again = model._draws(single, 3, outer[3:])
    assert np.unique(again[single.name]).tolist() == np.unique(draws[single.name][3:]).tolist()


def test_a_part_of_a_posterior_is_refused() -> None:
    """With the reason, and what to name instead; the whole posterior, and a parameter outside it, are not."""
    model = ThroughModel(compile_scenario(load_scenario("extremity")), Sampling())
    ((name, group),) = [(n, g) for n, g in model.program.scenario.groups.items() if g.kind == "posterior"][:1]
    member = group.members[0]
    reason = model.refusal(ParameterSet(member, member, (member,)))
    assert reason.startswith(f"'{member}' is part of the posterior '{name}': its draws are whole rows of a calibration")
    assert not model.refusal(ParameterSet(name, name, tuple(group.members), POSTERIOR))
    free = [p.id for p in model.program.scenario.table.values() if p.distribution != "fixed" and not p.group]
    outside = next(id_ for id_ in free if id_ not in group.members)
    assert not model.refusal(ParameterSet(outside, outside, (outside,)))


def test_bad_use(study: InformationStudy, folder: Path, tmp_path: Path) -> None:
    """Tables have no model; a scenario that changed is not that of the draws; a name that is not there has a hint."""
    with pytest.raises(InputError, match="--multilevel: needs the model"):
        through_model(two_normals(), None)
    copy = shutil.copytree(scenarios_folder(), tmp_path / "scenarios")
    (path,) = copy.rglob("hiv.toml")
    path.write_text(path.read_text() + "\n")
    with pytest.raises(InputError, match="are not those that"):
        through_model(read_folder(folder), str(path))
    with pytest.raises(InputError, match=r"--multilevel: unknown parameter, group or posterior 'rrr'"):
        MultilevelCheck(study, through_model(study.source, None), ["rrr"])
