"""Mixed populations: who belongs to which stratum, what its patients are like, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.errors import InputError
from lmssim.execution.manifest import input_hashes
from lmssim.execution.simulate import Sampling, simulate
from lmssim.execution.solve import solve_population
from lmssim.kernels.rewards import LY_UNDISCOUNTED
from lmssim.model.compile import compile_scenario
from lmssim.model.population.joint import Covariate, Population
from lmssim.model.population.strata import MixedPopulation, Stratum, mix
from lmssim.model.scenario import load_scenario
from lmssim.studies.verify import Status, run_battery
from tests.kit.models import HEAD, alive_dead, frame, strategy, weibull
from tests.kit.parameters import fixed_parameters
from tests.kit.plain import Z, assert_engines_agree

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.scenario import Scenario

N = 20_000
SITE = '{ kind = "categorical", categories = ["limb", "womb", "skin"], probabilities = [%s] }'
LIMB = f"""
label = "Limb"
covariates.site = {SITE % "1, 0, 0"}
covariates.age = {{ kind = "normal", mean = "pop_age", sd = 10, low = 20, high = 100 }}
covariates.sex = {{ kind = "categorical", categories = ["female", "male"], probabilities = [0.4, 0.6] }}
covariates.stage = {{ kind = "constant", value = 0 }}
covariates.deep = {{ kind = "binary", probability = 0.7 }}
covariates.size = {{ kind = "lognormal", median = 8, sdlog = 0.5 }}
[[population.correlations]]
between = ["age", "size"]
value = 0.5
"""
WOMB = f"""
covariates.site = {SITE % "0, 1, 0"}
covariates.age = {{ kind = "normal", mean = "pop_age", sd = 5, low = 20, high = 100 }}
covariates.sex = {{ kind = "categorical", categories = ["male", "female"], probabilities = [0, 1] }}
covariates.stage = {{ kind = "categorical", categories = [1, 2, 3], probabilities = [0.5, 0.2, 0.3] }}
covariates.deep = {{ kind = "constant", value = 0 }}
covariates.size = {{ kind = "constant", value = 9 }}
"""
MIXED = """
[population]
by = "site"
[population.strata.limb]
share = "share_limb"
file = "people/limb.toml"
[population.strata.womb]
share = "1 - share_limb"
file = "people/womb.toml"
"""
MODEL = (
    frame(30).split("[population]")[0]
    + strategy("one")
    + alive_dead(
        weibull(1.3, "scale"),
        'effects = { "stage == 3" = 0.9, deep = 0.4, "size - 8" = 0.05, sex_male = 0.3 }',
    )
)
BY = '[parameters_by.site]\nlimb = ["limb.csv"]\nwomb = ["womb.csv"]\n'

Load = Callable[..., "Scenario"]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load the mixed scenario with pieces of its text replaced."""
    (tmp_path / "people").mkdir()

    def make(*changes: tuple[str, str], text: str = MIXED + MODEL, by: str = BY) -> Scenario:
        files = {
            "test.toml": HEAD + 'parameters = ["test.csv"]\n' + by + text,
            "people/limb.toml": "[population]" + LIMB,
            "people/womb.toml": "[population]" + WOMB,
            "test.csv": fixed_parameters({"share_limb": 0.7}),
            "limb.csv": fixed_parameters({"pop_age": 60, "scale": 8}),
            "womb.csv": fixed_parameters({"pop_age": 50, "scale": 4}),
        }
        for old, new in changes:
            assert any(old in content for content in files.values()), old
            files = {name: content.replace(old, new) for name, content in files.items()}
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        return load_scenario(tmp_path / "test.toml")

    return make


def _columns(scenario: Scenario, x: np.ndarray) -> dict[str, np.ndarray]:
    return {c.name: x[:, i] for i, c in enumerate(scenario.patients.covariates)}


def test_patients_are_mixed_by_their_shares_and_keep_their_strata_s_luck(load: Load) -> None:
    """Each patient has, bit for bit, what the stratum's population alone would give that patient."""
    scenario = load()
    patients = scenario.patients
    assert isinstance(patients, MixedPopulation)
    x = _columns(scenario, patients.sample(0, N, 3))
    assert abs((x["site"] == 0).mean() - 0.7) < Z * np.sqrt(0.7 * 0.3 / N)
    assert set(x["site"]) == {0.0, 1.0}
    for code, stratum in enumerate(patients.strata):
        alone = stratum.population.sample(0, N, 3)
        own = x["site"] == code
        for j, covariate in enumerate(stratum.population.covariates):
            if covariate.name != "sex":
                np.testing.assert_array_equal(x[covariate.name][own], alone[own, j])
    np.testing.assert_array_equal(patients.sample(700, 50, 3), patients.sample(0, 750, 3)[700:])


