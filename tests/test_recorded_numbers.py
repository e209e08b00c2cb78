"""The comparison of recorded numbers, and that nbval makes it (`notebooks/conftest.py`)."""

from __future__ import annotations

import copy
import subprocess
import sys

import nbformat
import pytest

from tests.conftest import copy_course
from tests.notebook_runs import chapters, execute
from tests.recorded_numbers import changed
from utils.chapters import claims_of


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_number_that_is_off_would_be_noticed(path):
    recorded = claims_of(nbformat.read(path, as_version=4))
    assert changed(recorded, copy.deepcopy(recorded)) == []
    for name, record in recorded.items():
        shifted = copy.deepcopy(recorded)
        shifted[name]["effect"] += (record["interval"][1] - record["interval"][0]) + 1e-4
        assert changed(recorded, shifted)


CLAIM = """
import sys
sys.path.insert(0, "..")
from utils.claims import Claim
Claim(
    id="made-up", sentence="One is more.", treatment=[1.0, 1.1, 1.2], control=[0.0, 0.1, 0.0],
    metric="number", direction="higher", seeds=(0, 1, 2),
)
"""


def test_nbval_passes_the_same_numbers_and_fails_others(tmp_path):
    course = copy_course(tmp_path)
    for path in course.glob("notebooks/*.ipynb"):
        path.unlink()
    path = course / "notebooks" / "tiny.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CLAIM)]), path)
    honest = execute(path, cwd=path.parent)

    def nbval(notebook):
        nbformat.write(notebook, path)
        command = [sys.executable, "-m", "pytest", "notebooks"]
        return subprocess.run(command, cwd=course, capture_output=True, text=True)

    passed = nbval(honest)
    assert passed.returncode == 0, passed.stdout[-2000:]
    honest.cells[0].outputs[0].metadata["claim"]["effect"] += 0.5
    failed = nbval(honest)
    assert failed.returncode == 1
    assert "made-up: effect was" in failed.stdout
