"""Interrupts the course's commands at random moments, and looks at what is left.

    python -m tests.faults
    python -m tests.faults --points 12 --seed 7 --only sweep,build

A point is a command, a fault and a moment: `jb build`, a sweep, the measurements, a comparison and
the tests meet Ctrl-C, `kill -9`, a full disk, a folder that turns read-only, a lost scheduler, and
themselves in the same folder. After each, nothing runs on, nothing half-written is taken for
whole, the last good site is as it was, and the same command succeeds without doing again what was
finished. Jobs are tiny: fifty points take about twenty minutes on two cores. As root, disks are
small ones of their own (tmpfs); else files may not grow, and folders lose their permission.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import itertools
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import nbformat
import pandas as pd
import psutil
from tqdm import tqdm

from tests.notebook_runs import ROOT
from tests.test_sweeps import Cluster, Course, grid_of
from utils.jobs import OneLineParser, exit_status

MARK = "FAULT_POINT"  # in the environment of all that a point starts
SECONDS_TO_END, SECONDS_TO_FINISH = 60, 1200  # a busy machine is no fault
SEED = 20140614

CTRL_C, KILL = "Ctrl-C", "kill -9 of the command"
WORKER, KERNEL = "kill -9 of a worker", "kill -9 of a kernel"
FULL, READ_ONLY = "full disk", "read-only folder"
SCHEDULER, TWICE = "lost scheduler", "two at once"
CLEANS_UP = {CTRL_C, FULL, READ_ONLY, TWICE}  # after these a command can remove what it has left


class Broken(AssertionError):
    """A promise that does not hold, in one line."""


def require(holds, sentence: str) -> None:
    if not holds:
        raise Broken(sentence)


# The commands


class Subject:
    """A command with tiny work, in a folder of its own.

    Attributes:
        faults: what may happen to it.
        out: the folder whose disk fills up or turns read-only.
    """

    faults: tuple[str, ...] = (CTRL_C, KILL)
    fresh = True  # whether each point has a new one

    def __init__(self, folder: Path):
        self.folder, self.out = folder, folder / "reruns"
        self.temporary, self.runtime = folder / "temporary", folder / "runtime"
        self.set_up()
        for path in (self.out, self.temporary, self.runtime):
            path.mkdir(exist_ok=True)

    def set_up(self) -> None:
        """Make the work."""

    def next_point(self) -> None:
        """Make something due again."""

    def command(self) -> list:
        raise NotImplementedError

    def results(self) -> list[Path]:
        """Files each of which is finished work."""
        return sorted(self.out.rglob("*.npz"))

    def require_whole(self) -> None:
        """After the command has succeeded."""

    def start(self, point: str) -> subprocess.Popen:
        scratch = {"TMPDIR": self.temporary, "JUPYTER_RUNTIME_DIR": self.runtime}
        scratch |= {"RUNS_LOG": self.folder / "runs.log", "NO_COLOR": "1", MARK: point}
        return subprocess.Popen(
            list(map(str, self.command())), cwd=self.folder, text=True,
            env={**os.environ, **{name: str(value) for name, value in scratch.items()}},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip


class Sweep(Subject):
    faults = (CTRL_C, KILL, WORKER, KERNEL, FULL, READ_ONLY, SCHEDULER, TWICE)
    runs, scheduler = 4, ()

    def set_up(self):
        Course(self.folder)

    def command(self):
        grid = (*grid_of(self.runs), *self.scheduler)
        return [sys.executable, "-m", "utils.rerun", "11_small", *grid]

    def results(self):
        return sorted(self.out.rglob("*/11_small.ipynb"))

    def require_whole(self):
        table = pd.read_parquet(next(self.out.rglob("*.parquet")))
        require(table["first_seed"].nunique() == self.runs, "a run is missing in the table")


def replaced(path: Path, settings: dict[str, str]) -> None:
    """Other values of names of a module."""
    source = path.read_text()
    for name, value in settings.items():
        source, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", source, flags=re.M)
        assert count == 1, f"{path.name} has no {name}"
    path.write_text(source)


class Calibration(Subject):
    faults = (CTRL_C, KILL, WORKER, FULL)
    module, table = "measure_calibration", "calibration.parquet"

    def set_up(self):
        Course(self.folder)
        utils = self.folder / "utils"
        replaced(utils / "measure_atlas.py", {"SEEDS": "(5000, 5001)"})
        replaced(utils / "calibration.py", {"MASKS": "2"})
        replaced(utils / "atlas.py", {"STEPS": "80"})
        (utils / "measure_calibration.py").write_text(
            (utils / "measure_calibration.py").read_text().replace("800, (256, 256)", "100, (8, 8)")
        )
        replaced(utils / "measure_calibration.py", {"EPOCHS": "(1, 2)"})
        (self.folder / "book" / "data" / "atlas").mkdir(parents=True)

    def command(self):
        return [sys.executable, "-m", f"utils.{self.module}", "--workers", 2]

    def require_whole(self):
        require(len(pd.read_parquet(self.folder / "book" / "data" / self.table)), "an empty table")


class Atlas(Calibration):
    module, table = "measure_atlas", "atlas/fashion-residual.parquet"

    def command(self):
        return [*super().command(), "fashion-residual"]


class Comparison(Subject):
    faults = (CTRL_C, KILL, FULL, READ_ONLY)

    def set_up(self):
        Course(self.folder)
        chance = random.Random(SEED)
        rows = pd.DataFrame([[chance.gauss(k % 2, 1) for _ in range(4)] for k in range(200)])
        rows.assign(kind=[f"kind {k % 2}" for k in range(200)]).to_csv(
            self.folder / "rows.csv", index=False
        )

    def command(self):
        small = ("--techniques", "dropout,l2", "--seeds", 2, "--steps", 20, "--units", 4)
        return [sys.executable, "-m", "utils.compare", "rows.csv", "--label", "kind", *small]

    def require_whole(self):
        require(len(pd.read_parquet(next(self.out.rglob("*.parquet")))), "an empty table")
        page = next(self.out.rglob("*.html")).read_text()
        require("</html>" in page, "the page is cut off")


CELL = """import time
from pathlib import Path
with Path("../executed.log").open("a") as log:
    log.write("{name} {number}\\n")
