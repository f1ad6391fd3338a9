"""What names in rules and expressions mean: covariates as columns, attributes as bits, clocks, age, time, strategy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmssim.errors import ExpressionError, ScenarioError, UnsupportedError, unknown
from lmssim.model.language import expression
from lmssim.model.language.expression import AGE_START, Apply, Lookup, Name, Node, Number, Text
from lmssim.model.language.flat import STAY
from lmssim.model.parameters.by_covariate import ByCovariate, table_name
from lmssim.model.program.rows import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.model.language.cycles import CycleClock
    from lmssim.model.language.lookup_tables import Entry, LookupTable
    from lmssim.model.program.lookups import Labels, Lookups

MAX_BITS = 62
MAX_TERMS = 10_000
"""Numbers, names and operations of an expression, those of the named expressions that it reads among them."""
MAX_NESTING = 150
"""How deep they may be nested."""


@dataclass
class Names:
    """Names of one model.

    Attributes
    ----------
    covariates : dict
        Covariate to its labels (empty if its values are numbers), in column order.
    levels : dict
        Attribute to its levels; a flag has the one level "true".
    expressions : mapping
        Name to the expression that stands for it wherever it is read.
    by : ByCovariate
        Ids whose parameter differs by a covariate.
    lookups : Lookups
        Tables that are in use, filled as they are met.
    age : str
        Covariate that holds the age at time zero.
    used : set of str
        Parameters that have been read.
    """

    parameters: frozenset[str]
    covariates: dict[str, list[str]]
    codes: dict[str, list[float]]
    levels: dict[str, list[str]]
    clocks: list[str]
    strategies: list[str]
    lookups: Lookups
    tables: dict[str, LookupTable] = field(default_factory=dict)
    expressions: Mapping[str, float | str | Node] = field(default_factory=dict)
    by: ByCovariate = field(default_factory=ByCovariate)
    cycle: CycleClock | None = None
    age: str = "age"
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.expanding: list[str] = []
        self.expanded: dict[str, tuple[Node, int]] = {}
        """Named expressions resolved, with their terms: each is expanded once, however many read it."""
        self.terms = self.nesting = 0
        self.reader = ""
        self.tables = dict(self.tables)
        self.bits: dict[tuple[str, str], int] = {}
        for attribute, levels in self.levels.items():
            for level in levels:
                self.bits[attribute, level] = 1 << len(self.bits)
        if len(self.bits) > MAX_BITS:
            raise UnsupportedError(f"attributes have {len(self.bits)} levels in all; the engines take {MAX_BITS}.")

    # --- attributes ---

    def change(self, settings: dict[str, str | bool], where: str) -> Change:
        """Attribute settings as bits to clear and to set."""
        clear = mark = 0
        for attribute, level in settings.items():
            if attribute not in self.levels:
                raise ScenarioError(unknown("attribute", attribute, self.levels, where))
            for each in self.levels[attribute]:
                clear |= self.bits[attribute, each]
            if level is False or (level == "" and self.levels[attribute] != ["true"]):
                continue
            word = "true" if level is True else str(level)
            if word not in self.levels[attribute]:
                raise ScenarioError(unknown(f"level of {attribute}", word, self.levels[attribute], where))
            mark |= self.bits[attribute, word]
        return Change(clear, mark)

    def initial_bits(self) -> int:
        """Attributes at time 0: flags off, others at their first level."""
        return sum(self.bits[a, levels[0]] for a, levels in self.levels.items() if levels != ["true"])

    def attribute_bit(self, name: str) -> int | None:
        """Bit of a flag, or of `attribute_level`."""
        if self.levels.get(name) == ["true"]:
            return self.bits[name, "true"]
        for attribute, levels in self.levels.items():
            for level in levels:
                if name == f"{attribute}_{level}" and levels != ["true"]:
                    return self.bits[attribute, level]
        return None

    def indicator(self, name: str) -> Node | None:
        """`grade_3` or `sex_male` as a comparison, if it names a category of a covariate."""
        for covariate, codes in self.codes.items():
            for i, code in enumerate(codes):
                words = self.covariates[covariate] or [f"{c:g}" for c in codes]
                if name == f"{covariate}_{words[i]}":
                    return Apply("==", (Name(covariate), Number(code)))
        return None

    # --- kinds of dependence ---

    def resolve(self, node: Node, where: str) -> Node:
        """Replace comparisons with category names by numbers; refuse unknown names, and too many terms."""
        self.terms += 1
        self.nesting += 1
        before = self.terms
        try:
            if self.nesting > MAX_NESTING:
                raise ExpressionError(
                    f"{where}: expressions within expressions are nested more than {MAX_NESTING} deep."
                )
            resolved = self._resolved(node, where)
        finally:
            self.nesting -= 1
        if self.terms - before > MAX_TERMS:
            raise ExpressionError(
                f"{where}: the expression has more than {MAX_TERMS:,} terms, those of the named expressions that it "
                "reads included; write it with fewer."
            )
        return resolved

    def _resolved(self, node: Node, where: str) -> Node:
        match node:
            case Apply("==" | "!=" as op, (Name(name), Text(text)) | (Text(text), Name(name))):
                resolved = self.category(name, text, where)
                return resolved if op == "==" else Apply("not", (resolved,))
            case Apply(function, arguments):
                return Apply(function, tuple(self.resolve(a, where) for a in arguments))
            case Lookup(table, arguments):
                return self._lookup(table, arguments, where)
            case Text(text):
                raise ExpressionError(
                    f"{where}: '{text}' may only be compared with a covariate, attribute or strategy."
                )
            case Name(name):
                return self._name(name, where)
        return node

    def _name(self, name: str, where: str) -> Node:
        if name in self.expressions:
            return self._expanded(name, where)
        if name in self.by.ids:
            return self._by_category(name, where)
        if name in self.parameters:
            self.used.add(name)
        if labels := self.covariates.get(name):
            raise ExpressionError(
                f"{where}: '{name}' has labels, which are no numbers; write {name} == '{labels[0]}', or"
                f" {name}_{labels[0]}, which is 1 for this label and 0 for the others."
            )
        known = name in self.parameters or name in self.covariates or name in self._moments()
        if known or self.attribute_bit(name) is not None or self.clock(name) is not None:
            return Name(name)
        if name == AGE_START:
            return Name(AGE_START if self.age == "age" else self.age)
        category = self.indicator(name)
        if category is None:
            raise ExpressionError(unknown("name", name, self.known(), where))
        return category

    def _expanded(self, name: str, where: str) -> Node:
        """What a named expression stands for, resolved."""
        if name in self.expanding:
            circle = " -> ".join([*self.expanding[self.expanding.index(name) :], name])
            raise ExpressionError(f"{where}: expressions go round in a circle: {circle}.")
        if name in self.expanded:
            node, terms = self.expanded[name]
            self.terms += terms
            return node
        before = self.terms
        self.expanding.append(name)
        try:
            self.reader = where if len(self.expanding) == 1 else self.reader
            place, value = f"{self.reader}: expressions.{name}", self.expressions[name]
            node = expression.parse(value, place) if isinstance(value, (int, float, str)) else value
            resolved = self.resolve(node, place)
            self.expanded[name] = resolved, self.terms - before
            return resolved
        finally:
            self.expanding.pop()

    def _by_category(self, name: str, where: str) -> Node:
        """Lookup of a parameter that differs by a covariate."""
        table = table_name(name, self.by.covariate)
        if table not in self.tables:
            self.tables[table] = self.by.table(name, where)
        return self._lookup(table, (Name(self.by.covariate),), where)

    def differing(self, node: Node) -> str:
        """For messages: the parameters of a resolved node that differ by a covariate."""
        read = {table_name(name, self.by.covariate): name for name in self.by.ids}
        names = sorted({read[table] for table in expression.tables(node) if table in read})
        return f", and {', '.join(names)} differs by {self.by.covariate}" if names else ""

    def category(self, name: str, text: str, where: str) -> Node:
        """A comparison with a label as one with its code, or as the attribute's bit."""
        if name == "strategy":
            if text not in self.strategies:
                raise ExpressionError(unknown("strategy", text, self.strategies, where))
            return Apply("==", (Name("strategy"), Number(float(self.strategies.index(text)))))
        if name in self.levels:
            if text not in self.levels[name]:
                raise ExpressionError(unknown(f"level of {name}", text, self.levels[name], where))
            return Name(f"{name}_{text}") if self.levels[name] != ["true"] else Name(name)
        if name in self.covariates:
            if text not in self.covariates[name]:
                raise ExpressionError(unknown(f"category of {name}", text, self.covariates[name], where))
            return Apply("==", (Name(name), Number(self.codes[name][self.covariates[name].index(text)])))
        raise ExpressionError(unknown("covariate or attribute", name, [*self.covariates, *self.levels], where))

    def known(self) -> list[str]:
        """Every name a user may write."""
        indicators = [
            f"{c}_{word}"
            for c, codes in self.codes.items()
            for word in (self.covariates[c] or [f"{code:g}" for code in codes])
        ]
        levels = [f"{a}_{v}" if vs != ["true"] else a for a, vs in self.levels.items() for v in vs]
        clocks = [f"since_{clock}" for clock in self.clocks if clock != STAY]
        named = [*self.parameters, *self.by.ids, *self.expressions, *self.covariates, *indicators, *levels, *clocks]
        return [*named, *self._moments(), AGE_START, "strategy"]

    def _moments(self) -> tuple[str, ...]:
        """Names that change as time passes, but for clocks."""
        return ("age", "time") if self.cycle is None else ("age", "time", "cycle", "time_in_state")

    def clock(self, name: str) -> int | None:
        """Number of the named clock that a name reads; None if it reads none."""
        if name == "time_in_state" and self.cycle is not None:
            return self.clocks.index(STAY)
        prefix, _, clock = name.partition("since_")
        return self.clocks.index(clock) if prefix == "" and clock in self.clocks else None

    def is_constant(self, node: Node) -> bool:
        """Whether a resolved node depends on parameters alone."""
        return not expression.looks_up(node) and all(name in self.parameters for name in expression.names(node))

    def is_baseline(self, node: Node) -> bool:
        """Whether a resolved node depends on covariates alone."""
        return not expression.looks_up(node) and all(
            name in self.covariates or name == AGE_START for name in expression.names(node)
        )

    def is_of_covariates(self, node: Node) -> bool:
        """Whether a resolved node depends on parameters and covariates alone, also through tables."""
        return all(
            name != "age" and (name in self.parameters or name in self.covariates or name == AGE_START)
            for name in expression.names(node)
        )

    def depends_on_time(self, node: Node) -> bool:
        """Whether a resolved node changes within a stay."""
        return any(n in self._moments() or self.clock(n) is not None for n in expression.names(node))

    def bits_of(self, node: Node) -> int:
        """Attribute bits a resolved node depends on."""
        total = 0
        for name in expression.names(node):
            if name not in self.parameters and name not in self.covariates:
                total |= self.level_bits(name) or self.attribute_bit(name) or 0
        return total

    def level_bits(self, name: str) -> int:
        """Bits of all levels of an attribute, read together as the key of a table; 0 for any other name."""
        levels = self.levels.get(name, ["true"])
        return 0 if levels == ["true"] else sum(self.bits[name, level] for level in levels)

    # --- lookup tables ---

    def _lookup(self, table: str, arguments: tuple[Node, ...], where: str) -> Node:
        """A call of a table, its keys resolved and labels replaced by their codes."""
        if table not in self.tables:
            raise ExpressionError(unknown("function", table, [*expression.FUNCTIONS, *self.tables], where))
        called = self.tables[table]
        if len(arguments) != len(called.by):
            raise ExpressionError(f"{where}: {table}() takes {', '.join(called.by)}; {len(arguments)} given.")
        labels = [self._labels(key) for key in called.by]
        self.lookups.place(table, called, labels, lambda entry: self._value(entry, called.of_parameters))
        keys = zip(called.by, labels, arguments, strict=True)
        return Lookup(table, tuple(self._key(key, known, node, f"{where}: {table}()") for key, known, node in keys))

    def _labels(self, key: str) -> Labels | None:
        """Labels of a table's key with their codes; None if it is a number."""
        if key == "strategy":
            return {name: float(i) for i, name in enumerate(self.strategies)}
        if self.covariates.get(key):
            return dict(zip(self.covariates[key], self.codes[key], strict=True))
        levels = self.levels.get(key, ["true"])
        return None if levels == ["true"] else {level: float(i) for i, level in enumerate(levels)}

    def _key(self, key: str, labels: Labels | None, node: Node, where: str) -> Node:
        if labels is None:
            return self.resolve(node, where)
        if node != Name(key):
            raise ExpressionError(f"{where}: its key '{key}' has labels; write '{key}' in its place.")
        if key in self.covariates or key in self.levels:
            return Name(key)
        total: Node = Number(0.0)
        for label, code in labels.items():
            total = Apply("+", (total, Apply("*", (Number(code), self.category(key, label, where)))))
        return total

    def _value(self, entry: Entry, of_parameters: bool) -> Node:
        """What a row of a table stands for: a parameter's id, or an expression of parameters."""
        if of_parameters:
            self.used.add(entry.value)
            return Name(entry.value)
        node = expression.parse(entry.value, entry.where)
        if not expression.looks_up(node):
            node = self.resolve(node, entry.where)
        if not self.is_constant(node):
            raise UnsupportedError(
                f"{entry.where}: '{entry.value}' may depend on parameters alone{self.differing(node)}."
            )
        return node
