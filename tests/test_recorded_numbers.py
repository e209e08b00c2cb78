"""The numbers that the stored notebooks show still come out of a fresh run."""

from __future__ import annotations

import copy

import nbformat
import pytest

from tests.notebook_runs import chapters, claims

# A mean over seeds may move by this many half-widths of its interval between processors and
# between versions of TensorFlow; on one machine it does not move at all.
TOLERANCE = 0.5


def changed(recorded: dict, fresh: dict) -> list[str]:
    """What differs by more than the tolerance, one line each."""
    lines = []
    if recorded.keys() != fresh.keys():
        lines.append(f"claims differ: {sorted(recorded.keys() ^ fresh.keys())}")
    for name in recorded.keys() & fresh.keys():
        old, new = recorded[name], fresh[name]
        half_width = (old["interval"][1] - old["interval"][0]) / 2
        allowed = TOLERANCE * half_width + 1e-6
        pairs = [("effect", old["effect"], new["effect"])]
        pairs += [("interval", old["interval"][k], new["interval"][k]) for k in (0, 1)]
        for what, before, now in pairs:
            if abs(before - now) > allowed:
                lines.append(f"{name}: {what} was {before:+.5f}, is {now:+.5f}")
        if old["verdict"] != new["verdict"]:
            lines.append(f"{name}: verdict was {old['verdict']!r}, is {new['verdict']!r}")
        if old["seeds"] != new["seeds"]:
            lines.append(f"{name}: seeds differ")
    return lines


def stored_and_fresh(built_book, path):
    fresh = built_book / "_build" / "jupyter_execute" / "notebooks" / path.name
    return (
        claims(nbformat.read(path, as_version=4)),
        claims(nbformat.read(fresh, as_version=4)),
    )


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_the_recorded_numbers_come_out_again(built_book, path):
    recorded, fresh = stored_and_fresh(built_book, path)
    assert recorded
    assert changed(recorded, fresh) == []


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_number_that_is_off_would_be_noticed(path):
    recorded = claims(nbformat.read(path, as_version=4))
    for name, record in recorded.items():
        shifted = copy.deepcopy(recorded)
        shifted[name]["effect"] += (record["interval"][1] - record["interval"][0]) + 1e-4
        assert changed(recorded, shifted)
