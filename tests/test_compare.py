"""The protocol on rows of one's own: what is trained, kept, shown and refused."""

from __future__ import annotations

import dataclasses
import functools
import html
import html.parser
import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from tests.notebook_runs import ROOT
from tests.test_site import CHROMIUM
from utils import compare, comparison_page, models, protocol, techniques, training
from utils.backend import keras
from utils.claims import NO_DIFFERENCE
from utils.compare import CompareError, compare_builders, compare_rows
from utils.measures import Measurement
from utils.own_rows import from_arrays
from utils.parameters import OneLineError
from utils.protocol import NONE, Comparison

pytestmark = pytest.mark.slow

MARKUP = "<script>alert('1')</script>"
SMALL = ("--seeds", "3", "--steps", "8", "--units", "4")
FAST = {"seeds": 3, "steps": 8}
L = keras.layers


def arrays(rows=80):
    """Rows of two numbers in two classes that can be told apart, but for some."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 2
    return rng.normal(size=(rows, 2)) + y[:, None], y


def table(path, **columns):
    x, y = arrays()
    colours = np.where(x[:, 0] > 0, "red", "=cmd|'/c calc'!A1")
    labels = np.where(y, MARKUP, "=2+3")
    rows = pd.DataFrame({"length": x[:, 0], "width": x[:, 1], "colour": colours, "kind": labels})
    rows = rows.assign(**columns)
    rows.to_csv(path, index=False) if path.suffix == ".csv" else rows.to_parquet(path)
    return str(path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The command that was carried out, where it wrote, and which techniques it trained."""
    folder = tmp_path_factory.mktemp("finished")
    rows = table(folder / "rows <b>bold.csv")
    output = folder / "output"
    command = [rows, "--label", "kind", *SMALL, "--output", str(output)]
    command += ["--techniques", "dropout,label-smoothing"]
    assert compare.main(command) == 0
    return command, output


class Loads(html.parser.HTMLParser):
    """Whatever a page could fetch or run."""

    def __init__(self):
        super().__init__()
        self.found, self.tags = [], set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "data", "action", "srcset"):
                self.found.append((tag, name, value))
            if name.startswith("on"):
                self.found.append((tag, name, value))


def test_the_page_needs_nothing_else_and_names_are_no_markup(finished):
    page = (finished[1] / compare.PAGE).read_text(encoding="utf-8")
    loads = Loads()
    loads.feed(page)
    assert [one for one in loads.found if not str(one[2]).startswith("#")] == []
    assert not {"script", "link", "img", "iframe", "b"} & loads.tags
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert MARKUP not in page
    assert "&lt;script&gt;" in page
    assert "rows &lt;b&gt;bold" in page


