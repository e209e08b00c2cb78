"""The committed atlas: complete, what the course's own code measures, and read rightly."""

from __future__ import annotations

import dataclasses
import random
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from tests.conftest import build_book, copy_course
from tests.notebook_runs import ROOT
from tests.test_book import HOME, keep_only
from utils import atlas, kept, measure_atlas, protocol
from utils.claims import (
    NO_DIFFERENCE,
    OPPOSITE,
    SMALLEST_EFFECT,
    SUPPORTED,
    UNDECIDED,
    Claim,
    verdict_of,
)
from utils.cost import fingerprint
from utils.datasets import load
from utils.measures import Measurement
from utils.recorded_numbers import allowed_off

pytestmark = pytest.mark.slow

KEYS = ["train_rows", "label_noise", "units"]
# A mean over a few seeds may differ by this much on another processor, after hundreds of steps.
TOLERANCE = 0.02  # at least
FEW = measure_atlas.SEEDS[:4]
every_part = pytest.mark.parametrize("part", atlas.PARTS.values(), ids=lambda part: part.name)


@pytest.fixture(scope="module")
def table():
    return atlas.load()


def cell_of(table, technique, **condition):
    chosen = (table["technique"] == technique) & (table["end"] == "final")
    chosen &= table["steps"] == atlas.STEPS
    for key, value in condition.items():
        chosen &= table[key] == value
    return table[chosen].sort_values("seed")


@every_part
def test_it_holds_every_condition_technique_and_seed_and_says_what_it_holds(part):
    table = atlas.load(part.name)
    assert list(table) == part.columns
    for condition in part.conditions():
        for technique in part.techniques:
            cell = cell_of(table, technique, **condition)
            assert cell["seed"].tolist() == list(measure_atlas.SEEDS), (condition, technique)
    stopped = atlas.EARLY_STOPPING in part.techniques  # has no end of its own
    ends = 2 * len(part.techniques) - stopped
    assert len(table) == len(part.conditions()) * len(atlas.BUDGETS) * ends * 20
    assert len(measure_atlas.SEEDS) >= 20
    origin = atlas.origin(part.name)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", origin["date"])
    assert {"python", "tensorflow", "keras", "numpy"} <= origin["versions"].keys()
    assert origin["settings"]["steps"] == atlas.STEPS
    assert table["accuracy"].between(0, 1).all()


def test_all_parts_together_are_small_and_speak_of_three_datasets_and_many_techniques():
    assert sum(part.path.stat().st_size for part in atlas.PARTS.values()) < 2_000_000
    assert {path.stem for path in atlas.FOLDER.iterdir()} == set(atlas.PARTS)
    assert {part.dataset for part in atlas.PARTS.values()} == {"digits", "fashion", "table"}
    assert len({technique for part in atlas.PARTS.values() for technique in part.techniques}) >= 12
    assert set(atlas.CARRIED) <= set(atlas.PARTS)


def differences(table, technique, end, steps, condition):
    rows = table[(table["end"] == end) & (table["steps"] == steps)]
    rows = rows[(rows[KEYS] == pd.Series(condition)).all(axis=1)]
    by_seed = rows.pivot(index="seed", columns="technique", values="accuracy")
    return (by_seed[technique] - by_seed["none"]).to_numpy()


