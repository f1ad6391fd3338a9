"""Make the README's picture from the extremity scenario: ``python docs/make_image.py``."""

from __future__ import annotations

from pathlib import Path

from lmssim import Sampling, expected_values, load_scenario
from lmssim.report.evaluation.figures.standard import plot_plane, plot_survival
from lmssim.report.parts.style import figure_style

if __name__ == "__main__":
    import matplotlib.pyplot as plt
    from matplotlib.image import imread

    folder = Path(__file__).parent / "images"
    evaluation = expected_values(load_scenario("extremity"), Sampling(n_patients=100_000, jobs=2))
    with figure_style():
        parts = []
        for name, axes in (("survival", plot_survival(evaluation, "os")), ("plane", plot_plane(evaluation))):
            path = folder / f"{name}.png"
            axes.figure.savefig(path, dpi=110, metadata={"Software": None})
            parts.append(path)
        images = [imread(path) for path in parts]
        height = max(image.shape[0] for image in images) / 110
        width = sum(image.shape[1] for image in images) / 110
        figure, both = plt.subplots(1, 2, figsize=(width, height), width_ratios=[i.shape[1] for i in images])
        for axes, image in zip(both, images, strict=True):
            axes.imshow(image)
            axes.axis("off")
        figure.subplots_adjust(0, 0, 1, 1, 0, 0)
        figure.savefig(folder / "extremity.png", dpi=110, metadata={"Software": None})
    for path in parts:
        path.unlink()
