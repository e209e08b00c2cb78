"""Whether the claims hold under seeds that nobody has looked at.

`python -m tests.fresh_seeds --first-seed 9000` runs every chapter with other seeds and compares
each claim with what the chapter's stored notebook says of it. The exit status is 1 if a claim is
contradicted. `--seeds` and names of chapters make it shorter.
"""

from __future__ import annotations

import argparse
import sys

import nbformat
import numpy as np
from scipy import stats
from tqdm import tqdm

from tests.notebook_runs import chapters, execute
from utils.chapters import claims_of
from utils.claims import CONFIDENCE, OPPOSITE, SUPPORTED
from utils.parameters import ParameterError, check

# Standard errors by which two measurements of one effect may differ. Of a hundred claims that
# hold, one in thousands of runs differs by more.
LIMIT = 5
FOUND = (SUPPORTED, OPPOSITE)  # the verdicts that say that there is an effect


def differences(record: dict) -> np.ndarray:
    """Treatment minus control for each seed."""
    return np.array(record["treatment"], float) - np.array(record["control"], float)


def contradiction(recorded: dict, fresh: dict) -> str | None:
    """What fresh seeds say against a recorded claim, in one line, or None.

    A claim is contradicted where its effect has moved by more than `LIMIT` standard errors, and
    where an effect that was found now has an interval on the other side of zero.
    """
    before, now = differences(recorded), differences(fresh)
    if not (np.isfinite(before).all() and np.isfinite(now).all()):
        return f"{recorded['id']}: a training diverged"
    # A few fresh seeds may happen to agree; their spread is then taken from the recorded ones.
    spread = max(now.var(ddof=1), before.var(ddof=1))
    error = np.sqrt(before.var(ddof=1) / len(before) + spread / len(now))
    moved = abs(now.mean() - before.mean())
    effects = f"effect was {before.mean():+.4f}, is {now.mean():+.4f}"
    if moved > LIMIT * error + 1e-6:
        return f"{recorded['id']}: {effects}, {moved / max(error, 1e-12):.1f} standard errors apart"
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, len(now) - 1) * np.sqrt(spread / len(now))
    turned = np.sign(before.mean()) * now.mean() + reach < 0
    if recorded["verdict"] in FOUND and turned:
        return f"{recorded['id']}: {effects}, on the other side of zero"
    return None


def compare(path, first_seed: int, seeds: int) -> tuple[list[str], list[str]]:
    """Contradictions in one chapter, and verdicts that came out otherwise.

    Args:
        path: the notebook.
        first_seed: first of the fresh seeds.
        seeds: how many, at least 2.
    """
    stored = nbformat.read(path, as_version=4)
    recorded = claims_of(stored)
    used = {seed for record in recorded.values() for seed in record["seeds"]}
    again = used & set(range(first_seed, first_seed + seeds))
    if again:
        raise ValueError(f"seeds {min(again)} to {max(again)} are those of the chapter itself")
    fresh = claims_of(execute(path, parameters={"first_seed": first_seed, "seeds": seeds}))
    against = [contradiction(recorded[name], fresh[name]) for name in recorded]
    others = [
        f"{name}: {record['verdict']}, with fresh seeds {fresh[name]['verdict']}"
        for name, record in recorded.items()
        if record["verdict"] != fresh[name]["verdict"]
    ]
    return [line for line in against if line], others


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fresh_seeds", description=__doc__.splitlines()[0]
    )
    parser.add_argument("chapters", nargs="*", help="such as 02_dropout; all if none is named")
    parser.add_argument("--first-seed", type=int, default=9000, help="default 9000")
    parser.add_argument("--seeds", type=int, default=20, help="default 20, at least 2")
    given = parser.parse_args(arguments)
    paths = {path.stem: path for path in chapters()}
    unknown = set(given.chapters) - set(paths)
    if unknown:
        parser.error(f"no chapter is called {min(unknown)}; there are {', '.join(paths)}")
    try:
        check(seeds=given.seeds, first_seed=given.first_seed)
    except ParameterError as error:
        parser.error(str(error))
    contradicted = 0
    wanted = [path for name, path in paths.items() if name in (given.chapters or paths)]
    for path in tqdm(wanted, unit="chapter", disable=None):
        try:
            against, others = compare(path, given.first_seed, given.seeds)
        except ValueError as error:
            parser.error(str(error))
        contradicted += len(against)
        print(f"{path.stem}: {len(against)} claims contradicted, {len(others)} other verdicts")
        for line in against:
            print(f"  contradicted  {line}")
        for line in others:
            print(f"  other verdict {line}")
    return int(contradicted > 0)


if __name__ == "__main__":
    sys.exit(main())
