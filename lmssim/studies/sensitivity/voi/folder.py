"""Draws from a folder of `lmssim psa`: what it drew, what came out, and what patients put the results off by."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmssim.economics.voi.draws import (
    GROUP,
    PARAMETER,
    POSTERIOR,
    STRUCTURE,
    DecisionDraws,
    ParameterSet,
    posterior_rows,
)
from lmssim.errors import DataError
from lmssim.execution.store import hash_of
from lmssim.model.parameters.posterior import column_names, read_columns
from lmssim.studies.sensitivity.voi.source import Source

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

DRAWS, RESULTS, PARAMETERS, NOISE = "draws.parquet", "results.parquet", "parameters.csv", "patient_noise.csv"
INPUTS, MANIFEST = "inputs.json", "manifest.json"
DRAWN_TOGETHER = re.compile(r"(posterior|dirichlet|multivariate normal|switch) '(.*)'")
OTHERS = {"periods": "run", "axes": "sweep", "trial": "trial run"} | {
    name: name.replace("_", "-") for name in ("tornado", "threshold", "two_way", "scenarios", "sobol", "agency")
}
"""Entries of a manifest that tell by which other command a folder was written."""
DERIVED, SWITCH = "derived", "switch"


def read_folder(path: Path) -> Source:
    """Draws of a probabilistic analysis.

    Raises
    ------
    DataError
        If the folder is not a complete one of `lmssim psa`, or its files were changed.
    """
    path = Path(path)
    manifest = _manifest(path)
    result = manifest["result"]
    scenario = _document(path / INPUTS).get("scenario", {})
    chosen = _choices(scenario, result["strategies"])
    cost, effect = _outcomes(path, result["strategies"], chosen)
    table = pd.read_csv(path / PARAMETERS, keep_default_na=False)
    drawn = _drawn(path, table, len(cost))
    sets = _sets(table, list(drawn))
    blocks = [np.column_stack([drawn[m] for m in each.members]) for each in sets if each.kind == POSTERIOR]
    rows = posterior_rows(blocks, len(cost))
    noise, notes = _noise(path, chosen)
    if (n_rows := len(np.unique(rows))) < len(rows):
        notes.append(f"{len(rows):,} draws hold {n_rows:,} posterior rows: errors count rows, not draws.")
    conventions = result["conventions"]
    labels = {name: str(scenario.get("strategies", {}).get(name, {}).get("label") or name) for name in chosen}
    return Source(
        title=str(result["scenario"].get("title") or result["scenario"]["name"]),
        draws=DecisionDraws(chosen, cost, effect, drawn, rows, noise),
        sets=sets,
        labels=labels,
        currency=str(conventions.get("currency", "money")),
        effect="QALY",
        values=_every(path),
        wtps=sorted(float(wtp) for wtp in conventions.get("wtp", ())),
        where=str(path),
        inputs={path / name: hash_of(path / name) for name in (DRAWS, RESULTS, PARAMETERS)},
        scenario=result,
        notes=notes,
    )


def _manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        what = "is a file, not a folder of `lmssim psa`" if path.is_file() else "there is no such folder"
        raise DataError(f"{path}: {what}.")
    if not (path / MANIFEST).is_file():
        raise DataError(f"{path}: holds no {MANIFEST}, so it is no complete folder of `lmssim psa`.")
    document = _document(path / MANIFEST)
    result = document.get("result")
    for key, command in OTHERS.items():
        if isinstance(result, dict) and key in result:
            raise DataError(f"{path}: is a folder of `lmssim {command}`; give one of `lmssim psa`.")
    if not isinstance(result, dict) or "draws" not in result:
        raise DataError(f"{path}: is not a folder of `lmssim psa`: its manifest names no draws.")
    for name in (DRAWS, RESULTS, PARAMETERS, INPUTS):
        if not (path / name).is_file():
            raise DataError(f"{path}: {name} is missing; run `lmssim psa` again.")
        stated = document.get("sha256", {}).get(name)
        if stated is not None and stated != hash_of(path / name):
            raise DataError(f"{path / name}: was changed since `lmssim psa` wrote it; run `lmssim psa` again.")
    return document


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise DataError(f"{path}: is not a JSON document of lmssim.") from None
    if not isinstance(document, dict):
        raise DataError(f"{path}: is not a JSON document of lmssim.")
    return document


def _choices(scenario: dict[str, Any], strategies: list[str]) -> list[str]:
    """Strategies that are choices: mixes of practice are not, unless there is nothing else."""
    known = scenario.get("strategies", {})
    choices = [name for name in strategies if not known.get(name, {}).get("mix")]
    chosen = choices or strategies
    if len(chosen) < 2:
        raise DataError(f"one strategy ('{chosen[0]}') is a choice; a decision takes two or more.")
    return chosen


def _outcomes(path: Path, strategies: list[str], chosen: list[str]) -> tuple[FloatArray, FloatArray]:
    """Cost and QALYs of the choices, (n_draws, n_strategies) each; rows are in the order of draws and strategies."""
    index = [strategies.index(name) for name in chosen]
    cost, effect = (
        each.reshape(-1, len(strategies))[:, index] for each in read_columns(path / RESULTS, ("cost", "qalys"))
    )
    return cost, effect


def _drawn(path: Path, table: pd.DataFrame, n_draws: int) -> dict[str, FloatArray]:
    """Draws of the parameters that are drawn; those derived from them are not learnt by themselves."""
    names = [str(id_) for id_ in table.loc[table["source"] != DERIVED, "id"]]
    there = set(column_names(path / DRAWS))
    names = [name for name in names if name in there]
    drawn = dict(zip(names, read_columns(path / DRAWS, names), strict=True))
    drawn = {name: values for name, values in drawn.items() if np.ptp(values) > 0.0}
    if not drawn or len(next(iter(drawn.values()))) != n_draws:
        raise DataError(f"{path}: {DRAWS} and {RESULTS} do not have the same draws.")
    return drawn


def _every(path: Path) -> dict[str, FloatArray]:
    """Draws of every parameter that the model uses, derived ones too."""
    names = [name for name in column_names(path / DRAWS) if name != "draw"]
    return dict(zip(names, read_columns(path / DRAWS, names), strict=True))


def _sets(table: pd.DataFrame, drawn: list[str]) -> list[ParameterSet]:
    """Each parameter alone, then what is drawn together."""
    labels = dict(zip(table["id"], table["description"], strict=True))
    together: dict[tuple[str, str], list[str]] = {}
    for id_, source in zip(table["id"], table["source"], strict=True):
        found = DRAWN_TOGETHER.fullmatch(str(source))
        if found and id_ in drawn:
            together.setdefault((found[1], found[2]), []).append(id_)
    posterior = {m: name for (kind, name), members in together.items() if kind == POSTERIOR for m in members}
    options = {m for (kind, _), members in together.items() if kind == SWITCH for m in members}
    alone = [m for m in drawn if m not in options]
    sets = [ParameterSet(m, str(labels[m] or m), (m,), PARAMETER, posterior.get(m, "")) for m in alone]
    for (kind, name), members in together.items():
        if kind == SWITCH:  # of its options one holds, so that the others say whether the last one does
            what = str(labels[members[0]]).partition(": ")[0]
            label = f"Structure: {what[:1].lower()}{what[1:]} ({len(members)} options)"
            sets.append(ParameterSet(name, label, tuple(members[:-1]), STRUCTURE))
        elif len(members) > 1:
            label = f"{kind.capitalize()} '{name}': {len(members)} parameters"
            sets.append(ParameterSet(name, label, tuple(members), POSTERIOR if kind == POSTERIOR else GROUP, ""))
    return sets


def _noise(path: Path, chosen: list[str]) -> tuple[FloatArray | None, list[str]]:
    """Covariance that patients give costs, then QALYs, of the choices."""
    if not (path / NOISE).is_file():
        return None, [f"The folder holds no {NOISE}, so patient noise is left in the value of perfect information."]
    frame = pd.read_csv(path / NOISE)
    order = [f"{what}:{name}" for what in ("cost", "qalys") for name in chosen]
    first, second = frame["outcome"] + ":" + frame["strategy"], frame["with_outcome"] + ":" + frame["with_strategy"]
    square = frame.assign(a=first, b=second).pivot_table(index="a", columns="b", values="covariance")
    noise: FloatArray = square.loc[order, order].to_numpy(dtype=np.float64)
    return noise, []
