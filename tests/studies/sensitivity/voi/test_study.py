"""A value-of-information analysis: its tables, from tables of draws and from a folder of `lmssim psa`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lmssim
from lmssim.economics.voi.draws import DecisionDraws, ParameterSet
from lmssim.errors import InputError
from lmssim.studies.sensitivity.voi.source import Source
from lmssim.studies.sensitivity.voi.study import InformationStudy
from tests.kit.information import value_of_normal, within

if TYPE_CHECKING:
    from pathlib import Path

N = 3_000


def two_normals() -> Source:
    """Effect p1 ~ N(1, 1) against cost p2 ~ N(0, sd 2), and a parameter that does nothing."""
    rng = np.random.default_rng(1)
    parameters = {"p1": rng.normal(1.0, 1.0, N), "p2": rng.normal(0.0, 2.0, N), "idle": rng.normal(size=N)}
    nothing = np.zeros(N)
    cost, effect = (np.column_stack([nothing, parameters[name]]) for name in ("p2", "p1"))
    draws = DecisionDraws(["old", "new"], cost, effect, parameters, np.arange(N))
    sets = [ParameterSet(name, name, (name,)) for name in parameters]
    return Source("two", draws, sets, {"old": "Old", "new": "New"}, "money", "effect", parameters, (), "here", {})


@pytest.fixture(scope="module")
def study() -> InformationStudy:
    """At two willingnesses to pay, with a group and a population."""
    source = two_normals().with_groups({"both": ["p?"]})
    people = lmssim.Population(incidence=100.0, horizon=10.0)
    return InformationStudy(source, [1.0, 2.0], population=people, current={"old": 0.5, "new": 0.5})


def by_name(study: InformationStudy, wtp: float) -> dict[Any, Any]:
    """Rows of the table at a willingness to pay."""
    rows: dict[Any, Any] = study.evppi[study.evppi["wtp"] == wtp].set_index("name").to_dict("index")
    return rows


def test_values_are_exact_within_error(study: InformationStudy) -> None:
    """EVPI and EVPPI at each willingness to pay: the gain is normal."""
    for wtp in (1.0, 2.0):
        truths = {"p1": wtp, "p2": 2.0, "both": float(np.hypot(wtp, 2.0))}
        rows = by_name(study, wtp)
        for name, sd in truths.items():
            row = rows[name]
            assert within(row["evppi"], value_of_normal(wtp, sd), row["se"])
            assert row["population"] == pytest.approx(study.patients * row["evppi"])
        perfect: dict[Any, Any] = study.evpi.set_index("wtp").to_dict("index")[wtp]
        assert within(perfect["evpi"], value_of_normal(wtp, truths["both"]), perfect["se"])
        assert within(perfect["implementation"], 0.5 * wtp, perfect["implementation_se"])
        assert rows["idle"]["evppi"] < 0.02


def test_tables_say_whether_to_believe_them(study: InformationStudy) -> None:
    """Half the draws give the same value; the order of values holds; the small set is the two that matter."""
    row = by_name(study, 1.0)["p2"]
    assert row["half"] == pytest.approx(row["evppi"], rel=0.2)
    assert row["rank"] == 1
    assert 0.7 < row["r2"] < 0.9
    assert set(study.order["holds"]) <= {"yes", "within error"}
    assert {"EVPI", "both"} == set(study.order["greater"])
    small = study.smallest_set[study.smallest_set["wtp"] == 1.0]
    assert list(small["added"]) == ["p2", "p1"]
    assert small["holds_90_percent"].tolist() == [False, True]
    assert study.to_frame() is study.evppi


def test_curves_go_through_the_tables(study: InformationStudy) -> None:
    """Leading sets over willingness to pay."""
    curve: dict[Any, float] = study.evppi_by_wtp[study.evppi_by_wtp["name"] == "p2"].set_index("wtp")["evppi"].to_dict()
    assert curve[1.0] == pytest.approx(by_name(study, 1.0)["p2"]["evppi"], abs=0.02)
    assert len(study.evpi) > 50


def test_the_same_seed_gives_the_same_numbers(study: InformationStudy) -> None:
    """To the last bit."""
    again = InformationStudy(study.source, [1.0])
    first, second = by_name(study, 1.0), by_name(again, 1.0)
    for column in ("evppi", "se", "policy", "half"):
        assert {name: row[column] for name, row in first.items()} == {n: row[column] for n, row in second.items()}


def test_bad_use() -> None:
    """One message each."""
    source = two_normals()
    with pytest.raises(InputError, match=r"--group g: unknown uncertain parameter 'p9'"):
        source.with_groups({"g": ["p9"]})
    with pytest.raises(InputError, match=r"--group p1: a parameter or group of that name is there"):
        source.with_groups({"p1": ["p2"]})
    with pytest.raises(InputError, match=r"--current: unknown strategy 'nw'. Did you mean 'new'\?"):
        InformationStudy(source, [1.0], current={"nw": 1.0})
    with pytest.raises(InputError, match=r"--current: shares add up to 0.9"):
        InformationStudy(source, [1.0], current={"new": 0.9})


def test_from_tables_by_name(tmp_path: Path) -> None:
    """`lmssim.voi` reads them, and draws on axes of one's own."""
    source = two_normals().draws
    paths = []
    for name, values in (("e", source.effect), ("c", source.cost)):
        paths.append(tmp_path / f"{name}.csv")
        np.savetxt(paths[-1], values[:400], delimiter=",", header="old,new", comments="")
    paths.append(tmp_path / "p.csv")
    np.savetxt(paths[-1], source.columns(["p1", "p2"])[:400], delimiter=",", header="p1,p2", comments="")
    found = lmssim.voi(paths, wtp=[1.0])
    assert found.to_frame()["name"].tolist() == ["p2", "p1"]
    for plot in (found.plot, found.plot_by_wtp):
        axes = plot()
        assert plot(axes) is axes