time.sleep(1)
print("number {number}")
names = ("python", "tensorflow", "keras", "numpy")
cost = {{"seconds": 1, "megabytes": 1, "day": "2026-01-01", "versions": dict.fromkeys(names, "0")}}
display({{"text/plain": "cost"}}, raw=True, metadata={{"cost": cost}})"""


class Book(Subject):
    faults = (CTRL_C, KILL, KERNEL, FULL, READ_ONLY, TWICE)
    fresh = False  # the site of the point before is the last good one
    number = 0

    def set_up(self):
        sys.path.append(str(ROOT / "book" / "extensions"))  # pytest does so by itself
        from tests.test_book import copy_course, keep_only

        copy_course(self.folder)
        self.out = self.folder / "_build"
        self.names = ["one", "two", "three"]
        keep_only(self.folder, *(f"notebooks/{name}" for name in self.names))
        self.next_point()

    def next_point(self):
        self.number += 1
        for name in self.names:
            words = {"myst": {"html_meta": {"description": "A tiny page."}}}
            text = f"# {name}\n\nYou need nothing.\n\nText {self.number}."
            cells = [
                nbformat.v4.new_markdown_cell(text),
                nbformat.v4.new_code_cell(CELL.format(name=name, number=self.number)),
            ]
            nbformat.write(
                nbformat.v4.new_notebook(cells=cells, metadata=words),
                self.folder / "notebooks" / f"{name}.ipynb",
            )
        (self.folder / "executed.log").unlink(missing_ok=True)

    def command(self):
        return [Path(sys.executable).with_name("jb"), "build", "."]

    def results(self):
        cached = sorted((self.out / ".jupyter_cache").rglob("base.ipynb"))
        return [path for path in cached if f"number {self.number}" in path.read_text()]

    def site(self):
        """A digest of each file of the site."""
        html = self.out / "html"
        files = sorted(path for path in html.rglob("*") if path.is_file())
        return {f.relative_to(html): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}

    def require_whole(self):
        for name in self.names:
            page = (self.out / "html" / "notebooks" / f"{name}.html").read_text()
            whole = f"Text {self.number}." in page and f"number {self.number}" in page
            require(whole and "</html>" in page, f"the page {name} is not of this build")


class Tests(Subject):
    def command(self):
        files = ("tests/test_set_up.py", "tests/test_sweeps.py", "-k", "fit or failing_run")
        plugins = ("-p", "no:nbval", "-p", "no:cacheprovider", "--override-ini", "addopts=")
        spread = ("-n", 2, "--dist", "loadfile")
        where = ("--rootdir", ROOT, "-c", ROOT / "pyproject.toml")
        paths = [ROOT / name if name.startswith("tests/") else name for name in files]
        return [sys.executable, "-m", "pytest", "-q", *where, *plugins, *spread, *paths]


SUBJECTS = {
    "build": Book,
    "sweep": Sweep,
    "atlas": Atlas,
    "calibration": Calibration,
    "compare": Comparison,
    "tests": Tests,
}
# What is quick meets its faults more often.
TIMES = {"build": 2, "sweep": 3, "atlas": 1, "calibration": 1, "compare": 1, "tests": 1}


# What happens to them


@contextlib.contextmanager
def disk(folder: Path):
    """Lets a folder lie on a disk of its own where that can be had; says whether it does."""
    if not any(folder.iterdir()) and os.geteuid() == 0:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True
        )
        if mounted.returncode == 0:
            try:
                yield True
            finally:
                subprocess.run(["umount", "--lazy", folder], check=True)
            return
    yield False


def fill(subject, process, own_disk) -> Callable:
    """No byte more can be written; returns what ends that."""
    if not own_disk:
        with contextlib.suppress(psutil.Error):
            limit = (1, resource.RLIM_INFINITY)
            psutil.Process(process.pid).rlimit(resource.RLIMIT_FSIZE, limit)
        return lambda: None
    filler = subject.out / ".filler"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    return filler.unlink


def lock(subject, process, own_disk) -> Callable:
    """The folder turns read-only; returns what ends that."""
    if not own_disk:
        subject.out.chmod(0o555)
        return lambda: subject.out.chmod(0o755)

    def remounted(how):
        command = ["mount", "-o", f"remount,{how}", subject.out]
        for _ in range(200):  # not while a file is being written
            if subprocess.run(command, capture_output=True).returncode == 0:
                return
            time.sleep(0.02)

    remounted("ro")
    return lambda: remounted("rw")


def family(point: str) -> list[psutil.Process]:
    """All that a point has started and that still runs."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == point and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def one_of(chance, point: str, words: str, process) -> psutil.Process | None:
    """Some process of a point whose command line has these words, as soon as there is one."""
    until = time.monotonic() + SECONDS_TO_END
    while process.poll() is None and time.monotonic() < until:
        there = []
        for one in family(point):
            with contextlib.suppress(psutil.Error):
                if words in " ".join(one.cmdline()):
                    there.append(one)
        if there:
            return chance.choice(there)
        time.sleep(0.05)
    return None


