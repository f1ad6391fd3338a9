"""Numbers that labels print."""

from __future__ import annotations

import pytest

from lmssim.model.parameters.printed import printed_numbers


@pytest.mark.parametrize(
    ("label", "readings"),
    [
        ("metastasis at 5 years 34%", [[(5, 0.5), (5, 0.5)], [(34, 0.5), (0.34, 0.005)]]),
        ("8.5 months", [[(8.5, 0.05), (8.5 / 12, 0.05 / 12)]]),
        ("reference costs: 9,168 and 10,648", [[(9168, 0.5)], [(10648, 0.5)]]),
        ("31 and 48%", [[(31, 0.5), (0.31, 0.005)], [(48, 0.5), (0.48, 0.005)]]),
        ("403 to 565", [[(403, 0.5)], [(565, 0.5)]]),
        ("0.69, 0.56", [[(0.69, 0.005)], [(0.56, 0.005)]]),
        ("three, as before; Five", [[(3, 0.5)], [(5, 0.5)]]),
        ("LMS-04 and TA389, EQ-5D", []),
        ("2018-2020", [[(2018, 0.5)], [(2020, 0.5)]]),
        ("one", []),
    ],
)
def test_a_number_is_read_with_its_unit_and_digits(label: str, readings: list[list[tuple[float, float]]]) -> None:
    """Each as it stands and in the unit after it or after its list; names hold none."""
    found = [each.readings for each in printed_numbers(label)]
    assert [list(map(pytest.approx, each)) for each in readings] == [list(each) for each in found]


def test_words_hide_their_numbers() -> None:
    """And no others."""
    assert [each.text for each in printed_numbers("0.69 (231 patients, 231)", ["231 patients"])] == ["0.69", "231"]


def test_a_value_is_what_it_rounds_to() -> None:
    """Half a unit of the last digit away, and no farther; the finer reading counts."""
    (share,) = printed_numbers("34%")
    assert share.of(14.5 / 43) == pytest.approx((0.34, 0.005))
    assert share.of(0.345) == pytest.approx((0.34, 0.005))
    assert share.of(0.346) is None
    assert share.of(34.4) == pytest.approx((34, 0.5))
