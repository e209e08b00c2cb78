"""Every figure is an SVG that says in words what it shows, the same in every drawing."""

import io
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from tests.notebook_runs import ROOT
from utils import figures
from utils.calibration import reliability
from utils.claims import BADGES, NO_DIFFERENCE, UNDECIDED, VERDICTS, Claim
from utils.intervals import confidence_interval
from utils.measures import Measurement

ALT = 'With "dropout" the gap is < 1 % & stays so for all 50 epochs.'
RNG = np.random.default_rng(0)
CURVES = {name: RNG.uniform(size=(5, 8)) for name in ("control", "treatment")}
X = np.linspace(0, 1, 8)
WORDS = {"title": "Dropout closes the gap", "alt": ALT}


def learning_curves(**words):
    panels = {"loss": CURVES, "accuracy": CURVES}
    return figures.learning_curves(panels, ylabel="loss", **words)


EPOCHS = (1, 2, 5, 10, 50, 100, 200, 400)


def learning_curves_of_a_long_training(**words):
    return figures.learning_curves({"loss": CURVES}, ylabel="loss", epochs=EPOCHS, **words)


def claim_with_a_budget(subject, broken=None):
    treatment = CURVES["treatment"].copy()
    if broken is not None:
        treatment[0, broken] = np.nan
    return Claim(
        id=subject, subject=subject, what="accuracy", metric="accuracy", direction="higher",
        treatment=Measurement(treatment, EPOCHS), control=Measurement(CURVES["control"], EPOCHS),
        seeds=range(5),
    ).record()  # fmt: skip


def effect_over_epochs(**words):
    records = {subject: claim_with_a_budget(subject) for subject in ("dropout", "L2")}
    return figures.effect_over_epochs(records, ylabel="effect on accuracy", **words)


def dependence(**words):
    return figures.dependence(X, CURVES, xlabel="rate", ylabel="loss", **words)


def reliability_diagram(**words):
    rng = np.random.default_rng(1)
    confidence = rng.uniform(size=500)
    tables = {name: reliability(confidence, rng.random(500) < confidence) for name in ("a", "b")}
    return figures.reliability_diagram(tables, **words)


def dependence_on_a_logarithmic_axis(**words):
    return figures.dependence(
        [2**k for k in range(8)], CURVES, xlabel="units", ylabel="loss", log_x=True, **words
    )


def seed_strips(**words):
    groups = {name: curve[:, -1] for name, curve in CURVES.items()}
    return figures.seed_strips(groups, xlabel="loss", **words)


def fitted_functions(**words):
    return figures.fitted_functions(X, X**2, (X[:3], X[:3]), {"l2 = 0": CURVES["control"]}, **words)


def thinned_networks(**words):
    layers = [np.ones(3), np.array([2.0, 0, 2, 0]), np.ones(2)]
    return figures.thinned_networks({"training": layers, "inference": layers}, **words)


def batch_values(**words):
    units = {"unit 1": X, "unit 2": 2 * X}
    centred = {name: values - values.mean() for name, values in units.items()}
    return figures.batch_values({"before": units, "after": centred}, xlabel="value", **words)


def pictures(**words):
    return figures.pictures([np.eye(8), 1 - np.eye(8)], ["one", "two"], **words)


def effects(**words):
    record = {"effect": 0.1, "interval": [0.05, 0.15], "verdict": "supported"}
    return figures.effects({"dropout": record}, xlabel="accuracy", **words)


def effects_with_what_decides(**words):
    record = {"effect": 0.1, "interval": [0.05, 0.15], "verdict": UNDECIDED}
    record |= {"joint_interval": [0.0, 0.2], "smallest_effect": 0.02}
    return figures.effects({"dropout": record}, xlabel="accuracy", **words)


def heat_map(**words):
    values = np.array([[0.1, np.nan], [0.0, 0.2]])
    texts = [["dropout", "none"], ["L2", "BN"]]
    axes = {"xlabel": "units", "ylabel": "rows", "rows": (50, 100), "columns": (16, 64)}
    return figures.heat_map(values, texts, high=0.2, **axes, **words)


