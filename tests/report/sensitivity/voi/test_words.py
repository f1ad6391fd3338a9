"""Sentences about the value of information say how far to trust it."""

from __future__ import annotations

import numpy as np

from lmssim.economics.voi.draws import DecisionDraws, ParameterSet
from lmssim.report.sensitivity.voi.words import noise_sentence, trust_sentences
from lmssim.studies.sensitivity.voi.source import Source
from lmssim.studies.sensitivity.voi.study import InformationStudy

N = 2_000


def analysis(gain: np.ndarray, parameters: dict[str, np.ndarray], noise: np.ndarray | None = None) -> InformationStudy:
    """A strategy of some gain against none."""
    effect = np.column_stack([np.zeros(N), gain])
    draws = DecisionDraws(["old", "new"], np.zeros((N, 2)), effect, parameters, np.arange(N), noise)
    sets = [ParameterSet(name, name, (name,)) for name in parameters]
    sets.append(ParameterSet("all", "all", tuple(parameters)))
    return InformationStudy(Source("t", draws, sets, {}, "money", "effect", parameters, (), "here", {}), [1.0])


def test_estimators_that_differ_are_not_to_be_trusted() -> None:
    """Where decisions by the fit gain far less than the fit says, the set is named, and what to do."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(N, 2))
    study = analysis(0.2 + z.sum(axis=1), {"p0": z[:, 0], "p1": z[:, 1]})
    low = study.evppi["name"] == "p0"
    study.__dict__["evppi"] = study.evppi.assign(policy=study.evppi["policy"].where(~low, 0.0))
    said = " ".join(trust_sentences(study))
    assert "Do not trust the value of p0:" in said
    assert "--multilevel" in said


def test_a_good_fit_is_not_doubted() -> None:
    """A sum of normals."""
    rng = np.random.default_rng(2)
    z = rng.normal(size=(N, 3))
    study = analysis(0.2 + z.sum(axis=1), {f"p{k}": z[:, k] for k in range(3)})
    said = " ".join(trust_sentences(study))
    assert "Do not trust" not in said
    assert said.startswith("EVPI is at least every EVPPI")


def test_patient_noise_is_told() -> None:
    """Not known, none, and taken out."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=N)
    assert "do not tell patient noise" in noise_sentence(analysis(z, {"p": z}))
    assert noise_sentence(analysis(z, {"p": z}, np.zeros((4, 4)))) == "The draws hold no patient noise."
    assert "is taken out" in noise_sentence(analysis(z, {"p": z}, np.diag([0.0, 0.0, 0.0, 0.1])))
