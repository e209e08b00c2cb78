"""Whether the numbers of claims are still those that a stored notebook holds.

With the arithmetic that the notebook was made with, a training gives the same bits. With another
one, each training takes a course of its own, as with another seed: an effect may then move as far
as an effect over seeds does, and a verdict may change that lies near to another one. The few seeds
that a chapter trains again give no verdict that anybody sees, and the width of their interval is
mostly chance: with another arithmetic only their effects are compared.
"""

from __future__ import annotations

import math

import numpy as np

from .claims import NO_DIFFERENCE, OPPOSITE, SUPPORTED
from .cost import fingerprint

RELATIVE = 1e-6  # with the same arithmetic
STANDARD_ERRORS = 2.5  # with another one; the half-width of a 95 % interval holds about two


def cost_of(notebook) -> dict:
    """The last cost that a notebook shows, with its day, versions and fingerprint; or nothing."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    costs = [o["metadata"]["cost"] for o in outputs if "cost" in o.get("metadata", {})]
    return costs[-1] if costs else {}


def arithmetic_of(notebook) -> str | None:
    """The fingerprint of the arithmetic that a notebook was made with; None if it shows none."""
    return cost_of(notebook).get("fingerprint")


def same_arithmetic(notebook) -> bool:
    """Whether a stored notebook was made with the arithmetic of this machine."""
    made_with = arithmetic_of(notebook)
    return made_with is not None and made_with == fingerprint()


def allowed_off(values, seeds: int = 1) -> float:
    """How far a mean over some seeds may be off with another arithmetic: as far as it moves from
    seeds to seeds.

    Args:
        values: what all seeds of one network in one condition gave.
        seeds: how many of them the mean is over.
    """
    return STANDARD_ERRORS * float(np.std(values, ddof=1)) / math.sqrt(seeds)


def changed(recorded: dict, fresh: dict, same_arithmetic: bool) -> list[str]:
    """What differs by more than is allowed between claims by id, one line each.

    Args:
        recorded, fresh: records of claims by id.
        same_arithmetic: whether both were made with it. Then numbers must be equal, and what is
            said as well.
    """
    again = [
        {name: r["again"] for name, r in records.items() if "again" in r}
        for records in (recorded, fresh)
    ]
    lines = _changed(*again, same_arithmetic, verdicts=same_arithmetic)
    lines = [f"{line}, by the seeds of this run" for line in lines]
    return lines + _changed(recorded, fresh, same_arithmetic, verdicts=True)


def _changed(recorded, fresh, same_arithmetic, verdicts):
    lines = []
    if recorded.keys() != fresh.keys():
        lines.append(f"claims differ: {sorted(recorded.keys() ^ fresh.keys())}")
    for name in recorded.keys() & fresh.keys():
        old, new = recorded[name], fresh[name]
        allowed = 0.0 if same_arithmetic else _moves(old)
        was, now = _numbers(old), _numbers(new)
        compared = was.keys() | now.keys() if same_arithmetic else ["effect"]
        for what in sorted(compared):
            if not _close(was.get(what), now.get(what), allowed):
                lines.append(f"{name}: {what} was {_text(was, what)}, is {_text(now, what)}")
        turned = verdicts and old["verdict"] != new["verdict"]
        if turned and (same_arithmetic or _clearance(old) > allowed):
            lines.append(f"{name}: verdict was {old['verdict']!r}, is {new['verdict']!r}")
        elif same_arithmetic and old["sentence"] != new["sentence"]:
            lines.append(f"{name}: sentence was {old['sentence']!r}, is {new['sentence']!r}")
        if old["seeds"] != new["seeds"]:
            lines.append(f"{name}: seeds differ")
    return lines


def _moves(record):
    """How far the effect may move with another arithmetic."""
    low, high = record["interval"]
    return 0.0 if low is None else STANDARD_ERRORS * (high - low) / 4


def _numbers(record):
    found = {"effect": record["effect"]}
    for which in ("interval", "joint_interval"):
        found |= {f"{which} {k}": bound for k, bound in zip("01", record[which], strict=True)}
    if record["budget"]:
        found["effect at half"] = record["budget"]["half"]["effect"]
    return found


def _close(before, now, allowed):
    if before is None or now is None:  # a training diverged, or there is no such number
        return before is now
    return math.isclose(before, now, rel_tol=RELATIVE, abs_tol=max(allowed, 1e-9))


def _text(numbers, what):
    number = numbers.get(what)
    return "none" if number is None else f"{number:+.5f}"


def _clearance(record):
    """How far the joint interval would have to move for another verdict."""
    low, high = record["joint_interval"]
    if low is None:
        return math.inf  # undecided, since nothing was measured
    if record["direction"] == "lower":
        low, high = -high, -low
    small = record["smallest_effect"]
    if record["verdict"] == SUPPORTED:
        return low - small
    if record["verdict"] == OPPOSITE:
        return -small - high
    if record["verdict"] == NO_DIFFERENCE:
        return min(low + small, small - high)
    return min(small - low, high + small, max(-small - low, high - small))
