"""How published targets are read from scenarios, or why they are not computable."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.bundled import calibration_folder
from lmssim.errors import DataError
from lmssim.model.language.schema import FollowUp
from lmssim.published.predict import reader_of
from lmssim.published.readings import NOT_COMPUTABLE, Reader, Reading
from lmssim.published.targets import Refused, Target, load_targets
from tests.kit.models import DEAD, endpoint, event, exponential, illness_death, move, section, start, state
from tests.kit.scenarios import bundled_scenario

if TYPE_CHECKING:
    from lmssim.model.language.schema import Series, SeriesRow
    from lmssim.model.scenario import Scenario
    from tests.conftest import Build

SITES = ("extremity", "subcutaneous", "cutaneous", "retroperitoneal", "uterine", "advanced", "all_sites")
DEATHS = ["death_disease", "death_treatment", "death_other"]
LOCAL = ["local_recurrence", "local_recurrence_with_metastasis"]
DISTANT = ["metastasis_at_presentation", "metastasis_around_surgery", "metastatic"]
SITE_OF = {"advanced": None, "all_sites": None}


@pytest.fixture(scope="module")
def readers() -> dict[str, Reader]:
    """A reader of every bundled scenario of leiomyosarcoma."""
    return {site: Reader(bundled_scenario(site)) for site in SITES}


@pytest.fixture(scope="module")
def targets() -> dict[str, Target]:
    """Targets of the bundled table."""
    return {target.target_id: target for target in load_targets(calibration_folder() / "targets.csv")}


def parts(reading: Reading) -> tuple[Series, SeriesRow]:
    """Series and row of a target that is computable."""
    assert reading.series is not None, reading.text
    return reading.series, reading.series.rows[0]


@pytest.mark.parametrize("site", SITES)
def test_every_target_is_read_or_has_a_reason(
    readers: dict[str, Reader], targets: dict[str, Target], site: str
) -> None:
    """And what a reading names, the scenario has."""
    reader = readers[site]
    for target in targets.values():
        reading = reader.reading(target)
        assert reading.text.startswith(NOT_COMPUTABLE) == (reading.series is None), target.target_id
        assert len(reading.text) > len(NOT_COMPUTABLE) + 10
        if reading.series is None:
            continue
        series, row = parts(reading)
        assert {*row.events, *row.since, *series.exclude} <= reader.names, target.target_id
        assert series.strategy in reader.scenario.file.strategies
        assert row.n >= 1
        assert target.site in ("all", "nonuterine", "trunk", site) or site in SITE_OF, target.target_id


@pytest.mark.parametrize(
    ("site", "name", "statistic", "events", "more"),
    [
        ("extremity", "elms_lr_crude", "proportion", LOCAL, {"n": 75, "observed": 0.15}),
        ("extremity", "elms_dm_at_presentation", "proportion", DISTANT[:1], {"by": None}),
        ("extremity", "elms_os_crude", "proportion", DEATHS, {"observed": pytest.approx(0.4)}),
        ("extremity", "elms_disease_death_crude", "proportion", DEATHS[:1], {"observed": pytest.approx(0.28)}),
        ("extremity", "elms_lr_median_time", "median_time", LOCAL, {"n": 11}),
        ("extremity", "abatz_lrtime", "mean_time", LOCAL, {"n": 37}),
        ("extremity", "massi_dfs2", "km_survival", [*LOCAL, *DISTANT, *DEATHS], {"by": 2.0}),
        ("extremity", "frustaci_osmed_obs", "km_median", DEATHS, {"by": None, "observed": 3.8333}),
        ("extremity", "gladdy_late_ext", "proportion", [*LOCAL, *DISTANT], {"after": 5.0, "by": None}),
        ("extremity", "qian_os3", "km_survival", DEATHS, {"since": DISTANT, "by": 3.0}),
        ("extremity", "elms_dermatologic", "proportion", ["dermatological"], {}),
        ("retroperitoneal", "rev_late_local_rp", "proportion", [*LOCAL, *DISTANT], {"after": 5.0, "by": 10.0}),
        ("retroperitoneal", "rev_strass_rt_arfs3", "km_survival", [*LOCAL, *DEATHS], {"by": 3.0}),
        ("advanced", "qian_os3", "km_survival", DEATHS, {"since": []}),
        ("advanced", "lms04_dox_pfs", "km_median", ["progression_1", *DEATHS], {"since": ["line_1.doxorubicin"]}),
        ("advanced", "blay_dtic_pfs", "km_median", ["progression_2", *DEATHS], {"sequence": "dacarbazine_second"}),
        ("advanced", "rev_dox_rr", "proportion", ["response_doxorubicin"], {"since": ["line_1.doxorubicin"]}),
        ("advanced", "leuven_metlms_pfs", "km_median", ["progression_1", *DEATHS], {"since": ["line_1"]}),
        ("extremity", "boston_pulm_os_lms", "km_median", DEATHS, {"since": ["metastasectomy"]}),
        ("extremity", "mskcc2005_dss4_bad", "km_survival", DEATHS[:1], {"since": ["salvage_surgery"]}),
        ("extremity", "lund_late", "proportion", [*LOCAL, *DISTANT], {"after": 3.0, "by": None}),
        ("extremity", "elms_periop_death", "proportion", ["perioperative_death"], {"since": ["surgery"], "by": None}),
        (
            "advanced",
            "oosten_orr",
            "proportion",
            ["response_doxorubicin", "response_gemcitabine_docetaxel"],
            {"since": ["line_1"]},
        ),
        ("advanced", "minchom_osmed", "km_median", DEATHS, {"since": ["line_2"]}),
    ],
)
def test_outcomes_and_statistics(
    readers: dict[str, Reader],
    targets: dict[str, Target],
    site: str,
    name: str,
    statistic: str,
    events: list[str],
    more: dict[str, object],
) -> None:
    """Events, statistic, and when time begins and ends."""
    row = parts(readers[site].reading(targets[name]))[1]
    assert (row.statistic, row.events) == (statistic, events)
    assert {key: getattr(row, key) for key in more} == more


@pytest.mark.parametrize(
    ("text", "strategy"),
    [
        ("surgery", "surgery_only"),
        ("Mohs surgery", "surgery_only"),
        ("mixed", "observed"),
        ("surgery (mixed RT)", "observed"),
        ("surgery (25% RT)", "observed"),
        ("surgery+-rt", "observed"),
        ("surgery+adj_rt", "adj_rt"),
        ("surgery+adj_brachytherapy", "adj_rt"),
        ("neoadj_rt+surgery", "neoadj_rt"),
        ("surgery+adj_chemo (gem-doc then dox)", "adj_ct"),
        ("neoadj_chemo+surgery", "neoadj_ct"),
        ("neoadj_chemo+hyperthermia+surgery", "neoadj_ct_ht"),
        ("neoadj_rt+neoadj_ct+surgery", "neoadj_both"),
        ("surgery+adj_rt+adj_ct", "adj_both"),
        ("perioperative dox-ifo", "neoadj_ct"),
        ("watch_ct", "watch_ct"),
        ("healing crystals", "observed"),
    ],
)
def test_words_of_treatment(readers: dict[str, Reader], targets: dict[str, Target], text: str, strategy: str) -> None:
    """What patients had, as a strategy; unknown words are said to be so."""
    reading = readers["extremity"].reading(replace(targets["frustaci_os4_obs"], strategy=text))
    series, _ = parts(reading)
    assert series.strategy == strategy
    assert ("is unknown" in reading.text) == (text == "healing crystals")
    treated = text not in ("mixed", "watch_ct", "healing crystals")
    assert series.exclude == (["metastasis_at_presentation"] if treated else [])


@pytest.mark.parametrize(
    ("site", "name", "reason"),
    [
        ("extremity", "rev_pervaiz_os", "odds ratio"),
        ("extremity", "plms_pazopanib_hr", "hazard ratio"),
        ("extremity", "elms_metsite_lung", "does not know where metastases are"),
        ("extremity", "rev_uterine_os5", "of site uterine, the scenario's patients are of extremity"),
        ("uterine", "osaka_os5", "of site nonuterine"),
        ("extremity", "sarculator_os_low", "the time of the target is not given"),
        ("advanced", "elms_os_crude", "begin with advanced disease"),
        ("advanced", "rev_nivoipi_rr", "no event for objective response"),
        ("retroperitoneal", "rev_neoct_pr_dacarbazine", "no event for partial response"),
        ("retroperitoneal", "fudan_flr_lr5", "second local recurrence"),
        ("all_sites", "dutchliver_pfs3", "progression after metastasectomy"),
        ("advanced", "palette_pbo_pfs", "and none is given"),
        ("retroperitoneal", "illuminati_morb_ivc", "some complications of surgery"),
    ],
)
def test_reasons(readers: dict[str, Reader], targets: dict[str, Target], site: str, name: str, reason: str) -> None:
    """What a scenario cannot be asked for."""
    assert reason in readers[site].reading(targets[name]).text


def test_sites_choose_patients(readers: dict[str, Reader], targets: dict[str, Target]) -> None:
    """In a scenario of several sites those of the target's; in one of a site targets of all sites are computed too."""
    assert parts(readers["all_sites"].reading(targets["massi_dfs2"]))[0].where == "(site == 'extremity')"
    several = parts(readers["all_sites"].reading(targets["osaka_os5"]))[0].where
    assert several is not None
    assert "uterine" not in several
    assert parts(readers["all_sites"].reading(targets["plms23_rec"]))[0].where is None
    assert "of all sites, computed for extremity" in readers["extremity"].reading(targets["plms23_rec"]).text
    misspelt = replace(targets["massi_dfs2"], site="extremty")
    assert "Did you mean 'extremity'?" in readers["extremity"].reading(misspelt).text


