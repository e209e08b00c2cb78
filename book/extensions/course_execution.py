"""Executes the notebooks that are due, two at a time.

MyST-NB executes one after the other, and a training of small networks leaves half of two cores
idle. What was executed here lies in the cache, where MyST-NB finds it. What failed does not: there
MyST-NB tries again by itself, and says what is wrong at its place.
"""

from __future__ import annotations

import contextlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
import psutil
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from sphinx.util import logging
from tqdm import tqdm

logger = logging.getLogger(__name__)

AT_ONCE = 2


def _due(app, cache, docnames):
    """The notebooks among some pages that the cache does not hold, by path."""
    found = {}
    for docname in docnames:
        path = Path(app.env.doc2path(docname))
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            try:
                cache.match_cache_notebook(notebook)
            except KeyError:
                found[path] = notebook
    return found


def _execute(app, path, notebook):
    """Execute a notebook in place; returns the seconds that it took."""
    logger.info("Executing notebook %s", path.name)
    started = time.perf_counter()
    NotebookClient(
        notebook,
        timeout=app.config.nb_execution_timeout,
        allow_errors=app.config.nb_execution_allow_errors,
        extra_arguments=["--log-level=ERROR"],  # each kernel warns that it is a local one
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    return time.perf_counter() - started


def execute_what_is_due(app, env, docnames):
    """Fill the cache before any page is read."""
    if app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    due = _due(app, cache, sorted(docnames))
    if not due:
        return
    with (
        ThreadPoolExecutor(AT_ONCE) as pool,
        tqdm(total=len(due), unit="notebook", disable=None) as bar,
    ):
        running = {pool.submit(_execute, app, *one): one for one in due.items()}
        with _stopped_with_their_kernels(pool, running):
            for done in as_completed(running):
                path, notebook = running[done]
                if done.exception() is None:
                    data = {"execution_seconds": done.result()}
                    bundle = CacheBundleIn(notebook, str(path), data=data)
                    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
                else:
                    _say_nothing_at_the_end()
                bar.set_postfix_str(path.stem)
                bar.update()


@contextlib.contextmanager
def _stopped_with_their_kernels(pool, running):
    """Ctrl-C ends the notebooks that are running, instead of waiting for them and all others."""
    try:
        yield
    except BaseException:
        _say_nothing_at_the_end()
        pool.shutdown(wait=False, cancel_futures=True)
        while any(future.running() for future in running):
            for kernel in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    kernel.kill()
            time.sleep(0.1)  # a thread ends after its kernel, and removes what it has left
        raise


def _say_nothing_at_the_end():
    """A client whose kernel died complains when Python ends; nobody can act on it, and why a
    notebook failed is said at its place."""
    sys.unraisablehook = lambda unraisable: None


def setup(app):
    app.connect("env-before-read-docs", execute_what_is_due)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
