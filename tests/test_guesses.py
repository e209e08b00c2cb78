"""Guesses are compared with what the chapters show, and with nothing else."""

from __future__ import annotations

import dataclasses
import html
import json
import re

import course_guesses
import nbformat
import pytest
from course_claims import effect_text, interval_text
from course_guesses import Guess, GuessError, read_guesses

from tests.notebook_runs import ROOT, chapters
from utils.chapters import claims_of

GUESSES = read_guesses(ROOT / course_guesses.FILE)
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in chapters()}
RECORDS = {
    name: record
    for notebook in NOTEBOOKS.values()
    for name, record in claims_of(notebook, stored=True).items()
}


def figures(chapter):
    outputs = [o for cell in NOTEBOOKS[chapter].cells for o in cell.get("outputs", [])]
    held = [o["metadata"]["figure"] for o in outputs if "figure" in o.get("metadata", {})]
    return {f["title"]: json.loads(f["numbers"]) for f in held if "numbers" in f}


def widgets(built_book, chapter):
    """The page's guesses by their task: what the script knows, and the page's text of each."""
    page = (built_book / "_build" / "html" / "notebooks" / f"{chapter}.html").read_text()
    found = {}
    for part in page.split('<div class="guess" ')[1:]:
        ask, held = re.search(r'aria-label="Guess first: (.*?)" data-guess="(.*?)"', part).groups()
        found[html.unescape(ask)] = json.loads(html.unescape(held)), part.split("</details>")[0]
    return found


def test_every_chapter_has_a_guess_and_two_are_drawn():
    assert {guess.chapter for guess in GUESSES.values()} == set(NOTEBOOKS)
    drawn = {guess.chapter for guess in GUESSES.values() if not guess.effects}
    assert len(drawn) >= 2


@pytest.mark.parametrize("name", GUESSES)
def test_what_a_guess_is_compared_with_is_what_the_chapter_shows(built_book, name):
    guess = GUESSES[name]
    held, text = widgets(built_book, guess.chapter)[guess.ask]
    if guess.effects:
        shown = [RECORDS[row["claim"]] for row in guess.effects]
        measured = [(r["effect"], *r["interval"]) for r in shown]
        for record, one in zip(shown, held["effects"], strict=True):
            assert one["said"] == f"{effect_text(record)} ({interval_text(record)})"
            assert one["verdict"] == record["verdict"]
            assert one["small"] == record["smallest_effect"]
            assert f'href="#claim-{record["id"]}"' in text
        for one, known in zip(held["effects"], measured, strict=True):
            assert one["measured"] == pytest.approx(known, abs=1e-6)
        reach = [row["reach"] for row in guess.effects]
        places = re.findall(r'class="guess-effect" cx="([\d.]+)%" cy', text)
        wanted = [50 + 50 * m[0] / r for m, r in zip(measured, reach, strict=True)]
        assert [float(x) for x in places] == pytest.approx(wanted, abs=0.01)
        return
    if guess.claim:
        over = RECORDS[guess.claim]["budget"]["over_epochs"]
        band = [over["effect"], *zip(*over["interval"], strict=True)]
        known = dict(zip(over["epochs"], zip(*band, strict=True), strict=True))
    else:
        numbers = figures(guess.chapter)[guess.figure]
        (panel,) = [p for p in numbers["panels"] if p["heading"] == guess.panel]
        (curve,) = [c for c in panel["curves"] if c["label"] == guess.curve]
        known = dict(zip(numbers["x"], zip(*curve["band"], strict=True), strict=True))
    points = held["points"]
    assert len(points) >= 4
    for point in points:
        assert point["measured"] == pytest.approx(known[point["x"]], abs=1e-6)
    drawn = re.search(r'class="figure-mean" points="([^"]+)"', text)[1].split()
    assert len(drawn) == len(known)
    low, high = guess.axis["from"], guess.axis["to"]
    heights = [high - float(p.split(",")[1]) / course_guesses.PLOT * (high - low) for p in drawn]
    means = [mean for mean, *_ in known.values()]
    assert heights == pytest.approx(means, abs=(high - low) / course_guesses.PLOT)


BASE = {"chapter": "02_dropout", "under": "x", "ask": "x"}
AXIS = {"label": "x", "from": -1, "to": 1, "start": 0, "step": 0.1}
LAST = "dropout-helps-wide-noisy"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "guess g: it takes one of claim, figure and effects"),
        ({"claim": LAST}, "guess g: its axis has no label"),
        ({"effects": [{"claim": LAST}]}, "guess g: an effect takes claim, label and reach"),
        ({"clam": LAST}, "guess g: got an unexpected keyword argument 'clam'"),
    ],
)
def test_an_entry_with_a_wrong_field_is_told_in_one_line(tmp_path, fields, said):
    file = tmp_path / "guesses.yml"
    file.write_text(json.dumps({"g": BASE | fields}))
    with pytest.raises(GuessError, match=re.escape(said)) as error:
        read_guesses(file)
    assert "\n" not in str(error.value)


def test_what_is_not_there_or_was_not_measured_is_told_in_one_line():
    guess = Guess("g", **BASE, claim=LAST, axis=AXIS)
    nothing = RECORDS[LAST] | {"effect": None}
    with pytest.raises(GuessError, match=f"g: there is no claim {LAST}x; the nearest is {LAST}$"):
        course_guesses.record_of(guess, f"{LAST}x", RECORDS)
    with pytest.raises(GuessError, match=f"g: claim {LAST} was not measured$"):
        course_guesses.record_of(guess, LAST, {LAST: nothing})
    with pytest.raises(GuessError, match=r"has no effect over the epochs to draw$"):
        course_guesses.curve_of_claim(guess, RECORDS[LAST] | {"budget": None})
    known = figures("01_overfitting")
    drawn = GUESSES["overfitting-curve"]
    fields = {"figure": "figure", "panel": "panel", "curve": "curve", "given": "curve"}
    for field, words in fields.items():
        wrong = dataclasses.replace(drawn, **{field: "gone"})
        with pytest.raises(GuessError, match=f"has no {words} 'gone'"):
            course_guesses.curve_of_figure(wrong, known)


def test_an_axis_that_cannot_hold_what_was_measured_is_told():
    guess = Guess("g", **BASE, claim=LAST, axis=AXIS | {"from": -0.1})
    curve = course_guesses.curve_of_claim(guess, RECORDS[LAST])
    with pytest.raises(GuessError, match=r"axis goes from -0.1 to 1, and what was measured from"):
        course_guesses._drawn_curve(guess, curve)
    row = {"claim": LAST, "label": "dropout", "reach": 0.01}
    with pytest.raises(GuessError, match=r"goes to 0.01 on both sides"):
        course_guesses._drawn_effects(guess, [(row, RECORDS[LAST])])


def test_an_effect_that_does_not_last_names_its_epochs():
    (row,) = [r for r in GUESSES["batch-normalization"].effects if "two rows" in r["label"]]
    record = RECORDS[row["claim"]]
    assert not record["budget"]["lasts"]
    assert course_guesses.label_of(row, record).endswith(
        f"after {record['budget']['epochs']} epochs"
    )
