"""Random numbers: NumPy's own words at every address, and an address that depends on names alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import ScenarioError
from lmssim.kernels.luck import draw_uniform
from lmssim.kernels.philox import (
    OCCURRENCE_BITS,
    STREAM_LUCK,
    address_of,
    fill_uniforms,
    philox_block,
    to_uniform,
    unit_exponential,
)
from tests.kit.models import DEAD, branch, chance, exponential, frame, move, start, state, strategy, weibull
from tests.kit.plain import Lives, live

if TYPE_CHECKING:
    from tests.conftest import Build


TOP = 2**64 - 1
LAST = 2**63 - 1
ADDRESSES: list[tuple[int, ...]] = [
    (0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0),
    (0, 1, 0, 0, 0),
    (0, 0, 1, 0, 0),
    (0, 0, 0, 1, 0),
    (0, 0, 0, 0, 1),
    (LAST, 2, LAST, LAST, LAST),
    (TOP, TOP, TOP, TOP, TOP),
    (0, 0, TOP, 0, TOP),
    (1 << 63, 1, 1 << 63, 1 << 63, 1 << 63),
]
ADDRESSES += [
    tuple(int(w) for w in row) for row in np.random.default_rng(7).integers(0, TOP, (200, 5), dtype=np.uint64)
]


def _signed(word: int) -> int:
    """Word as the kernels' signed integers hold it."""
    return word - (1 << 64) if word >> 63 else word


def _numpy_words(seed: int, stream: int, patient: int, decision: int, luck: int, blocks: int = 1) -> list[int]:
    counter = np.array([0, patient, decision, luck], dtype=np.uint64)
    bits = np.random.Philox(key=np.array([seed, stream], dtype=np.uint64), counter=counter)
    return [int(w) for w in bits.random_raw(4 * blocks)]


def _words(seed: int, stream: int, block: int, patient: int, decision: int, luck: int) -> list[int]:
    words = philox_block(*map(_signed, (seed, stream, block, patient, decision, luck)))
    return [int(w) % (1 << 64) for w in words]


# === Words and uniforms ===


def test_words_are_numpys() -> None:
    """The four words at an address are the first that NumPy's Philox gives there, extremes included."""
    for seed, stream, patient, decision, luck in ADDRESSES:
        expected = _numpy_words(seed, stream, patient, decision, luck)
        assert _words(seed, stream, 0, patient, decision, luck) == expected


def test_block_of_an_address_is_numpys_block() -> None:
    """Block b at an address is NumPy's b-th, and is never another patient's first."""
    expected = _numpy_words(11, 0, 5, 17, 3, blocks=6)
    for b in range(6):
        assert _words(11, 0, b, 5, 17, 3) == expected[4 * b : 4 * b + 4]
    assert _words(11, 0, 1, 5, 17, 3) != _words(11, 0, 0, 6, 17, 3)


def test_uniforms_are_inside_the_open_interval() -> None:
    """Neither 0 nor 1 can come, even from the first and the last word, and the two ends are alike."""
    lowest, highest = to_uniform(0), to_uniform(_signed(TOP))
    assert lowest == 2.0**-53
    assert highest == 1.0 - 2.0**-53
    assert to_uniform(1 << 62) == 0.25 + 2.0**-53
    assert to_uniform(_signed(1 << 63)) == 0.5 + 2.0**-53


def test_uniform_is_made_of_the_first_word() -> None:
    """The uniform of a decision is the first word's 52 high bits, in the middle of its cell."""
    for seed, _, patient, decision, luck in ADDRESSES:
        word = _numpy_words(seed, STREAM_LUCK, patient, decision, luck)[0]
        expected = ((word >> 12) + 0.5) * 2.0**-52
        assert draw_uniform(_signed(decision), _signed(seed), _signed(patient), _signed(luck)) == expected


def test_filled_uniforms_are_those_of_each_patient() -> None:
    """A filled array holds what each address gives on its own; slices do not matter."""
    out, part = np.empty(50), np.empty(10)
    fill_uniforms(3, 2, 100, 999, 0, out)
    fill_uniforms(3, 2, 120, 999, 0, part)
    words = [_numpy_words(3, 2, 100 + i, 999, 0)[0] for i in range(50)]
    np.testing.assert_array_equal(out, [((w >> 12) + 0.5) * 2.0**-52 for w in words])
    np.testing.assert_array_equal(part, out[20:30])