def test_follow_up_and_number_have_stated_defaults(readers: dict[str, Reader], targets: dict[str, Target]) -> None:
    """A crude proportion's time is its median follow-up; else a wide default; what the table says goes before."""
    reader = readers["extremity"]
    assert parts(reader.reading(targets["harati_dm"]))[0].follow_up == FollowUp(median=4.9, sdlog=0.5)
    assert parts(reader.reading(targets["elms_lr_crude"]))[0].follow_up == FollowUp(median=4, sdlog=0.7, high=20)
    assert parts(reader.reading(targets["beane_os20_rt"]))[0].follow_up == FollowUp(median=10, sdlog=0.7, high=40)
    blank = reader.reading(targets["rev_met_extremity"])
    assert parts(blank)[1].n == 50
    assert "n not given, 50 assumed" in blank.text
    stated = replace(targets["harati_dm"], follow_up_low=1.0, follow_up_high=12.0)
    series, row = parts(reader.reading(stated))
    assert (series.follow_up, row.by) == (FollowUp(low=1, high=12), 4.9)
    beyond = replace(targets["harati_os5"], time=150.0)
    assert "the scenario ends at" in reader.reading(beyond).text
    short = replace(targets["harati_os5"], follow_up_high=4.0)
    assert "0% of patients are followed for 5 years" in reader.reading(short).text


