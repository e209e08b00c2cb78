"""Claims on all of their seeds, beside the few that a run trains again."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import numpy as np
import pytest

from tests.copies import copy_course
from tests.notebook_runs import ROOT, chapters, execute
from utils import confirm, confirmation
from utils.chapters import claims_of, parameters_of
from utils.claims import Claim
from utils.confirmation import Confirmed, confirmed
from utils.recorded_numbers import arithmetic_of, changed

ALL = np.arange(5000, 5024)
CONTROL = np.linspace(0.7, 0.8, 24)
SPREAD = np.random.default_rng(0).normal(0, 1, 24)
SPREAD *= 0.01 / SPREAD.std(ddof=1)
PARAMETERS = {"seeds": 24, "first_seed": 5000, "units": 64}
RUN = PARAMETERS | {"seeds": 6}


def claim(seeds=ALL, off=0.0, **other):
    """A claim on some of the seeds, whose treatment is off by so much."""
    places = np.asarray(seeds) - 5000
    settings = {
        "id": "made-up", "subject": "one", "what": "accuracy", "metric": "accuracy",
        "direction": "higher", "seeds": tuple(map(int, seeds)), "control": CONTROL[places % 24],
        "treatment": (CONTROL + 0.05 + SPREAD)[places % 24] + off,
    }  # fmt: skip
    return Claim(**settings | other)


@pytest.fixture
def table(monkeypatch):
    """What is stored: one claim of one chapter, on 24 seeds."""
    entry = {"chapter": "a"} | claim().record()
    held = {"chapters": {"a": {"parameters": PARAMETERS}}, "claims": {"made-up": entry}}
    monkeypatch.setattr(confirmation, "stored", lambda: held)
    return held


def test_a_run_that_agrees_shows_what_all_seeds_have_found(table):
    shown = confirmed(claim(ALL[:6]), RUN)
    assert isinstance(shown, Confirmed)
    record = shown.record()
    assert {k: v for k, v in record.items() if k != "again"} == claim().record()
    assert record["again"] == claim(ALL[:6]).record()
    assert (shown.effect, shown.verdict, shown.budget) == (claim().effect, "supported", None)
    assert (shown.subject, shown.what) == ("one", "accuracy")
    assert str(shown).endswith("supported (24 paired seeds, 6 of them trained again) [made-up]")
    data, metadata = shown._repr_mimebundle_()
    assert metadata["claim"] == record
    assert "On 24 seeds, 6 trained again by this run." in data["text/html"]
    assert "The 6 seeds of this run gave +0.0" in data["text/html"]
    assert "<code>seeds = 24</code>" in data["text/html"]


def test_any_of_the_seeds_may_be_trained_again(table):
    assert isinstance(confirmed(claim(ALL[10:13]), RUN | {"first_seed": 5010}), Confirmed)


@pytest.mark.parametrize(
    ("made", "parameters"),
    [
        (claim(ALL), PARAMETERS),  # all of them: measured whole by this run
        (claim(ALL[:6] + 1000), RUN),
        (claim(ALL[20:24] + 2), RUN),  # some of them are others
        (claim(ALL[:6]), RUN | {"units": 65}),
        (claim(ALL[:6]), {**RUN, "rate": 0.5}),
        (claim(ALL[:6], id="another"), RUN),
        (claim(ALL[:6], direction="lower"), RUN),
        (claim(ALL[:6], comparisons=2), RUN),
        (claim(ALL[:6], subject="two"), RUN),
        (claim(ALL[:6], off=0.02), RUN),
        (claim(ALL[:6], off=np.nan), RUN),
    ],
)
def test_any_other_run_speaks_for_itself(table, made, parameters):
    assert confirmed(made, parameters) is made


@pytest.mark.parametrize("off", [0.009, -0.009, 0.0001])
def test_seeds_may_be_off_by_what_arithmetic_can_change(table, off):
    # The differences have a standard deviation of 0.01: 2.5 / sqrt(6) of it are allowed.
    assert isinstance(confirmed(claim(ALL[:6], off=off), RUN), Confirmed)


def test_both_groups_have_to_agree_and_not_only_their_difference(table):
    both = claim(ALL[:6], off=0.1, control=CONTROL[:6] + 0.1)
    assert confirmed(both, RUN) is both


def test_a_training_that_diverged_does_so_again(table):
    values = CONTROL + 0.05 + SPREAD
    values[2] = np.nan
    table["claims"]["made-up"] = {"chapter": "a"} | claim(treatment=values).record()
    shown = confirmed(claim(ALL[:6], treatment=values[:6]), RUN)
    assert isinstance(shown, Confirmed)
    assert np.isnan(shown.effect)
    healed = claim(ALL[:6])
    assert confirmed(healed, RUN) is healed


def test_the_seeds_of_a_run_are_compared_with_what_its_notebook_holds(table):
    before = {"made-up": confirmed(claim(ALL[:6]), RUN).record()}
    moved = {"made-up": confirmed(claim(ALL[:6], off=1e-4), RUN).record()}
    assert changed(before, json.loads(json.dumps(before)), True) == []
    assert "by the seeds of this run" in changed(before, moved, True)[0]
    assert changed(before, moved, False) == []
    alone = {"made-up": claim(ALL[:6], off=0.02).record()}
    for same in (True, False):
        assert changed(before, alone, same)
        assert changed(alone, before, same)


CHAPTERS = {path.stem: nbformat.read(path, as_version=4) for path in chapters()}


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_shows_what_is_stored_and_its_own_seeds_beside_it(name):
    stored = confirmation.stored()
    theirs = {k: r for k, r in stored["claims"].items() if r["chapter"] == name}
    shown = claims_of(CHAPTERS[name])
    assert shown.keys() == theirs.keys()
    same = arithmetic_of(CHAPTERS[name]) == stored["chapters"][name]["fingerprint"]
    defaults = {k: p.default for k, p in parameters_of(CHAPTERS[name]).items()}
    first, count = defaults["first_seed"], defaults["seeds"]
    for claim_id, record in shown.items():
        again = record.pop("again")
        assert {"chapter": name} | record == theirs[claim_id]
        assert again["seeds"] == list(range(first, first + count))
        assert record["seeds"] == list(range(first, first + confirmation.SEEDS))
        if same:
            for group in ("treatment", "control"):
                np.testing.assert_allclose(
                    np.array(again[group], float), np.array(record[group][:count], float), 1e-6
                )


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_says_on_how_many_seeds_its_claims_stand(name):
    prose = "\n".join(c.source for c in CHAPTERS[name].cells if c.cell_type == "markdown")
    assert f"stand on {confirmation.SEEDS} seeds" in prose


FIRST = "both-noise-control"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({}, True),
        ({"after": "'a cell of my own'"}, True),
        ({"parameters": {"seeds": 2}}, True),
        ({"parameters": {"units": 96}}, False),  # by which this claim is not touched
    ],
)
def test_a_run_of_the_chapter_as_it_stands_shows_what_is_stored(changes, again):
    path = ROOT / "notebooks" / "04_combining.ipynb"
    shown = claims_of(execute(path, until=FIRST, **changes))[FIRST]
    assert ("again" in shown) == again


@pytest.mark.slow
def test_after_a_cell_that_a_reader_has_changed_a_run_speaks_for_itself(tmp_path):
    changed = nbformat.read(ROOT / "notebooks" / "04_combining.ipynb", as_version=4)
    cell = next(cell for cell in changed.cells if "noise_both = train(" in cell.source)
    cell.source = cell.source.replace("momentum=0.9", "momentum=0.91", 1)
    path = tmp_path / "04_combining.ipynb"
    nbformat.write(changed, path)
    shown = claims_of(execute(path, until=FIRST))[FIRST]
    assert "again" not in shown
    assert len(shown["seeds"]) == 6


# The command

CHAPTER = (
    'seeds: int = 3  # of them\nfirst_seed: int = 5000  # the first\nunits: int = 8  # any',
    """from utils.claims import Claim
