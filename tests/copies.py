"""Copies of the course that may be broken, so that the working tree stays as it is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.notebook_runs import ROOT

HAS_GIT = shutil.which("git") is not None


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
