"""`make` on a machine where Python does not fit says so in one line and leaves nothing behind."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from tests.notebook_runs import ROOT

PRETENDING = "#!/bin/sh\nexec python3 -c 'import sys; {pretence}; exec(sys.argv[2])' \"$@\"\n"


def make(folder, python):
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copy(ROOT / "requirements.txt", folder)
    return subprocess.run(
        ["make", "book", f"PYTHON={python}"], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("pretence", "says"),
    [
        ("sys.version_info = (3, 10, 0)", "Python 3.10 does not fit: install Python 3.11, 3.12"),
        ("sys.version_info = (3, 14, 0)", "Python 3.14 does not fit: install Python 3.11, 3.12"),
        ("sys.modules['ensurepip'] = None", "this Python has no venv: install"),
    ],
)
def test_a_python_that_does_not_fit_gets_one_line(tmp_path, pretence, says):
    python = tmp_path / "python-that-does-not-fit"
    python.write_text(PRETENDING.format(pretence=pretence.replace("'", '"')))
    python.chmod(0o755)
    done = make(tmp_path, python)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1
    assert lines[0].startswith(says)
    assert not (tmp_path / ".venv").exists()


def test_a_missing_python_gets_one_line(tmp_path):
    done = make(tmp_path, "python-that-is-not-there")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0
    assert lines == [
        "python-that-is-not-there was not found: install Python 3.11, 3.12 or 3.13, "
        "or name one with PYTHON=..."
    ]


def test_every_requirement_is_pinned_with_hashes():
    locked = (ROOT / "requirements.txt").read_text()
    lines = locked.replace("\\\n", " ").splitlines()
    blocks = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert blocks
    for block in blocks:
        assert "==" in block, block
        assert "--hash=sha256:" in block, block


def test_binder_gets_a_python_that_the_course_allows():
    version = (ROOT / "runtime.txt").read_text().strip()
    assert version in {"python-3.11", "python-3.12", "python-3.13"}


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_pinned_actions_with_no_more_rights_than_they_need(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    allowed = {"contents": "read"}, {"pages": "write", "id-token": "write"}
    for job in workflow["jobs"].values():
        assert job["permissions"] in allowed
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert not runs or job["permissions"] == {"contents": "read"}
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
        assert "${{" not in "".join(runs)
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in used)
    for installed in re.findall(r"pip install (.*)", text):
        assert all("==" in one for one in installed.split())