from utils.confirmation import confirmed
from utils.cost import cost_so_far
from utils.parameters import check
parameters = check(seeds=seeds, first_seed=first_seed, units=units)
seed_list = range(first_seed, first_seed + seeds)
treatment, control = ([k / 10 + s % k / 1000 for s in seed_list] for k in (7, 5))
claim = Claim("shift", "shifting", "accuracy", treatment, control, "accuracy", "higher", seed_list)
confirmed(claim, parameters)""",
    "cost_so_far()",
)  # fmt: skip


@pytest.mark.slow
def test_the_command_stores_what_all_seeds_find_and_sees_what_has_changed(tmp_path):
    course = copy_course(tmp_path)
    path = course / "notebooks" / "02_dropout.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CHAPTER]
    cells[0].metadata.tags = ["parameters"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "P"}
    nbformat.write(notebook, path)
    table = course / "book" / "data" / "confirmation.json"
    before = json.loads(table.read_text(encoding="utf-8"))

    def run(*options):
        command = [sys.executable, "-m", "utils.confirm", "02_dropout", "--workers", "1", *options]
        return subprocess.run(command, cwd=course, capture_output=True, text=True)

    done = run()
    assert done.returncode == 0, done.stderr[-2000:]
    now = json.loads(table.read_text(encoding="utf-8"))
    others = {k: r for k, r in before["claims"].items() if r["chapter"] != "02_dropout"}
    assert now["claims"] == others | {"shift": now["claims"]["shift"]}
    assert now["chapters"]["02_dropout"]["parameters"] == PARAMETERS | {"units": 8}
    assert now["claims"]["shift"]["seeds"] == ALL.tolist()
    checked = run("--check")
    assert (checked.returncode, checked.stdout) == (0, "all numbers are those that are stored\n")
    now["claims"]["shift"]["effect"] += 1e-4
    table.write_text(confirm.as_text(now), encoding="utf-8")
    checked = run("--check")
    assert checked.returncode == 1
    assert "02_dropout: shift: effect was" in checked.stdout
    assert json.loads(table.read_text(encoding="utf-8")) == now
    few = run("--seeds", "5")
    assert few.returncode == 2
    assert few.stderr == "error: --seeds is 5; a claim of the course takes 20 at least\n"


def test_the_table_is_written_as_the_command_writes_it():
    assert confirmation.PATH.read_text(encoding="utf-8") == confirm.as_text(confirmation.stored())
    assert confirmation.PATH.is_relative_to(ROOT)
