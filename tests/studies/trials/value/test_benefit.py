"""Net benefits of the arms' strategies in the draws of trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.execution.checkpoint import Checkpoint
from lmssim.studies.trials.value.benefit import Benefit, BenefitWork
from lmssim.studies.trials.value.study import benefit_work
from lmssim.studies.trials.work import work_of
from tests.kit.valued import AFTER_DIAGNOSIS, HALF_DIAGNOSED, WTP, gain, valued

if TYPE_CHECKING:
    from pathlib import Path

N_DRAWS = 300
LOG_RATIO = "trial_log_hazard_ratio_1_0"


def worked(folder: Path, n_patients: int = 100, given: dict[str, Any] | None = None, **files: str) -> BenefitWork:
    """Net benefits of the trial that is known."""
    return benefit_work(work_of(valued(folder, given, **files), N_DRAWS), n_patients)


def errors(found: Benefit) -> np.ndarray[Any, Any]:
    """Distance of each draw's increment from its exact value."""
    truth = np.array([gain(x) for x in found.parameters[LOG_RATIO].tolist()])
    prices = found.parameters["price"] - 9_000.0
    benefit = found.net(WTP)
    distance: np.ndarray[Any, Any] = benefit[:, 1] - benefit[:, 0] - (truth - prices)
    return distance


def test_each_draw_has_the_net_benefit_of_its_parameters(tmp_path: Path) -> None:
    """On average within 3 standard errors, and apart by no more than the noise of patients that is told."""
    found = worked(tmp_path).run()
    away = errors(found)
    noise = found.net_noise(WTP)
    told = noise[0, 0] + noise[1, 1] - 2.0 * noise[0, 1]
    assert abs(away.mean()) < 3.0 * np.sqrt(told / N_DRAWS)
    assert away.var() == pytest.approx(told, rel=0.25)
    assert found.rows.tolist() == list(range(N_DRAWS))


def test_patients_are_none_of_the_trials(tmp_path: Path) -> None:
    """They have another key of random numbers; parameters have the trials' own."""
    work = worked(tmp_path)
    assert work.sampling().seed != work.seed
    draws = work.program.sample(N_DRAWS, work.seed)
    assert work.run().parameters[LOG_RATIO].tolist() == draws[LOG_RATIO].tolist()


def test_bits_do_not_depend_on_workers_or_interruption(tmp_path: Path) -> None:
    """One worker, two, and parts that were kept; a draw of few draws is the same draw of many."""
    work = worked(tmp_path, 20)
    kept = Checkpoint(tmp_path / "kept", work.key())
    first = work.run(kept)
    again, spread = work.run(Checkpoint(tmp_path / "kept", work.key())), work.run(jobs=2)
    fewer = BenefitWork(work.source, 40, 20, work.seed).run()
    for name in ("cost", "effect"):
        values = getattr(first, name)
        assert values.tolist() == getattr(again, name).tolist() == getattr(spread, name).tolist()
        assert values[:40].tolist() == getattr(fewer, name).tolist()


def test_patients_who_are_not_eligible_do_not_count(tmp_path: Path) -> None:
    """Half of the population: twice as many are looked at."""
    given = {"eligible": "fit == 1"}
    work = worked(tmp_path, 100, given)
    assert work.sampling().n_patients == pytest.approx(200, rel=0.1)
    found = work.run()
    assert abs(errors(found).mean()) < 3.0 * errors(found).std() / np.sqrt(N_DRAWS)


def test_net_benefit_is_per_patient_who_is_randomised(tmp_path: Path) -> None:
    """Half of the patients reach the diagnosis at which they are randomised; the others have the same life either way.

    The share is known from 4,096 patients: to 5% or so.
    """
    found = worked(tmp_path, 200, scenario=HALF_DIAGNOSED, trial=AFTER_DIAGNOSIS).run()
    benefit = found.net(WTP)
    mean = float((benefit[:, 1] - benefit[:, 0]).mean())
    truth = float(np.mean([gain(x) for x in found.parameters[LOG_RATIO].tolist()]))
    error = float(errors(found).std()) / np.sqrt(N_DRAWS)
    assert mean == pytest.approx(truth, abs=3.0 * error + 0.05 * abs(truth))