def test_a_range_is_compared_and_not_counted(readers: dict[str, Reader], targets: dict[str, Target]) -> None:
    """A share without the event has its ends turned round."""
    target = replace(targets["elms_os_crude"], value=None, low=0.5, high=0.7)
    reading = readers["extremity"].reading(target)
    row = parts(reading)[1]
    assert row.observed is None
    assert [row.low, row.high] == pytest.approx([0.3, 0.5])
    assert not reading.counted
    assert readers["extremity"].reading(targets["elms_os_crude"]).counted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_strategy": "adj_tr"}, "unknown strategy 'adj_tr'. Did you mean 'adj_rt'?"),
        ({"since": ("surgry",)}, "'since': unknown state or event 'surgry'. Did you mean 'surgery'?"),
        ({"exclude": ("nobody",)}, "'exclude': unknown state or event 'nobody'"),
        ({"set": (("pop_deeep", 1.0),)}, "'set': unknown parameter 'pop_deeep'. Did you mean 'pop_deep'?"),
        ({"set": (("pop_deep", 3.0),)}, "'set':"),
        ({"where": "grad == 2"}, "'where'"),
        ({"given": ("local_recurence",)}, "'given': unknown state, event or outcome 'local_recurence'. Did you mean"),
        ({"without": ("os",)}, "'without': unknown state, event or outcome 'os'"),
        ({"series": "elsm"}, "'series': unknown series 'elsm'. Did you mean 'elms'?"),
        ({"mix": ((("adj_tr",), 0.5),)}, "'mix': unknown treatment 'adj_tr'. Did you mean 'adj_rt'?"),
        ({"where": "size_cm >"}, "'where'"),
        ({"where": "lr_scale > 2"}, "it may read covariates alone"),
    ],
)
def test_what_a_row_names_must_exist(
    readers: dict[str, Reader], targets: dict[str, Target], change: dict[str, object], message: str
) -> None:
    """One message with file and line."""
    target = replace(targets["massi_dfs2"], **change)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"targets.csv:\d+") as refused:
        readers["extremity"].reading(target)
    assert message in str(refused.value)