DRAWN = [
    effects,
    effects_with_what_decides,
    learning_curves,
    learning_curves_of_a_long_training,
    effect_over_epochs,
    dependence,
    dependence_on_a_logarithmic_axis,
    reliability_diagram,
    seed_strips,
    fitted_functions,
    thinned_networks,
    batch_values,
    pictures,
    heat_map,
]
drawn = pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)


def test_every_function_that_draws_is_tested():
    functions = {
        name
        for name, value in vars(figures).items()
        if getattr(value, "__annotations__", {}).get("return") == "Picture"
    }
    assert functions == {draw.__name__ for draw in DRAWN if draw.__name__ in vars(figures)}


@drawn
def test_a_figure_is_valid_svg_that_carries_its_description(draw):
    root = ElementTree.fromstring(draw(**WORDS)._repr_svg_())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("role"), root.get("aria-label")) == ("img", ALT)
    words = " ".join(text.strip() for text in root.itertext())
    assert WORDS["title"] in words


def test_words_keep_all_their_digits_and_places_do_not():
    alt = "The loss falls from 0.98765 to 0.00012 and stays there."
    groups = {"a group near 0.54321": np.array([0.825, 0.8375] * 5)}
    picture = figures.seed_strips(groups, title="At 0.12345", alt=alt, xlabel="loss 0.56789")
    root = ElementTree.fromstring(picture._repr_svg_())
    assert root.get("aria-label") == alt
    texts = [text.strip() for text in root.itertext()]
    for words in (alt, "At 0.12345", "loss 0.56789", "a group near 0.54321"):
        assert words in texts
    assert [text for text in texts if re.fullmatch(r"0\.8\d\d+", text)]
    places = " ".join(part.get("d") for part in root.iter() if part.get("d"))
    assert not re.search(r"\.\d{3}", places)


@drawn
def test_a_figure_drawn_anew_is_the_same_to_the_byte(draw):
    assert draw(**WORDS)._repr_svg_() == draw(**WORDS)._repr_svg_()


@drawn
def test_a_picture_shown_twice_is_the_same_to_the_byte(draw):
    picture = draw(**WORDS)
    assert picture._repr_svg_() == picture._repr_svg_()


def test_other_numbers_give_another_figure():
    other = {name: curve + 0.5 for name, curve in CURVES.items()}
    moved = figures.dependence(X, other, xlabel="rate", ylabel="loss", **WORDS)
    assert moved._repr_svg_() != dependence(**WORDS)._repr_svg_()


@drawn
def test_a_figure_without_a_description_is_refused(draw):
    with pytest.raises(TypeError, match="alt"):
        draw(title="Dropout closes the gap")


@drawn
@pytest.mark.parametrize("alt", ["", "Figure 1", "a plot of curves", "   \n  "])
def test_a_description_that_says_nothing_is_refused(draw, alt):
    with pytest.raises(ValueError, match="says what the data show"):
        draw(title="Dropout closes the gap", alt=alt)


def test_the_text_of_a_figure_is_its_title():
    assert repr(dependence(**WORDS)) == "Figure: Dropout closes the gap"


