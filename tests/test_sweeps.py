"""Sweeps on real Dask clusters: what is interrupted goes on, and nothing is done twice.

The chapter that runs here is a small one, so that a run takes about a second.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest

from tests.notebook_runs import ROOT

PARAMETERS = """seeds: int = 3  # paired replicates
first_seed: int = 0  # the first of them
label_noise: float = 0.0  # at 1 the chapter fails
dropout_rate: float = 0.5  # shifts the treatment"""

# Each run says in a file when it starts, so that runs can be counted.
RUN = """import os, sys, time
from utils.parameters import check
check(seeds=seeds, first_seed=first_seed, label_noise=label_noise, dropout_rate=dropout_rate)
with open(os.environ["RUNS_LOG"], "a") as log:
    print(time.time(), first_seed, dropout_rate, file=log)
time.sleep(0.3)
if label_noise == 1:
    raise RuntimeError("all labels are wrong")"""

CLAIM = """from utils.claims import Claim
seed_list = range(first_seed, first_seed + seeds)
Claim("shift", "A sentence.", [s + dropout_rate + s % 7 / 100 for s in seed_list],
      list(seed_list), "accuracy", "higher", seed_list)"""


def small_chapter():
    cells = [nbformat.v4.new_code_cell(source) for source in (PARAMETERS, RUN, CLAIM)]
    cells[0].metadata.tags = ["parameters"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "P"}
    return notebook


class Course:
    """A folder with the course's code and one small chapter, and what its runs said."""

    def __init__(self, folder: Path):
        self.folder, self.log = folder, folder / "runs.log"
        shutil.copytree(ROOT / "utils", folder / "utils")
        (folder / "notebooks").mkdir()
        nbformat.write(small_chapter(), folder / "notebooks" / "11_small.ipynb")
        self.environment = {**os.environ, "RUNS_LOG": str(self.log)}

    def start(self, *options, **settings):
        return subprocess.Popen(
            [sys.executable, "-m", "utils.rerun", "11_small", *map(str, options)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **settings,
        )

    def run(self, *options):
        process = self.start(*options)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def started(self):
        """Time and parameters of all starts of a run, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(float(line.split()[0]), tuple(line.split()[1:])) for line in lines]

    def finished(self):
        """The finished notebooks, and the content of each."""
        found = (self.folder / "reruns" / "11_small").glob("*/11_small.ipynb")
        return {path: path.read_bytes() for path in found}


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


def unfinished(course):
    return list((course.folder / "reruns").rglob("*.unfinished"))


def parameters_in(content):
    given = json.loads(content)["metadata"]["course"]["parameters"]
    return str(given["first_seed"]), str(given["dropout_rate"])


GRID = ("--grid", "first_seed=" + ",".join(map(str, range(12))), "--workers", 2)


def test_a_grid_gives_one_row_per_run_claim_and_replicate(course):
    status, out, err = course.run(
        "--grid", "dropout_rate=0,0.25", "--grid", "first_seed=0,5", "-p", "seeds=4", "--csv"
    )
    assert (status, err) == (0, "")
    folder = course.folder / "reruns" / "11_small"
    table = pd.read_parquet(next(folder.glob("*.parquet")))
    assert len(table) == 4 * 1 * 4
    assert set(table["dropout_rate"]) == {0.0, 0.25}
    for (rate, first), rows in table.groupby(["dropout_rate", "first_seed"]):
        assert list(rows["seed"]) == list(range(first, first + 4))
        expected = [seed + rate + seed % 7 / 100 for seed in rows["seed"]]
        assert rows["treatment"].tolist() == pytest.approx(expected)
    assert table["python"].unique().tolist() == [".".join(map(str, sys.version_info[:3]))]
    assert (table["seconds"] > 0).all()
    read = pd.read_csv(next(folder.glob("*.csv")))
    pd.testing.assert_frame_equal(read, table, check_dtype=False)
    assert "4 of 4 runs are finished" in out
    assert len(course.started()) == 4


def test_kills_at_random_points_lose_nothing_and_repeat_nothing(course):
    chance = random.Random(20140614)
    kept = {}
    for k in range(10):
        process = course.start(*GRID)
        time.sleep(chance.uniform(1, 9))
        sweep = psutil.Process(process.pid)
        family = sweep.children(recursive=True)
        workers = [p for p in family if "spawn_main" in " ".join(p.cmdline())]
        victim = chance.choice(["sweep", "worker", "interrupt"])
        if victim == "worker" and workers:
            chance.choice(workers).kill()
            time.sleep(chance.uniform(0, 2))
        if victim == "interrupt":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.kill()
        process.communicate(timeout=60)
        _, alive = psutil.wait_procs(family, timeout=20)
        assert not alive, "what a sweep starts ends with it"
        now = course.finished()
        assert now.items() >= kept.items(), "finished runs stay as they are"
        again = {run for when, run in course.started() if when > moment} if kept else set()
        assert not again & {parameters_in(content) for content in kept.values()}
        kept, moment = now, time.time()
        print(k, victim, len(kept))
    status, out, err = course.run(*GRID)
    assert (status, err) == (0, "")
    assert "12 of 12 runs are finished" in out
    assert course.finished().items() >= kept.items()
    assert not unfinished(course)
    table = pd.read_parquet(next((course.folder / "reruns").rglob("*.parquet")))
    assert sorted(table["first_seed"].unique()) == list(range(12))
    before = len(course.started())
    assert course.run(*GRID)[0] == 0
    assert len(course.started()) == before, "the same sweep again runs nothing"
