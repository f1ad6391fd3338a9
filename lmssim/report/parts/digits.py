"""Numbers as text, with no digit that is noise: the standard error decides how many are printed."""

from __future__ import annotations

import math

MISSING = "-"
NOT_REACHED = "not reached"
NEGLIGIBLE = 1e-6
"""Standard error, relative to the mean, below which a mean is printed as if it had none."""


def decimals(se: float) -> int:
    """Decimal place to which an error is known: its first significant digit, or its second if the first is 1."""
    exponent = math.floor(math.log10(se))
    first = math.floor(se / 10.0**exponent + 1e-9)
    return -exponent + (1 if first == 1 else 0)


def rounded(mean: float, se: float, missing: str = MISSING) -> str:
    """A mean with the digits that its standard error leaves.

    Parameters
    ----------
    mean, se : float
        Mean and standard error; with a negligible error (or NaN), the mean stands as in `plain`.
    missing : str
        What stands for NaN.
    """
    if not math.isfinite(mean):
        return missing
    return _fixed(mean, decimals(se)) if _tells(mean, se) else plain(mean)


def _tells(mean: float, se: float) -> bool:
    """Whether a standard error decides the digits."""
    return math.isfinite(se) and se > NEGLIGIBLE * abs(mean)


def with_error(mean: float, se: float, missing: str = MISSING, brackets: bool = False) -> str:
    """A mean and its standard error to the same decimal place: "5.56 ± 0.02", or "5.56 (0.02)"."""
    text = rounded(mean, se, missing)
    if not (math.isfinite(mean) and _tells(mean, se)):
        return text
    error = _fixed(se, decimals(se))
    return f"{text} ({error})" if brackets else f"{text} ± {error}"


def percent(share: float, se: float, missing: str = MISSING) -> str:
    """A share as a percentage with its standard error in percentage points: "55.0 ± 0.4"."""
    return with_error(100.0 * share, 100.0 * se, missing)


def plain(value: float, missing: str = MISSING) -> str:
    """A number whose error is not known, or that has none: at most four significant digits, or whole from 1,000."""
    if not math.isfinite(value):
        return missing
    if value == round(value) or abs(value) >= 1000.0:
        return _fixed(value, 0)
    return _fixed(value, min(3 - math.floor(math.log10(abs(value))), 12)).rstrip("0").rstrip(".")


def amount(value: float) -> str:
    """A round sum of money or a count, with thousands apart."""
    return f"{value:,.0f}"


def listed(words: list[str], last: str = "and") -> str:
    """Words in a sentence: "a", "a and b", "a, b and c"; "a, x; b; and c" where one has a comma of its own."""
    if len(words) < 2:
        return "".join(words)
    if len(words) > 2 and any(", " in word for word in words):
        return f"{'; '.join(words[:-1])}; {last} {words[-1]}"
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _fixed(value: float, places: int) -> str:
    """Value at a decimal place, which may be left of the point; never "-0"."""
    number = round(value, places) + 0.0
    return f"{number:,.{max(places, 0)}f}"
