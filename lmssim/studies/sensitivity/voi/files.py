"""Draws from tables that anybody's model wrote.

Three tables, of effects, costs and parameters, with a row a draw: of effects and costs a column a strategy, of
parameters a column a parameter, as BCEA's, voi's and SAVI's users have them. Two, of net benefits and parameters. Or
one in long form: columns draw, strategy, cost and effect, and parameters beside them or in a second table.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from lmssim.economics.voi.draws import DecisionDraws, ParameterSet
from lmssim.errors import DataError, InputError, nearest
from lmssim.execution.store import hash_of
from lmssim.studies.sensitivity.voi.source import Source
from lmssim.studies.sensitivity.voi.table import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from lmssim.kernels import FloatArray

FEWEST = 50
"""Draws from which a regression says anything."""
WORDS = {
    "draw": ("draw", "draws", "draw_id", "sim", "simulation", "iteration", "iter", "sample", "run"),
    "strategy": (
        "strategy",
        "strategies",
        "strategy_id",
        "strategy_name",
        "intervention",
        "treatment",
        "option",
        "arm",
    ),
    "cost": ("cost", "costs", "total_cost", "total_costs"),
    "effect": ("effect", "effects", "qaly", "qalys", "total_qalys", "qalys_discounted"),
}
"""Headings of a table in long form, by what they hold."""
MARK = re.compile(r"^(costs?|effects?|qalys?|effectiveness|[ce])[ _.:-]+|[ _.:-]+(costs?|effects?|qalys?|[ce])$", re.I)
"""What a strategy's name has before or after it in a table of costs or of effects."""


def read_files(paths: Sequence[Path]) -> Source:
    """Draws from one, two or three tables.

    Raises
    ------
    DataError
        If a table cannot be read, or tables do not fit each other.
    """
    paths = [Path(path) for path in paths]
    notes: list[str] = []
    if len(paths) == 3:
        draws = _wide(*paths)
    elif 1 <= len(paths) <= 2:
        draws, notes = _long_or_benefit(paths[0], paths[1] if len(paths) == 2 else None)
    else:
        raise InputError(
            f"--from: {len(paths)} files; expected effects, costs and parameters, or results in long form."
        )
    parameters, constant = _varying(draws.parameters)
    if not parameters:
        raise DataError(f"{paths[-1]}: no column varies, so that no parameter is uncertain.")
    if constant:
        notes = [*notes, _left_out(constant)]
    kept = DecisionDraws(draws.strategies, draws.cost, draws.effect, parameters, draws.rows)
    return Source(
        title=f"draws of {', '.join(path.name for path in paths)}",
        draws=kept,
        sets=[ParameterSet(name, name, (name,)) for name in parameters],
        labels={name: name for name in draws.strategies},
        currency="money",
        effect="effect",
        values=draws.parameters,
        wtps=() if draws.effect.any() else (0.0,),
        where=", ".join(str(path) for path in paths),
        inputs={path: hash_of(path) for path in paths},
        notes=notes,
    )


def _left_out(constant: Sequence[str]) -> str:
    shown = ", ".join(constant[:5]) + (f" and {len(constant) - 5} more" if len(constant) > 5 else "")
    return f"Left out, as the same in every draw: {shown}."


def _varying(parameters: Mapping[str, FloatArray]) -> tuple[dict[str, FloatArray], list[str]]:
    """Parameters that vary, and names of those that do not."""
    varies = {name: np.ptp(values) > 0.0 for name, values in parameters.items()}
    return {n: v for n, v in parameters.items() if varies[n]}, [n for n in parameters if not varies[n]]


# === Wide ===


def _wide(effects: Path, costs: Path, parameters: Path) -> DecisionDraws:
    tables = {path: read_table(path) for path in (effects, costs, parameters)}
    e, c, p = tables.values()
    _check_rows(tables)
    cost = _as_named(costs, c, effects, e)
    return _draws(effects, list(map(str, e.columns)), cost, e.to_numpy(), p)


def _as_named(costs: Path, c: pd.DataFrame, effects: Path, e: pd.DataFrame) -> FloatArray:
    """Costs in the order of the strategies of the effects, by name."""
    names, others = (_plain(list(map(str, frame.columns))) for frame in (e, c))
    for name in others:
        if name not in names:
            raise DataError(
                f"{costs}: the column '{name}' is no strategy of {effects}, which has {', '.join(names[:12])}."
                f"{_close(name, names)} Both tables need the same names."
            )
    for name in names:
        if name not in others:
            raise DataError(f"{costs}: no column for strategy '{name}' of {effects}. Both tables need the same names.")
    return c.iloc[:, [others.index(name) for name in names]].to_numpy()


def _close(name: str, names: Sequence[str]) -> str:
    hint = nearest(name, names)
    return hint if "mean" in hint else ""


def _plain(columns: list[str]) -> list[str]:
    """Names of strategies without the word for cost or effect that all of them have."""
    bare = [MARK.sub("", name) for name in columns]
    return bare if all(b != c for b, c in zip(bare, columns, strict=True)) and len(set(bare)) == len(bare) else columns


