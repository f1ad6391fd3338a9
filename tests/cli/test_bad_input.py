"""Bad input of every kind gives one line that says what is wrong, exit code 2, and never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lmssim.cli.app import app, commands_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli

TOML, CSV = "illness_death.toml", "illness_death.csv"
AGE = 'covariates.age = { kind = "constant", value = 60 }'
ROWS = 'covariates.age = { kind = "normal", mean = 60, sd = 5 }\nrows = "people.csv"'

SPOILT = {
    # name: (file, text to replace, replacement, words of the message)
    "unknown state": (TOML, 'to = "progressed"', 'to = "progresed"', ["'progresed'", "'progressed'"]),
    "unknown source state": (TOML, 'from = "stable"', 'from = "stabel"', ["'stabel'", "'stable'"]),
    "unknown state of an endpoint": (TOML, 'events = ["dead"]', 'events = ["daed"]', ["'daed'", "'dead'"]),
    "misspelt parameter": (TOML, '"u_stable"', '"u_stabel"', ["'u_stabel'", "'u_stable'"]),
    "misspelt parameter of a hazard": (
        TOML,
        '"scale_progression"',
        '"scale_progresion"',
        ["'scale_progresion'", "'scale_progression'"],
    ),
    "unused parameter": (CSV, "u_stable,", "u_spare,0.5,fixed,,,,,,,,definition,,,,\nu_stable,", ["u_spare", "uses"]),
    "negative cost": (TOML, '"c_stable"', "-5", ["-5", "cost", "0 or more"]),
    "utility over 1": (TOML, '"u_stable"', "1.5", ["1.5", "utility"]),
    "infinite number": (TOML, '"c_stable"', "inf", ["inf", "cost"]),
    "NaN": (TOML, '"u_stable"', "nan", ["nan", "utility"]),
    "negative shape": (TOML, "shape = 1.2", "shape = -1.2", ["-1.2", "shape"]),
    "zero scale": (TOML, '"scale_progression"', "0", ["scale", "0"]),
    "forbidden construct": (TOML, '"u_stable"', "\"__import__('os').getcwd()\"", ["not allowed"]),
    "forbidden lambda": (TOML, '"u_stable"', '"(lambda: 1)()"', ["not allowed"]),
    "forbidden function": (TOML, '"u_stable"', '"eval(1)"', ["'eval'", "exp"]),
    "not an expression": (TOML, '"u_stable"', '"u_stable +"', ["not an expression"]),
    "expression over two lines": (TOML, '"u_stable"', '"u_stable +\\n"', ["not an expression"]),
    "division by zero": (TOML, '"c_stable"', '"c_stable / 0"', ["inf", "cost"]),
    "text in arithmetic": (TOML, '"c_stable"', "\"c_stable + 'a'\"", ["'a'"]),
    "unknown key": (TOML, "utility =", "utilty =", ["'utilty'", "'utility'"]),
    "unknown key of a setting": (TOML, "horizon = 50", "horizon = 50\nhorizons = 3", ["'horizons'", "'horizon'"]),
    "unknown key of a transition": (TOML, 'to = "dead"', 'to = "dead"\nall_cause = true', ["unknown key 'all_cause'"]),
    "unknown section": (TOML, "[endpoints.os]", "[endpoint.os]", ["'endpoint'", "'endpoints'"]),
    "wrong type": (TOML, "horizon = 50", 'horizon = "long"', ["settings.horizon", "long", "number"]),
    "wrong type of a section": (TOML, "[states.dead]", "[[states.dead]]", ["states.dead"]),
    "missing key": (TOML, "horizon = 50", "", ["settings.horizon", "missing"]),
    "unknown family": (TOML, '"weibull"', '"weibul"', ["weibul", "'weibull'"]),
    "missing family parameter": (TOML, "shape = 1.2, ", "", ["shape, scale"]),
    "unknown comparator": (TOML, 'comparator = "standard"', 'comparator = "standrad"', ["'standrad'", "'standard'"]),
    "unknown cost category": (TOML, "cost_per_year.care", "cost_per_year.caer", ["'caer'", "'care'"]),
    "unknown attribute": (TOML, "set.treated", "set.treatd", ["'treatd'", "'treated'"]),
    "unknown parameter set by a strategy": (
        TOML,
        "set = { loghr_progression = 0 }",
        "set = { loghr_progresion = 0 }",
        ["'loghr_progression'"],
    ),
    "horizon too long": (TOML, "horizon = 50", "horizon = 5000", ["5000", "200"]),
    "discount rate of 1 or more": (TOML, "discount_rate_costs = 0.035", "discount_rate_costs = 3.5", ["3.5"]),
    "no initial state": (TOML, "initial = true", "initial = false", ["initial"]),
    "schema too new": (TOML, "schema_version = 2", "schema_version = 99", ["99", "upgrade"]),
    "schema of a wrong type": (TOML, "schema_version = 2", 'schema_version = "one"', ["schema_version"]),
    "invalid TOML": (TOML, "[settings]", "[settings", ["not valid TOML", "line"]),
    "missing table": (TOML, "illness_death.csv", "illness_deth.csv", ["illness_deth.csv", "illness_death.csv"]),
    "missing include": (TOML, "schema_version = 2", "schema_version = 2\ninclude = ['nothing.toml']", ["nothing.toml"]),
    "include of itself": (
        TOML,
        "schema_version = 2",
        "schema_version = 2\ninclude = ['illness_death.toml']",
        ["include"],
    ),
    "include of a wrong type": (TOML, "schema_version = 2", "schema_version = 2\ninclude = 3", ["include"]),
    "empty parameter value": (CSV, "u_stable,0.8,", "u_stable,,", ["'value'", "blank"]),
    "parameter twice": (CSV, "u_stable,", "u_stable,0.5,fixed,,,,,,,,definition,,,,\nu_stable,", ["already"]),
    "unknown column": (CSV, "locator", "locater", ["'locater'"]),
    "unknown population kind": (TOML, '"constant"', '"constnat"', ["constnat", "'constant'"]),
    "age of no covariate": (TOML, AGE, f'{AGE}\nage = "years"', ["'years'", "age"]),
    "probabilities over 1": (
        TOML,
        "[states.dead]",
        '[states.fork]\nkind = "chance"\nbranches = [{ to = "dead", p = 0.7 }, { to = "stable", p = 0.5 }]\n'
        "[states.dead]",
        ["fork", "1.2"],
    ),
    "probability over 1": (
        TOML,
        "[states.dead]",
        '[states.fork]\nkind = "chance"\nbranches = [{ to = "dead", p = 1.7 }, { to = "stable", p = "rest" }]\n'
        "[states.dead]",
        ["fork", "1.7", "between 0 and 1"],
    ),
    "cycle of chance states": (
        TOML,
        "[states.dead]",
        '[states.a]\nkind = "chance"\nbranches = [{ to = "b" }]\n'
        '[states.b]\nkind = "chance"\nbranches = [{ to = "a" }]\n[states.dead]',
        ["a -> b -> a"],
    ),
    "name with a path": (TOML, 'name = "illness_death"', 'name = "../elsewhere"', ["name", "../elsewhere"]),
    "endpoint with a path": (TOML, "[endpoints.os]", '[endpoints."../os"]', ["endpoints.../os"]),
    "time that is not a number": (TOML, "horizon = 50", "horizon = 50\ntimes = [nan]", ["settings.times", "nan"]),
    "negative willingness to pay": (TOML, "horizon = 50", "horizon = 50\nwtp = [-1]", ["settings.wtp", "-1"]),
    "cost category twice": (TOML, '["care"]', '["care", "care"]', ["cost_categories", "twice"]),
    "negative age": (TOML, AGE, AGE.replace("60", "-5"), ["population.age", "-5", "between 0 and 150"]),
    "unknown member of a group": (
        TOML,
        "[attributes]",
        "[groups.g]\nkind = 'dirichlet'\nmembers = ['u_stabel']\ncounts = [1]\n[attributes]",
        ["groups.g", "'u_stable'"],
    ),
    "name with two meanings": (
        TOML,
        AGE,
        f'{AGE}\ncovariates.u_stable = {{ kind = "constant", value = 1 }}',
        ["'u_stable'", "covariate"],
    ),
    "event where lives end": (
        TOML,
        "[states.dead]",
        "[events.fall]\nprobability = 0.1\n[states.dead]\nevents = ['fall']",
        ["states.dead.events", "'fall'", "where lives end"],
    ),
    "no way out": (TOML, "[states.dead]", "[states.limbo]\n[states.dead]", ["limbo", "leads out"]),
}

PEOPLE = {
    "NaN in a population": ("age\n60\nnan\n", [":3", "'age'", "nan"]),
    "empty population": ("age\n", ["no rows"]),
    "blank population": ("", ["empty"]),
    "population without the column": ("aeg\n60\n", ["'age'"]),
    "population of words": ("age\nsixty\n", [":2", "sixty"]),
}


def spoil(model: Path, file: str, old: str, new: str) -> None:
    """Replace text in one of the model's files."""
    path = model.parent / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def refused(cli: Cli, words: list[str], *call: object) -> None:
    """The call is refused in one line that holds the words."""
    outcome = cli(*call)
    assert outcome.code == 2, outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert outcome.err.startswith("lmssim: error: ")
    assert outcome.err.count("\n") == 1, outcome.err
    assert all(word in outcome.err for word in words), outcome.err


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_scenario_is_refused(cli: Cli, model: Path, name: str) -> None:
    """One thing wrong, one line."""
    file, old, new, words = SPOILT[name]
    spoil(model, file, old, new)
    refused(cli, [model.parent.name, *words], "run", model, "--patients", 10, "--out", model.parent / "out")