def test_what_a_row_says_goes_before_the_defaults(readers: dict[str, Reader], targets: dict[str, Target]) -> None:
    """Strategy, origin, exclusions, rule and values."""
    target = replace(
        targets["massi_dfs2"],
        model_strategy="adj_rt",
        since=("surgery",),
        exclude=("perioperative_death",),
        where="grade == 2",
        set=(("pop_deep", 1.0),),
        family="death",
    )
    reading = readers["extremity"].reading(target)
    series, row = parts(reading)
    assert (series.strategy, series.exclude, series.where) == ("adj_rt", ["perioperative_death"], "(grade == 2)")
    assert (series.set, row.since, reading.family) == ({"pop_deep": 1.0}, ["surgery"], "death")


@pytest.mark.parametrize(
    ("outcome", "events", "others", "more"),
    [
        ("local_first", LOCAL, DISTANT, {"window": 0.25, "together": False}),
        ("Distant recurrence first", DISTANT, LOCAL, {"window": 0.25, "together": False}),
        ("both_first", LOCAL, DISTANT, {"window": 0.25, "together": True}),
        ("local_only", LOCAL, DISTANT, {"window": None, "together": False}),
        ("loco-regional recurrence", LOCAL, [], {}),
        ("late distant metastases", DISTANT, [], {"after": 5.0}),
        ("30-day mortality", ["perioperative_death"], [], {"since": ["surgery"]}),
        ("complication:in-hospital mortality", ["perioperative_death"], [], {"since": ["surgery"]}),
        ("Postoperative_Mortality", ["perioperative_death"], [], {"since": ["surgery"]}),
        ("treatment-related death", DEATHS[1:2], [], {"observed": 0.2}),
        ("mortality", DEATHS, [], {"observed": 0.2}),
        ("overall survival", DEATHS, [], {"observed": pytest.approx(0.8)}),
        ("complication:toxic_death", ["toxic_death"], [], {}),
        ("complication:lymphedema", ["oedema"], [], {}),
        ("DMFS", [*DISTANT, *DEATHS], [], {}),
        ("local progression-free survival", [*LOCAL, *DEATHS], [], {}),
    ],
)
def test_words_of_outcomes(
    readers: dict[str, Reader],
    targets: dict[str, Target],
    outcome: str,
    events: list[str],
    others: list[str],
    more: dict[str, object],
) -> None:
    """What papers call outcomes; the sentence says as what they are read."""
    target = replace(targets["elms_lr_crude"], outcome=outcome, value=0.2, events=None)
    reading = readers["extremity"].reading(target)
    row = parts(reading)[1]
    assert (row.events, row.others) == (events, others)
    assert {key: getattr(row, key) for key in more} == more
    if outcome == "loco-regional recurrence":
        assert "the scenario has no regional recurrence" in reading.text
    if outcome == "30-day mortality":
        assert "'30-day mortality' as perioperative death" in reading.text


