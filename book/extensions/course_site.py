"""Keeps the last good site until there is a better one.

Sphinx writes each page where it is read, so a build that fails or is interrupted would leave pages
of two builds side by side. Here it writes to `_build/.html`, and `_build/html` is exchanged as a
whole after a build in which nothing was wrong. After an interruption nothing that was half-written
counts: the next build writes all pages again, from the notebooks that were executed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import psutil
from myst_nb.core.execute.base import ExecutionError
from nbclient.exceptions import DeadKernelError

UNFINISHED = "unfinished"  # holds the process that builds, and since when it runs


def _owner(mark):
    """The process that builds here, if it is still there."""
    try:
        process, since = mark.read_text().split()
        found = psutil.Process(int(process))
        return found if str(found.create_time()) == since else None
    except (OSError, ValueError, psutil.Error):
        return None


def _remove(folder):
    if folder.is_dir():
        shutil.rmtree(folder)


def begin(app):
    """Let Sphinx write beside the site, alone, and on nothing that was left half-written."""
    site, mark = Path(app.outdir), Path(app.doctreedir) / UNFINISHED
    work = site.with_name(f".{site.name}")
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        if mark.exists():
            if owner := _owner(mark):
                raise SystemExit(
                    f"error: another build is at work in {site.parent} (process {owner.pid}); "
                    "wait for it"
                )
            _remove(work)
            (mark.parent / "environment.pickle").unlink(missing_ok=True)
            mark.unlink()
        with open(mark, "x") as file:
            file.write(f"{os.getpid()} {psutil.Process().create_time()}")
        old = _old(site)
        if old.is_dir() and not any(site.iterdir()):  # interrupted between two names
            site.rmdir()
            old.rename(site)
        _remove(old)
    except FileExistsError:
        raise SystemExit(f"error: another build has just begun in {site.parent}") from None
    except OSError as error:
        raise SystemExit(f"error: {site.parent} cannot be written: {error.strerror}") from None
    app.outdir = type(app.outdir)(work)


def _old(site):
    return site.with_name(f".{site.name}.old")


def end_in_one_line(app, exception):
    """What ends a build and is no mistake in a page is told without a traceback."""
    reason = None
    if isinstance(exception, OSError):
        reason = f"{exception.filename or 'a file'}: {exception.strerror or exception}"
    elif isinstance(exception, ExecutionError):
        reason = f"{os.path.relpath(str(exception), app.srcdir)} stopped at an error, shown above"
    elif isinstance(exception, DeadKernelError):
        reason = "a kernel died twice; it may have run out of memory"
    if reason:
        raise SystemExit(f"error: {reason}; the last good site stays as it is")


def publish(app, exception):
    """After a good build, exchange the site."""
    if exception is None and not app._warncount and app.builder.format == "html":
        work = Path(app.outdir)
        site = work.with_name(work.name.removeprefix("."))
        new, old = site.with_name(f"{work.name}.new"), _old(site)
        try:
            _remove(new)
            shutil.copytree(work, new)
            site.rename(old)
            new.rename(site)
            _remove(old)
        except OSError as error:
            with contextlib.suppress(OSError):
                _remove(new)
            raise SystemExit(
                f"error: the site cannot be written: {getattr(error, 'strerror', None) or error}; "
                "the last good one stays as it is"
            ) from None
        app.outdir = type(app.outdir)(site)  # what Sphinx says last is where the pages are
    (Path(app.doctreedir) / UNFINISHED).unlink(missing_ok=True)


def setup(app):
    if Path(app.outdir).name == "html":
        begin(app)
        app.connect("build-finished", end_in_one_line, priority=940)
        app.connect("build-finished", publish, priority=950)  # what else is written, comes first
    return {"parallel_read_safe": True, "parallel_write_safe": True}