@dataclasses.dataclass(frozen=True)
class Point:
    """A command, a fault, and when: a share of the time that the command takes undisturbed."""

    command: str
    fault: str
    moment: float

    def __str__(self):
        return f"{self.command}: {self.fault} at {self.moment:.0%}"


def plan(points: int, seed: int, only: list[str]) -> list[Point]:
    """Points in random order, in which each pair of a command and a fault comes in turn."""
    chance = random.Random(seed)
    pairs = [(c, f) for c in only for f in SUBJECTS[c].faults for _ in range(TIMES[c])]
    drawn = []
    while len(drawn) < points:
        chance.shuffle(pairs)
        drawn += pairs
    return [Point(*pair, chance.uniform(0, 0.95)) for pair in drawn[:points]]


def stamps(paths: list[Path]) -> dict[Path, tuple]:
    """When each file was written, and what it holds."""
    return {p: (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).digest()) for p in paths}


def scratch(subject) -> list[Path]:
    """Temporary files and connection files of kernels; Dask keeps empty folders and locks."""
    found = [*subject.temporary.rglob("*"), *subject.runtime.rglob("*")]
    named = [path for path in found if path.is_file()]
    return [path for path in named if not path.suffix.endswith("lock")]


def said(err: str) -> None:
    """A command that ends says why in a line, unless Python was still importing."""
    if "Traceback" in err and "importlib" not in err:
        raise Broken(f"a traceback: {err.strip().splitlines()[-1][:200]}")