@pytest.mark.parametrize(
    ("outcome", "grade", "found"),
    [
        ("fibrosis", ">=2", ["fibrosis_neoadj_rt", "fibrosis_adj_rt"]),
        ("fibrosis", "", ["fibrosis_neoadj_rt", "fibrosis_adj_rt"]),
        ("severe toxicity", "3-4", ["severe_toxicity"]),
        ("fibrosis", "3-4", "the scenario counts fibrosis of grade >=2, the target of grade 3-4"),
        ("pain", ">=2", "the scenario has no grades of pain"),
    ],
)
def test_grades_of_complications(
    readers: dict[str, Reader], targets: dict[str, Target], outcome: str, grade: str, found: list[str] | str
) -> None:
    """Only where the model counts the same grades."""
    target = replace(targets["elms_pain"], outcome=f"complication:{outcome}", complication_grade=grade)
    reading = readers["extremity"].reading(target)
    if isinstance(found, str):
        assert reading.text == f"{NOT_COMPUTABLE}{found}"
    else:
        assert parts(reading)[1].events == found
        assert ("the target states no grade" in reading.text) == (not grade)


def test_statistics_that_cannot_tell_events_apart(readers: dict[str, Reader], targets: dict[str, Target]) -> None:
    """Nor can a pattern over all of follow-up have a time; a second event is not told from the first."""
    base = targets["harati_dm"]
    for change, reason in (
        ({"outcome": "local_first", "statistic": "km_survival"}, "cannot tell local first apart"),
        ({"outcome": "local_only", "statistic": "cumulative_incidence"}, "cannot tell local only apart"),
        ({"statistic": "km_survival", "given": ("distant_metastasis",)}, "a second metastasis_at_presentation"),
        (
            {"outcome": "complication:severe_toxicity", "strategy": "second-line chemotherapy"},
            "severe_toxicity of grade >=3 (the target states no grade) in line 2 is not told apart",
        ),
        ({"statistic": "rmst", "time": None}, "the horizon of the restricted mean is not given"),
        ({"complication_grade": "3"}, "complication_grade is of complications"),
        ({"outcome": "30-day mortality", "statistic": "km_survival"}, "perioperative death is a share of patients"),
    ):
        reading = readers["extremity"].reading(replace(base, **change))
        assert reason in reading.text, reading.text
        assert reading.series is None


def test_rows_of_other_sites_and_bad_rows_stand_apart(readers: dict[str, Reader], targets: dict[str, Target]) -> None:
    """A site that nobody knows is not another site; a bad row is refused alone."""
    reader = readers["extremity"]
    assert reader.reading(targets["rev_uterine_os5"]).other_site
    assert not reader.reading(replace(targets["rev_uterine_os5"], site="uteryne")).other_site
    bad = replace(targets["massi_dfs2"], model_strategy="adj_tr")
    reading = reader.or_refused(bad)
    assert reading.refused
    assert "unknown strategy 'adj_tr'. Did you mean 'adj_rt'?" in reading.text
    read = reader.or_refused(Refused("line 3", "own.csv:3: the row has 2 cells", {"outcome": "os"}))
    assert (read.target_id, read.outcome, read.refused) == ("line 3", "os", True)


TEXT = """
settings = { horizon = 60, currency = "GBP", wtp = [20000], comparator = "nothing" }
strategies.nothing = { label = "Nothing" }
population.covariates.age = { kind = "constant", value = 50 }
"""
TEXT += illness_death(exponential("ill"), exponential(0.1), exponential(0.5))
TEXT += endpoint("illness", "ill", label="Illness", kind="incidence", death="competing")


def of_illness(statistic: str, value: float, **more: Any) -> Target:
    """A figure of a user's own outcome."""
    known: dict[str, Any] = {"target_id": "t", "site": "all", "strategy": "nothing", "outcome": "illness", "n": 100}
    return Target(statistic=statistic, value=value, **known, **more)


def test_a_users_model_has_its_own_outcomes(build: Build) -> None:
    """By endpoint; of states it does not have, nothing."""
    scenario = build(TEXT, {"ill": 0.2}).scenario
    base = of_illness("cumulative_incidence", 0.3, time=5.0)
    row = parts(Reader(scenario).reading(base))[1]
    assert (row.events, row.by) == (["ill"], 5.0)
    assert parts(Reader(scenario).reading(replace(base, outcome="dss", statistic="km_survival")))[1].events == ["dead"]
    absent = Reader(scenario).reading(replace(base, outcome="local_recurrence"))
    assert "no state or event for local_recurrence" in absent.text
    assert "Did you mean 'illness'?" in Reader(scenario).reading(replace(base, outcome="ilness")).text


