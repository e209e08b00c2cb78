"""The claims against seeds that were never used, and the check of that against lies."""

from __future__ import annotations

import copy

import nbformat
import pytest

from tests import fresh_seeds
from tests.fresh_seeds import FOUND, compare, contradiction, main
from tests.notebook_runs import chapters
from utils.chapters import claims_of
from utils.claims import NO_DIFFERENCE, OPPOSITE, SUPPORTED, UNDECIDED

pytestmark = pytest.mark.slow

FIRST, SEEDS = 700_000, 4
# The others are run with fresh seeds by `python -m tests.fresh_seeds`. Whatever changes a chapter's
# numbers on its own seeds is seen by nbval in each run, so new ones once a week are enough.
SAMPLE = [path for path in chapters() if path.stem == "01_overfitting"]
every_chapter = pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)


@pytest.mark.weekly
@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_a_few_fresh_seeds_contradict_no_claim(path):
    against, _ = compare(path, FIRST, SEEDS)
    assert against == []


def cut(record, seeds):
    """A record of the first seeds only."""
    short = copy.deepcopy(record)
    for part in ("seeds", "treatment", "control"):
        short[part] = short[part][:seeds]
    return short


def turned(record):
    """The same measurements, with treatment and control exchanged."""
    return record | {"treatment": record["control"], "control": record["treatment"]}


@every_chapter
def test_effects_that_point_the_other_way_would_be_noticed(path):
    records = claims_of(nbformat.read(path, as_version=4)).values()
    found = [record for record in records if record["verdict"] in FOUND]
    for record in found:
        assert contradiction(record, record) is None
        assert contradiction(record, turned(record)), record["id"]
    # A few seeds cannot tell for the weakest effects, but for most.
    assert all(contradiction(record, cut(record, SEEDS)) is None for record in found)
    told = [contradiction(record, turned(cut(record, SEEDS))) for record in found]
    assert sum(line is not None for line in told) >= 0.5 * len(found)


def test_an_effect_of_another_size_would_be_noticed():
    record = {
        "id": "made-up",
        "verdict": "supported",
        "treatment": [0.9, 0.91, 0.92, 0.89, 0.9, 0.91],
        "control": [0.8] * 6,
    }
    smaller = record | {"treatment": [0.82, 0.83, 0.84, 0.83, 0.82, 0.83]}
    assert "standard errors apart" in contradiction(record, smaller)
    diverged = record | {"treatment": [float("nan")] * 6}
    assert "diverged" in contradiction(record, diverged)


@pytest.mark.parametrize(
    ("verdict", "told"),
    [(SUPPORTED, True), (OPPOSITE, True), (NO_DIFFERENCE, False), (UNDECIDED, False)],
)
def test_only_an_effect_that_was_found_can_turn_to_the_other_side(verdict, told):
    """The means lie within five standard errors of each other, on both sides of zero."""
    recorded = {"id": "made-up", "verdict": verdict, "control": [0.0] * 6}
    recorded["treatment"] = [0.05, 0.01, -0.01, 0.04, 0.0, 0.03]
    fresh = recorded | {"treatment": [-0.02, -0.021, -0.019, -0.018] * 5, "control": [0.0] * 20}
    said = contradiction(recorded, fresh)
    assert (said is not None and "on the other side of zero" in said) == told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--seeds", "1"], "seeds is 1; allowed is a whole number from 2 to 1000"),
        (["--first-seed", "2000000000"], "first_seed is 2000000000; allowed is"),
        (["02_droput"], "no chapter is called 02_droput; there are 01_overfitting"),
    ],
)
def test_bad_arguments_are_told_in_one_line(arguments, says, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err.splitlines()[-1]


def test_seeds_that_the_chapter_has_used_are_refused(capsys):
    path = chapters()[0]
    stored = claims_of(nbformat.read(path, as_version=4))
    first, last = min(seeds := {s for r in stored.values() for s in r["seeds"]}), max(seeds)
    with pytest.raises(SystemExit):
        main([path.stem, "--first-seed", str(last)])
    assert f"seeds {last} to {last} are those of the chapter" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([path.stem, "--first-seed", str(first), "--seeds", "2"])
    assert f"seeds {first} to {first + 1} are those of the chapter" in capsys.readouterr().err


def test_the_command_says_what_it_found(monkeypatch, capsys):
    monkeypatch.setattr(fresh_seeds, "compare", lambda *_: (["x: effect was +1, is -1"], []))
    assert main(["02_dropout"]) == 1
    assert "contradicted  x: effect was +1, is -1" in capsys.readouterr().out
    monkeypatch.setattr(fresh_seeds, "compare", lambda *_: ([], ["x: supported, with ..."]))
    assert main(["02_dropout"]) == 0
