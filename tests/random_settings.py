"""Does every chapter run to its end with settings that are allowed? Drawn ones, in short runs.

    python -m tests.random_settings --runs 8
    python -m tests.random_settings 05_practical_tips --runs 1 --draw 1234

Says what stopped where, with the number by which the settings are drawn again, and exits with 1.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence

from nbclient.exceptions import CellExecutionError, DeadKernelError
from tqdm import tqdm

from tests.notebook_runs import chapters, execute
from utils.catalogue import SOURCES
from utils.chapters import claims_of, parameters_of, read
from utils.jobs import OneLineParser, exit_status
from utils.parameters import PARAMETERS, OneLineError, check, one_line

# Both ends of what is allowed and what lies between, as far as a run stays short.
OFFERED = {
    "dataset": [name for name, source in SOURCES.items() if not source.downloaded],
    "seeds": [2, 3],
    "first_seed": [0, 1000, 1_000_000_000],
    "epochs": [1, 2, 3, 5],
    "train_rows": [20, 21, 50, 100, 300],
    "label_noise": [0.0, 0.3, 1.0],
    "dropout_rate": [0.0, 0.1, 0.5, 0.99],
    "units": [1, 2, 8, 64],
    "batch_size": [1, 7, 32, 256, 4096],
    "learning_rate": [1e-6, 0.001, 0.5, 10.0],
}


def drawn(known: Sequence[str], number: int) -> dict:
    """Allowed values for all parameters of a chapter.

    Args:
        known: their names.
        number: the same one draws the same settings.
    """
    rng = random.Random(number)
    settings = {name: rng.choice(OFFERED[name]) for name in PARAMETERS if name in known}
    if settings.get("batch_size") == 1:  # or a run takes minutes
        settings["train_rows"] = min(settings.get("train_rows", 50), 50)
    check(**settings)
    return settings


def stopped(chapter: str, number: int) -> str | None:
    """Where a chapter with drawn settings stops; None if it comes to its end with claims."""
    path = next(path for path in chapters() if path.stem == chapter)
    settings = drawn(list(parameters_of(read(chapter)[1])), number)
    try:
        made = claims_of(execute(path, parameters=settings))
    except CellExecutionError as error:
        return f"{settings}: {error.ename}: {one_line(error.evalue)[:200]}"
    except DeadKernelError:
        return f"{settings}: the kernel died"
    return None if made else f"{settings}: no claim was made"


def _run(given) -> int:
    parser = OneLineParser(prog="python -m tests.random_settings", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("chapters", nargs="*", help="such as 02_dropout; all if none is named")
    parser.add_argument("--runs", type=int, default=4, help="of each chapter; default 4")
    parser.add_argument("--draw", type=int, help="number of the first draw; by default any")
    options = parser.parse_args(given)
    there = [path.stem for path in chapters()]
    unknown = set(options.chapters) - set(there)
    if unknown:
        raise OneLineError(f"no chapter is called {min(unknown)!r}; there are {', '.join(there)}")
    first = random.randrange(10**6) if options.draw is None else options.draw
    tried = [(name, first + k) for name in options.chapters or there for k in range(options.runs)]
    failed = 0
    for name, number in tqdm(tried, unit="run", disable=None):
        reason = stopped(name, number)
        if reason:
            failed += 1
            print(f"{name} --draw {number} stopped with {reason}", flush=True)
    print(f"{len(tried) - failed} of {len(tried)} runs came to their end, from draw {first} on")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: _run(None)))
