"""Copies of the course to build, break and clone, so that the working tree stays as it is."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from course_build import notebook_inputs_digest
from jupyter_cache import get_cache

from tests.copies import HAS_GIT, copy_course
from tests.notebook_runs import ROOT
from utils import intact
from utils.exercises import SETS

needs_git = pytest.mark.skipif(not HAS_GIT, reason="needs git: install it to run this test")


def pytest_sessionstart(session):
    """A damaged file is named once, not by whatever stumbles over it."""
    if not hasattr(session.config, "workerinput") and (damaged := intact.damage(ROOT)):
        pytest.exit("\n".join(map(str, damaged)), returncode=pytest.ExitCode.USAGE_ERROR)


# Take minutes, so they do not come last: two processes take the files in this order.
LONG = (
    "test_site.py",
    "test_replicates.py",
    "test_sweeps.py",
    "notebooks",
    "test_engine_models.py",
    "test_reruns.py",
    "test_book.py",
)


def pytest_collection_modifyitems(items):
    def place(item):
        name = "notebooks" if item.nodeid.startswith("notebooks/") else item.path.name
        return LONG.index(name) if name in LONG else len(LONG)

    items.sort(key=place)
    if "WEEKLY" not in os.environ:
        later = pytest.mark.skip(reason="run once a week, where WEEKLY is set")
        for item in items:
            if item.get_closest_marker("weekly"):
                item.add_marker(later)


def build_book(course: Path) -> subprocess.CompletedProcess:
    """`jb build .` in a copy, with this Python's packages."""
    return subprocess.run(
        [Path(sys.executable).with_name("jb"), "build", "."],
        cwd=course,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )


@pytest.fixture(scope="session")
def course_copy(tmp_path_factory) -> Path:
    return copy_course(tmp_path_factory.mktemp("course"))


def take_for_executed(course: Path) -> None:
    """Let the next build show the stored outputs of the notebooks instead of making them again.

    What they are worth is tested by nbval, which executes every notebook.
    """
    cache = get_cache(str(course / "_build" / ".jupyter_cache" / notebook_inputs_digest(course)))
    stored = [course.glob(f"notebooks/{sub}*.ipynb") for sub in ("", *(f"{s}/" for s in SETS))]
    for path in itertools.chain(*stored):
        cache.cache_notebook_file(str(path), check_validity=False)


@pytest.fixture(scope="session")
def built_book(course_copy) -> Path:
    """The copy after `jb build .` with the stored outputs of the chapters."""
    take_for_executed(course_copy)
    built = build_book(course_copy)
    assert built.returncode == 0, (built.stdout + built.stderr)[-4000:]
    assert "Executing notebook" not in built.stdout + built.stderr
    return course_copy
