"""A model whose net benefit is a straight line in its parameters, so that every one-way result is known.

Everybody lives through the one year that counts, at a cost of 3,000. The new strategy gains `gain_a + gain_b + gain_x`
QALYs and costs `price + 1000 * extra_y` more. `gain_x` and `extra_y` are drawn jointly, with correlation 0.8.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from tests.kit.models import HEAD, absorbing, frame, move, start

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.program import Program

WTP = 20_000.0
MEANS = {"gain_a": 0.05, "gain_b": 0.02, "gain_x": 0.02, "extra_y": 0.1, "price": 500.0, "idle": 1.0}
SDS = {"gain_a": 0.02, "gain_b": 0.01, "gain_x": 0.01, "extra_y": 0.1, "price": 100.0, "idle": 0.5}
CORRELATION = 0.8
Z = 1.959963984540054
_TOGETHER = CORRELATION * SDS["gain_x"] * SDS["extra_y"]

_CSV = "id,value,distribution,se,description\n" + "".join(
    f"{name},{MEANS[name]},{'fixed' if name in ('gain_x', 'extra_y') else 'normal'},"
    f"{'' if name in ('gain_x', 'extra_y') else SDS[name]},{name}\n"
    for name in MEANS
)
_TEXT = (
    frame(
        horizon=1.0,
        settings=f"wtp = [{WTP}]\ncost_categories = ['care']\ncurrency = 'GBP'\ncomparator = 'old'",
        strategies="""
[strategies.old]
set = { gain_a = 0, gain_b = 0, gain_x = 0, price = 0, extra_y = 0 }
[strategies.new]
""",
    )
    + start(
        "alive",
        utility="0.5 + gain_a + gain_b + gain_x + 0 * idle",
        cost_per_year={"care": "3000 + price + 1000 * extra_y"},
    )
    + absorbing("dead", death="other")
    + move("alive", "dead", "family = 'exponential', rate = 1e-12")
    + f"""
[groups.pair]
kind = "multivariate_normal"
members = ["gain_x", "extra_y"]
mean = [{MEANS["gain_x"]}, {MEANS["extra_y"]}]
covariance = [[{SDS["gain_x"] ** 2}, {_TOGETHER}], [{_TOGETHER}, {SDS["extra_y"] ** 2}]]
"""
)


def linear_path(folder: Path) -> Path:
    """The scenario, written to a folder."""
    (folder / "linear.csv").write_text(_CSV)
    path = folder / "linear.toml"
    path.write_text(HEAD + "parameters = ['linear.csv']\n" + _TEXT)
    return path


def linear_program(folder: Path) -> Program:
    """The scenario, compiled."""
    return compile_scenario(load_scenario(linear_path(folder)))


def base_benefit(wtp: float = WTP) -> float:
    """Expected increment of net benefit."""
    gains = MEANS["gain_a"] + MEANS["gain_b"] + MEANS["gain_x"]
    return wtp * gains - MEANS["price"] - 1000.0 * MEANS["extra_y"]


def slope(name: str, wtp: float = WTP) -> float:
    """What a standard deviation of a parameter adds to the expected increment, with what is drawn with it."""
    if name in ("gain_a", "gain_b"):
        return wtp * SDS[name]
    if name == "price":
        return -SDS[name]
    own = {"gain_x": wtp * SDS["gain_x"], "extra_y": -1000.0 * SDS["extra_y"]}
    if name in own:
        return own[name] + CORRELATION * (math.fsum(own.values()) - own[name])
    return 0.0


def block_sd(wtp: float = WTP) -> float:
    """Standard deviation of what the pair adds to the increment."""
    gain, cost = wtp * SDS["gain_x"], 1000.0 * SDS["extra_y"]
    return math.sqrt(gain**2 + cost**2 - 2.0 * CORRELATION * gain * cost)


def end(name: str, side: float, wtp: float = WTP) -> float:
    """Expected increment of net benefit given a parameter at its 2.5% (side -1) or 97.5% quantile (side 1)."""
    return base_benefit(wtp) + side * Z * slope(name, wtp)