def _check_rows(tables: dict[Path, pd.DataFrame]) -> None:
    (first, one), *rest = tables.items()
    for path, frame in rest:
        if len(frame) != len(one):
            raise DataError(
                f"{path}: {len(frame):,} rows, but {first} has {len(one):,}; row k of each table must be draw k."
            )


def _draws(path: Path, strategies: list[str], cost: FloatArray, effect: FloatArray, p: pd.DataFrame) -> DecisionDraws:
    if len(strategies) < 2:
        raise DataError(f"{path}: one strategy ('{strategies[0]}'); a decision takes two or more.")
    if len(p) < FEWEST:
        raise DataError(f"{path}: {len(p)} draws; at least {FEWEST} are needed, and a thousand tell much more.")
    parameters = {str(name): p[name].to_numpy(dtype=np.float64) for name in p.columns}
    plain = _plain(strategies)
    return DecisionDraws(plain, np.ascontiguousarray(cost), np.ascontiguousarray(effect), parameters, np.arange(len(p)))


# === Net benefits, and long form ===


def _long_or_benefit(results: Path, parameters: Path | None) -> tuple[DecisionDraws, list[str]]:
    frame = read_table(results, names=WORDS["strategy"])
    found = {what: [c for c in map(str, frame.columns) if c.lower() in words] for what, words in WORDS.items()}
    if not found["strategy"]:
        return _benefit(results, frame, parameters)
    for what, columns in found.items():
        if len(columns) != 1:
            _refuse_long(results, what, columns)
    names = {what: columns[0] for what, columns in found.items()}
    _check_pairs(results, frame, names)
    strategies = list(dict.fromkeys(frame[names["strategy"]].astype(str)))
    numbers = list(dict.fromkeys(frame[names["draw"]]))
    table = frame.assign(**{names["strategy"]: frame[names["strategy"]].astype(str)})
    cost, effect = (
        table.pivot_table(index=names["draw"], columns=names["strategy"], values=names[what], sort=False).loc[
            numbers, strategies
        ]
        for what in ("cost", "effect")
    )
    if parameters is not None:
        p = read_table(parameters)
        p = p.drop(columns=[c for c in p.columns if str(c).lower() in WORDS["draw"]])
        if len(p) != len(numbers):
            raise DataError(f"{parameters}: {len(p):,} rows, but {results} has {len(numbers):,} draws.")
    else:
        p = _beside(results, frame, names, numbers)
    return _draws(results, strategies, cost.to_numpy(), effect.to_numpy(), p), []


def _refuse_long(path: Path, what: str, columns: list[str]) -> NoReturn:
    if columns:
        raise DataError(f"{path}: columns '{columns[0]}' and '{columns[1]}' both name the {what}; leave one out.")
    raise DataError(
        f"{path}: a table in long form needs a column of the {what}, called {' or '.join(WORDS[what][:3])}."
    )


def _check_pairs(path: Path, frame: pd.DataFrame, names: dict[str, str]) -> None:
    """Refuse a table in which a draw lacks a strategy, or has it twice."""
    pairs = frame[[names["draw"], names["strategy"]]]
    twice = pairs.duplicated().to_numpy()
    if twice.any():
        k = int(np.flatnonzero(twice)[0])
        draw, strategy = pairs.to_numpy()[k]
        raise DataError(f"{path}:{k + 2}: draw {draw:g} has strategy '{strategy}' twice; subgroups need a file each.")
    counts = frame.groupby(names["draw"]).size()
    every = frame[names["strategy"]].nunique()
    short = counts[counts != every]
    if len(short):
        raise DataError(f"{path}: draw {float(short.index.to_numpy()[0]):g} has {short.iloc[0]} strategies of {every}.")


def _beside(path: Path, frame: pd.DataFrame, names: dict[str, str], numbers: list[float]) -> pd.DataFrame:
    """Parameters that stand in a table in long form: what does not differ between strategies of a draw."""
    others = [c for c in frame.columns if c not in names.values()]
    by_draw = frame.groupby(names["draw"], sort=False)
    same = [c for c in others if (by_draw[c].max() == by_draw[c].min()).all()]
    if not same:
        raise DataError(
            f"{path}: no column is a parameter, which has the same value for all strategies of a draw; give a table of "
            "parameters after this one."
        )
    return by_draw.first()[same].loc[numbers].reset_index(drop=True)


def _benefit(path: Path, frame: pd.DataFrame, parameters: Path | None) -> tuple[DecisionDraws, list[str]]:
    """Net benefits by draw and strategy: no willingness to pay changes them."""
    if parameters is None:
        raise DataError(
            f"{path}: a table in long form needs a column of the strategy, called "
            f"{' or '.join(WORDS['strategy'][:3])}; else give effects, costs and parameters, or net benefits and "
            "parameters."
        )
    p = read_table(parameters)
    _check_rows({path: frame, parameters: p})
    benefit = frame.to_numpy(dtype=np.float64)
    note = f"{path.name} was read as net benefits, a column a strategy: willingness to pay is part of them."
    draws = _draws(path, list(map(str, frame.columns)), -benefit, np.zeros_like(benefit), p)
    return draws, [note]
