"""Install the peers into an environment of their own, and measure them there: ``python3 -m bench.peers``.

The environment stands in the folder `.bench`, with the versions of `peers-constraints.txt`; nothing is installed
elsewhere, and this script needs nothing but Python.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT, CONSTRAINTS = ROOT / ".bench" / "peers", ROOT / "bench" / "peers-constraints.txt"
PACKAGES = ("heormodel", "numba", "numpy", "simpy")
"""The peers, and what the hand-written kernel needs."""


def call(*words: object) -> None:
    """Run a command in the project's folder."""
    subprocess.run([str(word) for word in words], cwd=ROOT, check=True)


def install() -> Path:
    """Make the environment; its Python. Where a virtual environment cannot have pip, that of this Python installs."""
    scripts = ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin")
    python, pip = scripts / "python", [sys.executable, "-m", "pip", "--python"]
    try:
        call(sys.executable, "-m", "venv", ENVIRONMENT)
        pip = [str(python), "-m", "pip"]
    except subprocess.CalledProcessError:
        call(sys.executable, "-m", "venv", "--clear", "--without-pip", ENVIRONMENT)
        pip.append(str(python))
    call(*pip, "install", "--quiet", "--disable-pip-version-check", "--constraint", CONSTRAINTS, *PACKAGES)
    return python


if __name__ == "__main__":
    call(install(), "-m", "bench.peers.measure")
