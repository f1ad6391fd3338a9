"""Draws from a folder of `lmssim psa`."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import DataError
from lmssim.studies.sensitivity.voi.folder import read_folder
from lmssim.studies.sensitivity.voi.study import InformationStudy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small analysis of the HIV model, by patients."""
    from lmssim.cli.app import main

    path = tmp_path_factory.mktemp("voi") / "hiv"
    words = ("psa", "hiv", "--draws", "300", "--patients", "50", "--jobs", "1", "--no-report", "--quiet", "--out")
    with pytest.raises(SystemExit):
        main([*words, str(path)])
    return path


def test_what_psa_wrote_is_read(folder: Path) -> None:
    """EVPI is that of `lmssim psa`, patient noise taken out; groups are those of the scenario."""
    source = read_folder(folder)
    assert source.draws.n_draws == 300
    assert list(source.draws.strategies) == ["mono", "combination"]
    kinds = {each.kind for each in source.sets}
    assert kinds == {"parameter", "group"}
    for each in source.sets:
        assert all(np.ptp(source.draws.parameters[member]) > 0.0 for member in each.members)
    written = np.loadtxt(folder / "evpi.csv", delimiter=",", skiprows=1)
    study = InformationStudy(source, [20_000.0, 6_000.0])
    for wtp in (6_000.0, 20_000.0):
        row = written[written[:, 0] == wtp][0]
        found = study.perfect(wtp)
        assert found.evpi == pytest.approx(row[1], rel=1e-9)
        assert found.bias == pytest.approx(row[3], rel=1e-6, abs=1e-6)


def test_an_older_folder_says_that_noise_is_left_in(folder: Path, tmp_path: Path) -> None:
    """Without the table of patient noise."""
    copy = shutil.copytree(folder, tmp_path / "old")
    (copy / "patient_noise.csv").unlink()
    source = read_folder(copy)
    assert source.draws.noise is None
    assert "patient noise is left in" in source.notes[0]


def test_folders_that_are_none(folder: Path, tmp_path: Path) -> None:
    """One message each."""
    with pytest.raises(DataError, match="there is no such folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"is a file, not a folder of `lmssim psa`"):
        read_folder(folder / "evpi.csv")
    with pytest.raises(DataError, match=r"holds no manifest.json"):
        read_folder(tmp_path)
    copy = shutil.copytree(folder, tmp_path / "copy")
    with (copy / "parameters.csv").open("a") as file:
        file.write("\n")
    with pytest.raises(DataError, match=r"parameters.csv: was changed since `lmssim psa` wrote it"):
        read_folder(copy)
    (copy / "draws.parquet").unlink()
    with pytest.raises(DataError, match=r"draws.parquet is missing"):
        read_folder(copy)
    document = json.loads((copy / "manifest.json").read_text())
    del document["result"]["draws"]
    (copy / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"its manifest names no draws"):
        read_folder(copy)
    for key, command in (("periods", "run"), ("axes", "sweep"), ("two_way", "two-way")):
        (copy / "manifest.json").write_text(json.dumps({"result": document["result"] | {key: {}}}))
        with pytest.raises(DataError, match=f"copy: is a folder of `lmssim {command}`; give one of `lmssim psa`"):
            read_folder(copy)
    (copy / "manifest.json").write_text("[")
    with pytest.raises(DataError, match=r"is not a JSON document"):
        read_folder(copy)
