"""Claims on all of their confirmation seeds, beside the few seeds that a run trains again.

A chapter trains a few networks of each kind, so that a reader does not wait. What its claims say
comes from four times as many seeds, which `python -m utils.confirm` has trained by running the very
same chapters with more `seeds`, and has stored with the numbers of every seed. A run shows what is
stored only where its own seeds, which are among those, give what they gave then. Otherwise, as with
another parameter or after a cell that a reader has changed, it shows what it has found by itself.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import intact
from .claims import Claim, ShownAsCard
from .recorded_numbers import allowed_off

PATH = intact.ROOT / "book" / "data" / "confirmation.json"
SEEDS = 24  # confirmation seeds of each claim
# What a run may choose and still be compared: which of the seeds it trains again.
CHOICE_OF_SEEDS = ("seeds", "first_seed")
# What is settled about a claim before any seed is trained.
SETTLED = ("prediction", "direction", "metric", "smallest_effect", "comparisons")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Confirmed(ShownAsCard):
    """A claim as all of its confirmation seeds have found it.

    Attributes:
        found: its record, as `Claim.record` gave it then.
        again: the same claim on the seeds that this run has trained.
    """

    found: Mapping[str, Any]
    again: Claim

    @property
    def subject(self) -> str:
        return self.again.subject

    @property
    def what(self) -> str:
        return self.again.what

    @property
    def effect(self) -> float:
        """Mean difference over all confirmation seeds; nan where one of them diverged."""
        return np.nan if self.found["effect"] is None else self.found["effect"]

    @property
    def verdict(self) -> str:
        return self.found["verdict"]

    @property
    def budget(self) -> dict | None:
        return self.found["budget"]

    def record(self) -> dict:
        """As `Claim.record`, with that of the seeds of this run under "again"."""
        return {**self.found, "again": self.again.record()}

    def __str__(self):
        return (
            f"{self.found['sentence']}\n{self.verdict} ({len(self.found['seeds'])} paired seeds, "
            f"{len(self.again.seeds)} of them trained again) [{self.again.id}]"
        )


@functools.cache
def stored() -> dict:
    """What `python -m utils.confirm` wrote: for each chapter its parameters, for each claim its
    record."""
    return intact.record(PATH)


def confirmed(claim: Claim, parameters: Mapping[str, Any]) -> Claim | Confirmed:
    """A claim on all of its confirmation seeds, if a run may speak for them; or else itself.

    Args:
        claim: what this run has measured.
        parameters: those of the chapter that is running, by name, as `parameters.check` returns
            them.

    Returns:
        The claim itself where it was measured on other seeds or on all of them, where a parameter,
        a cell up to this one or what the claim predicts is another one, or where its seeds give
        other numbers than those that are stored, by more than arithmetic can change.
    """
    found = stored()["claims"].get(claim.id)
    if found is None or not set(claim.seeds) < set(found["seeds"]):
        return claim
    theirs = stored()["chapters"][found["chapter"]]["parameters"]
    if _but_for_seeds(theirs) != _but_for_seeds(parameters):
        return claim
    if not _ran_as_stored(found["chapter"]):
        return claim
    ours = claim.record()
    if any(ours[name] != found[name] for name in SETTLED) or not agrees(found, claim):
        return claim
    return Confirmed({key: value for key, value in found.items() if key != "chapter"}, claim)


@functools.cache
def _cells(chapter):
    """The code cells of a chapter that settle numbers; none where the chapter is not at hand, as on
    a worker of a sweep."""
    path = intact.ROOT / "notebooks" / f"{chapter}.ipynb"
    cells = intact.record(path)["cells"] if path.is_file() else []
    drawn = {"hide-input", "parameters"}  # figures and set-up; parameters are compared as values
    return [
        "".join(cell["source"]).strip()
        for cell in cells
        if cell["cell_type"] == "code" and not drawn & set(cell["metadata"].get("tags", []))
    ]


def _ran_as_stored(chapter):
    """Whether a kernel has run the chapter's cells up to this one, and none of them in other words.

    A cell that a reader has changed may change the numbers less than arithmetic can.
    """
    kernel = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    ran = [cell.strip() for cell in kernel.user_ns["In"]] if kernel else []
    if not any(ran):  # plain Python, or whoever lets a kernel forget, as nbval: it has the file
        return True
    cells = _cells(chapter)
    return ran[-1] in cells and set(cells[: cells.index(ran[-1])]) <= set(ran)


def _but_for_seeds(parameters):
    return {name: value for name, value in parameters.items() if name not in CHOICE_OF_SEEDS}


def agrees(found: Mapping[str, Any], claim: Claim) -> bool:
    """Whether a run's seeds give what the same seeds gave when all were trained.

    Means over these seeds may be off by as much as seeds differ from each other, as with another
    processor's arithmetic, or by a tenth of the smallest effect.
    """
    places = [found["seeds"].index(seed) for seed in claim.seeds]
    before = {group: np.array(found[group], "float64") for group in ("treatment", "control")}
    now = {group: getattr(claim, group).final for group in before}
    for values in (before, now):
        values["difference"] = values["treatment"] - values["control"]
    for group, values in before.items():
        known = np.isfinite(values[places])
        if (known != np.isfinite(now[group])).any():
            return False
        off = (now[group] - values[places])[known]
        spread = values[np.isfinite(values)]
        allowed = allowed_off(spread, known.sum()) if known.any() and len(spread) > 1 else 0.0
        if len(off) and abs(off.mean()) > max(allowed, claim.smallest_effect / 10):
            return False
    return True
