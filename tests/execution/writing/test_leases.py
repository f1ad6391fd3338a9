"""A lease is held by one, for as long as it lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lmssim.execution.writing.leases import Lease, is_lease, owner_in
from lmssim.execution.writing.owners import this_process

if TYPE_CHECKING:
    from pathlib import Path


def test_one_of_many_has_it(tmp_path: Path) -> None:
    """And gives it back; what it leaves behind is nothing."""
    leases = [Lease(tmp_path / "a") for _ in range(8)]
    taken: list[Lease] = []
    threads = [
        threading.Thread(target=lambda each=each: taken.append(each) if each.take() else None) for each in leases
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (holder,) = taken
    assert holder.is_held
    assert is_lease(tmp_path / "a")
    assert owner_in(tmp_path / "a") is not None
    holder.release()
    with Lease(tmp_path / "a") as other:
        assert other.take()
    assert not list(tmp_path.iterdir())


def test_it_lives_as_long_as_its_owner_touches_it(tmp_path: Path) -> None:
    """Another machine's process is believed for so long, and no longer."""
    with Lease(tmp_path / "a", seconds=0.3) as held:
        assert held.take()
        time.sleep(0.6)
        assert time.time() - (tmp_path / "a").stat().st_mtime < 0.3
    owner = replace(this_process(), host="elsewhere").document()
    (tmp_path / "a").write_text(json.dumps({"program": "lmssim", "token": "1", **owner}))
    assert not Lease(tmp_path / "a", seconds=60.0).take()
    os.utime(tmp_path / "a", (time.time() - 61.0,) * 2)
    with Lease(tmp_path / "a", seconds=60.0) as taken:
        assert taken.take()


def test_one_that_was_cut_short_is_nobodys_after_a_while(tmp_path: Path) -> None:
    """Its owner was ended while taking it, and cannot be told."""
    (tmp_path / "a").write_text("")
    assert not Lease(tmp_path / "a").take()
    os.utime(tmp_path / "a", (time.time() - 6.0,) * 2)
    with Lease(tmp_path / "a") as taken:
        assert taken.take()


SCRIPT = """
import os, sys, time
from pathlib import Path
from lmssim.execution.writing.leases import Lease
lease = Lease(Path(sys.argv[1]))
print(lease.take(), flush=True)
time.sleep(60)
"""


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    """Its lease stands there, and whoever asks next has it at once."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path / "a")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    assert not Lease(tmp_path / "a").take()
    process.kill()
    process.communicate()
    assert (tmp_path / "a").exists()
    with Lease(tmp_path / "a") as taken:
        assert taken.take()
