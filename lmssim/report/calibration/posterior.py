"""Figures of a posterior: traces of the ensembles, pairs of quantities, prior and posterior."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from scipy import ndimage

from lmssim.model.parameters.distributions import INTERVAL_WIDTH, Distribution, lognormal_by_mean
from lmssim.report.parts.labels import named, readable, short
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.result import Calibration

TAU = "tau_"
MOST_IN_CORNER = 8
"""Quantities shown in pairs."""
DOWN, TITLES = 10, (90, 50)
"""Traces in a column, at most, and characters of a trace's title in one and in two columns."""
TITLE = 32
"""Characters of a trace's title in more columns."""
POINTS = 200
"""Steps of a trace that are drawn, at most."""
BINS, SMOOTH = 40, 1.7
"""Cells of a pair's density along each axis, and the width (cells) over which it is smoothed."""
REGIONS = (0.9, 0.5)
"""Probability of the regions of a pair, the outer first."""
CELLS = 30
"""Cells of a histogram."""
WIDE_PRIOR = 8.0
"""Ratio of the ends of a prior's 95% interval from which its axis is logarithmic."""
POSTERIOR, UNINFORMED = PALETTE[1], PALETTE[2]


def quantity_labels(calibration: Calibration) -> dict[str, str]:
    """Every sampled quantity and what people call it."""
    known = dict(zip(calibration.free["id"], calibration.free["label"], strict=True))
    return {name: known.get(name) or _plain_label(name) for name in calibration.quantities()}


def _plain_label(name: str) -> str:
    if name.startswith(TAU):
        return f"Between-study sd: {readable(name.removeprefix(TAU)).lower()}"
    return readable(name)


# === Trace ===


def plot_trace(calibration: Calibration) -> Figure:
    """Mean of the walkers by step, a panel for each quantity, a line and a band for each ensemble."""
    labels, trace = quantity_labels(calibration), calibration.trace
    names = list(dict.fromkeys(trace["quantity"]))
    across = max(math.ceil(len(names) / DOWN), 1)
    down = max(math.ceil(len(names) / across), 1)
    longest = TITLES[across - 1] if across <= len(TITLES) else TITLE
    with figure_style():
        figure = new_figure(max(7.6, 2.6 * across), 0.98 * down + 1.0)
        axes = figure.subplots(down, across, squeeze=False, sharex=True).T.ravel()
        for ax, name in zip(axes, names, strict=False):
            _draw_trace(ax, trace[trace["quantity"] == name])
            label = labels.get(name) or _plain_label(name)
            ax.set_title(short(label, longest), fontsize=8, weight="normal", pad=2)
        for ax in axes[len(names) :]:
            ax.set_visible(False)
        for column in range(across):
            last = axes[max(min((column + 1) * down, len(names)), 1) - 1]
            last.tick_params(labelbottom=True)
            last.set_xlabel("Step")
        figure.legend(handles=_trace_legend(trace), loc="outside lower right", ncols=6)
        title_figure(figure, "Traces of the ensembles")
        return figure


def _draw_trace(ax: Axes, trace: pd.DataFrame) -> None:
    for i, (_, of) in enumerate(trace.groupby("ensemble")):
        of = of.sort_values("step").iloc[:: max(math.ceil(len(of) / POINTS), 1)]
        step, colour = of["step"].to_numpy(), _colour(i)
        ax.fill_between(step, of["low"], of["high"], color=colour, alpha=0.08, linewidth=0, rasterized=True)
        ax.plot(step, of["mean"], color=colour, linewidth=0.9, rasterized=True)
    first, last = trace["step"].min(), trace["step"].max()
    if trace["burn_in"].any():
        ax.axvspan(first, trace.loc[trace["burn_in"], "step"].max() + 1, color="#EFEFEF", zorder=0)
    ax.set_xlim(first, max(last, first + 1))
    kept = trace[~trace["burn_in"]] if not trace["burn_in"].all() else trace
    low, high = float(kept["low"].min()), float(kept["high"].max())
    room = 0.35 * (high - low) if high > low else max(abs(high), 1.0) * 0.1
    ax.set_ylim(low - room, high + room)
    ax.yaxis.set_major_locator(MaxNLocator(3))


def _colour(ensemble: int) -> str:
    return PALETTE[1:][ensemble % (len(PALETTE) - 1)]


def _trace_legend(trace: pd.DataFrame) -> list[Line2D | Patch]:
    ensembles = sorted(trace["ensemble"].unique())
    lines: list[Line2D | Patch] = [
        Line2D([], [], color=_colour(i), label=f"Ensemble {e + 1 if 0 in ensembles else e}")
        for i, e in enumerate(ensembles)
    ]
    return [*lines, Patch(color="#EFEFEF", label="burn-in")] if trace["burn_in"].any() else lines


