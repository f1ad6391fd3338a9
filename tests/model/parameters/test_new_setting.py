"""Draws in a setting of their own: the spread between studies is added, and nothing else changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.psa.study import compiled_work
from tests.kit.models import DEAD, move, start, state, strategy, weibull
from tests.kit.parameters import parameter_table

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.program import Program

TAU, SCALE, SHAPE, ROWS = 0.5, 5.0, 0.8, 4_000
MODEL = """
schema_version = 2
name = "drawn"
title = "A hazard that differs between studies"
parameters = ["table.csv"]
[settings]
horizon = 40
wtp = [20000]
comparator = "none"
[groups.calibrated]
kind = "posterior"
file = "posterior.csv"
[population.covariates]
age = {{ kind = "constant", value = 60 }}
[new_setting]
{changes}
"""
REST = (
    start("start", kind="phase", next="well", utility=0.5)
    + state("well", utility="u")
    + DEAD
    + move(["start", "well"], "dead", weibull("shape", "scale"), name="death")
    + strategy("none")
)
CHANGES = 'tau_death = { scale = "-1 / shape" }'


def program_of(folder: Path, changes: str = CHANGES) -> Program:
    """A model with a posterior of a scale, a shape and a spread, and a parameter outside of it."""
    (folder / "drawn.toml").write_text(MODEL.format(changes=changes) + REST)
    rng = np.random.default_rng(3)
    scale, shape = SCALE * np.exp(0.1 * rng.standard_normal(ROWS)), np.full(ROWS, SHAPE)
    rows = "\n".join(f"{a:.9g},{b:.9g},{TAU}" for a, b in zip(scale, shape, strict=True))
    (folder / "posterior.csv").write_text(f"scale,shape,tau_death\n{rows}\n")
    table = f"scale, {SCALE}", f"shape, {SHAPE}", "u, 0.6, beta, 60, 40", "twice = 2 * scale", "half = twice / 4"
    (folder / "table.csv").write_text(
        parameter_table(*table[:3], groups={"scale": "calibrated", "shape": "calibrated"})
    )
    return compile_scenario(load_scenario(folder / "drawn.toml"))


def test_the_log_hazard_spreads_by_tau(tmp_path: Path) -> None:
    """SD of the change of the log hazard over 4,000 draws, within 4 of its standard errors; its mean is 0."""
    program = program_of(tmp_path)
    plain, new = (program.sample(ROWS, 1, new_setting=asked) for asked in (False, True))
    change = -SHAPE * np.log(new["scale"] / plain["scale"])
    assert change.std() == pytest.approx(TAU, rel=4.0 / math.sqrt(2.0 * ROWS))
    assert abs(change.mean()) < 4.0 * TAU / math.sqrt(ROWS)


def test_nothing_else_changes(tmp_path: Path) -> None:
    """Other parameters are drawn as before, and a draw is the same however many are made."""
    program = program_of(tmp_path)
    plain, new = (program.sample(100, 1, new_setting=asked) for asked in (False, True))
    for name in ("u", "shape"):
        np.testing.assert_array_equal(plain[name], new[name])
    np.testing.assert_array_equal(program.sample(10, 1, 90, new_setting=True)["scale"], new["scale"][90:])


def test_a_held_parameter_stays(tmp_path: Path) -> None:
    """What `--set` holds does not move."""
    program = program_of(tmp_path)
    held = compile_scenario(program.scenario.with_values({"scale": 4.0}))
    np.testing.assert_array_equal(held.sample(5, 1, new_setting=True)["scale"], np.full(5, 4.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("tau_deth = { scale = -1 }", "new_setting: unknown column 'tau_deth'. Did you mean 'tau_death'?"),
        ("tau_death = { scal = -1 }", "new_setting.tau_death: unknown parameter 'scal'. Did you mean 'scale'?"),
        ('tau_death = { scale = "-1 / shap" }', "new_setting.tau_death.scale: unknown parameter 'shap'"),
        ("", "does not say what the between-study spread changes"),
    ],
)
def test_settings_that_cannot_be_drawn_are_refused(tmp_path: Path, changes: str, message: str) -> None:
    """With the key and the nearest name, before anything runs."""
    scenario = program_of(tmp_path, changes).scenario
    with pytest.raises(InputError) as refused:
        compiled_work(scenario, Sampling(n_patients=10, random_numbers="independent"), 4, new_setting=True)
    assert message in str(refused.value)


def test_bundled_sites_spread_more_in_new_settings() -> None:
    """Every site's draws of metastasis' scale spread by more than those of the mean over settings."""
    for site in ("extremity", "uterine"):
        program = compile_scenario(load_scenario(site))
        plain, new = (np.log(program.sample(400, 1, new_setting=asked)["dm_scale"]).std() for asked in (False, True))
        assert new > 1.05 * plain