def test_a_stratum_s_population_reads_its_own_parameters(load: Load) -> None:
    """`pop_age` is 60 in one stratum and 50 in the other; both count as used."""
    scenario = load()
    assert isinstance(scenario.patients, MixedPopulation)
    assert [s.population.covariates[0].mean for s in scenario.patients.strata] == [60.0, 50.0]
    used = compile_scenario(scenario).used
    assert {"limb_pop_age", "womb_pop_age", "share_limb"} <= set(used)


def test_labels_and_codes_are_those_of_all_strata(load: Load) -> None:
    """Labels in another order are recoded; a constant joins the categories of the other stratum."""
    scenario = load()
    covariates = {c.name: c for c in scenario.patients.covariates}
    assert covariates["sex"].labels == ("female", "male")
    assert covariates["stage"].codes == (0.0, 1.0, 2.0, 3.0)
    assert covariates["stage"].probabilities == pytest.approx([0.7, 0.15, 0.06, 0.09])
    assert covariates["deep"].kind == "binary"
    assert covariates["site"].labels == ("limb", "womb", "skin")
    x = _columns(scenario, scenario.patients.sample(0, N, 4))
    womb = x["site"] == 1
    assert (x["sex"][womb] == 0).all()
    assert abs(x["sex"][~womb].mean() - 0.6) < Z * np.sqrt(0.24 / (~womb).sum())
    assert set(x["stage"][womb]) == {1.0, 2.0, 3.0}
    assert (x["stage"][~womb] == 0).all()


def test_profiles_cover_the_mix(load: Load) -> None:
    """`cohort` averages over strata: it agrees with lives, and with the strata's own solutions by their shares."""
    program = compile_scenario(load())
    exact = solve_population(program, Sampling(profiles=256, seed=1))
    spread = exact.standard_error()[0, 0, LY_UNDISCOUNTED] + exact.step_error[0, LY_UNDISCOUNTED]
    lived = simulate(program, Sampling(n_patients=N, seed=2))
    error = np.hypot(lived.standard_error()[0, 0, LY_UNDISCOUNTED], spread)
    assert abs(lived.mean[0, 0, LY_UNDISCOUNTED] - exact.mean[0, 0, LY_UNDISCOUNTED]) < Z * error
    alone = []
    for share in ("1", "0"):
        changed = compile_scenario(load(("share_limb,0.7", f"share_limb,{share}")))
        alone.append(solve_population(changed, Sampling(profiles=256, seed=1)).mean[0, 0, LY_UNDISCOUNTED])
    assert abs(0.7 * alone[0] + 0.3 * alone[1] - exact.mean[0, 0, LY_UNDISCOUNTED]) < 2 * Z * spread
    assert abs(alone[0] - alone[1]) > 1.0
    profiles = choose_profiles(program, 64, 1)
    assert {tuple(row) for row in profiles.x[:, 3:5]} > {(0.0, 1.0)}
    assert_engines_agree(program, 200)


def test_one_profile_of_constants(load: Load) -> None:
    """A single profile stands in the middle: of the larger stratum, here."""
    program = compile_scenario(load())
    profiles = choose_profiles(program, 1, 1)
    assert profiles.x.shape[0] == 1
    assert profiles.x[0, 0] == 0.0


def test_what_a_mixed_population_says_of_itself(load: Load) -> None:
    """The description has each stratum with its covariates; every file is in the manifest."""
    scenario = load()
    lines = scenario.patients.describe()
    assert lines[0] == "site limb: 0.7 of patients"
    assert "  age: normal, mean 60, sd 10, low 20, high 100" in lines
    assert "  latent correlation of age and size: 0.5" in lines
    assert {"people/limb.toml", "people/womb.toml", "womb.csv"} <= set(input_hashes(scenario))


