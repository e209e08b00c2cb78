"""The comparison of recorded numbers, and that nbval makes it (`notebooks/conftest.py`)."""

from __future__ import annotations

import copy
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest

from tests.conftest import copy_course
from tests.notebook_runs import chapters, execute
from utils import recorded_numbers
from utils.chapters import claims_of
from utils.claims import SUPPORTED, UNDECIDED, Claim
from utils.recorded_numbers import changed, same_arithmetic

pytestmark = pytest.mark.slow

CLAIM = """
import sys
sys.path.insert(0, "..")
from utils.claims import Claim
Claim(
    id="made-up", subject="one", what="number", treatment=[1.0, 1.1, 1.2], control=[0.0, 0.1, 0.0],
    metric="epochs", direction="higher", seeds=(0, 1, 2),
)
"""
COST = "from utils.cost import cost_so_far; cost_so_far()"


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_number_that_is_off_would_be_noticed(path):
    recorded = claims_of(nbformat.read(path, as_version=4))
    for same in (True, False):
        assert changed(recorded, copy.deepcopy(recorded), same) == []
        for name, record in recorded.items():
            shifted = copy.deepcopy(recorded)
            low, high = record["interval"]
            shifted[name]["effect"] += 1e-4 if same else (high - low) + 1e-4
            assert changed(recorded, shifted, same)


def record(effects, direction="higher", **changes):
    """Of a claim with these effects; differences of less than 0.01 count as none."""
    claim = Claim(
        id="made-up", subject="one", what="accuracy", treatment=effects, control=0.0,
        metric="accuracy", direction=direction, seeds=tuple(range(len(effects))),
    )  # fmt: skip
    return {"made-up": claim.record() | changes}


SPREAD = np.linspace(-0.01, 0.01, 20)  # its 95 % interval reaches 0.003 to both sides


@pytest.mark.parametrize(("shift", "told"), [(1e-9, False), (1e-4, True), (0.003, True)])
def test_with_the_same_arithmetic_numbers_are_equal(shift, told):
    assert bool(changed(record(0.05 + SPREAD), record(0.05 + SPREAD + shift), True)) == told


@pytest.mark.parametrize(("shift", "told"), [(0.003, False), (-0.003, False), (0.004, True)])
def test_with_another_arithmetic_effects_may_move_by_some_standard_errors(shift, told):
    assert bool(changed(record(0.05 + SPREAD), record(0.05 + SPREAD + shift), False)) == told


@pytest.mark.parametrize("direction", ["higher", "lower"])
@pytest.mark.parametrize(
    ("effect", "clear"),
    [
        (0.03, 0.017),  # an effect, and the other one: the interval lies this far beyond 0.01
        (-0.03, 0.017),
        (0.0145, 0.0015),
        (0.0, 0.007),  # none
        (0.006, 0.001),
        (0.0105, 0.0025),  # undecided, from both sides
        (-0.012, 0.001),
    ],
)
def test_a_verdict_is_as_clear_as_its_interval_is_far_from_another_one(effect, clear, direction):
    (made,) = record(effect + SPREAD, direction).values()
    assert recorded_numbers._clearance(made) == pytest.approx(clear, abs=5e-4)


def test_another_verdict_is_told_unless_it_was_near_and_the_arithmetic_another_one():
    near, clear = record(0.0145 + SPREAD), record(0.05 + SPREAD)
    undecided = {"verdict": UNDECIDED}
    assert (near["made-up"]["verdict"], clear["made-up"]["verdict"]) == (SUPPORTED, SUPPORTED)
    said = "made-up: verdict was 'supported', is 'undecided'"
    assert changed(near, {"made-up": near["made-up"] | undecided}, True) == [said]
    assert changed(near, {"made-up": near["made-up"] | undecided}, False) == []
    assert changed(clear, {"made-up": clear["made-up"] | undecided}, False) == [said]


def test_the_few_seeds_of_a_run_give_a_verdict_to_the_same_arithmetic_only():
    few = record(0.05 + np.linspace(-0.01, 0.01, 6))["made-up"]
    turned, moved = few | {"verdict": UNDECIDED}, few | {"effect": 0.5}
    before, after, away = (record(0.05 + SPREAD, again=again) for again in (few, turned, moved))
    said = "made-up: verdict was 'supported', is 'undecided', by the seeds of this run"
    assert changed(before, after, True) == [said]
    assert changed(before, after, False) == []
    said = "made-up: effect was +0.05000, is +0.50000, by the seeds of this run"
    assert changed(before, away, False) == [said]


def test_what_else_may_differ_is_told():
    here, diverged = record(0.05 + SPREAD), record(np.where(SPREAD > 0.009, np.nan, 0.05 + SPREAD))
    assert changed(diverged, copy.deepcopy(diverged), True) == []
    for same in (True, False):
        assert "effect was +0.05000, is none" in changed(here, diverged, same)[0]
        assert changed(here, {}, same) == ["claims differ: ['made-up']"]
        assert changed(here, record(0.05 + SPREAD, seeds=[1]), same) == ["made-up: seeds differ"]
    said = record(0.05 + SPREAD, sentence="Another one.")
    assert "sentence was" in changed(here, said, True)[0]
    assert changed(here, said, False) == []


def test_nbval_passes_the_same_numbers_and_fails_others(tmp_path):
    course = copy_course(tmp_path)
    for path in course.glob("notebooks/*.ipynb"):
        path.unlink()
    path = course / "notebooks" / "tiny.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in (CLAIM, COST)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    honest = execute(path, cwd=path.parent)
    claim = honest.cells[0].outputs[0].metadata["claim"]
    cost = honest.cells[1].outputs[0].metadata["cost"]
    assert same_arithmetic(honest)

    def store(name):
        nbformat.write(honest, path.with_stem(name))

    store("same")
    claim["effect"] += 1e-4
    store("moved")
    cost["fingerprint"] = "0" * 12
    assert not same_arithmetic(honest)
    # Words and verdict of a claim are not compared as text.
    honest.cells[0].outputs[0]["data"]["text/plain"] = (
        "Words.\nundecided (3 paired seeds) [made-up]"
    )
    store("elsewhere")
    claim["effect"] += 0.5
    store("elsewhere_moved")
    path.unlink()
    command = [sys.executable, "-m", "pytest", *course.glob("notebooks/*.ipynb")]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert done.returncode == 1
    failed = set(re.findall(r"^FAILED notebooks/(\w+).ipynb", done.stdout, flags=re.M))
    assert failed == {"moved", "elsewhere_moved"}
    assert done.stdout.count("made-up: effect was") >= 2