# === Corner ===


def plot_corner(calibration: Calibration) -> Figure:
    """Each quantity alone on the diagonal, pairs below it with their 50% and 90% regions, correlations above."""
    labels = quantity_labels(calibration)
    names = [name for name in calibration.free["id"] if name in calibration.chain][:MOST_IN_CORNER]
    draws = calibration.chain[names].to_numpy()
    k = max(len(names), 1)
    with figure_style():
        side = max(3.4, min(7.6, 1.9 * k))
        figure = new_figure(side + 0.2, side + 0.5)
        axes: Any = figure.subplots(k, k, squeeze=False)
        for i, j in np.ndindex(k, k):
            _draw_pair(axes[i, j], draws, i, j)
        for i, name in enumerate(names):
            words = textwrap.fill(labels[name], 22 if k < 6 else 16)
            axes[k - 1, i].set_xlabel(words, fontsize=7 if k < 6 else 6)
            if i > 0:
                axes[i, 0].set_ylabel(words, fontsize=7 if k < 6 else 6)
        title_figure(figure, "Posterior by pairs")
        return figure


def _draw_pair(ax: Axes, draws: FloatArray, i: int, j: int) -> None:
    k = draws.shape[1]
    ax.grid(visible=False)
    ax.tick_params(labelsize=6, length=2)
    ax.tick_params(axis="x", labelbottom=i == k - 1, labelrotation=45)
    ax.tick_params(axis="y", labelleft=j == 0 and i > 0)
    if k == 0:
        ax.set_axis_off()
        return
    if j > i:
        _write_correlation(ax, draws[:, i], draws[:, j])
        return
    ax.set_xlim(*_limits(draws[:, j]))
    ax.xaxis.set_major_locator(MaxNLocator(3, prune="both"))
    if i == j:
        ax.hist(draws[:, j], bins=CELLS, range=ax.get_xlim(), color=POSTERIOR, alpha=0.75, histtype="stepfilled")
        ax.yaxis.set_major_locator(NullLocator())
        return
    ax.set_ylim(*_limits(draws[:, i]))
    ax.yaxis.set_major_locator(MaxNLocator(3, prune="both"))
    _draw_regions(ax, draws[:, j], draws[:, i])


def _limits(values: FloatArray) -> tuple[float, float]:
    """Range that leaves out a thousandth at each end."""
    low, high = (float(v) for v in np.quantile(values, [0.001, 0.999]))
    return (low, high) if high > low else (low - max(abs(low), 1.0) * 0.1, low + max(abs(low), 1.0) * 0.1)


def _write_correlation(ax: Axes, x: FloatArray, y: FloatArray) -> None:
    ax.set_axis_off()
    if x.std() > 0.0 and y.std() > 0.0:
        r = float(np.corrcoef(x, y)[0, 1])
        ax.text(
            0.5,
            0.5,
            f"{r:+.2f}",
            ha="center",
            va="center",
            transform=ax.transAxes,
            fontsize=8,
            color=INK if abs(r) >= 0.3 else FAINT,
        )


def _draw_regions(ax: Axes, x: FloatArray, y: FloatArray) -> None:
    """Regions of highest density."""
    counts, xs, ys = np.histogram2d(x, y, bins=BINS, range=[ax.get_xlim(), ax.get_ylim()])
    density = ndimage.gaussian_filter(counts, SMOOTH)
    ordered = np.sort(density.ravel())[::-1]
    mass = np.cumsum(ordered) / ordered.sum()
    levels = [float(ordered[np.searchsorted(mass, share)]) for share in REGIONS]
    if not levels[0] < levels[1] < ordered[0]:
        ax.plot(x, y, ".", color=POSTERIOR, markersize=1, rasterized=True)
        return
    middle_x, middle_y = (xs[1:] + xs[:-1]) / 2, (ys[1:] + ys[:-1]) / 2
    colours = [to_rgba(POSTERIOR, 0.3), to_rgba(POSTERIOR, 0.75)]
    ax.contourf(middle_x, middle_y, density.T, levels=[*levels, float(ordered[0])], colors=colours)


# === Prior and posterior ===


def plot_prior_posterior(calibration: Calibration) -> Figure:
    """Prior curve and posterior histogram of each free quantity, with the contraction of its spread."""
    free = calibration.free
    across = min(max(len(free), 1), 3 if len(free) <= 12 else 5)
    down = max(math.ceil(len(free) / across), 1)
    with figure_style():
        figure = new_figure(7.6 if across <= 3 else 10.5, 1.75 * down + 0.75)
        axes = figure.subplots(down, across, squeeze=False).ravel()
        rows: list[Any] = list(free.itertuples(index=False))
        for ax, row in zip(axes, rows, strict=False):
            _draw_prior_posterior(ax, row, calibration.chain[row.id].to_numpy(), 34 if across <= 3 else 28)
        for ax in axes[len(free) :]:
            ax.set_visible(False)
        figure.legend(handles=_prior_legend(free), loc="outside lower right", ncols=3)
        title_figure(figure, "Prior and posterior")
        return figure


