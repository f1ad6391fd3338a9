"""One look for every figure: colours and line styles told apart by any eye, and files that are the same every time.

Figures are made without pyplot, so that no window system and no global state is needed. Text of users is text in them:
no mathematics is read, hidden characters are visible, and a character that the font lacks is a box.
"""

from __future__ import annotations

import contextlib
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text as Written
from matplotlib.ticker import FixedFormatter
from PIL import Image

from lmssim.execution import store
from lmssim.report.parts.labels import LONGEST, LONGEST_LABEL, short
from lmssim.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from matplotlib.artist import Artist
    from matplotlib.backend_bases import RendererBase

PALETTE = (
    "#000000",
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#882255",
    "#7A7A7A",
    "#6B5B00",
)
"""Okabe and Ito's colours without the yellow, then dark ones for the ninth strategy and on."""
LINES: Sequence[Any] = ("-", (0, (6, 2)), "-.", (0, (1.5, 1.2)), (0, (8, 2, 1.5, 2, 1.5, 2)), (0, (3, 1.2)))
"""Six line styles against ten colours: colour and style together repeat after sixty strategies."""
MARKERS = "osD^vPX<>*"
AREAS = (
    "#BFE0F2",
    "#E69F00",
    "#0072B2",
    "#44AA99",
    "#CC6677",
    "#332288",
    "#DDCC77",
    "#AA4499",
    "#117733",
    "#882255",
    "#999933",
    "#6699CC",
)
"""Fills of living states, the palest for the largest; after Paul Tol's muted scheme."""
GREYS = ("#6E6E6E", "#A9A9A9", "#D9D9D9", "#8C8C8C")
"""Fills of the dead."""
INK = "#222222"
FAINT = "#8A8A8A"
DPI = 150
"""Pixels of an inch."""
COLOURS = 64
"""Of a PNG file, at most: what a figure shows and their blends at edges."""
PNG = "png"
FORMATS = (PNG, "svg", "pdf")
"""Formats of figures; pages show PNG."""
METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "lmssim"},
    "pdf": {"CreationDate": None, "Creator": "lmssim", "Producer": None},
}
LETTERS = 12.0
"""Letters of a title on an inch."""

_RC: dict[str, Any] = {
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "lmssim",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": INK,
    "ytick.labelsize": 8.5,
}


@contextlib.contextmanager
def figure_style() -> Iterator[None]:
    """Matplotlib settings of every figure, whatever the user's own are."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="constrained_layout not applied", category=UserWarning)
        warnings.filterwarnings("ignore", message=r"Glyph \d+", category=UserWarning)  # the font's box stands for it
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)  # type: ignore[arg-type]  # its stubs list each key
        yield


class PlainFigure(Figure):
    """A figure in which text is text, also when its user draws it."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw in the style of every figure, with hidden characters visible."""
        with figure_style():
            _show_hidden(self)
            super().draw(renderer)


def _show_hidden(figure: Figure) -> None:
    """Make hidden characters visible in what is written, and in the names that stand at ticks."""
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        formatter = axis.get_major_formatter()
        if isinstance(formatter, FixedFormatter):
            formatter.seq = [visible(name) for name in formatter.seq]
    for written in _written(figure):
        text = written.get_text()
        if (seen := visible(text)) != text:
            written.set_text(seen)


def _written(artist: Artist) -> Iterator[Written]:
    """Every text that is drawn, but for the labels of ticks, which formatters write."""
    for child in artist.get_children():
        if isinstance(child, Axis):
            yield child.label
        elif isinstance(child, Written):
            yield child
        else:
            yield from _written(child)


def legend_name(label: str, longest: int = LONGEST) -> str:
    """Name that a legend shows as it is: matplotlib leaves out one that is empty or begins with an underscore."""
    name = short(label, longest)
    return f" {name}" if name.startswith("_") else name or "-"


def new_figure(width: float, height: float, *, constrained: bool = True) -> Figure:
    """Figure of a size in inches, with a canvas that needs no screen."""
    figure = PlainFigure(figsize=(width, height))
    if constrained:
        figure.set_layout_engine("constrained", w_pad=0.09, h_pad=0.06)
    FigureCanvasAgg(figure)
    return figure


def title_figure(figure: Figure, title: str) -> None:
    """Title over several panels, looking as those of one."""
    letters = int(LETTERS * figure.get_figwidth())
    lines = "\n".join(textwrap.fill(short(line, LONGEST_LABEL), letters) for line in title.splitlines())
    figure.suptitle(lines, x=0.01, ha="left", fontsize=10, weight="bold")


def width_of(figure: Figure, names: Iterable[str]) -> float:
    """Width (inches) of the widest of some names at the ticks of an axis."""
    written = [figure.text(0.0, 0.0, visible(name), fontsize=_RC["ytick.labelsize"]) for name in names]
    widths = [text.get_window_extent().width / figure.dpi for text in written]
    for text in written:
        text.remove()
    return max(widths, default=0.0)


def line_style(index: int) -> dict[str, Any]:
    """Colour and line style of the strategy at a position; both are met again together after all pairs of them."""
    turn = index + index // len(PALETTE)
    return {"color": PALETTE[index % len(PALETTE)], "linestyle": LINES[turn % len(LINES)]}


def marker_style(index: int) -> dict[str, Any]:
    """Colour and marker of the strategy at a position; both are met again together after all pairs of them."""
    turn = index + index // len(PALETTE)
    return {"color": PALETTE[index % len(PALETTE)], "marker": MARKERS[turn % len(MARKERS)]}


def dark(color: str) -> tuple[float, float, float]:
    """A colour dark enough to be read as text on white."""
    red, green, blue = to_rgb(color)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    factor = min(1.0, 0.38 / light) if light else 1.0
    return red * factor, green * factor, blue * factor


def save_figure(figure: Figure, folder: Path, name: str, formats: Sequence[str] = (PNG,)) -> list[Path]:
    """Write a figure in some formats, each file whole or not at all.

    Parameters
    ----------
    figure : Figure
        The figure.
    folder : Path
        Where; made if absent.
    name : str
        File name without its ending.
    formats : sequence of str
        Of `FORMATS`.

    Returns
    -------
    list of Path
        The files, in the order of the formats.

    Notes
    -----
    The same figure gives the same bytes: fixed ids, text as paths, no date and no program name. A PNG file has at most
    `COLOURS` colours, which makes it a third as large.
    """
    store.make_folder(folder)
    files = [folder / f"{name}.{suffix}" for suffix in formats]
    with figure_style():
        for file, suffix in zip(files, formats, strict=True):
            with store.replacing(file) as temporary:
                if suffix == PNG:
                    _write_png(figure, temporary)
                else:
                    figure.savefig(temporary, format=suffix, dpi=DPI, metadata=METADATA[suffix])
    return files


def _write_png(figure: Figure, path: Path) -> None:
    """Draw a figure once, and write its pixels."""
    before = figure.dpi
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]  # type: ignore[no-untyped-call]
    figure.set_dpi(before)
    Image.fromarray(pixels).quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        path, PNG, optimize=True
    )
