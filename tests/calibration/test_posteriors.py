"""The committed posteriors: what scenarios draw from is what the reference calibrations found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lmssim.bundled import calibration_folder, calibration_names
from tests.kit.scenarios import bundled_scenario

POSTERIORS = calibration_folder() / "posteriors"
RESULTS = Path(__file__).parents[2] / "results" / "calibration"
SITES = [name for name in calibration_names() if name != "advanced"]


def draws(name: str) -> pd.DataFrame:
    """Rows of a posterior."""
    return pd.read_parquet(POSTERIORS / f"{name}.parquet")


@pytest.mark.parametrize("name", calibration_names())
def test_the_reference_calibration_has_converged(name: str) -> None:
    """R-hat below 1.02 between four ensembles, effective sizes above 400, as its own tables say."""
    document = json.loads((RESULTS / name / "diagnostics.json").read_text())["diagnostics"]
    free = pd.read_csv(RESULTS / name / "free.csv")
    assert document["converged"]
    assert document["n_ensembles"] == 4
    assert free["r_hat"].max() < 1.02
    assert free[["ess_bulk", "ess_tail"]].min().min() > 400


@pytest.mark.parametrize("name", calibration_names())
def test_scenarios_stand_at_the_posterior(name: str) -> None:
    """The table of fitted parameters is that of the results, and each value lies within its draws."""
    table, found = pd.read_csv(POSTERIORS / f"{name}.csv"), draws(name)
    pd.testing.assert_frame_equal(table, pd.read_csv(RESULTS / name / "parameters.csv"))
    assert len(found) == 4000
    for row in table.itertuples():
        low, high = np.quantile(found[str(row.id)], [0.2, 0.8])
        assert low < float(str(row.value)) < high


@pytest.mark.parametrize("site", SITES)
def test_row_k_of_the_shared_parameters_is_the_same_vector_at_every_site(site: str) -> None:
    """Shared effects, and the course after metastasis as it was fitted once."""
    own, advanced, extremity = draws(site), draws("advanced"), draws("extremity")
    shared = [c for c in own if c in advanced and c in bundled_scenario("advanced").table]
    assert {"m_os_bsc", "loghr_death_synchronous", "m_pfs_line1"} <= set(shared)
    for column in shared:
        assert np.array_equal(own[column], advanced[column])
    common = ["loghr_dm_size", "loghr_dm_grade3", "loghr_lr_r1"]
    if site != "uterine":  # where chemotherapy has evidence of its own
        common += ["loghr_dm_ct", "loghr_lr_ct"]
    for column in common:
        assert np.array_equal(own[column], extremity[column])


@pytest.mark.parametrize("site", SITES)
def test_a_site_draws_its_posterior_jointly(site: str) -> None:
    """Row k of the file is draw k of the scenario, shape and scale together."""
    scenario = bundled_scenario(site)
    group = scenario.groups["calibrated"]
    values = dict(zip(group.members, group.sample(5, seed=3, first_draw=3_998), strict=True))
    rows = draws(site).iloc[[3_998, 3_999, 0, 1, 2]]
    for column in ("lr_shape", "lr_scale", "dm_shape", "dm_scale", "m_os_bsc"):
        assert np.array_equal(values[column], rows[column])
