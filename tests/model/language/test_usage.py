"""What a scenario's own file declares and nothing reads is an error; what an included file offers is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.bundled import scenarios_folder
from lmssim.errors import InputError
from lmssim.model.compile import compile_scenario
from lmssim.model.language.files import InputFiles
from lmssim.model.language.regimens import with_regimens
from lmssim.model.language.schema import ScenarioFile
from lmssim.model.language.usage import KINDS, unused
from lmssim.model.scenario import load_scenario
from tests.kit.models import HEAD, alive_dead, attributes, clocks, event, exponential, frame, plan, section

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Build

MODEL = frame() + alive_dead(exponential(0.1))
SPARE = [
    (plan("spare", 1), "plans.spare: nothing uses this plan"),
    (event("spare", 0.1), "events.spare: nothing uses this event"),
    (section("expressions", spare="2 * age"), "expressions.spare: nothing uses this named expression"),
    (section("tables.spare", by=["age"], rows=[[0, 1]]), "tables.spare: nothing uses this lookup table"),
    (clocks(spare="latest"), "clocks.spare: nothing uses this clock"),
    (attributes(spare="flag"), "attributes.spare: nothing uses this attribute"),
]


@pytest.mark.parametrize(("text", "words"), SPARE)
def test_what_nothing_uses_is_refused(build: Build, text: str, words: str) -> None:
    """Of the scenario's own file; what stands in a label is no use."""
    with pytest.raises(InputError, match=words):
        build(MODEL + text + section("endpoints.os", events=["dead"], label="spare"))


@pytest.mark.parametrize(("text", "words"), SPARE)
def test_what_is_included_may_stay_unused(tmp_path: Path, text: str, words: str) -> None:
    """A file that several scenarios share."""
    del words
    (tmp_path / "base.toml").write_text(MODEL + text)
    (tmp_path / "main.toml").write_text(HEAD + 'include = ["base.toml"]\n')
    compile_scenario(load_scenario(tmp_path / "main.toml"))


def test_another_mistake_is_said_first(build: Build) -> None:
    """A plan whose name is misspelt where it is used: the misspelt name explains it."""
    text = MODEL.replace("utility = 1", 'schedule = [{ name = "visit", at = "vists" }]') + plan("visits", 1)
    with pytest.raises(InputError, match=r"unknown plan 'vists'\. Did you mean 'visits'"):
        build(text)


def test_what_bundled_files_share_has_a_user() -> None:
    """Every name of a section of an included file is used by some bundled scenario that includes it."""
    spare: dict[str, set[str]] = {}
    for path in [*scenarios_folder().glob("*.toml"), *(scenarios_folder() / "examples").glob("*.toml")]:
        file = with_regimens(ScenarioFile.model_validate(InputFiles(path).read_toml()), str(path))
        idle = set(unused(file, {section: set(getattr(file, section)) for section in KINDS}))
        for section_ in KINDS:
            for name in getattr(file, section_):
                key = f"{section_}.{name}"
                idle_here = {key} if any(said.startswith(f"{key}:") for said in idle) else set()
                spare[key] = spare.get(key, {key}) & idle_here
    assert not [key for key, idle_everywhere in spare.items() if idle_everywhere]