def contrast(colour, other=(1.0, 1.0, 1.0)):
    """The contrast ratio of two colours as WCAG 2 defines it."""

    def luminance(channels):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    low, high = sorted([luminance(channels), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_formula_gives_the_values_of_its_standard():
    assert contrast("#000000") == pytest.approx(21)
    assert contrast("#767676") == pytest.approx(4.54, abs=0.01)
    assert contrast("#ffff00") < 3


@pytest.mark.parametrize("colour", figures.COLOURS)
def test_every_colour_stands_out_from_white(colour):
    assert contrast(colour) >= 3


def test_text_stands_out_from_white():
    assert contrast(figures.INK) >= 7


def on_a_dark_page(colour):
    """What the pages' filter, invert(0.93) hue-rotate(180deg), makes of a colour."""
    inverted = 0.93 - 0.86 * np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    grey = np.array([0.213, 0.715, 0.072])  # of the standard of filter effects
    turned = 2 * inverted @ grey - inverted
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in np.clip(turned, 0, 1))


def test_figures_keep_their_contrast_on_dark_pages():
    sheet = (ROOT / "book" / "static" / "course.css").read_text()
    assert "filter: invert(0.93) hue-rotate(180deg)" in sheet
    white = on_a_dark_page("#ffffff")
    assert on_a_dark_page("#000000") == "#ededed"
    back = [int(white[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    assert contrast(on_a_dark_page(figures.INK), back) >= 7
    for colour in figures.COLOURS:
        assert contrast(on_a_dark_page(colour), back) >= 3


@pytest.mark.parametrize(
    ("scheme", "page"), [('html[data-theme="dark"] ', "#14181e"), ("", "#ffffff")]
)
def test_questioned_figures_have_six_colours_that_stand_out(scheme, page):
    """Against the darkest and the lightest page of the theme."""
    sheet = (ROOT / "book" / "static" / "course.css").read_text()
    form = rf"^{re.escape(scheme)}\.figure-colour-\d {{\s*--figure-colour: (#\w{{6}});"
    colours = re.findall(form, sheet, flags=re.M)
    assert len(set(colours)) == len(figures.COLOURS)
    back = [int(page[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    assert min(contrast(colour, back) for colour in colours) >= 3


@drawn
def test_text_inside_a_figure_stands_out_from_what_lies_behind_it(draw):
    """Dark on white or on the darkest shade of a map, white on a unit of a network."""
    fills = set(re.findall(r"<text style=\"[^\"]*fill: (#\w{6})", draw(**WORDS)._repr_svg_()))
    assert fills - {"#ffffff"} <= {figures.INK}
    shade = [int("74add1"[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    assert contrast(figures.INK, shade) >= 4.5
    assert contrast(figures.COLOURS[0]) >= 4.5


@pytest.mark.parametrize("kind", ["COLOURS", "LINES", "MARKERS"])
def test_curves_differ_in_more_than_colour(kind):
    values = getattr(figures, kind)
    assert len(values) == len(figures.COLOURS)
    assert all(one != other for one, other in itertools.combinations(values, 2))


def test_effects_show_each_claim_with_its_verdict_and_skip_what_was_not_measured():
    record = {"effect": 0.1, "interval": [0.05, 0.15], "verdict": "supported"}
    lost = {"effect": None, "interval": [None, None], "verdict": UNDECIDED}
    picture = figures.effects(
        {"first": record, "second": lost},
        title="One claim helps",
        alt="The first effect is 0.1, the second was not measured.",
        xlabel="effect",
    )
    drawn = picture._repr_svg_()
    assert ">first<" in drawn
    assert ">second<" in drawn
    assert drawn.count(">supported<") == 1
    assert f">{UNDECIDED}<" not in drawn


def test_each_verdict_has_a_colour_and_a_marker_of_its_own():
    records = {
        verdict: {"effect": 0.1 * k, "interval": [0.1 * k - 0.05, 0.1 * k + 0.05]}
        | {"verdict": verdict}
        for k, verdict in enumerate(VERDICTS)
    }
    drawn = figures.effects(records, xlabel="effect", **WORDS)
    svg = drawn._repr_svg_()
    for verdict in VERDICTS:
        assert f">{verdict}<" in svg
        assert BADGES[verdict] in svg
    assert len(set(BADGES.values())) == len(VERDICTS)
    assert not set(BADGES.values()) & set(figures.COLOURS), "techniques have other colours"
    assert NO_DIFFERENCE in list(drawn.table["verdict"])


def test_curves_at_other_epochs_than_each_are_drawn_at_their_places():
    picture = learning_curves_of_a_long_training(**WORDS)
    numbers = picture.numbers
    assert (numbers["log_x"], numbers["x"]) == (True, list(EPOCHS))
    assert list(picture.table["epoch"]) == [str(epoch) for epoch in EPOCHS]
    (axes,) = picture.figure.axes
    assert axes.get_xscale() == "log"
    assert axes.get_xticks()[-1] == 400
    assert all(list(line.get_xdata()) == list(EPOCHS) for line in axes.lines)
    every = figures.learning_curves({"loss": CURVES}, ylabel="loss", epochs=range(1, 9), **WORDS)
    assert not every.numbers["log_x"]
    assert every.figure.axes[0].get_xscale() == "linear"
    without = figures.learning_curves({"loss": CURVES}, ylabel="loss", **WORDS)
    assert every._repr_svg_() == without._repr_svg_()


def test_the_effect_over_epochs_is_that_of_the_claim_with_its_smallest_effect():
    record = claim_with_a_budget("dropout")
    picture = effect_over_epochs(**WORDS)
    table = picture.table[picture.table[""] == "dropout"]
    assert list(table["epoch"]) == [str(epoch) for epoch in EPOCHS]
    curve = record["budget"]["over_epochs"]
    found = [map(float, re.findall(r"[-+][\d.]+", row)) for row in table.iloc[:, 2]]
    expected = [
        [effect, *interval]
        for effect, interval in zip(curve["effect"], curve["interval"], strict=True)
    ]
    assert np.allclose([list(row) for row in found], expected, atol=1e-4)
    (axes,) = picture.figure.axes
    assert axes.get_xscale() == "log"
    field = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (field.y0, field.y1) == pytest.approx((-0.01, 0.01))
    assert "grey: counts as none" in picture._repr_svg_()


def test_an_effect_that_was_not_measured_at_an_epoch_leaves_a_gap():
    record = claim_with_a_budget("dropout", broken=2)
    assert record["budget"]["over_epochs"]["effect"][2] is None
    picture = figures.effect_over_epochs({"dropout": record}, ylabel="effect", **WORDS)
    (line,) = [line for line in picture.figure.axes[0].lines if line.get_label() == "dropout"]
    assert list(np.isnan(line.get_ydata())) == [k == 2 for k in range(8)]
    assert picture._repr_svg_()


@pytest.mark.parametrize(
    ("labels", "colours"),
    [
        (["none", "dropout", "BN", "BN-ReLU-dropout"], [4, 0, 1, 2]),
        (["dropout", "none"], [0, 4]),
        (["wide, no dropout", "wide, dropout"], [4, 0]),
        (["without", "with batch normalization", "folded"], [4, 1, 3]),
        (["training", "test"], [3, 5]),
        (["dropout with BN", "BN + dropout 0.5", "30 masks"], [2, 2, 0]),
        (["layer normalization", "group normalization", "none", "BN"], [3, 5, 4, 1]),
    ],
)
def test_a_technique_has_one_colour_in_all_figures(labels, colours):
    curves = dict.fromkeys(labels, CURVES["control"])
    picture = figures.learning_curves({"": curves}, ylabel="loss", **WORDS)
    drawn = [line.get_color() for line in picture.figure.axes[0].lines]
    assert drawn == [figures.COLOURS[k] for k in colours]
    told = picture.numbers["panels"][0]["curves"]
    assert [curve["colour"] for curve in told] == colours


@drawn
def test_a_figure_is_drawn_for_a_phone_too_with_text_that_can_be_read(draw):
    picture = draw(**WORDS)
    root = ElementTree.fromstring(held(picture)["narrow"])
    assert root.get("aria-label") == ALT
    width = float(root.get("width").removesuffix("pt")) * 4 / 3
    assert 340 <= width <= 360, "a phone's column, in pixels"
    sizes = re.findall(r"font-size: ([\d.]+)px", held(picture)["narrow"])
    # Matplotlib's px are points of 4/3 pixels; the text on a network's units repeats its table.
    smallest = 8 if draw is thinned_networks else 8.25
    assert min(map(float, sizes)) >= smallest
    assert "DejaVu" not in picture._repr_svg_()


LONG = {"ylabel": "effect of batch normalization on test accuracy"}


@pytest.mark.parametrize(
    "draw",
    [
        lambda **words: figures.learning_curves({"loss": CURVES}, **LONG, **words),
        lambda **words: figures.learning_curves({"a": CURVES, "b": CURVES}, **LONG, **words),
        lambda **words: figures.effect_over_epochs(
            {"dropout": claim_with_a_budget("dropout")}, **LONG, **words
        ),
        lambda **words: figures.dependence(X, CURVES, xlabel="rate", **LONG, **words),
        reliability_diagram,
    ],
)
@pytest.mark.parametrize("lines", [1, 2, 3])
def test_what_an_axis_shows_is_said_within_its_length_on_a_phone(draw, lines):
    figure = draw(title="Dropout closes the gap here. " * lines, alt=ALT).narrow
    figure.draw_without_rendering()
    (axes, *_), (title, *_) = figure.axes, figure.texts
    label = axes.yaxis.label.get_window_extent()
    assert label.height < 1.15 * axes.get_window_extent().height
    assert label.y0 > 0
    assert label.y1 < title.get_window_extent().y0


def test_panels_stand_below_each_other_on_a_phone():
    picture = learning_curves(**WORDS)
    wide, narrow = (
        [axes.get_position() for axes in figure.axes] for figure in (picture.figure, picture.narrow)
    )
    assert wide[0].y0 == pytest.approx(wide[1].y0)
    assert narrow[0].x0 == pytest.approx(narrow[1].x0)
    assert narrow[1].y1 < narrow[0].y0


# What is drawn, as a table and as numbers


def held(picture):
    data, metadata = picture._repr_mimebundle_()
    assert data["image/svg+xml"] == picture._repr_svg_()
    return metadata["figure"]


@drawn
def test_a_figure_holds_its_data_as_a_table(draw):
    table = pd.read_csv(io.StringIO(held(draw(**WORDS))["table"]))
    assert len(table) >= 1
    assert table.shape[1] >= 2


def test_the_table_of_curves_holds_means_and_intervals_of_every_panel():
    table = learning_curves(**WORDS).table
    assert list(table[""]) == ["loss"] * 8 + ["accuracy"] * 8
    mean, low, high = map(
        float, re.findall(r"[\d.]+", table["control: mean of 5 seeds (95 % interval)"].iloc[2])
    )
    values = CURVES["control"][:, 2]
    assert mean == pytest.approx(values.mean(), rel=1e-3)
    assert (low, high) == pytest.approx(confidence_interval(values), rel=1e-3)


def test_the_numbers_of_curves_and_strips_are_those_of_the_seeds():
    numbers = json.loads(held(learning_curves(**WORDS))["numbers"])
    drawn = numbers["panels"][1]["curves"][0]
    assert drawn["label"] == "control"
    assert np.allclose(drawn["replicates"], CURVES["control"], rtol=1e-3)
    assert np.allclose(drawn["band"][0], CURVES["control"].mean(axis=0), rtol=1e-3)
    numbers = json.loads(held(seed_strips(**WORDS))["numbers"])
    assert np.allclose(numbers["groups"][1]["replicates"], CURVES["treatment"][:, -1], rtol=1e-3)


def test_numbers_that_are_not_finite_stay_valid_json():
    broken = {name: np.where(curve > 0.9, np.nan, curve) for name, curve in CURVES.items()}
    picture = figures.dependence(X, broken, xlabel="rate", ylabel="loss", **WORDS)
    numbers = held(picture)["numbers"]
    assert "NaN" not in numbers
    assert "null" in numbers


@pytest.mark.parametrize("draw", [fitted_functions, thinned_networks, batch_values])
def test_steps_have_places_of_one_size_that_lie_in_the_picture_and_do_not_overlap(draw):
    numbers = json.loads(held(draw(**WORDS))["numbers"])
    places = np.array(numbers["places"])
    assert len(places) == len(numbers["captions"])
    assert np.allclose(places[:, 2:], places[0, 2:], atol=1e-3)
    assert (places[:, :2] >= 0).all()
    assert (places[:, :2] + places[:, 2:] <= 1.001).all()
    corners = [tuple(place[:2].round(3)) for place in places]
    assert len(set(corners)) == len(corners)


def test_a_unit_that_is_switched_off_has_no_lines_and_a_cross():
    table = thinned_networks(**WORDS).table
    assert list(table["factors of layer 2, unit by unit"]) == ["2 0 2 0"] * 2


def test_the_interval_that_decides_is_drawn_and_in_the_table():
    picture = effects_with_what_decides(**WORDS)
    assert "thin: for all claims together" in picture._repr_svg_()
    row = picture.table.iloc[0]
    assert row["interval for all claims together"] == "+0.0000 to +0.2000"
    assert row["counts as none up to"] == "0.02"
    assert "thin" not in effects(**WORDS)._repr_svg_()
