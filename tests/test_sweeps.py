"""Sweeps on real Dask clusters: what is interrupted goes on, and nothing is done twice.

The chapter that runs here is a small one, so that a run takes about a second.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest

from tests.notebook_runs import ROOT
from utils.sweeps import course_files

pytestmark = pytest.mark.slow

PARAMETERS = """seeds: int = 3  # paired replicates
first_seed: int = 0  # the first of them
label_noise: float = 0.0  # at 1 the chapter fails
dropout_rate: float = 0.5  # shifts the treatment"""

# Each run says in a file when it starts, so that runs can be counted.
RUN = """import os, time
from utils.parameters import check
check(seeds=seeds, first_seed=first_seed, label_noise=label_noise, dropout_rate=dropout_rate)
with open(os.environ["RUNS_LOG"], "a") as log:
    print(time.time(), first_seed, label_noise, file=log)
time.sleep(0.3)
if label_noise == 1:
    raise RuntimeError("all labels\\nare wrong")"""

CLAIM = """from utils.claims import Claim
seed_list = range(first_seed, first_seed + seeds)
Claim("shift", "shifting", "accuracy", [s + dropout_rate + s % 7 / 100 for s in seed_list],
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
        toc = "parts: [{chapters: [{file: notebooks/11_small}]}]"
        (folder / "_toc.yml").write_text(toc)
        self.environment = {**os.environ, "RUNS_LOG": str(self.log)}

    def start(self, *options):
        return subprocess.Popen(
            [sys.executable, "-m", "utils.rerun", "11_small", *map(str, options)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *options):
        process = self.start(*options)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def starts(self) -> list[tuple[str, str]]:
        """First seed and label noise of each run that started, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [tuple(line.split()[1:]) for line in lines]

    def wait_for_starts(self, count, process):
        """Until so many runs have started in all, or the sweep has ended."""
        self.wait_until(lambda: len(self.starts()) >= count, process)

    def wait_until(self, holds, process):
        """Until something holds, or the sweep has ended."""
        while not holds() and process.poll() is None:
            time.sleep(0.02)

    def finished(self) -> dict[str, bytes]:
        """The content of each finished notebook, by the first seed of its run."""
        found = {}
        for path in (self.folder / "reruns" / "11_small").glob("*/11_small.ipynb"):
            content = path.read_bytes()
            run = json.loads(content)["metadata"]["course"]["parameters"]
            found[str(run["first_seed"])] = content
        return found

    def leftovers(self):
        return list((self.folder / "reruns").rglob("*.unfinished"))

    def table(self):
        return pd.read_parquet(next((self.folder / "reruns").rglob("*.parquet")))


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


def grid_of(runs):
    return "--grid", "first_seed=" + ",".join(map(str, range(runs))), "--workers", 2