def strike(subject: Subject, point: Point, duration: float, chance: random.Random) -> bool:
    """Let a fault happen, and require all that must hold afterwards.

    Returns:
        Whether it happened before the command had ended.

    Raises:
        Broken: something does not hold.
    """
    mark, site = uuid.uuid4().hex, subject.site() if isinstance(subject, Book) else None
    with contextlib.ExitStack() as stack:
        own_disk = point.fault in (FULL, READ_ONLY) and stack.enter_context(disk(subject.out))
        if point.fault == SCHEDULER:
            environment = {**os.environ, "RUNS_LOG": str(subject.folder / "runs.log"), MARK: mark}
            cluster = Cluster(subject.folder / f"cluster-{mark}", environment)
            stack.callback(cluster.close)
            cluster.worker()
            subject.scheduler = ("--scheduler", cluster.address)
        process = subject.start(mark)
        time.sleep(point.moment * duration)
        happened, mended = process.poll() is None, lambda: None
        others = []
        if point.fault == CTRL_C and happened:
            os.killpg(process.pid, signal.SIGINT)
        elif point.fault == KILL:
            process.kill()
        elif point.fault in (WORKER, KERNEL):
            words = "spawn_main" if point.fault == WORKER else "ipykernel"
            if victim := one_of(chance, mark, words, process):
                with contextlib.suppress(psutil.Error):
                    victim.kill()
        elif point.fault == FULL:
            mended = fill(subject, process, own_disk)
        elif point.fault == READ_ONLY:
            mended = lock(subject, process, own_disk)
        elif point.fault == SCHEDULER:
            cluster.scheduler.kill()
        elif point.fault == TWICE:
            others.append(subject.start(mark))
        for one in (process, *others):
            try:
                _, err = one.communicate(timeout=SECONDS_TO_FINISH)
            except subprocess.TimeoutExpired:
                os.killpg(one.pid, signal.SIGKILL)
                raise Broken("the command did not end") from None
            finally:
                if one.poll() is not None and one is (process, *others)[-1]:
                    mended()
            said(err)
        if point.fault == SCHEDULER:
            cluster.close()
            subject.scheduler = ()
        _, alive = psutil.wait_procs(family(mark), timeout=SECONDS_TO_END)
        for one in alive:
            one.kill()
        require(not alive, f"{len(alive)} processes ran on")
        if point.fault in CLEANS_UP and not isinstance(subject, Tests):
            left = scratch(subject)
            require(not left, f"{len(left)} temporary files, such as {left[:1]}")
            require(not list(subject.out.rglob("*.unfinished")), "an unfinished file was left")
        if site:
            now = subject.site()
            require(
                now == site or process.returncode == 0 or point.fault == TWICE,
                "the site is a mixture",
            )
        finished = stamps(subject.results())
        again = subject.start(mark)
        try:
            _, err = again.communicate(timeout=SECONDS_TO_FINISH)
        except subprocess.TimeoutExpired:
            os.killpg(again.pid, signal.SIGKILL)
            raise Broken("the same command did not end") from None
        lines = err.strip().splitlines() or ["nothing said"]
        require(again.returncode == 0, f"the same command failed: {lines[-1][:300]}")
        after = stamps(subject.results())
        require(finished.items() <= after.items(), "finished work was done again")
        require(not list(subject.out.rglob("*.unfinished")), "an unfinished file was left")
        subject.require_whole()
    return happened


# The command


def undisturbed(subject: Subject) -> float:
    """How many seconds the command takes.

    Raises:
        Broken: it fails by itself.
    """
    started = time.monotonic()
    process = subject.start("undisturbed")
    _, err = process.communicate(timeout=SECONDS_TO_FINISH)
    require(process.returncode == 0, f"it fails without a fault: {err.strip()[-300:]}")
    subject.require_whole()
    return time.monotonic() - started


def main(arguments=None) -> int:
    parser = OneLineParser(prog="python -m tests.faults", description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=50, help="how many; default 50")
    parser.add_argument("--seed", type=int, default=SEED, help="which; default %(default)s")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="default %(default)s")
    parser.add_argument("--list", action="store_true", help="show the points and do nothing")
    given = parser.parse_args(arguments)
    only = given.only.split(",")
    if unknown := set(only) - set(SUBJECTS):
        parser.error(f"no command is called {min(unknown)!r}; there are {', '.join(SUBJECTS)}")
    if given.points < 1:
        parser.error(f"--points is {given.points}; it starts at 1")
    points = plan(given.points, given.seed, only)
    if given.list:
        print(*points, sep="\n")
        return 0
    chance, counts = random.Random(given.seed), collections.defaultdict(collections.Counter)
    durations, kept, numbers = {}, {}, itertools.count()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:

        def subject_of(name):
            if name not in kept or SUBJECTS[name].fresh:
                path = Path(folder) / f"{name}-{next(numbers)}"
                path.mkdir()
                kept[name] = SUBJECTS[name](path)
            return kept[name]

        for point in tqdm(points, unit="point", disable=None):
            moment, told = point, ""
            try:
                if point.command not in durations:
                    durations[point.command] = undisturbed(subject_of(point.command))
                for _ in range(3):
                    subject = subject_of(point.command)
                    subject.next_point()
                    if strike(subject, moment, durations[point.command], chance):
                        break
                    moment = dataclasses.replace(moment, moment=moment.moment / 2)
            except Broken as error:
                told = str(error)
                kept.pop(point.command, None)
            counts[point.fault]["tried"] += 1
            counts[point.fault]["survived"] += not told
            with tqdm.external_write_mode():
                print(
                    f"{'red  ' if told else 'green'}  {moment}{': ' * bool(told)}{told}", flush=True
                )
    table = pd.DataFrame(counts).T[["tried", "survived"]].astype(int).sort_index()
    print(f"\n{table.to_string()}")
    return int((table["survived"] < table["tried"]).any())


if __name__ == "__main__":
    sys.exit(exit_status(main))
