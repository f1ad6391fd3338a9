"""Draws given from Python: what fits is completed, and what does not is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import ParameterError
from lmssim.model.parameters.given import MOST_DRAWS, check_size, checked_draws
from lmssim.model.parameters.parameter import Parameter
from lmssim.model.parameters.table import ParameterTable

TABLE = ParameterTable(
    [Parameter(id="a", value=2.0, lower=0.0), Parameter(id="b", value=5.0), Parameter(id="c", expression="a * b")]
)


@pytest.mark.parametrize("draws", [{"a": [1, 3]}, {"a": (1.0, 3.0)}, pd.DataFrame({"a": [1.0, 3.0]}, index=[7, 9])])
def test_what_is_left_out_has_its_base_value(draws: Any) -> None:
    """Or is derived; lists, arrays and the columns of a frame are alike."""
    found = checked_draws(TABLE, draws)
    assert {id_: values.tolist() for id_, values in found.items()} == {"a": [1, 3], "b": [5, 5], "c": [5, 15]}


@pytest.mark.parametrize(
    ("draws", "said"),
    [
        ({"aa": [1.0]}, "draws: unknown parameter 'aa'. Did you mean 'a'"),
        ({3: [1.0]}, "draws: unknown parameter '3'"),
        ({"a": [1.0, 2.0], "b": [1.0]}, "draws: 'b' has 1 values and 'a' 2"),
        ({"a": []}, "draws: 'a': expected a list of numbers, one for each draw; got shape \\(0,\\)"),
        ({"a": 1.0}, "got a single number"),
        ({"a": [[1.0, 2.0]]}, "got shape \\(1, 2\\)"),
        ({"a": ["1"]}, "got values of type <U1"),
        ({"a": [True]}, "got values of type bool"),
        ({"a": [1.0, np.nan]}, "draws: parameter 'a': draw 1 is nan"),
        ({"a": [1.0, -1.0]}, "draws: parameter 'a': draw 1 is -1, beyond its lower bound 0"),
        ({}, "draws: empty"),
        ([1.0], "draws: a list is not a mapping"),
        ("a", "draws: a str is not a mapping"),
        (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), "draws: the column 'a' stands twice"),
    ],
)
def test_what_does_not_fit_is_refused(draws: Any, said: str) -> None:
    """With the argument, the id and what is allowed."""
    with pytest.raises(ParameterError, match=said):
        checked_draws(TABLE, draws)


def test_draws_are_bounded() -> None:
    """By their number, and by what a table of many parameters would hold."""
    check_size(MOST_DRAWS, 10)
    for draws, parameters in ((MOST_DRAWS + 1, 10), (MOST_DRAWS, 1000)):
        with pytest.raises(ParameterError, match="are possible at once"):
            check_size(draws, parameters)
