"""Copies of the course to build, break and clone, so that the working tree stays as it is."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from course_build import notebook_inputs_digest
from jupyter_cache import get_cache

from tests.notebook_runs import ROOT
from utils import intact
from utils.exercises import SETS

HAS_GIT = shutil.which("git") is not None
needs_git = pytest.mark.skipif(not HAS_GIT, reason="needs git: install it to run this test")


def pytest_sessionstart(session):
    """A damaged file is named once, not by whatever stumbles over it."""
    if not hasattr(session.config, "workerinput") and (damaged := intact.damage(ROOT)):
        pytest.exit("\n".join(map(str, damaged)), returncode=pytest.ExitCode.USAGE_ERROR)


def source_files() -> list[str]:
    """What git tracks, or would; in a source archive everything but what is made here."""
    if HAS_GIT and (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    made = {line.strip("/") for line in (ROOT / ".gitignore").read_text().split()}
    tops = [path for path in ROOT.iterdir() if path.name not in made]
    files = [file for top in tops for file in (top.rglob("*") if top.is_dir() else [top])]
    names = [file.relative_to(ROOT) for file in files if file.is_file()]
    return [name.as_posix() for name in names if not made.intersection(name.parts)]


def copy_course(target: Path) -> Path:
    """Copy the course's files and, where there is git, commit them in a repository of their own."""
    for name in source_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    if HAS_GIT:
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
        for command in (["init", "-qb", "main"], ["add", "-A"], ["commit", "-qm", "copy"]):
            subprocess.run([*git, *command], cwd=target, check=True)
    return target


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
