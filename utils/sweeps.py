"""Many units of work on Dask, so that nothing is lost and nothing is done twice.

A sweep is a list of jobs. Each makes the content of one file, on any worker of a cluster, and the
file appears under its name only when it is whole. What is there is the sweep's whole memory: the
same sweep, started again after an interruption of any kind, does what is missing. The course's
code travels to the workers, so that they run what stands here.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import logging
import operator
import os
import pickle
import pkgutil
import platform
import re
import signal
import sys
import tempfile
import threading
import uuid
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cloudpickle
import dask
import distributed
import joblib
from distributed.client import FutureCancelledError

from . import cost
from . import jobs as units_of_work
from .cost import versions
from .jobs import Failure, Job, SweepStopped, attempt, digest, progress, settle, unfinished
from .parameters import OneLineError, one_line

SECONDS_TO_CONNECT = 10


class SweepError(OneLineError):
    """A sweep that cannot start."""


def course_files() -> dict[str, bytes]:
    """What a chapter needs beside itself, by path: `utils`, and the data that it reads."""
    root = Path(__file__).resolve().parents[1]
    patterns = ("utils/**/*.py", "utils/data/*", "book/data/**/*.*")
    paths = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


class ShipCourse(distributed.WorkerPlugin):
    """A Dask worker plugin that gives a worker the course's code and its share of the cores.

    Attributes:
        digest: that of the code.
        slots: for each host the number of jobs that run there at a time.
        ours: whether the workers belong to this sweep alone.

    Raises:
        RuntimeError: the worker has other versions of the packages that decide about numbers.
    """

    name = "ship-course"

    def __init__(self):
        self.slots, self.ours, self.versions = {}, False, versions()
        files = course_files()
        self.digest = digest(*files.values())
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        self.archive = buffer.getvalue()

    def setup(self, worker):
        there = versions()
        others = [
            f"{name} {there[name]} instead of {here}"
            for name, here in self.versions.items()
            if there[name] != here
        ]
        if others:
            raise RuntimeError(
                f"worker {worker.address} has {', '.join(others)}; "
                "install the same requirements.txt there"
            )
        folder = Path(worker.local_directory) / f"course-{self.digest}"
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=worker.local_directory) as unpacked:
                zipfile.ZipFile(io.BytesIO(self.archive)).extractall(Path(unpacked) / "course")
                with contextlib.suppress(OSError):  # another worker was faster
                    os.rename(Path(unpacked) / "course", folder)
        sys.path.insert(0, str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == "utils"]:
            del sys.modules[name]
        if self.ours and threading.current_thread() is threading.main_thread():
            # Ctrl-C reaches all processes of a terminal; the sweep ends its workers itself.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            # What a worker or a kernel says while it is torn down, nobody can act on; failures
            # of jobs come back as results.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stderr__.fileno())
        if self.ours:
            # What a job or its kernel leaves when it is killed goes with the worker's own folder,
            # which Dask removes now, or at the next start.
            os.environ["TMPDIR"], tempfile.tempdir = worker.local_directory, None
        # What joblib and TensorFlow look at, here and in kernels that start here.
        os.environ.pop("LOKY_MAX_CPU_COUNT", None)
        slots = self.slots.get(_host(worker.address), worker.state.nthreads)
        cores = str(max(1, joblib.cpu_count() // slots))
        os.environ["LOKY_MAX_CPU_COUNT"] = os.environ["TF_NUM_INTEROP_THREADS"] = cores


def _host(address):
    return re.sub(r"^\w+://|:\d+$", "", address)


def perform(pickled: bytes, expected: str) -> tuple[bytes | None, str | None, bytes | None]:
    """Run a function with its arguments, if the code here is the expected one.

    Returns:
        Its result, or the reason of its failure in one line, and what shows the failure.
    """
    if digest(*course_files().values()) != expected:
        return None, "the worker has got other code since: run the sweep again", None
    try:
        function, arguments = pickle.loads(pickled)
    except Exception as error:
        return None, one_line(f"{type(error).__name__}: {error}"), None
    return attempt(function, arguments)


def sweep(
    jobs: Sequence[Job],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
) -> list[Failure]:
    """Do all jobs that are not finished yet; each failure is told at once.

    Args:
        jobs: with different paths.
        workers: processes of a cluster on this machine, which share its cores evenly; by default
            one per core.
        scheduler: address of a running Dask scheduler, such as tcp://10.0.0.5:8786, to be used
            instead.

    Returns:
        The jobs that failed. They do not stop the others.

    Raises:
        SweepError: the scheduler does not answer, has no workers, or workers of other versions.
        SweepStopped: the scheduler got lost, or a result cannot be written.
    """
    todo, failures = unfinished(jobs), []
    bar = progress(jobs, todo)
    if not todo:
        bar.close()
        return failures
    course, count = ShipCourse(), min(workers or joblib.cpu_count(), len(todo))
    try:
        with bar, _client(course, count, scheduler) as client:
            # A job is lost with its worker up to three times (Dask's allowed-failures).
            waiting = {_submit(client, job, course.digest): job for job in todo}
            for future in distributed.as_completed(waiting):
                job = waiting.pop(future)
                failures += settle(job, *_outcome(future, scheduler))
                bar.update()
                future.release()
    except KeyboardInterrupt:
        # Event loops that are collected half-closed would complain; nobody can act on it.
        sys.unraisablehook = lambda unraisable: None
        raise
    return failures


def _whole(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"it is {text}; it is a whole number from 1")
    return int(text)


def add_options(parser: argparse.ArgumentParser, kept: Path) -> None:
    """Give a command that measures the options `workers`, `scheduler` and `kept` of its sweep.

    Args:
        parser: that of the command.
        kept: the folder of finished trainings unless another one is asked for.
    """
    parser.add_argument("--workers", type=_whole, help="processes; by default one per core")
    parser.add_argument("--scheduler", help="a running Dask scheduler, such as tcp://10.0.0.5:8786")
    parser.add_argument(
        "--kept", type=Path, default=kept, metavar="FOLDER",
        help=f"where finished trainings are kept; default {kept}",
    )  # fmt: skip


def _submit(client, job, expected):
    # The scheduler reads what is sent, too, and has no `utils`: names and bytes are all it gets.
    pickled = pickle.dumps((job.function, job.arguments))
    function = (pkgutil.resolve_name, f"{__name__}:perform")
    key = f"{job.path.stem}-{uuid.uuid4()}"
    return client.get({key: (operator.call, function, pickled, expected)}, key, sync=False)


def _outcome(future, scheduler):
    """Content, reason of a failure, and what shows the failure."""
    try:
        return future.result()
    except distributed.KilledWorker:
        return None, "its worker was killed, or ran out of memory, several times", None
    except FutureCancelledError:
        where = f"at {scheduler}" if scheduler else "of this machine"
        raise SweepStopped(
            f"the Dask scheduler {where} got lost; what is finished is kept, and the same command "
            "goes on from there"
        ) from None
    except Exception as error:
        return None, one_line(f"{type(error).__name__}: {error}"), None


@contextlib.contextmanager
def _client(course, workers, scheduler):
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            dask.config.set({"distributed.comm.timeouts.connect": SECONDS_TO_CONNECT})
        )
        for name in ("distributed", "distributed.client"):  # what they say is said in one line
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if scheduler is None:
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",  # 8787 may be taken
                    memory_limit=0,  # kernels are other processes, which Dask does not see
                    silence_logs="CRITICAL",
                )
            )
            client = stack.enter_context(distributed.Client(cluster))
        else:
            try:
                client = distributed.Client(scheduler, timeout=SECONDS_TO_CONNECT)
            except Exception as error:  # whatever is behind the address, it may answer anything
                raise SweepError(
                    f"no Dask scheduler answers at {scheduler}: {_first_line(error)}"
                ) from None
            stack.callback(client.close, timeout=5)
            _require_workers(client, scheduler)
        course.slots, course.ours = _slots(client), scheduler is None
        # The plugin is what puts `utils` on a worker, so it cannot be found there by name.
        modules = sys.modules[__name__], units_of_work, cost
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            client.register_plugin(course)
        except RuntimeError as error:
            raise SweepError(_first_line(error)) from None
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)
        yield client


def _slots(client):
    slots = collections.Counter()
    for address, worker in client.scheduler_info(n_workers=-1)["workers"].items():
        slots[_host(address)] += worker["nthreads"]
    return dict(slots)


def _first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0]


def _require_workers(client, scheduler):
    try:
        client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
    except distributed.TimeoutError:
        raise SweepError(f"the scheduler at {scheduler} has no workers") from None
    # Before anything is sent that another Python could not read.
    here = ".".join(platform.python_version_tuple()[:2])
    for address, found in client.get_versions()["workers"].items():
        there = ".".join(found["host"]["python"].split(".")[:2])
        if there != here:
            raise SweepError(f"worker {address} has Python {there} instead of {here}")
