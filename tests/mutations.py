"""A mutation tester over the code that verdicts come from: one small change after another, such as
`<` for `<=` or 0.95 for 1.95, and whether the module's own tests see it.

    python -m pip install cosmic-ray     # in any environment
    python -m tests.mutations --sample 60 --cosmic-ray path/to/cosmic-ray

[cosmic-ray](https://cosmic-ray.readthedocs.io) makes the changes and runs the tests, in a copy of
the course. Changes that nothing can see are left out: type hints, which are never evaluated. It
prints each survivor as a diff, and exits with 1 if there is one that `EXPLAINED` does not know.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from tests.copies import copy_course
from utils.jobs import OneLineParser, exit_status

# Each module with the tests that have to see its changes.
TESTED_BY = {
    "intervals": ("test_intervals",),
    "measures": ("test_measures", "test_claims"),
    "claims": ("test_claims",),
    "datasets": ("test_datasets",),
    "protocol": ("test_protocol",),
}
TIMEOUT = 240  # seconds: more is an endless loop, which counts as seen
# Survivors that change nothing that could be seen: all of a line that they change, and why.
EXPLAINED = {
    r'\(\s*\d+,\s*\d+, "(start|middle|end)"': "a label in a card's drawing, off by a pixel",
    r"[\d.]+ \* small\)": "how much room is left beside the field that counts as none",
}


def main(arguments=None) -> int:
    parser = OneLineParser(prog="python -m tests.mutations", description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", help=f"some of {', '.join(TESTED_BY)}; default: all")
    parser.add_argument("--sample", type=int, default=60, help="changes of a module, drawn")
    parser.add_argument("--draw", type=int, default=0, help="another number draws other changes")
    parser.add_argument("--cosmic-ray", default="cosmic-ray", help="the program")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.modules) - set(TESTED_BY):
        parser.error(f"no such module: {', '.join(unknown)}; allowed are {', '.join(TESTED_BY)}")
    if (program := shutil.which(asked.cosmic_ray)) is None:
        parser.error(f"{asked.cosmic_ray} was not found: python -m pip install cosmic-ray")
    asked.cosmic_ray = Path(program).absolute()
    tried = seen = unexplained = 0
    with tempfile.TemporaryDirectory() as folder:
        course = copy_course(Path(folder) / "course")
        for module in asked.modules or TESTED_BY:
            results = _mutated(course, module, asked)
            survived = [result for result in results if result["test_outcome"] == "SURVIVED"]
            print(f"{module}: {len(results) - len(survived)} of {len(results)} changes seen")
            for result in survived:
                why = _why(result["diff"])
                print(f"{result['diff'].strip()}\n{why or 'NOT EXPLAINED'}\n")
                unexplained += why is None
            tried, seen = tried + len(results), seen + len(results) - len(survived)
    print(f"{seen} of {tried} changes seen, {tried - seen - unexplained} explained")
    return 1 if unexplained else 0


def _why(diff):
    """The reason for which a survivor is harmless, if nothing else differs in the changed line."""
    lines = [line for line in diff.splitlines() if line[:1] in ("-", "+") and line[1:2] == " "]
    for pattern, why in EXPLAINED.items():
        before, after = (
            [re.sub(pattern, "", line[1:]) for line in lines if line[0] == sign] for sign in "-+"
        )
        if before == after:
            return why
    return None


def _mutated(course, module, asked):
    """What became of each change that was drawn: its outcome and its diff."""
    tests = " ".join(f"tests/{name}.py" for name in TESTED_BY[module])
    command = (
        f"{sys.executable} -m pytest -qx -p no:nbval -p no:cacheprovider "
        f"--override-ini addopts=--strict-markers {tests}"
    )
    settings = course.parent / f"{module}.toml"
    settings.write_text(
        f'[cosmic-ray]\nmodule-path = ["utils/{module}.py"]\ntimeout = {TIMEOUT}.0\n'
        f"excluded-modules = []\ntest-command = {json.dumps(command)}\n"
        '[cosmic-ray.distributor]\nname = "local"\n',
        encoding="utf-8",
    )
    session = course.parent / f"{module}.sqlite"

    def call(step, *more):
        subprocess.run(
            [asked.cosmic_ray, step, *more], cwd=course, check=True, stdout=subprocess.DEVNULL
        )

    call("init", str(settings), str(session))
    with sqlite3.connect(session) as made:
        drawn = _drawn(made, asked.sample, random.Random(f"{module} {asked.draw}"))
        for table in ("work_items", "mutation_specs"):
            marks = ",".join("?" * len(drawn))
            made.execute(f"DELETE FROM {table} WHERE job_id NOT IN ({marks})", drawn)
    call("baseline", str(settings))
    with (
        subprocess.Popen(
            [asked.cosmic_ray, "exec", str(settings), str(session)], cwd=course
        ) as running,
        tqdm(total=len(drawn), desc=module, disable=None) as shown,
    ):
        while running.poll() is None:
            try:
                running.wait(2)
            except subprocess.TimeoutExpired:
                with sqlite3.connect(session) as made:
                    count = made.execute("SELECT count(*) FROM work_results").fetchone()[0]
                shown.update(count - shown.n)
    with sqlite3.connect(session) as made:
        rows = made.execute("SELECT test_outcome, diff FROM work_results").fetchall()
    return [{"test_outcome": outcome, "diff": diff} for outcome, diff in rows]


def _drawn(made, sample, chance):
    """Changes to try: one at random for a place and kind, so that no place fills the sample."""
    places = {}
    for job, operator, *place in made.execute(
        "SELECT job_id, operator_name, start_pos_row, start_pos_col FROM mutation_specs "
        "ORDER BY operator_name, start_pos_row, start_pos_col, occurrence"
    ):
        if "BitOr" not in operator:  # they stand in type hints, or merge dictionaries
            places.setdefault((operator.split("_")[0], *place), []).append(job)
    chosen = [chance.choice(jobs) for jobs in places.values()]
    return sorted(chance.sample(chosen, min(sample, len(chosen))))


if __name__ == "__main__":
    sys.exit(exit_status(main))