@pytest.mark.parametrize("steps", [atlas.STEPS // 2, atlas.STEPS])
@pytest.mark.parametrize("end", atlas.ENDS)
def test_effects_and_verdicts_follow_from_the_seeds(table, end, steps):
    found = atlas.effects(table, end, steps).dropna(subset=["effect"])
    techniques = len(atlas.DIGITS.techniques) - 1 - (end == "best")
    assert len(found) == 36 * techniques
    for row in found.to_dict("records"):
        where = {key: row[key] for key in KEYS}
        measured = differences(table, row["technique"], end, steps, where)
        assert row["effect"] == pytest.approx(measured.mean(), abs=1e-9)
        low, high = row["joint_interval_low"], row["joint_interval_high"]
        assert low <= row["interval_low"] <= row["effect"] <= row["interval_high"] <= high
        assert row["verdict"] == verdict_of((low, high), SMALLEST_EFFECT["accuracy"], "higher")


def test_early_stopping_is_none_at_its_best_epoch(table):
    none = table[(table["technique"] == "none") & (table["end"] == "best")]
    stopped = table[(table["technique"] == "early stopping") & (table["end"] == "final")]
    assert none["accuracy"].tolist() == stopped["accuracy"].tolist()


def recomputed(part, technique, condition):
    """Mean accuracy over a few seeds, measured now."""
    technique, end = (
        (part.techniques[0], "best") if technique == atlas.EARLY_STOPPING else (technique, "final")
    )
    return measure_atlas.reach(part, condition, technique, seeds=FEW)[end].final.mean()


def stored(part, technique, condition):
    """The same from the table, and how far it may be off on any processor."""
    table = atlas.load(part.name)
    accuracy = cell_of(table, technique, **condition).set_index("seed")["accuracy"]
    same = atlas.origin(part.name)["fingerprint"] == fingerprint()
    other = 0 if same else allowed_off(accuracy, len(FEW))
    return accuracy[list(FEW)].mean(), max(TOLERANCE, other)


# One of the networks that train in seconds in each run; others take minutes.
DENSE = [part for part in atlas.PARTS.values() if part.name.endswith("-dense")]
ALL = list(atlas.PARTS.values())


@pytest.mark.parametrize(
    ("among", "parts"),
    [
        pytest.param(DENSE, 1, id="one of Dense networks"),
        pytest.param(ALL, 3, id="three of any", marks=pytest.mark.weekly),
    ],
)
def test_random_cells_come_out_the_same_when_they_are_measured_again(among, parts):
    chance = random.Random()  # other cells in each run
    for part in chance.sample(among, parts):
        technique = chance.choice(part.techniques)
        condition = chance.choice(part.conditions())
        before, off = stored(part, technique, condition)
        again = recomputed(part, technique, condition)
        assert again == pytest.approx(before, abs=off), (part.name, technique, condition)


def test_a_cell_of_another_technique_would_be_noticed():
    condition = {"train_rows": 400, "label_noise": 0.2, "units": 16}
    again = recomputed(atlas.DIGITS, "dropout 0.5", condition)
    before, off = stored(atlas.DIGITS, "dropout 0.5", condition)
    other, _ = stored(atlas.DIGITS, "none", condition)
    assert again == pytest.approx(before, abs=off)
    assert again != pytest.approx(other, abs=off)


def test_every_training_has_about_the_same_number_of_steps():
    for rows in atlas.TRAIN_ROWS:
        left = rows - round(protocol.VALIDATION_SHARE * rows)
        in_an_epoch = left // atlas.BATCH_SIZE
        steps = protocol._epochs(left, atlas.STEPS, atlas.BATCH_SIZE) * in_an_epoch
        assert steps == pytest.approx(atlas.STEPS, rel=0.02)


def test_the_winner_is_the_highest_and_level_are_those_not_shown_to_be_lower():
    seeds = tuple(range(20))
    wobble = 0.004 * np.sin(np.arange(20))
    accuracies = {
        "none": 0.7 + wobble,
        "dropout 0.5": 0.8 + wobble,
        "BN": 0.8 - 0.0001 - 2 * wobble,
        "L2": 0.75 + wobble,
        "early stopping": 0.6 + wobble,
    }
    reached = {
        name: Measurement(np.repeat(values[:, None], 4, axis=1), (1, 2, 4, 8))
        for name, values in accuracies.items()
    }
    part = dataclasses.replace(atlas.DIGITS, techniques=tuple(accuracies))
    table = measure_atlas._at_budget(part, reached, 3, seeds)
    condition = part.conditions()[0]
    table = table.assign(end="final", **condition)[part.columns]
    (won,) = atlas.winners(table).to_dict("records")
    assert won["technique"] == "dropout 0.5"
    assert won["verdict"] == SUPPORTED
    assert won["level"] == ("BN",)
    verdicts = atlas.effects(table).set_index("technique")["verdict"]
    assert verdicts["early stopping"] == OPPOSITE
    assert pd.isna(verdicts["none"])


# Claims that are read from it


def reached_at_random(seed, rows=60, seeds=20):
    """Measurements of three techniques, with rows that several seeds share."""
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.permutation(200)[:rows] for _ in range(seeds)])
    return {
        name: {
            end: Measurement(correct.mean(axis=-1), (1, 2, 4, 8), correct, ids)
            for end in atlas.ENDS
            for correct in [(rng.random((seeds, 4, rows)) < share).astype("uint8")]
        }
        for name, share in (("none", 0.5), ("a", 0.6), ("b", 0.52))
    }