def test_a_stratum_s_file_may_include_and_its_section_may_change_it(load: Load, tmp_path: Path) -> None:
    """A file's includes hold, and a covariate beside `file` stands in place of the file's."""
    (tmp_path / "common.toml").write_text('[population]\ncovariates.hand = { kind = "constant", value = 3 }\n')
    both = ('[population]\nlabel = "Limb"', 'include = ["../common.toml"]\n[population]')
    scenario = load(
        ("[population]\ncovariates.site", 'include = ["../common.toml"]\n[population]\ncovariates.site'),
        both,
        ('file = "people/womb.toml"', 'file = "people/womb.toml"\ncovariates.size = { kind = "constant", value = 5 }'),
    )
    x = _columns(scenario, scenario.patients.sample(0, 100, 1))
    assert set(x["hand"]) == {3.0}
    assert set(x["size"][x["site"] == 1]) == {5.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("1 - share_limb", "0.4")], r"population\.strata: shares add up to 1\.1; they must add up to 1"),
        ([("share_limb,0.7", "share_limb,1.7")], r"strata\.limb\.share: 1\.7 is not a share between 0 and 1"),
        ([("strata.womb]", "strata.womp]")], r"strata\.womp: unknown category of site 'womp'.*Did you mean 'womb'"),
        ([('by = "site"', "")], "`by` and `strata` go together"),
        ([("people/womb.toml", "people/wombs.toml")], r"womb\.file: no such file .*Did you mean 'womb\.toml'"),
        ([('covariates.deep = { kind = "constant", value = 0 }', "")], "limb has the covariate 'deep', womb has not"),
        (
            [('kind = "constant", value = 9', 'kind = "categorical", categories = ["a"], probabilities = [1]')],
            "covariate 'size' has labels in womb and numbers in limb",
        ),
        (
            [('mean = "pop_age", sd = 5', 'mean = "pop_old", sd = 5')],
            r"strata\.womb\.covariates\.age\.mean: unknown name 'pop_old'",
        ),
        (
            [('womb.csv"', 'limb.csv"'), ("scale,8", "scale,8,fixed,,,,,,,,definition,,,,\nshare_limb,0.5")],
            r"strata\.limb\.share: 'share_limb' differs by site",
        ),
        (
            [("[population]\ncovariates.site", "[population]\nrows = 'x.csv'\ncovariates.site")],
            r"womb\.toml: population\.rows cannot be part of a mixed population",
        ),
        ([("pop_age,50", "pop_eld,50"), ("sd = 5", 'sd = "pop_eld"')], "'pop_age' has no value where site is 'womb'"),
    ],
)
def test_what_does_not_fit_is_refused(load: Load, changes: list[tuple[str, str]], message: str) -> None:
    """One message with the place and what is allowed."""
    with pytest.raises(InputError, match=message):
        compile_scenario(load(*changes))


def test_verify_knows_the_strata(load: Load) -> None:
    """Means and correlations are checked within strata, and shares; a share that is not kept is found."""
    scenario, names = load(), ["covariate-means", "covariate-correlation"]
    found = run_battery(scenario, Sampling(n_patients=100), names=names).results
    assert [r.finding.status for r in found] == [Status.PASSED] * 2
    patients = scenario.patients
    assert isinstance(patients, MixedPopulation)
    wrong = replace(patients, strata=(replace(patients.strata[0], share=0.6), patients.strata[1]))
    (result,) = run_battery(replace(scenario, patients=wrong), Sampling(n_patients=100), names=names[:1]).results
    assert result.finding.status == Status.FAILED
    assert "limb" in result.finding.place


def test_covariates_beside_strata_are_refused(load: Load) -> None:
    """A population has either."""
    extra = ('by = "site"', 'by = "site"\ncovariates.age = { kind = "constant", value = 1 }')
    with pytest.raises(InputError, match="needs covariates, or strata in their place; both are given"):
        load(extra)
    with pytest.raises(InputError, match="neither is given"):
        load(text="[population]\n" + MODEL, by="")


def test_the_stratum_is_drawn_apart_from_its_covariates() -> None:
    """Names address luck: mixing two equal populations changes no covariate but that of the strata."""
    size = Covariate(name="size", kind="normal", mean=0.0, sd=1.0)
    alone = Population((size,))
    mixed = mix("site", ["a", "b"], [Stratum("a", 0.5, alone), Stratum("b", 0.5, alone)], "population")
    x = mixed.sample(0, 1000, 9)
    np.testing.assert_array_equal(x[:, 1], alone.sample(0, 1000, 9)[:, 0])
    assert abs(np.corrcoef(x[:, 0], x[:, 1])[0, 1]) < Z / np.sqrt(1000)