def test_mean_time_among_those_with_the_event(build: Build) -> None:
    """Everybody followed for good: the mean of the exit time, whatever the exit; its spread is its law's."""
    scenario = build(TEXT, {"ill": 0.2}).scenario
    target = of_illness("mean_time_years", 3.0, follow_up_low=50.0, follow_up_high=60.0)
    series, row = parts(Reader(scenario).reading(target))
    assert row.statistic == "mean_time"
    read = replace(scenario, file=scenario.file.model_copy(update={"series": {"own": series}}))
    n = 20_000
    found = reader_of(read, ["own"]).predict({}, n)
    mean = 1.0 / 0.3
    assert found.value[0, 0] == pytest.approx(mean, abs=4.0 * mean / np.sqrt(n * 2 / 3))
    assert found.spread[0, 0] == pytest.approx(0.1, rel=0.05)
    assert found.patients[0, 0] == pytest.approx(n * 2 / 3, rel=0.05)
    short = replace(target, follow_up_low=2.0, follow_up_high=2.0001)
    series, _ = parts(Reader(scenario).reading(short))
    truncated = replace(scenario, file=scenario.file.model_copy(update={"series": {"own": series}}))
    expected = mean - 2.0 * exp(-2.0 / mean) / (1.0 - exp(-2.0 / mean))
    assert reader_of(truncated, ["own"]).predict({}, n).value[0, 0] == pytest.approx(expected, abs=0.03)
    assert expected < log(2.0) * mean


def value_of(scenario: Scenario, target: Target, n: int = 20_000) -> float:
    """What the model predicts of a target, in the paper's terms."""
    reading = Reader(scenario).reading(target)
    series, _ = parts(reading)
    update = {"series": {"own": series}, "strategies": scenario.file.strategies | reading.strategies}
    read = replace(scenario, file=scenario.file.model_copy(update=update))
    return float(reader_of(read, ["own"]).predict({}, n).value[0, 0])


FOLLOWED: dict[str, Any] = {"follow_up_low": 50.0, "follow_up_high": 60.0}
ILL, DIE, DIE_ILL = 0.2, 0.1, 0.5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"statistic": "rmst", "time": 4.0}, (1.0 - exp(-4.0 * ILL)) / ILL),
        ({"statistic": "rmst", "time": 2.0, "outcome": "os", "given": ("ill",)}, (1.0 - exp(-2 * DIE_ILL)) / DIE_ILL),
        ({"statistic": "mean_time_years", "time": 2.0, "outcome": "os", "since": ("ill",)}, 2 * (1.0 - exp(-1.0))),
        ({"statistic": "km_survival", "time": 2.0, "outcome": "os", "given": ("ill",)}, exp(-2 * DIE_ILL)),
        ({"time": 3.0, "time_end": 5.0}, ILL / (ILL + DIE) * (1.0 - exp(-2.0 * (ILL + DIE)))),
        ({"statistic": "km_survival", "time": 2.0, "outcome": "os", "given": ("ill",), "given_by": 1.0}, exp(-1.0)),
        ({"statistic": "km_survival", "time": 2.0, "outcome": "os", "alive_at": 3.0}, 1.0),
        ({"time": 0.0, "time_end": 5.0}, ILL / (ILL + DIE) * (1.0 - exp(-5.0 * (ILL + DIE)))),
        ({"statistic": "crude_proportion", "outcome": "mortality", "without": ("ill",), "time": None}, 1.0),
    ],
)
def test_readings_in_closed_form(build: Build, change: dict[str, Any], expected: float) -> None:
    """Illness and death at constant rates: restricted means, patients given by illness, between two times."""
    scenario = build(TEXT, {"ill": ILL}).scenario
    target = replace(of_illness("cumulative_incidence", 0.3, time=5.0, **FOLLOWED), **change)
    assert value_of(scenario, target) == pytest.approx(expected, abs=0.03)