@pytest.mark.parametrize("name", PEOPLE)
def test_a_spoilt_population_is_refused(cli: Cli, model: Path, name: str) -> None:
    """The message names the file of patients."""
    content, words = PEOPLE[name]
    spoil(model, TOML, AGE, ROWS)
    (model.parent / "people.csv").write_text(content)
    refused(cli, ["people.csv", *words], "run", model, "--out", model.parent / "out")


def test_bytes_that_are_not_text_are_refused(cli: Cli, model: Path) -> None:
    """Neither scenario nor table may be anything but UTF-8."""
    for name in (CSV, TOML):
        path = model.parent / name
        path.write_bytes(b"\xff\xfe" + path.read_bytes())
        refused(cli, [name, "UTF-8"], "show", model)


def test_a_byte_order_mark_and_other_line_ends_are_read(cli: Cli, model: Path) -> None:
    """As some editors write them."""
    for path in (model, model.with_suffix(".csv")):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert cli("show", model).code == 0


def test_includes_that_go_round_are_refused(cli: Cli, model: Path) -> None:
    """Two files that include each other."""
    other = model.with_name("other.toml")
    other.write_text("include = ['illness_death.toml']\n")
    spoil(model, TOML, "schema_version = 2", "schema_version = 2\ninclude = ['other.toml']")
    refused(cli, ["include"], "show", model)


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (["extremty", "'extremity'"], ["run", "extremty"]),
        (["no such file"], ["run", "nowhere.toml"]),
        (["is a folder"], ["run", "."]),
        (["illness_death"], ["show", "ilness_death"]),
        (["unknown parameter 'u_stabel'", "'u_stable'"], ["run", "illness_death", "--set", "u_stabel=1"]),
        (["'high'", "not a finite number"], ["run", "illness_death", "--set", "u_stable=high"]),
        (["'nan'", "not a finite number"], ["run", "illness_death", "--set", "u_stable=nan"]),
        (["ID=VALUE"], ["run", "illness_death", "--set", "u_stable"]),
        (["set twice"], ["run", "illness_death", "--set", "u_stable=1", "--set", "u_stable=1"]),
        (["patients", "0"], ["run", "illness_death", "--patients", "0"]),
        (["--patients", "many"], ["run", "illness_death", "--patients", "many"]),
        (["seed", "-1"], ["run", "illness_death", "--seed", "-1"]),
        (["jobs", "0"], ["run", "illness_death", "--jobs", "0"]),
        (["'compild'", "'compiled'"], ["run", "illness_death", "--engine", "compild"]),
        (["--figures", "unknown value 'svgz'", "svg"], ["run", "illness_death", "--figures", "svgz"]),
        (["--figures", "--no-report"], ["run", "illness_death", "--figures", "svg", "--no-report"]),
        (["unknown value 'mpi'", "dask", "loky", "threads"], ["run", "illness_death", "--backend", "mpi"]),
        (["--precision"], ["run", "illness_death", "--precision", "0"]),
        (["--precision", "patients"], ["run", "illness_death", "--precision", "1e-9", "--patients", "1000"]),
        (["--patiens", "--patients"], ["run", "illness_death", "--patiens", "5"]),
        (["'rum'", "'run'"], ["rum", "illness_death"]),
        (["SCENARIO"], ["run"]),
        (["shuffled"], ["run", "illness_death", "--random-numbers", "shuffled"]),
        (["shuffled"], ["run", "illness_death", "--luck", "shuffled"]),
        (["--luck", "give one"], ["run", "illness_death", "--random-numbers", "independent", "--luck", "common"]),
        ([".svg"], ["show", "illness_death", "--diagram", "diagram.doc"]),
    ],
)
def test_a_bad_call_is_refused(
    cli: Cli, words: list[str], call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that do not exist and values that cannot be."""
    monkeypatch.chdir(tmp_path)
    refused(cli, words, *call)


def test_an_unwritable_folder_is_refused_before_the_run(cli: Cli, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "out").write_text("mine")
    refused(cli, ["out", "a file stands"], "run", "illness_death", "--out", tmp_path / "out")
    refused(cli, ["out", "a file stands"], "run", "illness_death", "--out", tmp_path / "out" / "deeper")
    assert (tmp_path / "out").read_text() == "mine"


# === Every option of every command ===

COMMANDS = commands_of(app).commands
NUMBERS = {"N", "K", "SE"}
NO_NUMBERS = ("0x10", "1_000", "\u0661\u0662", "NaN", "inf", "1e400", "", " ", "ten", "9" * 400, "-1", "1,000", "--")
NO_WHOLE_NUMBERS = ("1.5", "1e3")
PAIRS: dict[str, tuple[str, ...]] = {
    "--set": ("u_stable", "=1", "u_stable=", "a=b=c", "u_stable=0x1", "u_stable=1_0", "u_stabel=1", "\u0661=1"),
    "--switch": ("a", "=b", "a=", "nobody=here"),
}
CHOICES = {"--engine", "--backend", "--random-numbers", "--only", "--check", "--skip", "--figures"}
NAMES = {"--strategies", "--strategy", "--case"}
REQUIRED = {
    "trace": ["--patient", "1"],
    "threshold": ["--vary", "loghr_progression=-0.5:0.2"],
    "two-way": ["--vary", "loghr_progression=-0.5:0.2:2", "--vary", "c_stable=0:1:2"],
}


def options() -> Iterator[tuple[str, Any]]:
    """Every option that a command shows, with its command."""
    for name, command in COMMANDS.items():
        yield from ((name, option) for option in command.params if option.param_type_name == "option")


def bad_values(option: Any) -> tuple[str, ...]:
    """Values that an option cannot have."""
    word = "" if option.is_flag else option.opts[0]
    if option.metavar in NUMBERS:
        return NO_NUMBERS + (() if option.metavar == "SE" else NO_WHOLE_NUMBERS)
    if word in CHOICES:
        return "nobody", "", " "
    if word in NAMES and "both" not in option.help:  # of two folders of results: tests/cli/test_diff.py
        return "nobody", "", " ", ",", "nobody,nobody"
    return PAIRS.get(word, ())


BAD = [(name, option.opts[0], value) for name, option in options() for value in bad_values(option)]


@pytest.mark.parametrize(("command", "option"), sorted({(command, option) for command, option, _ in BAD}))
def test_no_option_takes_a_bad_value(
    cli: Cli, command: str, option: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused before any work, in one line that names the option."""
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    model.write_text(f"{model.read_text()}\n[switches.s]\ndefault = 'a'\noptions.a.reason = 'one'\n")
    scenario = {"calibrate": ["cutaneous"], "sbc": ["cutaneous"], "reproduce": []}.get(command, [model])
    required = [word for word in REQUIRED.get(command, []) if option != "--patient"]
    for value in [value for c, o, value in BAD if (c, o) == (command, option)]:
        refused(cli, [option.removeprefix("--")], command, *scenario, *required, option, value)
    assert set(tmp_path.rglob("*")) == before


def test_a_number_states_its_range_and_its_default() -> None:
    """In the help of every command."""
    for command, option in options():
        if option.metavar in NUMBERS:
            assert any(word in option.help for word in ("From ", "Above 0")), (command, option.opts)
            assert option.required or option.show_default or "absent" in option.help or "SE" in option.metavar


def test_an_option_stands_once_unless_it_may_be_repeated(cli: Cli) -> None:
    """Help and parser agree."""
    for command, option in options():
        if option.multiple:
            assert "may be repeated" in option.help.lower(), (command, option.opts)
        elif not option.is_flag and option.opts != ["--help"]:
            scenario = [] if command == "reproduce" else ["x"]
            given = [option.opts[0], *["1"] * option.nargs]
            with pytest.raises(Exception, match=rf"'{option.opts[0]}' is given 2 times"):
                COMMANDS[command].make_context(command, [*scenario, *given, *given])
    refused(cli, ["--seed", "2 times"], "run", "x", "--seed", "1", "--seed", "1")
