"""Whether the numbers of claims are still those that a stored notebook holds."""

from __future__ import annotations

# A mean over seeds may move by this many half-widths of its interval between processors and
# between versions of TensorFlow; on one machine it does not move at all.
TOLERANCE = 0.5


def changed(recorded: dict, fresh: dict) -> list[str]:
    """What differs by more than the tolerance between claims by id, one line each."""
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