def test_time_from_zero_of_patients_given_later_is_said_to_be_immortal(build: Build) -> None:
    """Since illness by default; since time zero only where the row says so, and then the sentence says it."""
    scenario = build(TEXT, {"ill": ILL}).scenario
    target = of_illness("km_survival", 0.3, time=2.0, given=("ill",), **FOLLOWED)
    target = replace(target, outcome="os")
    since, zero = (Reader(scenario).reading(replace(target, since=since)) for since in ((), ("none",)))
    assert (parts(since)[1].since, parts(zero)[1].since) == (["ill"], [])
    assert "immortal" not in since.text
    assert "with ill, before which time is immortal" in zero.text
    assert value_of(scenario, replace(target, since=("none",))) > exp(-2 * DIE_ILL) + 0.1


@pytest.mark.parametrize(
    ("stated", "grade", "computed"), [(">=3", "3-4", True), (">=2", "3-4", False), ("", "3", False)]
)
def test_a_users_event_may_state_its_grades(build: Build, stated: str, grade: str, computed: bool) -> None:
    """A target of the same grades is computed; of others, or without grades in the model, it says why not."""
    own = event("ache", 0.3, **({"grades": stated} if stated else {}))
    text = TEXT.replace("[states.ill]", '[states.ill]\nevents = ["ache"]') + own
    target = of_illness("crude_proportion", 0.3, complication_grade=grade)
    reading = Reader(build(text, {"ill": ILL}).scenario).reading(replace(target, outcome="complication:ache"))
    assert (reading.series is not None) == computed
    assert ("ache of grade 3-4" if computed else "the scenario ") in reading.text


TREATED = """
settings = { horizon = 60, currency = "GBP", wtp = [20000], comparator = "nothing" }
strategies.nothing = { label = "Nothing" }
strategies.all = { label = "All", treatments = ["cure"] }
population.covariates.age = { kind = "constant", value = 50 }

[series.early]
label = "Early"
source_id = "nobody"
strategy = "all"
follow_up = { low = 2, high = 2 }
set = { ill = 0.4 }
rows = []
"""
TREATED += (
    start("choice", kind="phase", next="well")
    + section("treatments.cure", phase="choice", duration=1e-6)
    + state("well")
    + state("ill")
    + DEAD
    + move("well", "ill", exponential("ill"), effects={"received_cure": "log(0.5)"})
    + move("well", "dead", exponential(DIE))
    + move("ill", "dead", exponential(DIE_ILL))
)


def falls_ill(rate: float, time: float) -> float:
    """Share ill by a time."""
    return rate / (rate + DIE) * (1.0 - exp(-(rate + DIE) * time))


def test_a_row_may_state_its_mix_and_its_series(build: Build) -> None:
    """Shares of patients who are treated; of a series what the row leaves open."""
    scenario = build(TREATED, {"ill": ILL}).scenario
    base = replace(of_illness("cumulative_incidence", 0.3, time=5.0, **FOLLOWED), outcome="complication:ill")
    mixed = replace(base, mix=((("cure",), 0.6),))
    expected = 0.6 * falls_ill(ILL / 2, 5.0) + 0.4 * falls_ill(ILL, 5.0)
    assert value_of(scenario, mixed) == pytest.approx(expected, abs=0.015)
    assert "strategy nothing with the mix cure 0.6, none for the others" in Reader(scenario).reading(mixed).text
    seen = replace(base, statistic="crude_proportion", time=None, series="early")
    seen = replace(seen, follow_up_low=None, follow_up_high=None, strategy="")
    assert value_of(scenario, seen) == pytest.approx(falls_ill(0.2, 2.0), abs=0.015)
    assert value_of(scenario, replace(seen, set=(("ill", 0.8),))) == pytest.approx(falls_ill(0.4, 2.0), abs=0.015)
    assert value_of(scenario, replace(seen, strategy="nothing")) == pytest.approx(falls_ill(0.4, 2.0), abs=0.015)
    longer = replace(seen, follow_up_low=3.0, follow_up_high=3.001)
    assert value_of(scenario, longer) == pytest.approx(falls_ill(0.2, 3.0), abs=0.015)
