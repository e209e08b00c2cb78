"""What a run of a notebook took: wall time and memory."""

from __future__ import annotations

import dataclasses
import time

import psutil


@dataclasses.dataclass(frozen=True)
class Cost:
    """Time and memory of this process, shown at the end of a chapter.

    The plain text holds no number, so that it is the same in each run; the metadata of the output
    holds both under the key "cost".

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
        return data, {"cost": dataclasses.asdict(self)}


def cost_so_far() -> Cost:
    """`Cost` of the current process up to now."""
    process = psutil.Process()
    return Cost(time.time() - process.create_time(), _peak_bytes(process) / 1e6)


def _peak_bytes(process):
    try:
        import resource
        import sys
    except ImportError:  # Windows, where psutil knows the peak
        return process.memory_info().peak_wset
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