def test_a_claim_read_from_a_table_is_the_claim_on_the_measurements(monkeypatch):
    part = atlas.Part(
        "a part", "digits", "a network", {"train_rows": (9,), "label_noise": (0.0,)},
        ("none", "a", "b"),
    )  # fmt: skip
    reached = reached_at_random(1)
    table, told = measure_atlas.compared(part, reached)
    table = table.assign(train_rows=9, label_noise=0.0)[part.columns]
    origin = {"conditions": {atlas.name_of(part.conditions()[0]): told}}
    monkeypatch.setitem(atlas.PARTS, part.name, part)
    monkeypatch.setattr(atlas, "load", lambda name: table)
    monkeypatch.setattr(atlas, "origin", lambda name: origin)
    for technique, against, end in (("a", None, "final"), ("b", "a", "best"), ("a", "b", "final")):
        parts = {"id": "x", "subject": technique, "what": "accuracy"}
        read = atlas.claim(
            part.name, technique, against=against, end=end, where={"train_rows": 9}, **parts
        )
        full = Claim(
            treatment=reached[technique][end], control=reached[against or "none"][end],
            metric="accuracy", direction="higher", seeds=measure_atlas.SEEDS, comparisons=2,
            **parts,
        )  # fmt: skip
        assert read.effect == pytest.approx(full.effect)
        assert read.joint_interval == pytest.approx(full.joint_interval, abs=1e-5)
        assert read.budget["half"]["joint_interval"] == pytest.approx(
            full.budget["half"]["joint_interval"], abs=1e-5
        )
        assert read.record()["rows_vary"]
        assert read.record()["source"].startswith("the atlas, part a part")
    with pytest.raises(ValueError, match=r"has 1 conditions .* and techniques none, a, b"):
        atlas.claim(part.name, "c", where={}, id="x", subject="c", what="accuracy")


def test_what_turns_comes_before_what_carries_over():
    table = atlas.carried_over(0.4)
    places = table["", "carries"].map(atlas.CARRIES.index).tolist()
    assert places == sorted(places)
    for technique, row in table.iterrows():
        verdicts = [row[part, "verdict"] for part in atlas.CARRIED if (part, "verdict") in row]
        verdicts = {verdict for verdict in verdicts if isinstance(verdict, str)}
        turns = {SUPPORTED, OPPOSITE} <= verdicts
        assert (row["", "carries"] == atlas.TURNS) == turns, technique
        assert (row["", "carries"] == atlas.OPEN) == (verdicts == {UNDECIDED}), technique
        same = len(verdicts) == 1 and verdicts != {UNDECIDED}
        assert (row["", "carries"] == atlas.SAME) == same, technique


def test_the_winner_is_a_technique_that_helped_wherever_one_did(table):
    won, effects = atlas.winners(table), atlas.effects(table)
    helpful = effects[effects["verdict"] == SUPPORTED].drop_duplicates(KEYS)
    assert (won["verdict"] == SUPPORTED).sum() == len(helpful)


# The command


