"""Tables of published targets: what is read, and how what is wrong is refused."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from lmssim.bundled import calibration_folder
from lmssim.errors import DataError
from lmssim.published.targets import Refused, Target, load_targets, read_targets

HEADER = (
    "target_id",
    "site",
    "population",
    "strategy",
    "outcome",
    "statistic",
    "time_years",
    "value",
    "ci_low",
    "ci_high",
    "n",
    "events",
    "source_id",
    "locator",
    "notes",
)
ROW = {
    "target_id": "one",
    "site": "extremity",
    "strategy": "surgery",
    "outcome": "os",
    "statistic": "km_survival",
    "time_years": "5",
    "value": "0.6",
    "n": "75",
    "source_id": "paper",
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a table of rows, each `ROW` with some cells changed; other columns are added."""

    def make(*changes: dict[str, str], without: str = "") -> Path:
        more = [column for change in changes for column in change if column not in HEADER]
        columns = [column for column in dict.fromkeys((*HEADER, *more)) if column != without]
        path = tmp_path / "targets.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({"target_id": f"t{k}"} | ROW | {"target_id": f"t{k}"} | c for k, c in enumerate(changes))
        return path

    return make


def one(path: Path) -> Target:
    """The only target of a table."""
    (target,) = load_targets(path)
    return target


def test_the_bundled_table_is_read_whole() -> None:
    """Every row, with its number of patients where it has one."""
    path = calibration_folder() / "targets.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    targets = load_targets(path)
    assert [target.target_id for target in targets] == [row["target_id"] for row in rows]
    assert [target.n for target in targets] == [int(row["n"]) if row["n"] else None for row in rows]
    assert {target.time_end for target in targets} == {None, 10.0}


def test_columns_that_make_a_target_computable(write: Write) -> None:
    """Lists, values and follow-up; a study is its cohort, or its source."""
    more = {
        "where": "grade == 2",
        "model_strategy": "adj_rt",
        "follow_up_median": "3",
        "follow_up_high": "9",
        "since": "surgery; line_1",
        "exclude": "ill",
        "set": "a = 1; b=2.5",
        "cohort_id": "cohort",
        "family": "death",
    }
    target = one(write(more))
    assert (target.since, target.exclude, target.set) == (("surgery", "line_1"), ("ill",), (("a", 1.0), ("b", 2.5)))
    assert (target.follow_up_low, target.follow_up_median, target.follow_up_high) == (None, 3.0, 9.0)
    assert (target.study, target.family, target.where) == ("cohort", "death", "grade == 2")
    assert one(write({})).study == "paper"
    assert one(write({"exclude": "none"})).exclude == ()
    assert one(write({"exclude": ""})).exclude is None


def test_a_mix_and_patients_given_by_events(write: Write) -> None:
    """Treatments joined by +; lists; a restricted mean by what papers call it."""
    target = one(write({"mix": "adj_rt:0.6; adj_rt+adj_ct : 0.1", "given": "local_recurrence; ill", "without": "x"}))
    assert target.mix == ((("adj_rt",), 0.6), (("adj_rt", "adj_ct"), 0.1))
    assert (target.given, target.without) == (("local_recurrence", "ill"), ("x",))
    for text in ("rmst", "RMST", "restricted mean", "Restricted_mean_survival", "restricted mean survival time"):
        assert one(write({"statistic": text, "value": "4.2"})).statistic == "rmst"


def test_a_row_that_cannot_be_read_is_refused_alone(write: Write) -> None:
    """A bad cell, a second row of one id, no id, too few cells: the others are read, in the table's order."""
    path = write({"value": "60"}, {}, {"target_id": "t1"}, {"target_id": ""}, {"time_years": "3"})
    path.write_text(f"{path.read_text()}short,extremity\n")
    read = read_targets(path)
    assert [row.target_id for row in read] == ["t0", "t1", "t1", "line 5", "t4", "short"]
    refused = [row.message for row in read if isinstance(row, Refused)]
    assert [row.time for row in read if isinstance(row, Target)] == [5.0, 3.0]
    expected = (
        ":2: column 'value': 60",
        ":4: column 'target_id': 't1' stands",
        ":5: column 'target_id'",
        ":7: the row",
    )
    assert all(part in message for part, message in zip(expected, refused, strict=True))
    with pytest.raises(DataError, match="the column 'statistic' is missing"):
        read_targets(write({}, without="statistic"))