def test_budgets_are_exponential() -> None:
    """A unit-exponential budget is minus the log of the uniform: positive and finite at every address."""
    budgets = [unit_exponential(_signed(s), _signed(p), _signed(d), _signed(k)) for s, _, p, d, k in ADDRESSES]
    assert min(budgets) > 0.0
    assert max(budgets) < 37.0


# === Addresses ===


def test_address_leaves_room_for_occurrences() -> None:
    """The low bits of a name's address are free; nearby names have unrelated addresses."""
    names = [f"risk {i}" for i in range(1000)]
    addresses = [address_of(name) for name in names]
    assert all(a % (1 << OCCURRENCE_BITS) == 0 for a in addresses)
    assert all(-(1 << 63) <= a < 1 << 63 for a in addresses)
    assert len(set(addresses)) == len(names)


def _model(onset: str = "onset") -> str:
    """Illness, by its name, and recovery."""
    return (
        start("well")
        + state("ill")
        + chance("fork", branch("ill", 0.6), branch("well"))
        + DEAD
        + move("well", "fork", weibull(1.3, 3), name=onset)
        + move("ill", "well", exponential(0.7))
        + move(["well", "ill"], "dead", weibull(1.2, 20, clock="model"))
    )


PLAIN = frame(horizon=40) + _model()


def _assert_same_lives(a: Lives, b: Lives) -> None:
    """Same states at the same times, bit for bit; states are compared by name."""
    names_a, names_b = np.array(a.program.states), np.array(b.program.states)
    own, other = a.rows.strategy == 0, b.rows.strategy == 0
    np.testing.assert_array_equal(names_a[a.rows.state[own]], names_b[b.rows.state[other]])
    for name in ("patient", "entered", "left"):
        np.testing.assert_array_equal(getattr(a.rows, name)[own], getattr(b.rows, name)[other])


def _meteorite(rate: float | str) -> str:
    return move(["well", "ill"], "dead", exponential(rate), name="meteorite")


ELSEWHERE = state("elsewhere") + move("elsewhere", "dead", exponential(1))
"""A state that nobody comes to."""


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        pytest.param(frame(horizon=40) + ELSEWHERE + _model(), None, id="state"),
        pytest.param(PLAIN + _meteorite(0), None, id="transition"),
        pytest.param(
            PLAIN + strategy("two", set={"never": 1}) + _meteorite("never"),
            {"never": 0.0},
            id="strategy and parameter",
        ),
    ],
)
def test_additions_change_nobody_else(build: Build, text: str, parameters: dict[str, float] | None) -> None:
    """A state, transition, strategy or parameter more leaves every life as it was."""
    _assert_same_lives(live(build(PLAIN), 2000), live(build(text, parameters), 2000))


def test_patient_alone_is_patient_of_many(build: Build) -> None:
    """Patient k alone, in any block, equals patient k of many."""
    program = build(PLAIN)
    many = live(program, 600, block=1024)
    for k in (0, 1, 255, 256, 599):
        assert live(program, 1, first=k, block=1).stays(0) == many.stays(k)
    assert live(program, 600, block=7).stays(599) == many.stays(599)


def test_seed_and_luck_change_lives(build: Build) -> None:
    """Another seed or luck id gives other lives; the same ones give the same."""
    program = build(PLAIN)
    base = live(program, 200)
    _assert_same_lives(base, live(program, 200))
    for other in (live(program, 200, seed=2).rows, live(program, 200, luck=1).rows):
        assert not np.isin(other.left[other.left < 40], base.rows.left).any()


def test_name_of_a_decision_is_its_luck(build: Build) -> None:
    """Renaming a decision changes its luck and no other's: first onsets differ, deaths before any onset do not."""
    a = live(build(PLAIN), 3000)
    b = live(build(frame(horizon=40) + _model("beginning")), 3000)
    onset_a, onset_b = (np.minimum(lives.first_entry("ill"), 40) for lives in (a, b))
    assert np.mean(onset_a[onset_a < 40] != onset_b[onset_a < 40]) > 0.99
    np.testing.assert_array_equal(a.first_entry("dead"), b.first_entry("dead"))


def test_shared_address_is_refused(build: Build, monkeypatch: Any) -> None:
    """Two names with the same address are refused, and the message names both."""
    monkeypatch.setattr("lmssim.model.compile.draft.address_of", lambda name: 1 << 20)
    with pytest.raises(ScenarioError, match="same address of random numbers") as caught:
        build(PLAIN)
    assert "'cure dead' and 'risk dead'" in str(caught.value)
    assert str(caught.value).count("\n") == 0