def test_the_page_says_what_was_found_and_what_not(finished):
    page = (finished[1] / compare.PAGE).read_text(encoding="utf-8")
    for part in (
        "dropout", "label-smoothing", "early stopping", "Who always says the largest class",
        "What this does not show", "Only 3 seeds were trained", "One network was trained",
        "share of the largest class", "27 trainings", "80 rows",
    ):  # fmt: skip
        assert part in page, part
    assert page.count('class="claim"') == 3
    assert page.count('<svg role="img" aria-label="Effects on test accuracy') == 1
    assert page.count('<svg role="img" aria-label="Mean test accuracy over the epochs') == 1


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium; CHROME_PATH names one")
def test_on_a_phone_wide_parts_scroll_in_themselves_by_keyboard_too(finished):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto((finished[1] / compare.PAGE).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        wide = page.locator(".wide")
        scrolls = wide.evaluate_all("all => all.map(e => e.scrollWidth > e.clientWidth)")
        assert sum(scrolls) >= 4  # both pictures, the table of effects, the code
        wide.first.focus()
        page.keyboard.press("ArrowRight")
        for _ in range(50):  # the page's policy lets no text be evaluated while waiting
            if page.evaluate("document.querySelector('.wide').scrollLeft") > 0:
                break
            page.wait_for_timeout(100)
        else:
            pytest.fail("the arrow key scrolls nothing")
        browser.close()


def test_only_the_page_the_table_and_the_trainings_are_written(finished):
    _, output = finished
    there = {path.name for path in output.iterdir()}
    assert there == {compare.PAGE, compare.TABLE, compare.TRAININGS}
    assert len(list((output / compare.TRAININGS).iterdir())) == 3 + 2  # and two learning curves
    assert len(list(output.parent.iterdir())) == 2


def test_the_table_holds_each_seed_at_each_end_and_budget(finished):
    numbers = pd.read_parquet(finished[1] / compare.TABLE)
    assert len(numbers) == 3 * 2 * 2 * 3
    assert set(numbers["technique"]) == {NONE, "dropout", "label-smoothing"}
    assert numbers["accuracy"].between(0, 1).all()
    whole = numbers[(numbers["end"] == "chosen") & (numbers["epochs"] == numbers["epochs"].max())]
    means = whole.groupby("technique")["accuracy"].mean()
    effects = whole.groupby("technique")["effect"].first()
    assert effects["dropout"] == pytest.approx(means["dropout"] - means[NONE])
    assert np.isnan(effects[NONE])


def test_it_says_before_it_starts_how_long_it_will_take(tmp_path, capsys, monkeypatch):
    def interrupted(jobs):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare, "in_turn", interrupted)
    rows = table(tmp_path / "rows.csv")
    assert compare.main([rows, "--label", "kind", *SMALL, "--output", str(tmp_path / "o")]) == 130
    said = capsys.readouterr().out
    assert "rows: 80 rows of 4 numbers, 2 classes" in said
    assert "54 trainings: 6 techniques" in said
    assert re.search(r"they take (less than a minute|about \d+ minutes?)", said)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "less than a minute"), (50, "about 1 minute"), (600, "about 10 minutes"),
     (5000, "about 83 minutes"), (7300, "about 2 hours")],
)  # fmt: skip
def test_times_are_said_in_words(seconds, words):
    assert compare.in_words(seconds) == words


