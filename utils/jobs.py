"""Units of work whose result is one file each, done once.

What is there under its name is whole, and is the whole memory of a command: the same command,
started again after an interruption of any kind, does what is missing. `in_turn` does the jobs here;
`sweeps` spreads them over a cluster.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from .parameters import OneLineError, one_line

UNFINISHED = ".unfinished"


class FolderError(OneLineError):
    """A folder in which nothing can be written; nothing was done."""


class SweepStopped(OneLineError):
    """A sweep that cannot go on; what is finished is kept."""


class JobError(Exception):
    """What a job raises to report its failure in one line, with a file that shows it.

    Attributes:
        content: what was made until then, or None.
    """

    def __init__(self, sentence: str, content: bytes | None = None):
        super().__init__(sentence, content)
        self.sentence, self.content = sentence, content


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One unit of work, whose result is one file.

    Attributes:
        name: what a person calls it, such as "dropout_rate=0.3".
        path: where the result is kept.
        function: called on a worker as `function(*arguments)`; returns the file's content. It is
            a function of a module of `utils`, and takes `joblib.cpu_count()` cores at most.
        arguments: what can be pickled.
        is_finished: whether the file at `path` is the result of this very job; called only where
            there is a file.
    """

    name: str
    path: Path
    function: Callable[..., bytes]
    arguments: tuple
    is_finished: Callable[[Path], bool]

    @property
    def failure_path(self) -> Path:
        """Where a failed run shows what it made."""
        return self.path.with_suffix(f".failed{self.path.suffix}")


@dataclasses.dataclass(frozen=True)
class Failure:
    """A job that failed: which, and why in one line."""

    job: Job
    reason: str


def require_writable(folder: Path) -> None:
    """Refuse a folder in which no file can be made, without making one.

    Raises:
        FolderError: it, or what is above it, is no folder or may not be written.
    """
    try:
        os.lstat(folder)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # too long, a file on the way, a zero byte
        if not isinstance(error, NotADirectoryError):
            reason = getattr(error, "strerror", None) or error
            raise FolderError(f"the output folder {folder} cannot be made: {reason}") from None
    there = next(p for p in (folder, *folder.absolute().parents) if os.path.lexists(p))
    if not there.is_dir():
        raise FolderError(f"the output folder {folder} cannot be made: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise FolderError(f"the output folder {folder} cannot be written: {there} is not writable")
    try:  # some that say they are writable, such as /proc, take no file
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise FolderError(
            f"the output folder {folder} cannot be written: {there}: {error.strerror}"
        ) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is whole whenever it is there.

    Raises:
        SweepStopped: it cannot be written; what stood at `path` before still stands there.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        with open(unfinished, "xb") as file:  # never through a link that somebody has put there
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise SweepStopped(
            f"{path} cannot be written: {error.strerror or error}; what was finished before it is "
            "kept, and the same command goes on from there"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def remove_leftovers(folders: Iterable[Path]) -> None:
    """Unfinished files of processes that are gone."""
    for folder in folders:
        for path in folder.glob(f".*{UNFINISHED}"):
            process = re.search(r"\.(\d+)\.unfinished$", path.name)
            if process and not psutil.pid_exists(int(process[1])):
                path.unlink(missing_ok=True)


def digest(*parts: Any) -> str:
    """A short name for exactly these contents."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else repr(part).encode())
        found.update(b"\0")
    return found.hexdigest()[:16]


def tell(failure: Failure) -> None:
    """Report a failure on standard error, beside any progress bar."""
    with tqdm.external_write_mode():
        print(f"failed: {failure.job.name}: {failure.reason}", file=sys.stderr)


def unfinished(jobs: Sequence[Job]) -> list[Job]:
    """Those that are still to be done; leftovers of processes that are gone are removed."""
    remove_leftovers({job.path.parent for job in jobs})
    return [job for job in jobs if not (job.path.exists() and job.is_finished(job.path))]


def attempt(function: Callable[..., bytes], arguments: tuple) -> tuple:
    """Run a job's function.

    Returns:
        Its result, or the reason of its failure in one line, and what shows the failure.
    """
    try:
        return function(*arguments), None, None
    except JobError as error:
        return None, error.sentence, error.content
    except Exception as error:
        return None, one_line(f"{type(error).__name__}: {error}"), None


def settle(job: Job, content: bytes | None, reason: str | None, shown: bytes | None) -> list:
    """Keep what an attempt gave, and tell of its failure.

    Returns:
        The failure, if it is one.

    Raises:
        SweepStopped: the result cannot be written.
    """
    if reason is None:
        write_whole(job.path, content)
        job.failure_path.unlink(missing_ok=True)
        return []
    if shown is not None:
        write_whole(job.failure_path, shown)
    failure = Failure(job, reason)
    tell(failure)
    return [failure]


def progress(jobs: Sequence[Job], todo: Sequence[Job]) -> tqdm:
    """A bar of all jobs, on a terminal only."""
    return tqdm(total=len(jobs), initial=len(jobs) - len(todo), unit="run", disable=None)


def in_turn(jobs: Sequence[Job]) -> list[Failure]:
    """Do all jobs that are not finished yet here, one after the other, with all cores for each.

    Args:
        jobs: with different paths; what they are made of need not be pickled.

    Returns:
        The jobs that failed. They do not stop the others.

    Raises:
        SweepStopped: a result cannot be written.
    """
    todo, failures = unfinished(jobs), []
    with progress(jobs, todo) as bar:
        for job in todo:
            failures += settle(job, *attempt(job.function, job.arguments))
            bar.update()
    return failures


class OneLineParser(argparse.ArgumentParser):
    """Of a command that says in one line what cannot be read, without the usage before it."""

    def error(self, message):
        raise OneLineError(f"{message}; see {self.prog} --help")


def _silence():
    """Leave standard output alone: Python would flush it once more at the end, and complain."""
    with contextlib.suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_status(command: Callable[[], int]) -> int:
    """Run a command, and tell what ends it in one line.

    Args:
        command: returns the exit status where nothing ends it.

    Returns:
        That status; 1 for work that stopped half-way, 2 for a request that cannot be carried out,
        130 after Ctrl-C.
    """
    try:
        status = command()
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a full disk can still be told
        return status
    except OneLineError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1 if isinstance(error, SweepStopped) else 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        _silence()
        return 1
    except OSError as error:
        _silence()
        where = f" ({error.filename})" if error.filename else ""
        print(f"error: {one_line(error.strerror or error)}{where}", file=sys.stderr)
        return 1
