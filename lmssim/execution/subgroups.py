"""Subgroups of patients, by rules on what is known of them before treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lmssim.errors import ExpressionError, InputError, ScenarioError
from lmssim.model.language import expression

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.language.expression import Node
    from lmssim.model.program import Program

Met = np.ndarray[tuple[int], np.dtype[np.bool_]]
"""Whether each patient meets a rule."""


class Grouping(Protocol):
    """Whatever tells patients apart, so that their sums are kept apart."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the groups."""

    def of(self, x: FloatArray) -> IntArray:
        """Group of each patient, (n_patients,), from (n_patients, n_columns)."""


def check_rule(rule: str, where: str) -> Node:
    """A rule as it is written, its names not looked up.

    Raises
    ------
    ExpressionError
        If it is none, or a text in quotes.
    """
    node = expression.parse(rule, where)
    if isinstance(node, expression.Text):
        raise ExpressionError(f"{where}: {rule} stands in quotes, so that it is a text and no rule; leave them out.")
    return node


def baseline_rule(program: Program, rule: str, where: str) -> Node:
    """A rule on covariates at time zero, its names resolved.

    Raises
    ------
    ScenarioError
        If it reads anything but covariates.
    """
    names = program.names
    node = names.resolve(check_rule(rule, where), where)
    if not names.is_baseline(node):
        others = sorted(set(expression.names(node)) - set(names.covariates))
        raise ScenarioError(f"{where}: '{rule}' reads {', '.join(others)}; it may read covariates alone.")
    return node


def meets(covariates: Sequence[str], node: Node, x: FloatArray, where: str) -> Met:
    """Whether patients meet a rule on their covariates.

    Parameters
    ----------
    covariates : sequence of str
        Names of the first columns.
    x : ndarray(float, ndim=2)
        (n_patients, n_columns).
    """
    values: dict[str, Any] = {name: x[:, i] for i, name in enumerate(covariates)}
    met: Met = np.broadcast_to(np.asarray(expression.evaluate(node, values, where)) != 0, (len(x),))
    return met


@dataclass(frozen=True)
class Subgroups:
    """Subgroups by label; a patient belongs to the first whose rule is met.

    Attributes
    ----------
    labels : list of str
        In order.
    rules : list of Node
        Of each subgroup, on covariates at time zero.
    covariates : list of str
        Names of patients' first columns.
    """

    labels: list[str]
    rules: list[Node]
    covariates: list[str]

    def of(self, x: FloatArray) -> IntArray:
        """Subgroup of each patient, (n_patients,), from (n_patients, n_columns).

        Raises
        ------
        InputError
            If a patient meets no rule.
        """
        found = np.full(len(x), -1, dtype=np.int64)
        for g, (label, rule) in enumerate(zip(self.labels, self.rules, strict=True)):
            found[(found < 0) & meets(self.covariates, rule, x, f"subgroup {label}")] = g
        if (found < 0).any():
            patient = x[int(np.argmax(found < 0))]
            known = ", ".join(f"{name} {value:g}" for name, value in zip(self.covariates, patient, strict=False))
            raise InputError(
                f"subgroups: a patient ({known}) is in none of {', '.join(self.labels)}; give the last one the rule"
                " '1 == 1' if it is to hold everybody else."
            )
        return found


def subgroups_of(program: Program, rules: Mapping[str, str]) -> Subgroups | None:
    """Subgroups by label and rule; none if there are no rules.

    Raises
    ------
    InputError
        If a rule cannot be read, or reads more than covariates.
    """
    if not rules:
        return None
    nodes = [baseline_rule(program, rule, f"subgroup {label}") for label, rule in rules.items()]
    return Subgroups(list(rules), nodes, list(program.names.covariates))