def test_a_grid_gives_one_row_per_run_claim_and_replicate(course):
    status, out, err = course.run(
        "--grid", "dropout_rate=0,0.25", "--grid", "first_seed=0,5", "-p", "seeds=4", "--csv"
    )
    assert (err, status) == ("", 0)
    table = course.table()
    assert len(table) == 4 * 1 * 4
    assert set(table["dropout_rate"]) == {0.0, 0.25}
    for (rate, first), rows in table.groupby(["dropout_rate", "first_seed"]):
        assert list(rows["seed"]) == list(range(first, first + 4))
        expected = [seed + rate + seed % 7 / 100 for seed in rows["seed"]]
        assert rows["treatment"].tolist() == pytest.approx(expected)
    assert table["python"].unique().tolist() == [".".join(map(str, sys.version_info[:3]))]
    assert (table["seconds"] > 0).all()
    read = pd.read_csv(next((course.folder / "reruns").rglob("*.csv")))
    known = table.columns[table.notna().all()]
    pd.testing.assert_frame_equal(read[known], table[known], check_dtype=False)
    assert (read.isna() == table.isna()).all().all()
    assert "4 of 4 runs are finished" in out
    assert len(course.starts()) == 4

    report = next((course.folder / "reruns").rglob("*.parquet"))
    shown = subprocess.run(
        [sys.executable, "-m", "utils.rerun", "--report", report],
        cwd=course.folder, capture_output=True, text=True,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    page = report.with_suffix(".html").read_text()
    assert page.count("<svg") == 1
    assert "dropout_rate=0.25, first_seed=5" in page
    assert not re.search(r"(src|href)=.https?:", page)


def test_workers_get_the_files_of_every_dataset_that_needs_no_download(tmp_path):
    for name, content in course_files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    code = """
from utils import datasets
from utils.catalogue import SOURCES
for name, source in SOURCES.items():
    if not source.downloaded:
        print(datasets.load(name).describe())
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "fashion: 5000 training" in run.stdout


# More of them find more, and take longer: KILLS=50 make test.
KILLS = int(os.environ.get("KILLS", "3"))
RUNS = 4 * KILLS


def test_kills_at_random_points_lose_nothing_and_repeat_nothing(course):
    chance = random.Random(20140614)
    kept, runs = {}, grid_of(RUNS)
    for k in range(KILLS):
        before = course.starts()
        process = course.start(*runs)
        course.wait_for_starts(len(before) + chance.randint(0, 4), process)
        if k == KILLS - 1:  # something is finished before the last, however slow the machine is
            course.wait_until(course.finished, process)
        time.sleep(chance.uniform(0, 1))
        assert process.poll() is None, process.communicate()
        family = psutil.Process(process.pid).children(recursive=True)
        if k % 3 == 0:
            workers = [p for p in family if "spawn_main" in " ".join(p.cmdline())]
            chance.choice(workers).kill() if workers else None
            course.wait_for_starts(len(course.starts()) + 1, process)
            family += psutil.Process(process.pid).children(recursive=True)
        if k % 3 == 1:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.kill()
        _, err = process.communicate(timeout=60)
        if len(course.starts()) > len(before):  # not while Python still imports
            assert "Traceback" not in err, err
        _, alive = psutil.wait_procs(family, timeout=30)
        assert not alive, "what a sweep starts ends with it"
        repeated = {seed for seed, _ in course.starts()[len(before) :]} & kept.keys()
        assert not repeated, "finished runs are not done again"
        now = course.finished()
        assert now.items() >= kept.items(), "finished runs stay as they are"
        kept = now
    assert 0 < len(kept) < RUNS
    before = course.starts()
    status, out, err = course.run(*runs)
    assert (err, status) == ("", 0)
    assert f"{RUNS} of {RUNS} runs are finished" in out
    assert not {seed for seed, _ in course.starts()[len(before) :]} & kept.keys()
    assert course.finished().items() >= kept.items()
    assert not course.leftovers()
    assert sorted(course.table()["first_seed"].unique()) == list(range(RUNS))
    before = course.starts()
    assert course.run(*runs)[0] == 0
    assert course.starts() == before, "the same sweep again runs nothing"


def test_a_killed_worker_costs_only_the_run_it_was_at(course):
    process = course.start(*grid_of(6))
    course.wait_for_starts(2, process)
    children = psutil.Process(process.pid).children()
    next(p for p in children if "spawn_main" in " ".join(p.cmdline())).kill()
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "6 of 6 runs are finished" in out
    assert len(course.starts()) <= 6 + 2


def test_a_failing_run_is_reported_and_does_not_stop_the_others(course):
    options = ("--grid", "label_noise=0,1,0.5", "--workers", 2)
    status, out, err = course.run(*options)
    assert status == 1
    assert "2 of 3 runs are finished" in out
    (line,) = err.splitlines()
    assert line == (
        "failed: 11_small with label_noise=1.0: cell 3 stopped with RuntimeError: all labels "
        "are wrong"
    )
    assert set(course.table()["label_noise"]) == {0.0, 0.5}
    (failed,) = (course.folder / "reruns").rglob("*.failed.ipynb")
    assert "are wrong" in failed.read_text()
    assert course.run(*options)[0] == 1
    noises = [noise for _, noise in course.starts()]
    assert sorted(noises) == ["0.0", "0.5", "1.0", "1.0"], "only what failed is tried again"


def test_changed_code_is_run_again_and_a_damaged_result_is_not_taken_for_finished(course):
    options = ("--grid", "first_seed=0,1")
    assert course.run(*options)[0] == 0
    damaged = next((course.folder / "reruns").rglob("first_seed=1/11_small.ipynb"))
    damaged.write_bytes(damaged.read_bytes()[:-100])
    assert course.run(*options)[0] == 0
    assert [seed for seed, _ in course.starts()[2:]] == ["1"]
    with open(course.folder / "utils" / "claims.py", "a") as module:
        print("# another line", file=module)
    assert course.run(*options)[0] == 0
    assert len(course.starts()) == 5


def test_a_full_disk_leaves_nothing_half_written_and_the_sweep_goes_on_afterwards(course):
    process = course.start(*grid_of(4))
    course.wait_for_starts(1, process)
    # The sweep may write no byte more to any file; its workers may.
    psutil.Process(process.pid).rlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert "cannot be written: File too large" in line
    assert not course.leftovers()
    assert not course.finished()
    assert course.run(*grid_of(4))[0] == 0


# A cluster of one's own: a scheduler and a worker that know nothing of the course


class Cluster:
    def __init__(self, folder, environment):
        self.folder, self.environment, self.processes = folder, environment, []
        folder.mkdir()
        self.address = self._scheduler()

    def _start(self, *command):
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + command[0], *command[1:]],
            cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def _scheduler(self):
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
        )
        for line in self.scheduler.stderr:
            if found := re.search(r"Scheduler at:\s+(tcp://\S+)", line):
                return found[1]
        raise AssertionError("no scheduler")

    def worker(self):
        process = self._start(
            "dask_worker", self.address, "--nthreads", "2", "--no-dashboard", "--no-nanny"
        )
        assert any("Registered to" in line for line in process.stderr)

    def close(self):
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture
def cluster(tmp_path, course):
    cluster = Cluster(tmp_path / "elsewhere", course.environment)
    yield cluster
    cluster.close()


def test_workers_of_a_running_scheduler_get_the_course_s_code(course, cluster):
    cluster.worker()
    options = ("--grid", "first_seed=0,1,2", "--scheduler", cluster.address)
    status, out, err = course.run(*options)
    assert (err, status) == ("", 0)
    assert "3 of 3 runs are finished" in out
    assert not list(cluster.folder.rglob("utils"))
    # Other code than the worker has got the last time.
    with open(course.folder / "utils" / "claims.py", "a") as module:
        print("BADGES['upheld'] = BADGES[SUPPORTED]\nSUPPORTED = 'upheld'", file=module)
        print("VERDICTS = (SUPPORTED, *VERDICTS[1:])", file=module)
    assert course.run(*options)[0] == 0
    assert set(course.table()["verdict"]) == {"upheld"}


def test_a_lost_scheduler_ends_the_sweep_and_another_one_goes_on(course, cluster):
    cluster.worker()
    process = course.start(*grid_of(5), "--scheduler", cluster.address)
    course.wait_for_starts(3, process)
    cluster.scheduler.kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert line.startswith(f"error: the Dask scheduler at {cluster.address} got lost")
    kept = course.finished()
    another = Cluster(cluster.folder / "another", course.environment)
    try:
        another.worker()
        before = len(course.starts())
        assert course.run(*grid_of(5), "--scheduler", another.address)[0] == 0
    finally:
        another.close()
    assert not {seed for seed, _ in course.starts()[before:]} & kept.keys()
    assert course.finished().items() >= kept.items()


def test_workers_with_other_versions_are_refused(course, cluster, tmp_path):
    other = tmp_path / "packages" / "keras-1.2.3.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 1.2.3\n")
    cluster.environment = {**cluster.environment, "PYTHONPATH": str(other.parent)}
    cluster.worker()
    status, _, err = course.run("--grid", "first_seed=0,1", "--scheduler", cluster.address)
    assert status == 2
    (line,) = err.splitlines()
    assert re.search(r"error: worker tcp://\S+ has keras 1\.2\.3 instead of \d", line)
    assert not course.starts()


def test_a_scheduler_that_does_not_answer_is_one_line(course):
    status, _, err = course.run("--grid", "first_seed=0,1", "--scheduler", "tcp://127.0.0.1:1")
    assert status == 2
    (line,) = err.splitlines()
    assert line.startswith("error: no Dask scheduler answers at tcp://127.0.0.1:1")


def test_the_sweep_itself_does_not_import_tensorflow():
    """Only kernels do, once each."""
    code = "import sys, utils.rerun; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