def test_the_estimate_counts_what_is_done_once_only_once(monkeypatch):
    """On a machine whose clock is known: making rows, tracing, beginning, and epochs."""
    once, tracing, beginning, epoch = 40, 3, 1, 0.5
    clock, traced = [0.0], set()

    def replicate(seeds, epochs, optimizer, **named):
        first = "program" not in traced
        traced.add("program")
        clock[0] += (once + tracing) * first + beginning + epoch * epochs * len(seeds) / 2
        return type("Found", (), {"trace_seconds": tracing * first})

    monkeypatch.setattr(training, "replicate", replicate)
    monkeypatch.setattr(compare.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(compare.joblib, "cpu_count", lambda: 2)
    names = (NONE, "dropout", "l2")
    question = compare.Question(from_arrays(*arrays(400)), names, tuple(range(6)), 140)
    settings = 3 * 3 + 2  # and two learning curves
    expected = 3 * tracing + settings * (beginning + 3 * epoch * question.epochs)
    assert compare.seconds_needed(question, names) == pytest.approx(expected, rel=0.01)


# Once and not again


@pytest.fixture
def trained(monkeypatch):
    """The techniques that were trained, one after the other."""
    seen, train = [], compare.judged

    @functools.wraps(train)
    def counting(question, technique, key):
        if len(seen) == counting.interrupted_after:
            raise KeyboardInterrupt
        seen.append(technique)
        return train(question, technique, key)

    counting.interrupted_after = None
    monkeypatch.setattr(compare, "judged", counting)
    counting.seen = seen
    return counting


def test_what_is_finished_is_not_trained_again(finished, trained, capsys):
    command, output = finished
    before = (output / compare.TABLE).read_bytes()
    assert compare.main(command) == 0
    assert "all of them are there already" in capsys.readouterr().out
    assert trained.seen == []
    assert (output / compare.TABLE).read_bytes() == before


def test_an_interrupted_comparison_goes_on(tmp_path, trained, capsys):
    rows, output = table(tmp_path / "rows.csv"), tmp_path / "output"
    command = [rows, "--label", "kind", *SMALL, "--output", str(output)]
    command += ["--techniques", "dropout,l2"]
    trained.interrupted_after = 2
    assert compare.main(command) == 130
    assert "the same command goes on from here" in capsys.readouterr().err
    assert not (output / compare.PAGE).exists()
    assert trained.seen == [NONE, "dropout"]
    trained.interrupted_after = None
    trained.seen.clear()
    assert compare.main(command) == 0
    assert "9 are left" in capsys.readouterr().out
    assert trained.seen == ["l2"]
    assert (output / compare.PAGE).exists()


def test_other_rows_settings_and_code_are_another_comparison(tmp_path, monkeypatch):
    x, y = arrays()

    def path(x=x, name="your rows", share=0.25, seeds=(0, 1), units=4, technique="l2"):
        rows = from_arrays(x, y, name=name, test_share=share)
        question = compare.Question(rows, (NONE, "l2", "dropout"), seeds, 8, units=units)
        return question.job(tmp_path, compare.judged, technique).path

    others = [path(x + 1e-9), path(share=0.3), path(seeds=(0, 2)), path(units=5)]
    others.append(path(technique="dropout"))
    assert len({path(), *others}) == 6
    assert path() == path(name="the same rows")
    before = path()
    monkeypatch.setattr(compare, "_code", lambda: "other code")
    assert path() != before


def test_a_damaged_file_is_trained_again(finished, trained):
    command, output = finished
    (path,) = (
        path
        for path in (output / compare.TRAININGS).glob("dropout-*.npz")
        if "curve" not in path.name
    )
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert compare.main(command) == 0
    assert trained.seen == ["dropout"]


def test_a_training_that_fails_is_one_line(tmp_path, monkeypatch, capsys):
    def fails(*given, **named):
        raise RuntimeError("no memory\nis left")

    monkeypatch.setattr(protocol, "train_and_judge", fails)
    rows, output = table(tmp_path / "rows.csv"), tmp_path / "output"
    assert compare.main([rows, "--label", "kind", *SMALL, "--output", str(output)]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "error: trainings of none failed: RuntimeError: no memory is left"
    assert not (output / compare.PAGE).exists()


def test_a_cluster_gives_the_same_numbers(finished, tmp_path):
    command, output = finished
    elsewhere = tmp_path / "elsewhere"
    assert compare.main([*command, "--output", str(elsewhere), "--workers", "2"]) == 0
    here, there = (pd.read_parquet(folder / compare.TABLE) for folder in (output, elsewhere))
    pd.testing.assert_frame_equal(here, there)


# Other rows


def test_a_parquet_table_with_missing_values(tmp_path):
    x, _ = arrays()
    length = np.where(np.arange(80) % 9, x[:, 0], np.nan)
    rows, output = table(tmp_path / "rows.parquet", length=length), tmp_path / "output"
    command = [rows, "--label", "kind", *SMALL, "--output", str(output), "--techniques", "l2"]
    assert compare.main(command) == 2
    assert compare.main([*command, "--impute"]) == 0
    assert (output / compare.PAGE).exists()


def test_a_folder_of_pictures(tmp_path):
    rng = np.random.default_rng(0)
    for name, light in (("dark", 0), ("light", 60)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for k in range(24):
            picture = rng.integers(0, 160, (6, 6, 1)) + light
            path = tmp_path / "pictures" / name / f"{k}.png"
            keras.utils.save_img(path, picture, scale=False)
    output = tmp_path / "output"
    command = [str(tmp_path / "pictures"), *SMALL, "--picture-size", "5", "--output", str(output)]
    assert compare.main([*command, "--techniques", "weight-decay"]) == 0
    page = (output / compare.PAGE).read_text(encoding="utf-8")
    assert "48 rows of 25 numbers in 2 classes" in page


@pytest.fixture(scope="module")
def found():
    return compare_rows(*arrays(), techniques=["batch-normalization"], units=4, **FAST)


def test_arrays_in_a_few_lines(found):
    assert repr(found) == "a fair comparison of 2 techniques on your rows, 3 seeds"
    assert set(found.claims) == {"batch-normalization", "early stopping"}
    assert {claim.comparisons for claim in found.claims.values()} == {2}
    shown = found._repr_mimebundle_()["text/html"]
    assert "batch-normalization" in shown
    assert shown.startswith("<table")


def test_the_protocol_judged_and_nothing_else(found):
    """`protocol.compare` with the same settings gives the same numbers."""
    rows = from_arrays(*arrays())
    settings = {name: techniques.settings(name, 2, 2, 4) for name in (NONE, "batch-normalization")}
    expected = protocol.compare(rows.dataset, settings, seeds=range(3), steps=8)
    assert found.comparison.epochs == expected.epochs
    assert found.comparison.chosen == expected.chosen
    assert found.comparison.stopped == expected.stopped
    for name, ends in expected.accuracy.items():
        for end, measurement in ends.items():
            reached = found.comparison.accuracy[name][end]
            assert (reached.by_row == measurement.by_row).all()
            assert (reached.row_ids == measurement.row_ids).all()


def test_early_stopping_is_the_baseline_s_chosen_epoch_against_its_last(found):
    claim = found.claims["early stopping"]
    reached = found.comparison.accuracy[NONE]
    assert claim.treatment is reached["chosen"]
    assert claim.control is reached["last"]


# What was found


def comparison(*, dropout, l2=0.0):
    """A comparison of twenty seeds in which techniques are right more often by so much."""
    rng = np.random.default_rng(0)
    right = {NONE: 0.5, "dropout": 0.5 + dropout, "l2": 0.5 + l2}
    draws = rng.random((20, 2, 400))
    ids = np.tile(np.arange(400), (20, 1))
    reached = {
        name: Measurement((draws < share).mean(axis=-1), (5, 10), draws < share, ids)
        for name, share in right.items()
    }
    accuracy = {name: dict.fromkeys(protocol.ENDS, one) for name, one in reached.items()}
    return Comparison(tuple(range(20)), (5, 10), accuracy, {}, {})


def test_a_winner_is_a_technique_that_was_shown_to_help():
    assert comparison_page.winner_of(comparison(dropout=0.1)) == "dropout"
    assert comparison_page.winner_of(comparison(dropout=0.1, l2=0.2)) == "l2"
    assert comparison_page.winner_of(comparison(dropout=0.005)) == NONE
    assert comparison_page.winner_of(comparison(dropout=-0.1, l2=-0.2)) == NONE
    assert comparison_page.best_of(comparison(dropout=-0.1, l2=-0.2)) == "dropout"


def test_effects_are_sorted_and_unequal_classes_are_told(found):
    whole = dataclasses.replace(found, comparison=comparison(dropout=0.1, l2=0.2))
    assert [*whole.claims] == ["l2", "dropout", "early stopping"]
    assert whole.claims["early stopping"].verdict == NO_DIFFERENCE
    assert whole.sentence.startswith("L2 and dropout raised the test accuracy")
    assert not [line for line in found.limits if "unequal" in line]
    y = np.r_[np.zeros(70, int), np.ones(10, int)]
    unequal = dataclasses.replace(found, rows=from_arrays(arrays()[0], y))
    (line,) = [line for line in unequal.limits if "unequal" in line]
    assert "The share of the largest class, '0', is 87.5%" in line


@pytest.mark.parametrize("technique", [NONE, *techniques.NAMES])
def test_the_code_of_each_try_is_the_network_that_was_trained(technique):
    x, y = arrays()
    for setting in techniques.settings(technique, 2, 2, 4).values():
        namespace = {}
        exec(compile(techniques.code(setting), "winner", "exec"), namespace)
        model, trained = namespace["model"], setting["build_model"]()
        assert _described(model) == _described(trained)
        optimizer, expected = model.optimizer.get_config(), setting["optimizer"].get_config()
        assert {**optimizer, "name": ""} == pytest.approx({**expected, "name": ""})
        excluded = getattr(model.optimizer, "_exclude_from_weight_decay_pattern", None)
        assert excluded == getattr(setting["optimizer"], "_exclude_from_weight_decay_pattern", None)
        if "loss" in setting:
            outputs = np.array([[0.7, 0.3], [0.2, 0.8]], "float32")
            labels = np.array([0, 0])
            assert np.asarray(namespace["smoothed"](labels[:, None], outputs)) == pytest.approx(
                np.asarray(setting["loss"](labels, outputs))
            )
    model.fit(
        x, y, epochs=1, verbose=0, validation_data=(x, y), callbacks=[namespace["stop"]]
    )  # fmt: skip


def _described(model):
    layers = [(type(one).__name__, one.get_config() | {"name": ""}) for one in model.layers]
    return re.sub(r"'build_config': .*?}", "", repr(layers))


def test_the_winner_s_code_on_the_page_runs(finished):
    page = (finished[1] / compare.PAGE).read_text(encoding="utf-8")
    code = html.unescape(re.search(r"<pre><code>(.*?)</code></pre>", page, flags=re.S)[1])
    namespace = {}
    exec(compile(code, "winner", "exec"), namespace)
    assert namespace["model"].input_shape == (None, 4)


# Networks of one's own


def build_own(technique_on=False, rate=0.5):
    import keras

    layers = [keras.Input((2,)), keras.layers.Dense(4, activation="relu")]
    layers += [keras.layers.GaussianNoise(rate)] * technique_on
    return keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])


def test_a_builder_with_and_without_a_technique():
    found = compare_builders(build_own, *arrays(), **FAST)
    assert set(found.claims) == {"technique", "early stopping"}
    assert found.tries[NONE] == tuple(f"learning rate {r:g}" for r in techniques.LEARNING_RATES)
    namespace = {}
    exec(compile(found.code, "own", "exec"), namespace)
    assert namespace["build_own"](technique_on=True).output_shape == (None, 2)
    assert "build_own(technique_on=" in found.code


def test_builders_by_name_with_settings_and_with_names_that_mean_something_elsewhere(tmp_path):
    name = "../../../$x$ <b>"
    builders = {
        NONE: {"thin": build_own, "again": build_own},
        name: {str(r): functools.partial(build_own, True, r) for r in (0.1, 0.2)},
    }
    found = compare_builders(builders, *arrays(), output=tmp_path / "output", **FAST)
    assert len(found.tries[name]) == 6
    assert {path.name for path in tmp_path.iterdir()} == {"output"}
    assert "../../../$x$ &lt;b&gt;" in found.page()


def test_an_interrupted_comparison_of_builders_goes_on_and_sees_what_changed(tmp_path, trained):
    def begun(rate, interrupted_after=None):
        trained.seen.clear()
        trained.interrupted_after = interrupted_after
        builders = {NONE: build_own, "noise": lambda: build_own(True, rate)}
        try:
            compare_builders(builders, *arrays(), output=tmp_path, **FAST)
        finally:
            told.append(list(trained.seen))

    told = []
    with pytest.raises(KeyboardInterrupt):
        begun(0.5, interrupted_after=1)
    begun(0.5)
    begun(0.5)
    begun(0.4)  # its name, its settings and its source are the same
    assert told == [[NONE], ["noise"], [], ["noise"]]


class Unseen(L.Layer):
    def call(self, x):
        return x


def unseen(layer):
    return lambda: keras.Sequential([keras.Input((2,)), layer(), L.Dense(2, activation="softmax")])


def by_chance():
    model = dense()()
    model.layers[0].set_weights([np.random.default_rng().normal(size=(2, 2)), np.zeros(2)])
    return model


def test_only_networks_that_are_known_through_and_through_are_kept():
    builders = {
        NONE: dense(), "layer": unseen(Unseen), "chance": by_chance,
        "function": unseen(lambda: L.Lambda(lambda x: 2 * x)), "noise": lambda: build_own(True),
    }  # fmt: skip
    builders = {name: {"": build} for name, build in builders.items()}
    rows = from_arrays(*arrays())
    question = compare.Question(rows, tuple(builders), (0, 1), 8, builders=builders)
    assert question.unknown == ("layer", "chance", "function")


def test_a_technique_that_cannot_be_kept_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(compare, "answer", lambda *given: 1 / 0)
    builders = {NONE: dense(), "mine": unseen(Unseen)}
    with (
        pytest.warns(
            UserWarning, match="'mine' will be trained anew at each call: the net"
        ) as told,
        pytest.raises(ZeroDivisionError),
    ):
        compare_builders(builders, *arrays(), output=tmp_path, **FAST)
    assert len(told) == 1
    assert told[0].filename == __file__


def dense(units=2, activation="softmax", inputs=2):
    return lambda: keras.Sequential([keras.Input((inputs,)), L.Dense(units, activation=activation)])


def compiled():
    model = dense()()
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def failing():
    raise RuntimeError("not\ntoday")


@pytest.mark.parametrize(
    ("builders", "said"),
    [
        ({NONE: dense(), "mine": lambda: "x"}, "'mine' returns a str; it takes a keras.Model"),
        ({NONE: dense(), "mine": lambda: None}, "'mine' returns a NoneType"),
        ({NONE: dense(), "mine": dense()()}, "is a Sequential; it takes a function"),
        ({NONE: dense(), "mine": dense(units=3)}, "answers with shape (3,); 2 classes"),
        ({NONE: dense(units=1), "mine": dense()}, "answers with shape (1,)"),
        ({NONE: dense(), "mine": dense(activation=None)}, "does not answer with probabilities"),
        ({NONE: dense(), "mine": dense(activation="sigmoid")}, "does not answer with prob"),
        ({NONE: dense(), "mine": dense(inputs=5)}, "does not read rows of 2 numbers"),
        ({NONE: compiled, "mine": dense()}, "returns a compiled model"),
        ({NONE: failing, "mine": dense()}, "stopped with RuntimeError: not today"),
        (lambda: None, "stopped with TypeError"),
        ({"mine": dense()}, "a comparison takes 'none' and at least one technique"),
        ({NONE: dense()}, "at least one technique"),
        ({}, "builders has nothing"),
        ([dense()], "builders is a list"),
        ({NONE: dense(), "mine": {"a": dense(), "b": dense()}}, "1 (none), 2 (mine) settings"),
        ({NONE: {}, "mine": {}}, "0 (none), 0 (mine) settings"),
    ],
)  # fmt: skip
def test_builders_that_cannot_be_compared_are_refused(builders, said, monkeypatch):
    monkeypatch.setattr(training, "replicate", None)
    with pytest.raises(CompareError) as caught:
        compare_builders(builders, *arrays(), **FAST)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [{"seeds": 2.5}, {"seeds": "3"}, {"first_seed": -1}, {"steps": 1.5}, {"units": 0},
     {"batch_size": -1}, {"test_share": 2}, {"techniques": ["bn"]}, {"techniques": []},
     {"drop": ["column 9"]}, {"output": __file__}],
    ids=str,
)  # fmt: skip
def test_wrong_values_in_python_are_refused(wrong, monkeypatch):
    monkeypatch.setattr(training, "replicate", None)
    with pytest.raises(OneLineError):
        compare_rows(*arrays(), **{"seeds": 3, "steps": 8, **wrong})


def test_the_networks_are_those_of_the_course():
    for name in (NONE, *techniques.NAMES):
        settings = techniques.settings(name, 5, 3, 7)
        assert len(settings) == 3
        for setting in settings.values():
            assert setting["build_model"].func in (
                models.baseline, models.with_dropout, models.with_batch_normalization,
            )  # fmt: skip


def test_the_page_of_the_book_shows_the_lines_that_the_notebook_runs():
    page = (ROOT / "book" / "your_own_data.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```", page, flags=re.S)[0].strip()
    notebook = nbformat.read(ROOT / "notebooks" / "your_own_data.ipynb", as_version=4)
    assert shown in [cell.source for cell in notebook.cells]


def test_the_page_of_the_book_names_every_option(capsys):
    page = (ROOT / "book" / "your_own_data.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        compare.main(["--help"])
    options = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    named = set(re.findall(r"--[a-z][a-z-]*", page))
    assert named <= options
    assert options - named == {"--help", "--first-seed", "--batch-size"}


def test_the_stored_notebook_was_run_once_without_standard_error():
    notebook = nbformat.read(ROOT / "notebooks" / "your_own_data.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [o for o in outputs if o.output_type in ("error", "stream")]