def test_a_range_of_times_and_a_range_of_values(write: Write) -> None:
    """Both ends are kept; a range needs no single value."""
    target = one(write({"time_years": "5-10", "value": "", "ci_low": "0.1"}))
    assert (target.time, target.time_end, target.value, target.low, target.high) == (5.0, 10.0, None, 0.1, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": "nan"}, "targets.csv:2: column 'value': 'nan' is not a finite number"),
        ({"value": "60"}, "60 is not a share; km_survival lies between 0 and 1. For a percentage give 0.6"),
        ({"value": "-0.1"}, "column 'value': -0.1 is not a share"),
        ({"value": ""}, "column 'value': the cell is blank"),
        ({"value": "-2", "statistic": "median_time_years"}, "column 'value': -2 is below 0"),
        ({"ci_low": "0.7", "ci_high": "0.5"}, "column 'ci_low': 0.7 is above ci_high, 0.5"),
        ({"ci_high": "1.5"}, "column 'ci_high': 1.5 is not a share"),
        ({"n": "-3"}, "column 'n': -3 is not a whole number of 1 or more"),
        ({"n": "7.5"}, "column 'n': 7.5 is not a whole number"),
        ({"events": "80"}, "column 'events': 80 is above n, 75"),
        ({"statistic": "km_surviva"}, "'statistic': unknown statistic 'km_surviva'. Did you mean 'km_survival'?"),
        ({"outcome": ""}, "column 'outcome': the cell is blank"),
        ({"time_years": "five"}, "column 'time_years': 'five' is not a time"),
        ({"time_years": "10-5"}, "column 'time_years': '10-5' is not a time"),
        ({"time_years": "-1"}, "column 'time_years': '-1' is not a time"),
        ({"family": "deaths"}, "column 'family': unknown family 'deaths'. Did you mean 'death'?"),
        ({"follow_up_low": "2"}, "column 'follow_up_low': stands alone"),
        ({"follow_up_median": "5", "follow_up_high": "4"}, "'follow_up_median': 5 is not below follow_up_high, 4"),
        ({"follow_up_median": "0"}, "column 'follow_up_median': 0 years; it must be above 0"),
        ({"set": "a"}, "column 'set': 'a' is not ID=VALUE"),
        ({"set": "a=x"}, "column 'set': 'x' is not a finite number"),
        ({"set": "a=1; a=2"}, "column 'set': 'a' is set twice"),
        ({"given_by": "2"}, "column 'given_by': needs the column 'given'"),
        ({"given": "ill", "given_by": "2", "given_after": "3"}, "column 'given_by': 2 is not above given_after, 3"),
        ({"alive_at": "0"}, "column 'alive_at': 0 is not a time above 0"),
        ({"complication_grade": "high"}, "column 'complication_grade': 'high' is not a grade from 1 to 5"),
        ({"mix": "adj_rt"}, "column 'mix': 'adj_rt' is not TREATMENT:SHARE"),
        ({"mix": "adj_rt:60%"}, "column 'mix': '60%' is not a finite number. For a percentage give 0.6"),
        ({"mix": "a:0.6; b:0.5"}, "column 'mix': the shares add up to 1.1, more than 1"),
        ({"mix": "a:0.6; a:0.1"}, "column 'mix': 'a' stands twice"),
        ({"mix": "a:1.5"}, "column 'mix': 1.5 is not a share from 0 to 1"),
        ({"statistic": "rmst", "value": "5.2"}, "column 'value': 5.2 is more than the horizon of the restricted mean"),
        ({"wher": "grade == 2"}, "unknown column 'wher'. Did you mean 'where'?"),
    ],
)
def test_bad_cells_are_refused(write: Write, change: dict[str, str], message: str) -> None:
    """With file, line, column and value."""
    with pytest.raises(DataError, match=r"targets\.csv:") as refused:
        load_targets(write(change))
    assert message in str(refused.value)


def test_a_target_stands_once_and_columns_are_there(write: Write) -> None:
    """A second row of one id, and a table without a column, are refused."""
    with pytest.raises(DataError, match=r"targets\.csv:3: column 'target_id': 'same' stands twice"):
        load_targets(write({"target_id": "same"}, {"target_id": "same"}))
    with pytest.raises(DataError, match="the column 'statistic' is missing"):
        load_targets(write({}, without="statistic"))
    assert one(write({}, without="notes")).notes == ""


def test_a_calibration_needs_the_ids_alone(tmp_path: Path) -> None:
    """Numbers of patients and intervals as far as they are there; what stands there must be possible all the same."""
    path = tmp_path / "targets.csv"
    path.write_text("target_id,n,ci_low,ci_high\na,200,,\nb,,0.2,0.4\n")
    assert [(t.n, t.low, t.high) for t in load_targets(path, False)] == [(200, None, None), (None, 0.2, 0.4)]
    path.write_text("target_id,n\na,0\n")
    with pytest.raises(DataError, match=r"targets\.csv:2: column 'n': 0 is not a whole number of 1 or more"):
        load_targets(path, False)