def small_grid(folder):
    """A copy of the code whose first part has three conditions and hardly any steps."""
    shutil.copytree(ROOT / "utils", folder / "utils")
    changes = {
        "atlas.py": {
            "TRAIN_ROWS = (100, 200, 400, 800)": "TRAIN_ROWS = (50, 60, 70)",
            "LABEL_NOISE = (0.0, 0.2, 0.4)": "LABEL_NOISE = (0.0,)",
            "UNITS = (16, 64, 256)": "UNITS = (8,)",
            "STEPS = 960": "STEPS = 24",
        },
        "measure_atlas.py": {"SEEDS = tuple(range(5000, 5020))": "SEEDS = tuple(range(3))"},
    }
    for name, replaced in changes.items():
        path = folder / "utils" / name
        text = path.read_text()
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
    return [sys.executable, "-m", "utils.measure_atlas", "digits-dense", "--workers", "1"]


def test_a_killed_measurement_goes_on_and_measures_nothing_twice(tmp_path):
    command = small_grid(tmp_path)
    kept_in = tmp_path / "reruns" / "atlas" / "digits-dense"
    process = subprocess.Popen(command, cwd=tmp_path)
    while not list(kept_in.glob("*.npz")) and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = {path: path.read_bytes() for path in kept_in.glob("*.npz")}
    assert 0 < len(before) < 18
    assert not (tmp_path / "book").exists()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (again.returncode, again.stderr) == (0, "")
    written = list(kept_in.glob("*.npz"))
    assert len(written) == 3 * 6
    assert all(path.read_bytes() == content for path, content in before.items())
    table = pd.read_parquet(tmp_path / "book" / "data" / "atlas" / "digits-dense.parquet")
    assert len(table) == 3 * 4 * (7 + 6) * 3
    seconds = [kept.told_by(path)["seconds"] for path in written]
    assert table.attrs["seconds"] == round(sum(seconds))


