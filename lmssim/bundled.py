"""Where the bundled scenarios and calibrations are: inside an installed package, or at the top of a working copy."""

from __future__ import annotations

from pathlib import Path

from lmssim.errors import ScenarioError, nearest

PACKAGE = Path(__file__).parent


def scenarios_folder() -> Path:
    """Folder of the bundled scenarios.

    Raises
    ------
    ScenarioError
        If the installation is incomplete.
    """
    return _folder("scenarios")


def calibration_folder() -> Path:
    """Folder of the bundled calibrations, their targets and their posteriors.

    Raises
    ------
    ScenarioError
        If the installation is incomplete.
    """
    return _folder("calibration")


def results_folder() -> Path:
    """Folder of the reference results; an installation has only what they are of.

    Raises
    ------
    ScenarioError
        If the installation is incomplete.
    """
    return _folder("results")


def in_working_copy() -> bool:
    """Whether what is bundled stands at the top of a working copy, and not inside an installed package."""
    return calibration_folder().parent != PACKAGE


def _folder(name: str) -> Path:
    for folder in (PACKAGE / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise ScenarioError(f"the bundled {name} is missing from this installation; install lmssim again.")


def bundled_names() -> list[str]:
    """Names of the bundled scenarios: those of decision problems, then examples."""
    folder = scenarios_folder()
    own = sorted(path.stem for path in folder.glob("*.toml"))
    return [*own, *sorted(f"examples/{path.stem}" for path in (folder / "examples").glob("*.toml"))]


def calibration_names() -> list[str]:
    """Names of the bundled calibrations."""
    return sorted(path.stem for path in calibration_folder().glob("*.toml"))


def find_scenario(name: str | Path) -> Path:
    """Path of a scenario file, or of a bundled scenario by its name.

    Raises
    ------
    ScenarioError
        If there is neither.
    """
    return _find(name, "scenario", (scenarios_folder(), scenarios_folder() / "examples"), bundled_names())


def find_calibration(name: str | Path) -> Path:
    """Path of a calibration file, or of a bundled calibration by its name.

    Raises
    ------
    ScenarioError
        If there is neither.
    """
    return _find(name, "calibration", (calibration_folder(),), calibration_names())


def trial_names() -> list[str]:
    """Names of the bundled trials."""
    return sorted(path.stem for path in (scenarios_folder() / "trials").glob("*.toml"))


def find_trial(name: str | Path) -> Path:
    """Path of a trial's file, or of a bundled trial by its name.

    Raises
    ------
    ScenarioError
        If there is neither.
    """
    return _find(name, "trial", (scenarios_folder() / "trials",), trial_names())


def budget_names() -> list[str]:
    """Names of the bundled budget impact analyses."""
    return sorted(path.stem for path in (scenarios_folder() / "budget").glob("*.toml"))


def find_budget(name: str | Path) -> Path:
    """Path of the file of a budget impact analysis, or of a bundled one by its name.

    Raises
    ------
    ScenarioError
        If there is neither.
    """
    return _find(name, "budget", (scenarios_folder() / "budget",), budget_names())


def _near(path: Path) -> str:
    """Hint naming a TOML file of the folder whose name without its ending is near; any other may be of another kind."""
    hint = nearest(path.stem, [each.stem for each in path.parent.glob("*.toml")])
    return hint.replace("'?", ".toml'?") if "Did you mean" in hint else ""


def _find(name: str | Path, kind: str, folders: tuple[Path, ...], known: list[str]) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix != ".toml" and str(name):
        for folder in folders:
            if (candidate := folder / f"{name}.toml").is_file():
                return candidate
    if path.exists() and not path.is_dir():
        raise ScenarioError(f"{path}: is a device, pipe or socket, not a {kind} file (TOML).")
    if path.is_dir():
        raise ScenarioError(f"{path}: is a folder, not a {kind} file (TOML).")
    if path.suffix == ".toml" and path.parent.is_dir():
        raise ScenarioError(f"{path}: no such file.{_near(path)}")
    raise ScenarioError(f"{name}: no such file or bundled {kind}.{nearest(str(name), known)}")
