"""What a run of a notebook took, and what it ran with."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import platform
import re
import sys
import time
from pathlib import Path

import psutil

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages on which numbers depend."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


@dataclasses.dataclass(frozen=True)
class Cost:
    """Time and memory of this process, shown at the end of a chapter.

    The plain text holds no number, so that it is the same in each run; the metadata of the output
    holds them under the key "cost", with the day and the versions.

    Attributes:
        seconds: wall time since the process started.
        megabytes: peak of the memory that the process held, in units of 10**6 bytes.
    """

    seconds: float
    megabytes: float

    def __repr__(self):
        return "time and memory of this run"

    def _repr_mimebundle_(self, include=None, exclude=None):
        text = f"<p>This run took {self.seconds:.0f} s and {self.megabytes:.0f} MB of memory.</p>"
        data = {"text/plain": repr(self), "text/html": text}
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        return data, {"cost": dataclasses.asdict(self) | {"day": day, "versions": versions()}}


def cost_so_far() -> Cost:
    """`Cost` of the current process up to now."""
    process = psutil.Process()
    return Cost(time.time() - process.create_time(), _peak_bytes(process) / 1e6)


def _peak_bytes(process):
    # getrusage of a new process on Linux still knows the memory of the one that started it.
    status = Path("/proc/self/status")
    if status.exists():
        (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB", status.read_text(), flags=re.M)
        return int(peak) * 1024
    if sys.platform == "win32":
        return process.memory_info().peak_wset
    import resource  # there is none on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
