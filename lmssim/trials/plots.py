"""Pictures of designs, drawn on axes that the caller gives or on new ones; reports draw on axes of their own style."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from lmssim.kernels import FloatArray

EFFICACY, FUTILITY = "#0072B2", "#D55E00"


def new_axes() -> Axes:
    """Axes of a figure that needs no screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def plot_bounds(
    information: Sequence[float],
    efficacy: Sequence[float],
    futility: Sequence[float] = (),
    *,
    sides: int = 1,
    ax: Axes | None = None,
) -> Axes:
    """Bounds on Z by information fraction.

    Parameters
    ----------
    information, efficacy, futility : sequence of float
        Information fraction of each look and its bounds; infinite ones are left out.
    sides : int
        2 if the efficacy bounds hold in both directions.
    """
    ax = ax or new_axes()
    t = np.array(information)
    lines = [("Efficacy", np.array(efficacy), EFFICACY, "o-")]
    if sides == 2:
        lines.append(("Efficacy, lower", -np.array(efficacy), EFFICACY, "o--"))
    lines.append(("Futility", np.array(futility or [-np.inf] * len(t)), FUTILITY, "s-"))
    for label, z, color, style in lines:
        shown = np.isfinite(z)
        if shown.any():
            ax.plot(t[shown], z[shown], style, color=color, label=label)
    ax.set_xlim(0.0, max(1.05, 1.05 * float(t[-1])))
    ax.set_xlabel("Information fraction")
    ax.set_ylabel("Z")
    ax.set_title("Bounds of the design", loc="left")
    ax.legend()
    return ax


def plot_course(
    frame: pd.DataFrame, look_times: Sequence[float], look_events: Sequence[float], ax: Axes | None = None
) -> Axes:
    """Expected patients and events by calendar time, with the looks.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `time`, `patients` and `events`.
    """
    ax = ax or new_axes()
    ax.plot([0.0, *frame["time"]], [0.0, *frame["patients"]], "--", color="#000000", label="Patients")
    ax.plot([0.0, *frame["time"]], [0.0, *frame["events"]], "-", color=EFFICACY, label="Events")
    ax.plot(look_times, look_events, "o", color=FUTILITY, label="Looks")
    ax.set_xlim(0.0, float(frame["time"].iloc[-1]))
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("Calendar time since the first patient")
    ax.set_ylabel("Expected number")
    ax.set_title("Patients and events", loc="left")
    ax.legend()
    return ax


def plot_curves(
    times: FloatArray, curves: Mapping[str, FloatArray], tau: float | None = None, ax: Axes | None = None
) -> Axes:
    """Survival curves, and the time up to which or at which they are compared, if there is one."""
    ax = ax or new_axes()
    styles = ("-", "--")
    for (label, curve), style, color in zip(curves.items(), styles, ("#000000", EFFICACY), strict=True):
        ax.plot(times, curve, style, color=color, label=label)
    if tau is not None:
        ax.axvline(tau, color=FUTILITY, linestyle=":", label="tau")
    ax.set_xlim(0.0, float(times[-1]))
    ax.set_ylim(0.0, 1.02)
    ax.set_xlabel("Time since entry")
    ax.set_ylabel("Probability of no event")
    ax.set_title("Planned survival", loc="left")
    ax.legend()
    return ax


def plot_power(curve: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Power by number of patients: simulated with its 95% interval, and analytic.

    Parameters
    ----------
    curve : DataFrame
        Columns n, power, se, analytic, analytic_planned; analytic ones that are not known are left out.
    """
    ax = ax or new_axes()
    n, power, width = (curve[name].to_numpy() for name in ("n", "power", "se"))
    ax.errorbar(n, power, yerr=1.96 * width, fmt="o-", color=EFFICACY, capsize=2, label="Simulated, 95% interval")
    for name, label, style in (
        ("analytic", "Schoenfeld, at the simulated events and effect", "--"),
        ("analytic_planned", "Schoenfeld, at the planned effect", ":"),
    ):
        if curve[name].notna().any():
            ax.plot(n, curve[name], style, color=FUTILITY, label=label)
    ax.set_ylim(0.0, 1.02)
    ax.set_xlabel("Patients")
    ax.set_ylabel("Power")
    ax.set_title("Power by number of patients", loc="left")
    ax.legend()
    return ax
