"""Options that commands share: schedulers, and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.kit.clusters import LocalCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli


TRIAL = """
scenario = "illness_death"
arms.control.strategy = "standard"
arms.experimental.strategy = "new"
endpoints.os = {}
accrual = { patients = 200, duration = 36 }
analyses = [{ calendar = 72 }]
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A scheduler and two workers."""
    with LocalCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def sorted_rows(path: Path) -> pd.DataFrame:
    """A table in an order of its own."""
    frame = pd.read_parquet(path)
    return frame.sort_values(list(frame.columns), ignore_index=True)


def test_studies_on_a_cluster_give_the_bits_of_threads(cli: Cli, running: LocalCluster, tmp_path: Path) -> None:
    """`lmssim run`, `psa`, `trial` and `sweep` with --scheduler: the same tables."""
    (tmp_path / "trial.toml").write_text(TRIAL)
    asked = {
        "run": ("--patients", 3_000, "--periods", "none", "--no-report"),
        "psa": ("--draws", 20, "--patients", 50, "--no-report"),
        "sweep": ("--vary", "settings.horizon=5:10:2", "--patients", 500),
        "trial": ("--trials", 700, "--no-sensitivity", "--no-report"),
    }
    for command, options in asked.items():
        for place, backend in (("threads", ()), ("dask", ("--scheduler", running.address))):
            what = ("run", tmp_path / "trial.toml") if command == "trial" else ("hiv",)
            found = cli(command, *what, *options, *backend, "-q", "--out", tmp_path / command / place)
            assert found.code == 0, found.err
        names = {path.name for path in (tmp_path / command / "threads").glob("*.csv")}
        assert names or command == "sweep"
        for name in names:
            known, other = ((tmp_path / command / place / name).read_bytes() for place in ("threads", "dask"))
            assert known == other, f"{command}: {name}"
    swept, elsewhere = (sorted_rows(tmp_path / "sweep" / place / "sweep.parquet") for place in ("threads", "dask"))
    pd.testing.assert_frame_equal(swept, elsewhere, check_exact=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--backend", "dask"], "backend 'dask' needs an address such as tcp://localhost:8786"),
        (["--scheduler", "localhost"], "--scheduler 'localhost': backend 'dask' needs an address"),
        (["--backend", "loky", "--scheduler", "tcp://x:1"], "--scheduler: the backend 'loky' has none"),
    ],
)
def test_schedulers_that_cannot_be_asked_are_refused(cli: Cli, tmp_path: Path, options: list[str], said: str) -> None:
    """One message, before anything runs."""
    found = cli("run", "hiv", *options, "--out", tmp_path / "out")
    assert (found.code, said in found.err) == (2, True)