def _draw_prior_posterior(ax: Axes, row: Any, draws: FloatArray, width: int) -> None:
    """On a logarithmic axis both densities are of the logarithm."""
    colour = POSTERIOR if row.informed else UNINFORMED
    value, density = prior_density(row)
    logarithmic = row.prior_low > 0.0 and row.prior_high / row.prior_low > WIDE_PRIOR and bool((draws > 0.0).all())
    if logarithmic:
        density = density * value
        ax.set_xscale("log")
        _label_log_axis(ax)
    low, high = _span(row, draws)
    ends = float(draws.min()), float(draws.max() + 1e-9 * abs(draws.max()) + 1e-300)
    edges = np.geomspace(*ends, CELLS + 1) if logarithmic else np.linspace(*ends, CELLS + 1)
    counts, _ = np.histogram(draws, bins=edges)
    widths = np.diff(np.log(edges) if logarithmic else edges)
    ax.stairs(counts / (len(draws) * widths), edges, fill=True, color=colour, alpha=0.6, linewidth=0)
    ax.plot(value, density, color=INK, linewidth=1.2)
    ax.set_xlim(low, high)
    ax.set_ylim(0.0, 1.32 * max(float((counts / (len(draws) * widths)).max()), float(density.max())))
    ax.yaxis.set_major_locator(NullLocator())
    ax.grid(visible=False)
    unit = f" ({row.unit})" if row.unit else ""
    ax.set_title(textwrap.fill(f"{named(row.label, row.id)}{unit}", width), fontsize=8)
    words = f"contraction {row.contraction:.2f}" + ("" if row.informed else "\nnot informed")
    ax.text(
        0.98,
        0.97,
        words,
        transform=ax.transAxes,
        ha="right",
        va="top",
        fontsize=7.5,
        color=INK if row.informed else UNINFORMED,
    )


def prior_density(row: Any) -> tuple[FloatArray, FloatArray]:
    """Values and density of the prior of a row of `Calibration.free`.

    Notes
    -----
    The density is the slope of probability over the distribution's quantiles, so no formula is needed here. Without
    a stated distribution a standard deviation between studies is half-normal, a positive quantity log-normal.
    """
    u = np.linspace(0.0005, 0.9995, 2001)
    value = prior_distribution(row).quantile(u)
    return value, np.gradient(u, value)


def prior_distribution(row: Any) -> Distribution:
    """Distribution with the prior's interval, or its mean and standard deviation."""
    mean, sd = float(row.prior_mean), float(row.prior_sd)
    family = getattr(row, "distribution", "")
    if not family:
        family = "half_normal" if row.id.startswith(TAU) else "lognormal" if row.prior_low > 0.0 else "normal"
    match family:
        case "half_normal" | "half-normal":
            return Distribution("normal", (0.0, mean * math.sqrt(math.pi / 2.0)), lower=0.0)
        case "lognormal" if row.prior_low > 0.0:
            middle = 0.5 * math.log(row.prior_low * row.prior_high)
            return Distribution(family, (middle, math.log(row.prior_high / row.prior_low) / INTERVAL_WIDTH))
        case "lognormal":
            return Distribution(family, lognormal_by_mean(mean, sd))
        case "beta":
            size = mean * (1.0 - mean) / sd**2 - 1.0
            return Distribution(family, (mean * size, (1.0 - mean) * size))
        case "gamma":
            return Distribution(family, ((mean / sd) ** 2, sd**2 / mean))
        case "uniform":
            half = math.sqrt(3.0) * sd
            return Distribution(family, (mean - half, mean + half))
    return Distribution("normal", (mean, sd))


def _span(row: Any, draws: FloatArray) -> tuple[float, float]:
    """Axis that shows the prior's 95% interval and all but a few draws."""
    low, high = (float(v) for v in np.quantile(draws, [0.0005, 0.9995]))
    low, high = min(low, float(row.prior_low)), max(high, float(row.prior_high))
    return (low, high) if high > low else (low - 1.0, low + 1.0)


def _label_log_axis(ax: Axes) -> None:
    ax.set_xticks([m * 10.0**e for e in range(-9, 10) for m in (1, 3)])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def _prior_legend(free: pd.DataFrame) -> Sequence[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=INK, linewidth=1.2, label="prior"),
        Patch(color=to_rgba(POSTERIOR, 0.6), label="posterior"),
    ]
    unknown = Patch(color=to_rgba(UNINFORMED, 0.6), label="posterior, not informed by the targets")
    return handles if free["informed"].all() else [*handles, unknown]
