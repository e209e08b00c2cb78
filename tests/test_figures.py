"""Every figure is an SVG that says in words what it shows, the same in every drawing."""

import itertools
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from utils import figures

ALT = 'With "dropout" the gap is < 1 % & stays so for all 50 epochs.'
RNG = np.random.default_rng(0)
CURVES = {name: RNG.uniform(size=(5, 8)) for name in ("control", "treatment")}
X = np.linspace(0, 1, 8)
WORDS = {"title": "Dropout closes the gap", "alt": ALT}


def learning_curves(**words):
    panels = {"loss": CURVES, "accuracy": CURVES}
    return figures.learning_curves(panels, ylabel="loss", **words)


def dependence(**words):
    return figures.dependence(X, CURVES, xlabel="rate", ylabel="loss", **words)


def dependence_on_a_logarithmic_axis(**words):
    return figures.dependence(
        [2**k for k in range(8)], CURVES, xlabel="units", ylabel="loss", log_x=True, **words
    )


def seed_strips(**words):
    groups = {name: curve[:, -1] for name, curve in CURVES.items()}
    return figures.seed_strips(groups, xlabel="loss", **words)


def fitted_functions(**words):
    return figures.fitted_functions(X, X**2, (X[:3], X[:3]), {"l2 = 0": CURVES["control"]}, **words)


def pictures(**words):
    return figures.pictures([np.eye(8), 1 - np.eye(8)], ["one", "two"], **words)


def effects(**words):
    record = {"effect": 0.1, "interval": [0.05, 0.15], "verdict": "supported"}
    return figures.effects({"dropout": record}, xlabel="accuracy", **words)


def heat_map(**words):
    values = np.array([[0.1, np.nan], [0.0, 0.2]])
    texts = [["dropout", "none"], ["L2", "BN"]]
    axes = {"xlabel": "units", "ylabel": "rows", "rows": (50, 100), "columns": (16, 64)}
    return figures.heat_map(values, texts, high=0.2, **axes, **words)


DRAWN = [
    effects,
    learning_curves,
    dependence,
    dependence_on_a_logarithmic_axis,
    seed_strips,
    fitted_functions,
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


@pytest.mark.parametrize("kind", ["COLOURS", "LINES", "MARKERS"])
def test_curves_differ_in_more_than_colour(kind):
    values = getattr(figures, kind)
    assert len(values) == len(figures.COLOURS)
    assert all(one != other for one, other in itertools.combinations(values, 2))


def test_effects_show_each_claim_with_its_verdict_and_skip_what_was_not_measured():
    record = {"effect": 0.1, "interval": [0.05, 0.15], "verdict": "supported"}
    lost = {"effect": None, "interval": [None, None], "verdict": "no difference found"}
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
    assert ">no difference found<" not in drawn
