"""What a run of a notebook took, and what it ran with."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
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


@functools.cache
def fingerprint() -> str:
    """12 hexadecimal digits that tell arithmetic apart: what a small trained network answers.

    Processors, versions of packages and this engine add in different orders, and training makes the
    last digits matter. Where this is the same, the numbers of a chapter are the same. Steps of a
    few rows and passes over many may be summed by different code, so weights and answers both
    count. So do a last step of eight rows, and the kinds of layers that chapters use: either has
    told two versions of the engine apart that gave the same for a plain network and full steps.
    """
    import numpy as np

    from .datasets import Dataset
    from .models import combined
    from .training import replicate

    rng = np.random.default_rng(0)
    x = rng.standard_normal((1100, 64), dtype="float32")
    y = rng.integers(0, 10, len(x), dtype="int32")
    parts = np.split(np.arange(len(x)), [200, 300])
    train, validation, test = ((x[rows], y[rows]) for rows in parts)
    data = Dataset("random", *train, train[1], *validation, *test, 10, None)
    trained = replicate(
        lambda: combined(64, 10, widths=(256, 64), dropout_rate=0.5), data, seeds=(0,), epochs=5,
        measured=("test",), keep_rows=("test",), device="/CPU:0",
    )  # fmt: skip
    told = [*trained.weights[0], trained.label_outputs("test")]
    digits = b"".join(np.ascontiguousarray(numbers).tobytes() for numbers in told)
    return hashlib.sha256(digits).hexdigest()[:12]


@dataclasses.dataclass(frozen=True)
class Cost:
    """Time and memory of this process, shown at the end of a chapter.

    The plain text holds no number, so that it is the same in each run; the metadata of the output
    holds them under the key "cost", with the day, the versions and the `fingerprint`.

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
        origin = {
            "day": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "versions": versions(),
            "fingerprint": fingerprint(),
        }
        return data, {"cost": dataclasses.asdict(self) | origin}


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