def test_a_damaged_training_is_measured_again(tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(b"PK\x03\x04 not whole")
    assert not measure_atlas._is_measured(path)


def test_an_unknown_part_is_told_in_one_line(capsys):
    assert measure_atlas.main(["fashion-deep"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: no part is called 'fashion-deep'; there are digits-dense, ")
    assert said.count("\n") == 1


# Pages


def build_page(folder, text):
    book = copy_course(folder)
    keep_only(book, "book/atlas")
    (book / "book" / "atlas.md").write_text(HOME + text)
    return book, build_book(book)


WORD = {SUPPORTED: "helped", OPPOSITE: "did harm", NO_DIFFERENCE: "no difference",
        UNDECIDED: "undecided"}  # fmt: skip
ROLE = {SUPPORTED: "supported", OPPOSITE: "opposite", NO_DIFFERENCE: "no-difference",
        UNDECIDED: "undecided"}  # fmt: skip


def signed(effect):
    text = f"{effect:+.3f}".replace("-", "\N{MINUS SIGN}")
    return text[1:] if text[1:] == "0.000" else text


def found_in(part, technique, end="final", steps=atlas.STEPS, **condition):
    rows = atlas.effects(atlas.load(part), end, steps)
    condition |= {"technique": technique}
    (row,) = rows[(rows[list(condition)] == pd.Series(condition)).all(axis=1)].to_dict("records")
    return row


def test_pages_show_the_atlas_and_its_verdicts(tmp_path, table):
    row = atlas.effects(table).dropna(subset=["effect"]).iloc[0]
    assert row["technique"] == "dropout 0.2"
    asked = {
        "dropout 0.2: 100 rows, 0.0 noise, 16 units": row,
        "BN: fashion-dense, 800 rows, 0.4 noise": found_in(
            "fashion-dense", "BN", train_rows=800, label_noise=0.4
        ),
        "cutout: 0.4 noise, 800 rows, fashion-convolutional, best": found_in(
            "fashion-convolutional", "cutout", "best", train_rows=800, label_noise=0.4
        ),
        "BN: fashion-batches, 2 rows a step, 120 steps": found_in(
            "fashion-batches", "BN", steps=120, batch_size=2
        ),
    }
    roles = [f"{{atlas-{ROLE[found['verdict']]}}}`{text}`" for text, found in asked.items()]
    text = (
        f"Measured {' '.join(roles)} and {{atlas-count}}`dropout 0.2: supported`.\n\n"
        "Count {atlas-count}`more data: supported, fashion-convolutional, 0.4 noise`, "
        "{atlas-count}`more data: supported, all parts`.\n\n"
        "{atlas-answer}`fashion-convolutional, 800 rows, 0.4 noise`\n\n"
        "{atlas-view}`See <fashion-batches, 4 rows a step>`\n\n"
        "```{atlas-map}\n:label-noise: 0.4\n```\n\n"
        "```{atlas-map}\n:label-noise: 0.4\n:technique: BN\n```\n\n```{atlas-summary}\n```\n\n"
        "```{atlas-origin}\n```\n\n```{atlas-table}\n```\n\n"
        "```{atlas-part} fashion-batches\n```\n\n```{atlas-carried}\n:label-noise: 0.4\n```\n"
    )
    book, built = build_page(tmp_path, text)
    assert built.returncode == 0, (built.stdout + built.stderr)[-4000:]
    page = (book / "_build" / "html" / "book" / "atlas.html").read_text()
    for found in asked.values():
        assert f"{signed(found['effect'])} ({WORD[found['verdict']]})</a>" in page
    assert "?part=fashion-batches&amp;rows=200&amp;noise=0&amp;batch=4&amp;end=final" in page
    count = (atlas.effects(table).query("technique == 'dropout 0.2'")["verdict"] == SUPPORTED).sum()
    assert f"and {count}." in page
    of_more = [atlas.effects(atlas.load(part)) for part in atlas.PARTS]
    of_more = [rows[rows["technique"] == "more data"] for rows in of_more]
    total = sum((rows["verdict"] == SUPPORTED).sum() for rows in of_more)
    photographs = atlas.effects(atlas.load("fashion-convolutional")).query(
        "technique == 'more data' and label_noise == 0.4"
    )
    assert f"Count {(photographs['verdict'] == SUPPORTED).sum()}, {total}." in page

    answer = re.search(r'<span class="atlas-answer">.*?</p>', page, flags=re.S)[0]
    answer = re.sub(r"<[^>]+>", "", answer)
    said = dict(re.findall(r"(Helped|Did harm|Undecided): (.*?)\. (?=[A-Z])", answer))
    rows = atlas.effects(atlas.load("fashion-convolutional"))
    rows = rows[(rows["train_rows"] == 800) & (rows["label_noise"] == 0.4)]
    for word, verdict in (("Helped", SUPPORTED), ("Did harm", OPPOSITE), ("Undecided", UNDECIDED)):
        names = set(rows.loc[rows["verdict"] == verdict, "technique"])
        assert {
            re.sub(r" [+\N{MINUS SIGN}]?\d\.\d{3}$", "", n) for n in said[word].split(", ")
        } == names

    carried = atlas.carried_over(0.4)
    part = atlas.PARTS["fashion-batches"]
    heads = re.findall(r"<th [^>]*scope=['\"]row['\"]", page)
    maps = 2 * len(atlas.TRAIN_ROWS)
    assert len(heads) == 36 * 7 + len(part.techniques) + len(carried) + maps
    in_wide = page.split("Effects, fashion-batches, final")[1].split("</table>")[0]
    for technique, rows_a_step in (("BN", 2), ("group normalization", 4)):
        found = found_in(part.name, technique, batch_size=rows_a_step)
        shown = in_wide.split(f'scope="row">{technique}</th>')[1].split("</tr>")[0]
        assert signed(found["effect"]) in shown
    for word in atlas.CARRIES:
        count = (carried["", "carries"] == word).sum()
        heading = f"{word[:1].upper()}{word[1:]}: {count} of {len(carried)}"
        assert heading in page

    check_maps(page, atlas.effects(table).query("label_noise == 0.4"))


def check_maps(page, effects):
    """Each field of the first map says the worst harm, and no gain that was not shown."""
    first, second = re.findall(r'<table class="atlas-map">.*?</table>', page, flags=re.S)
    fields = [re.sub(r"<[^>]+>", " ", field) for field in re.findall(r"<td><span.*?</td>", first)]
    conditions = [(rows, units) for rows in atlas.TRAIN_ROWS for units in atlas.UNITS]
    assert len(fields) == len(conditions)
    for field, (rows, units) in zip(fields, conditions, strict=True):
        here = effects[(effects["train_rows"] == rows) & (effects["units"] == units)]
        harmful = here[here["verdict"] == OPPOSITE].sort_values("effect")
        if harmful.empty:
            assert "no harm found" in field
        else:
            worst = harmful.iloc[0]
            assert re.search(
                rf"✗\s+{re.escape(worst['technique'])}\s+{signed(worst['effect'])}", field
            )
        gains = here[here["verdict"] == SUPPORTED]
        assert ("no gain found" in field) == gains.empty
        assert gains.empty or f"✓  {gains.loc[gains['accuracy'].idxmax(), 'technique']}" in field
    of_bn = effects[effects["technique"] == "BN"]["verdict"]
    assert second.count("> harm <b>") == (of_bn == OPPOSITE).sum() > 0
    assert second.count("atlas-harm ") == (of_bn == OPPOSITE).sum()


def test_a_page_that_states_another_verdict_or_an_unknown_condition_fails_the_build(
    tmp_path, table
):
    row = atlas.effects(table).dropna(subset=["effect"]).iloc[0]
    wrong = "opposite" if row["verdict"] != OPPOSITE else "supported"
    of_photographs = found_in("fashion-dense", "BN", train_rows=800, label_noise=0.4)
    assert of_photographs["verdict"] == OPPOSITE
    text = (
        f"{{atlas-{wrong}}}`dropout 0.2: 100 rows, 0 noise, 16 units`, "
        "{atlas-supported}`dropout 0.2: 51 rows, 0 noise, 16 units`, "
        "{atlas-supported}`BN: fashion-dense, 800 rows, 0.4 noise`, "
        "{atlas-supported}`BN: fashion-dense, 0.4 noise`, "
        "{atlas-supported}`cutout: fashion-dense, 800 rows, 0.4 noise`, "
        "{atlas-view}`x <fashion-dense, 800 rows, 0.4 noise, 7 steps>`, "
        "{atlas-answer}`fashion-deep, 800 rows`, "
        "{atlas-count}`BN: supported, fashion-deep`, "
        "{atlas-count}`drop-out: supported`\n\n```{atlas-part} fashion-deep\n```\n"
    )
    _, built = build_page(tmp_path, text)
    assert built.returncode != 0
    said = built.stdout + built.stderr
    assert f"the page says {'supported' if wrong == 'supported' else 'opposite found'}" in said
    assert "0.4 noise': the page says supported, the atlas opposite found" in said
    for unknown in ("51 rows, 0 noise", "fashion-dense, 0.4", "7 steps", "fashion-deep, 800"):
        assert re.search(rf"has no condition '[^']*{unknown}", said), unknown
    assert "cutout: fashion-dense, 800 rows, 0.4 noise': no such technique" in said
    assert said.count("atlas-count takes") == 2
    assert "has no part 'fashion-deep'" in said


@pytest.mark.parametrize("technique", atlas.DIGITS.techniques)
def test_the_code_to_copy_makes_the_network_that_was_measured(technique):
    code = atlas.keras_code(technique).replace("UNITS", "8").partition("model.fit(")[0]
    names = {}
    exec(code, names)
    condition = {"train_rows": 800, "label_noise": 0.0, "units": 8}
    setting = measure_atlas._setting(atlas.DIGITS, condition, technique, load("digits"))
    measured = setting["build_model"]()

    def described(model):
        hidden = ("name", "seed", "dtype", "build_config")
        return [
            (type(layer).__name__, {k: v for k, v in layer.get_config().items() if k not in hidden})
            for layer in model.layers
        ]

    assert described(names["model"]) == described(measured)
    assert ("EarlyStopping" in atlas.keras_code(technique)) == (technique == "early stopping")
