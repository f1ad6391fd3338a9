"""Where the bundled scenarios are: inside an installed package, or at the top of a working copy."""

from __future__ import annotations

from pathlib import Path

from lmssim.errors import ScenarioError, nearest


def scenarios_folder() -> Path:
    """Folder of the bundled scenarios.

    Raises
    ------
    ScenarioError
        If the installation is incomplete.
    """
    package = Path(__file__).parent
    for folder in (package / "scenarios", package.parent / "scenarios"):
        if folder.is_dir():
            return folder
    raise ScenarioError("the bundled scenarios are missing from this installation; install lmssim again.")


def bundled_names() -> list[str]:
    """Names of the bundled scenarios: those of decision problems, then examples."""
    folder = scenarios_folder()
    own = sorted(path.stem for path in folder.glob("*.toml"))
    return [*own, *sorted(f"examples/{path.stem}" for path in (folder / "examples").glob("*.toml"))]


def find_scenario(name: str | Path) -> Path:
    """Path of a scenario file, or of a bundled scenario by its name.

    Raises
    ------
    ScenarioError
        If there is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix != ".toml" and str(name):
        for candidate in (scenarios_folder() / f"{name}.toml", scenarios_folder() / "examples" / f"{name}.toml"):
            if candidate.is_file():
                return candidate
    if path.is_dir():
        raise ScenarioError(f"{path}: is a folder, not a scenario file (TOML).")
    if path.suffix == ".toml" and path.parent.is_dir():
        raise ScenarioError(f"{path}: no such file.{nearest(path.name, [p.name for p in path.parent.glob('*.toml')])}")
    raise ScenarioError(f"{name}: no such file or bundled scenario.{nearest(str(name), bundled_names())}")


def calibration_folder() -> Path:
    """Folder of the bundled calibrations.

    Raises
    ------
    ScenarioError
        If the installation is incomplete.
    """
    package = Path(__file__).parent
    for folder in (package / "calibration", package.parent / "calibration"):
        if folder.is_dir():
            return folder
    raise ScenarioError("the bundled calibrations are missing from this installation; install lmssim again.")


def calibration_names() -> list[str]:
    """Names of the bundled calibrations."""
    return sorted(path.stem for path in calibration_folder().glob("*.toml"))


def find_calibration(name: str | Path) -> Path:
    """Path of a calibration file, or of a bundled calibration by its name.

    Raises
    ------
    ScenarioError
        If there is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    candidate = calibration_folder() / f"{name}.toml"
    if path.suffix != ".toml" and str(name) and candidate.is_file():
        return candidate
    if path.is_dir():
        raise ScenarioError(f"{path}: is a folder, not a calibration file (TOML).")
    raise ScenarioError(f"{name}: no such file or bundled calibration.{nearest(str(name), calibration_names())}")
