"""The claims against seeds that were never used, and the check of that against lies."""

from __future__ import annotations

import copy

import nbformat
import pytest

from tests import fresh_seeds
from tests.fresh_seeds import compare, contradiction, main
from tests.notebook_runs import chapters
from utils.chapters import claims_of
from utils.claims import NO_DIFFERENCE

FIRST, SEEDS = 700_000, 4
every_chapter = pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)


@every_chapter
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
    found = [record for record in records if record["verdict"] != NO_DIFFERENCE]
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
    ("arguments", "says"),
    [
        (["--seeds", "1"], "--seeds starts at 2"),
        (["02_droput"], "no chapter is called 02_droput; there are 01_overfitting"),
        (["01_overfitting", "--first-seed", "3"], "seeds 3 to 19 are those of the chapter itself"),
    ],
)
def test_bad_arguments_are_told_in_one_line(arguments, says, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err.splitlines()[-1]


def test_the_command_says_what_it_found(monkeypatch, capsys):
    monkeypatch.setattr(fresh_seeds, "compare", lambda *_: (["x: effect was +1, is -1"], []))
    assert main(["02_dropout"]) == 1
    assert "contradicted  x: effect was +1, is -1" in capsys.readouterr().out
    monkeypatch.setattr(fresh_seeds, "compare", lambda *_: ([], ["x: supported, with ..."]))
    assert main(["02_dropout"]) == 0
