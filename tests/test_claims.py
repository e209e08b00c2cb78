"""Verdicts, sentences, budgets and what a claim shows of itself."""

import dataclasses
import itertools
import json
import re

import numpy as np
import pytest

from utils import claims
from utils.claims import (
    NO_DIFFERENCE,
    OPPOSITE,
    SMALLEST_EFFECT,
    SUPPORTED,
    UNDECIDED,
    VERDICTS,
    Claim,
    verdict_of,
)
from utils.intervals import confidence_interval
from utils.measures import Measurement

CONTROL = np.linspace(0.7, 0.8, 20)
SPREAD = np.random.default_rng(0).normal(0, 1, 20)
SPREAD = (SPREAD - SPREAD.mean()) / SPREAD.std(ddof=1)
SMALL = SMALLEST_EFFECT["accuracy"]


def claim(difference=0.05, direction="higher", spread=0.01, **other):
    settings = {
        "id": "dropout-helps",
        "subject": "dropout",
        "what": "accuracy of a wide network",
        "treatment": CONTROL + difference + spread * SPREAD,
        "control": CONTROL,
        "metric": "accuracy",
        "direction": direction,
        "seeds": tuple(range(20)),
    }
    return Claim(**{**settings, **other})


# For each verdict a difference and a spread that lead to it where "higher" was expected.
FOUND = {
    SUPPORTED: (0.05, 0.01),
    OPPOSITE: (-0.05, 0.01),
    NO_DIFFERENCE: (0.001, 0.005),
    UNDECIDED: (0.005, 0.05),
}


def found(verdict, direction="higher", **other):
    difference, spread = FOUND[verdict]
    sign = 1 if direction == "higher" else -1
    return claim(sign * difference, direction, spread, **other)


# The verdict


@pytest.mark.parametrize("direction", ["higher", "lower"])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_verdict_follows_the_interval_and_the_direction(verdict, direction):
    assert found(verdict, direction).verdict == verdict


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.011, 0.5), SUPPORTED),
        ((-0.5, -0.011), OPPOSITE),
        ((-0.01, 0.01), NO_DIFFERENCE),
        ((0.001, 0.009), NO_DIFFERENCE),
        ((0.0, 0.0), NO_DIFFERENCE),
        ((0.01, 0.5), UNDECIDED),  # the smallest effect itself counts as none
        ((-0.5, -0.01), UNDECIDED),
        ((-0.02, 0.02), UNDECIDED),
        ((-0.011, 0.0), UNDECIDED),
        ((np.nan, np.nan), UNDECIDED),
    ],
)
def test_the_verdict_is_where_the_interval_lies(interval, verdict):
    assert verdict_of(interval, 0.01, "higher") == verdict
    turned = (-interval[1], -interval[0])
    assert verdict_of(turned, 0.01, "lower") == verdict
    opposite = {SUPPORTED: OPPOSITE, OPPOSITE: SUPPORTED}.get(verdict, verdict)
    assert verdict_of(interval, 0.01, "lower") == opposite


def test_pairs_are_compared_and_not_groups():
    # Seeds differ by far more than the effect, which each of them shows.
    made = claim(0.02, spread=0.005)
    assert made.verdict == SUPPORTED
    shuffled = np.random.default_rng(1).permutation(20)
    assert claim(treatment=made.treatment.final[shuffled]).verdict == UNDECIDED


def test_effect_and_effect_size_are_those_of_the_differences():
    made = claim(0.05)
    assert made.effect == pytest.approx(0.05)
    assert made.effect_size == pytest.approx(5)
    assert made.interval == pytest.approx(confidence_interval(0.05 + 0.01 * SPREAD))
    constant = claim(treatment=np.full(20, 0.75), control=0.5)
    assert constant.effect_size == np.inf
    assert constant.interval == (0.25, 0.25)
    assert constant.verdict == SUPPORTED
    assert claim(treatment=np.full(20, 0.25), control=0.5).effect_size == -np.inf
    nothing = claim(treatment=np.zeros(20), control=np.zeros(20))
    assert (nothing.effect_size, nothing.verdict) == (0, NO_DIFFERENCE)


def test_one_number_such_as_chance_is_a_control():
    treatment = 0.3 + 0.01 * SPREAD
    made = claim(treatment=treatment, control=0.1)
    assert made.effect == pytest.approx(0.2)
    assert made.record()["control"] == [0.1] * 20


# One smallest effect for each metric


def test_the_smallest_effect_is_that_of_the_metric():
    for metric, smallest in SMALLEST_EFFECT.items():
        assert claim(metric=metric).smallest_effect == smallest
        above, below = (claim(k * smallest, spread=0.01, metric=metric) for k in (3, 0))
        assert (above.verdict, below.verdict) == (SUPPORTED, NO_DIFFERENCE)
    assert all(smallest > 0 for smallest in SMALLEST_EFFECT.values())


def test_no_claim_has_a_smallest_effect_of_its_own():
    assert "smallest_effect" not in {field.name for field in dataclasses.fields(Claim)}
    with pytest.raises(TypeError):
        claim(smallest_effect=0.5)
    with pytest.raises(AttributeError):
        claim().smallest_effect = 0.5


# Sentences


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (SUPPORTED, "Dropout raised the accuracy of a wide network."),
        (OPPOSITE, "Dropout lowered the accuracy of a wide network."),
        (NO_DIFFERENCE, "Dropout changed the accuracy of a wide network by less than 0.01."),
        (
            UNDECIDED,
            "It is undecided whether dropout changed the accuracy of a wide network by more "
            "than 0.01.",
        ),
    ],
)
def test_the_sentence_says_what_was_found(verdict, sentence):
    assert found(verdict).sentence == sentence
    turned = {"raised": "lowered", "lowered": "raised"}
    lower = re.sub("raised|lowered", lambda word: turned[word[0]], sentence)
    assert found(verdict, "lower").sentence == lower


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (SUPPORTED, "Dropout gave a higher accuracy than L2."),
        (OPPOSITE, "Dropout gave a lower accuracy than L2."),
        (NO_DIFFERENCE, "Dropout and L2 gave the same accuracy, within 0.01."),
        (UNDECIDED, "It is undecided which of dropout and L2 gives a higher accuracy."),
    ],
)
def test_the_sentence_names_what_the_subject_is_compared_with(verdict, sentence):
    assert found(verdict, what="accuracy", against="L2").sentence == sentence
    turned = {"higher": "lower", "lower": "higher"}
    lower = re.sub("(?<=gave a )(higher|lower)", lambda word: turned[word[0]], sentence)
    assert found(verdict, "lower", what="accuracy", against="L2").sentence == lower


@pytest.mark.parametrize(
    ("context", "subject", "sentence"),
    [
        ("", "dropout", "Dropout raised the accuracy."),
        ("With wrong labels", "dropout", "With wrong labels, dropout raised the accuracy."),
        ("with wrong labels", "dropout", "With wrong labels, dropout raised the accuracy."),
        ("With wrong labels", "BN", "With wrong labels, BN raised the accuracy."),
        ("on 50 rows", "L2", "On 50 rows, L2 raised the accuracy."),
        ("", "L2", "L2 raised the accuracy."),
    ],
)
def test_the_context_comes_first_and_one_letter_is_capital(context, subject, sentence):
    assert claim(context=context, subject=subject, what="accuracy").sentence == sentence


def test_the_context_of_what_is_undecided_comes_first_as_well():
    sentence = found(UNDECIDED, context="With wrong labels", what="accuracy").sentence
    assert sentence == (
        "With wrong labels, it is undecided whether dropout changed the accuracy by more than 0.01."
    )


@pytest.mark.parametrize(
    ("direction", "against", "expected"),
    [
        ("higher", "", "On 50 rows, dropout raises the accuracy."),
        ("lower", "", "On 50 rows, dropout lowers the accuracy."),
        ("higher", "L2", "On 50 rows, dropout gives a higher accuracy than L2."),
        ("lower", "L2", "On 50 rows, dropout gives a lower accuracy than L2."),
    ],
)
def test_the_prediction_is_the_same_whatever_was_found(direction, against, expected):
    parts = {"context": "On 50 rows", "what": "accuracy", "against": against}
    for verdict in VERDICTS:
        assert found(verdict, direction, **parts).prediction == expected


# The budget


def curves(*effects, epochs=None, spread=0.01):
    """A treatment with the given mean differences, one for each budget, and its control."""
    epochs = tuple(range(1, len(effects) + 1)) if epochs is None else epochs
    control = CONTROL[:, None] + np.linspace(0, 0.1, len(effects))
    treatment = control + np.array(effects) + spread * SPREAD[:, None]
    return {"treatment": Measurement(treatment, epochs), "control": Measurement(control, epochs)}


def test_what_half_of_the_budget_says_as_well_lasts_and_names_no_budget():
    made = claim(**curves(0.0, 0.05, 0.02, 0.05), what="accuracy", context="With wrong labels")
    assert made.lasts is True
    assert made.sentence == "With wrong labels, dropout raised the accuracy."
    assert made.effect == pytest.approx(0.05)
    half = made.budget["half"]
    assert (made.budget["epochs"], half["verdict"]) == (4, SUPPORTED)
    assert half["effect"] == pytest.approx(0.05)
    assert half["joint_interval"] == pytest.approx(list(made.joint_interval))
    assert "It lasts: 2 epochs gave the same verdict as 4." in made._repr_html_()


@pytest.mark.parametrize(
    ("at_half", "verdict_at_half"),
    [(0.0, NO_DIFFERENCE), (-0.05, OPPOSITE), (0.012, UNDECIDED), (0.04, SUPPORTED)],
)
def test_what_does_not_last_names_the_budget(at_half, verdict_at_half):
    """Half of it says something else, or the same of another size."""
    made = claim(**curves(0.05, at_half, 0.05, 0.05), what="accuracy", context="With wrong labels")
    assert made.budget["half"]["verdict"] == verdict_at_half
    assert made.verdict == SUPPORTED
    assert made.lasts is False
    assert made.sentence == "After 4 epochs, with wrong labels, dropout raised the accuracy."
    shown = made._repr_html_()
    sign = "\N{MINUS SIGN}" if at_half < 0 else "+" if at_half else ""
    number = f"{sign}{abs(at_half):.3f}"
    assert f"It depends on the budget: after 2 epochs it was {number} ({verdict_at_half})." in shown


def test_a_difference_that_is_none_at_half_and_at_all_of_the_budget_lasts():
    made = claim(**curves(0.05, 0.001, 0.001, 0.001, spread=0.005), what="accuracy")
    assert (made.verdict, made.lasts) == (NO_DIFFERENCE, True)
    assert made.sentence == "Dropout changed the accuracy by less than 0.01."


def test_it_lasts_where_the_verdicts_agree_and_the_whole_budget_s_interval_holds_half_s_effect():
    for at_half in np.linspace(-0.06, 0.08, 15):
        made = claim(**curves(0.0, at_half, 0.0, 0.03))
        low, high = made.joint_interval
        agree = made.budget["half"]["verdict"] == made.verdict
        assert made.lasts == (agree and low <= at_half <= high)
        assert ("epochs" in made.sentence) == (not made.lasts)


def test_an_effect_of_the_same_size_that_is_undecided_at_half_of_the_budget_does_not_last():
    measured = curves(0.0, 0.04, 0.0, 0.05, spread=0.03)
    measured["treatment"].values[:, 1] += 0.07 * SPREAD
    made = claim(**measured)
    assert (made.verdict, made.budget["half"]["verdict"]) == (SUPPORTED, UNDECIDED)
    assert made.joint_interval[0] < made.budget["half"]["effect"] < made.joint_interval[1]
    assert made.lasts is False


def test_one_epoch_is_not_many():
    treatment, control = curves(0.0, 0.05, epochs=(1, 2)).values()
    assert "After 2 epochs, dropout" in claim(treatment=treatment, control=control).sentence


def test_half_is_judged_by_the_interval_for_all_claims_together():
    alone, together = (
        claim(**curves(0.0, 0.0165, 0.0, 0.05), comparisons=comparisons) for comparisons in (1, 30)
    )
    assert alone.budget["half"]["verdict"] == SUPPORTED
    assert together.budget["half"]["verdict"] == UNDECIDED
    narrow, wide = (np.ptp(c.budget["half"]["joint_interval"]) for c in (alone, together))
    assert narrow < wide


def test_pairs_that_are_all_the_same_can_be_drawn():
    made = claim(treatment=np.full(20, 0.9), control=np.full(20, 0.9))
    assert "joins the two networks" in made._repr_html_()


def test_the_effect_over_the_budget_has_an_interval_at_every_epoch():
    made = claim(**curves(0.0, 0.05, 0.02, 0.05, 0.1, epochs=(1, 2, 5, 10, 20)))
    curve = made.budget["over_epochs"]
    assert curve["epochs"] == [1, 2, 5, 10, 20]
    assert curve["effect"] == pytest.approx([0.0, 0.05, 0.02, 0.05, 0.1])
    for column, interval in enumerate(curve["interval"]):
        differences = made.difference.values[:, column]
        assert interval == pytest.approx(confidence_interval(differences))
    assert curve["interval"][-1] == pytest.approx(made.interval)


def test_what_a_card_draws_is_where_its_numbers_say():
    made = claim(**curves(0.0, 0.05, 0.02, 0.05, 0.1, epochs=(1, 2, 5, 10, 20)))
    interval, over = re.findall(r"<svg.*?</svg>", made._repr_html_())[::2]
    small = made.smallest_effect

    def numbers(pattern, drawn):
        return [float(number) for number in re.search(pattern, drawn).groups()]

    left, width = numbers(r'<rect x="([\d.]+)".*? width="([\d.]+)"', interval)
    assert left + width / 2 == pytest.approx(150, abs=0.2), "the field lies around zero"
    (centre,) = numbers(r'<circle cx="([\d.]+)"', interval)
    ends = numbers(r'<line x1="([\d.]+)" x2="([\d.]+)" y1="12"', interval)
    for place, value in zip([centre, *ends], [made.effect, *made.joint_interval], strict=True):
        assert (place - 150) / (width / 2) == pytest.approx(value / small, abs=0.2)

    top, height = numbers(r'<rect x="60" y="([\d.]+)" width="230" height="([\d.]+)"', over)
    (zero,) = numbers(r'd="M60,([\d.]+)H290"', over)
    assert top + height / 2 == pytest.approx(zero, abs=0.2)
    line = re.search(r'<path d="M([^"]+)" stroke="#', over)[1].split("L")
    heights = [float(point.split(",")[1]) for point in line]
    effects = made.budget["over_epochs"]["effect"]
    for place, value in zip(heights, effects, strict=True):
        assert (zero - place) / (height / 2) == pytest.approx(value / small, abs=0.2)
    assert re.findall(r">([^<>]+)</text>", over)[-2:] == ["epoch 1", "20"]


def test_the_half_of_an_odd_budget_is_rounded_down():
    made = claim(**curves(0.0, 0.05, 0.02, epochs=(1, 3, 7)))
    assert made.budget["half"]["effect"] == pytest.approx(0.05)
    assert "after 3 epochs it was +0.050" in made._repr_html_()


def test_what_was_measured_once_has_no_budget():
    once = claim()
    treatment = curves(0.0, 0.0, 0.05, epochs=(1, 2, 9))  # nothing was measured at half of it
    for made in (once, claim(**treatment)):
        assert made.budget is None
        assert made.lasts is None
        assert made.record()["budget"] is None
        assert "epoch" not in made.sentence
        assert "budget" not in made._repr_html_()


def test_a_number_is_a_control_at_every_budget():
    treatment = curves(0.0, 0.05, 0.02, 0.05)["treatment"]
    made = claim(treatment=treatment, control=0.1)
    assert made.budget["over_epochs"]["effect"] == pytest.approx(
        treatment.values.mean(axis=0) - 0.1
    )
    per_seed = claim(treatment=treatment, control=CONTROL)
    assert per_seed.budget["over_epochs"]["effect"] == pytest.approx(
        (treatment.values - CONTROL[:, None]).mean(axis=0)
    )


def test_trainings_of_two_lengths_are_compared_at_half_and_all_of_their_budgets():
    treatment = curves(0.0, 0.03, 0.0, 0.05)["treatment"]
    control = curves(0.0, 0.0, epochs=(50, 100))["control"]
    made = claim(treatment=treatment, control=control)
    assert made.budget["over_epochs"]["epochs"] == [2, 4]
    expected = (treatment.values[:, [1, 3]] - control.values).mean(axis=0)
    assert made.budget["over_epochs"]["effect"] == pytest.approx(expected)


# Other held-out rows


def by_rows(effect, ids, row_spread=0.0, seeds=20):
    """A treatment and a control that were judged on the given rows, and differ by row as well."""
    rng = np.random.default_rng(3)
    control = rng.uniform(0, 1, (seeds, 1, ids.shape[1])).astype("float32")
    of_row = rng.normal(0, row_spread, ids.max() + 1)
    treatment = control + effect + of_row[ids][:, None].astype("float32")
    parts = {"treatment": treatment, "control": control}
    return {
        name: Measurement(rows.mean(axis=-1, dtype="float64"), (1,), rows, ids)
        for name, rows in parts.items()
    }


def test_rows_that_vary_widen_the_interval_and_are_said():
    ids = np.tile(np.arange(50), (20, 1))
    made = claim(**by_rows(0.05, ids, row_spread=0.2))
    alone = claim(
        treatment=made.treatment.final, control=made.control.final
    )  # all seeds show the same, since they share their rows
    assert np.ptp(made.interval) > 100 * np.ptp(alone.interval)
    assert (made.record()["rows_vary"], alone.record()["rows_vary"]) == (True, False)
    assert "other held-out rows counted in" in made._repr_html_()
    assert "held-out rows" not in alone._repr_html_()
    assert (alone.verdict, made.verdict) == (SUPPORTED, UNDECIDED)


def test_a_number_as_control_leaves_the_rows_of_the_treatment_to_vary():
    treatment = by_rows(0.05, np.tile(np.arange(50), (20, 1)), row_spread=0.2)["treatment"]
    assert claim(treatment=treatment, control=0.5).record()["rows_vary"]


# Claims made together


def test_claims_made_together_are_judged_by_a_wider_interval():
    alone = claim(0.0165)
    assert alone.joint_interval == alone.interval
    together = dataclasses.replace(alone, comparisons=20)
    assert together.interval == alone.interval
    assert together.joint_interval == confidence_interval(alone.difference.final, 1 - 0.05 / 20)
    assert together.joint_interval[0] < alone.interval[0]
    assert together.joint_interval[1] > alone.interval[1]
    # The smallest effect lies between the two lower ends.
    assert together.joint_interval[0] < SMALL < alone.interval[0]
    assert (alone.verdict, together.verdict) == (SUPPORTED, UNDECIDED)
    shown = together._repr_html_()
    assert "when allowing for all 20 claims made together, by which it is judged" in shown
    assert "allowing" not in alone._repr_html_()


def test_of_many_claims_without_an_effect_hardly_any_family_shows_one(monkeypatch):
    """With ten claims on chance alone, many families would show an effect if each stood alone."""
    monkeypatch.setitem(claims.SMALLEST_EFFECT, "accuracy", 0.0)
    rng = np.random.default_rng(3)

    def family_shows_something(comparisons):
        return any(
            claim(treatment=rng.normal(size=20), control=0.0, comparisons=comparisons).verdict
            in (SUPPORTED, OPPOSITE)
            for _ in range(10)
        )

    alone = np.mean([family_shows_something(1) for _ in range(60)])
    together = np.mean([family_shows_something(10) for _ in range(60)])
    assert together < 0.15 < 0.25 < alone


# What is no evidence


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_diverged_training_is_undecided_and_that_is_said(broken):
    treatment = np.full(20, 0.9)
    treatment[3] = broken
    made = claim(treatment=treatment, what="accuracy")
    assert made.verdict == UNDECIDED
    assert np.isnan([made.effect, made.effect_size, *made.interval, *made.joint_interval]).all()
    assert (
        made.sentence == "It is undecided whether dropout changed the accuracy by more than 0.01."
    )
    shown = made._repr_html_()
    assert "Nothing was measured: only 19 of 20 seeds gave a number." in shown
    assert "Expected: Dropout raises the accuracy." in shown
    assert "nan" not in shown
    assert "<svg" not in shown
    record = json.loads(json.dumps(made.record(), allow_nan=False))
    assert (record["effect"], record["interval"]) == (None, [None, None])
    assert record["treatment"][3] is None


def test_where_both_diverged_it_is_undecided_as_well():
    both = np.full(20, np.inf)
    made = claim(treatment=both, control=both)
    assert made.verdict == UNDECIDED
    assert "only 0 of 20 seeds" in made._repr_html_()


def test_a_training_that_diverged_at_half_of_its_budget_does_not_last():
    measured = curves(0.05, 0.05, 0.05, 0.05)
    measured["treatment"].values[4, 1] = np.nan
    made = claim(**measured, what="accuracy")
    assert (made.verdict, made.lasts) == (SUPPORTED, False)
    assert made.sentence == "After 4 epochs, dropout raised the accuracy."
    half = json.loads(json.dumps(made.record(), allow_nan=False))["budget"]["half"]
    assert half == {"effect": None, "joint_interval": [None, None], "verdict": UNDECIDED}
    assert "nan" not in made._repr_html_()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"treatment": np.ones(19)}, "treatment has shape (19,)"),
        ({"treatment": 0.5}, "treatment has shape ()"),
        ({"control": np.ones((20, 2))}, "control has shape (20, 2)"),
        ({"treatment": Measurement(np.ones((19, 1)), (1,))}, "treatment has shape (19,)"),
        ({"seeds": (1,), "treatment": [1.0], "control": [0.0]}, "at least two pairs"),
        ({"seeds": (1,) * 20}, "a seed of its own"),
        ({"direction": "better"}, "direction is 'better'"),
        ({"metric": "validation accuracy"}, "metric is 'validation accuracy'; a smallest effect"),
        ({"metric": ""}, "set for accuracy, cross-entropy in nats"),
        ({"comparisons": 0}, "comparisons is 0; it starts at 1"),
    ],
)
def test_what_is_no_evidence_is_refused_with_the_claim_named(wrong, said):
    with pytest.raises(ValueError, match="dropout-helps: ") as caught:
        claim(**wrong)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


# What it shows of itself


def test_the_text_holds_no_number_that_differs_between_machines():
    made = claim(0.05)
    text = str(made)
    assert text == (
        "Dropout raised the accuracy of a wide network.\n"
        "supported (20 paired seeds) [dropout-helps]"
    )
    assert text == repr(claim(0.0501)) == str(claim(0.06))
    assert re.findall(r"\d+", text) == ["20"]


@pytest.mark.parametrize("against", ["", "L2"])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_text_is_the_same_whatever_the_last_digits_are(verdict, against):
    difference, spread = FOUND[verdict]
    first, second = (
        str(claim(difference + little, spread=spread, against=against)) for little in (0, 1e-5)
    )
    assert first == second
    assert verdict in first


def test_the_html_holds_the_numbers():
    shown = claim(0.05)._repr_html_()
    assert "Effect on accuracy: +0.050, between " in shown
    assert "up to 0.01 counts as none" in shown
    assert "0.800 against 0.750, 20 paired seeds, effect size +5.0." in shown
    low, high = claim(0.05).interval
    assert f"95 % interval +{low:.3f} to +{high:.3f}" in shown
    assert claim(-0.05)._repr_html_().count("\N{MINUS SIGN}0.050") >= 2
    assert "effect size not defined" in claim(treatment=np.ones(20), control=0.5)._repr_html_()


def test_the_html_escapes_every_text():
    evil = "<script>\"&'</script>"
    parts = {name: f"{name} {evil}" for name in ("id", "subject", "what", "context", "against")}
    for metric in (evil, "accuracy"):
        with pytest.MonkeyPatch.context() as patched:
            patched.setitem(claims.SMALLEST_EFFECT, evil, 0.01)
            for verdict, name in itertools.product(VERDICTS, parts):
                shown = found(verdict, **{name: parts[name]}, metric=metric)._repr_html_()
                assert "<script" not in shown
                assert "\"&'" not in shown
                assert "&lt;script&gt;&quot;&amp;&#x27;" in shown
            diverged = claim(treatment=np.full(20, np.nan), metric=metric, **parts)
            assert "<script" not in diverged._repr_html_()
    shown = claim(id=evil)._repr_html_()
    assert shown.count("&lt;script&gt;&quot;&amp;&#x27;&lt;/script&gt;") == 2
    assert 'id="claim-&lt;script&gt;' in shown


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_drawn_interval_lies_in_the_picture_and_has_a_name(verdict):
    shown = found(verdict, comparisons=16)._repr_html_()
    drawn, *folded = re.findall("<svg .*?</svg>", shown)
    assert len(folded) == 1  # the pairs; a claim without a budget has no curve
    assert 'role="img" aria-label="Effect ' in drawn
    places = [float(x) for x in re.findall(r'(?:x|x1|x2|cx)="([-\d.]+)"', drawn)]
    assert len(places) == 6
    assert all(0 <= x <= 300 for x in places)


def paths(drawn):
    """Points of all paths of a drawing, in order."""
    steps = re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", " ".join(re.findall(r' d="([^"]+)"', drawn)))
    return [(float(x), float(y)) for x, y in steps]


def test_the_fold_of_a_card_joins_the_two_networks_of_each_seed():
    made = claim(treatment=[0.6, 0.9, 0.7], control=[0.5, 0.5, 0.9], seeds=range(3))
    _, drawn = re.findall("<svg .*?</svg>", made._repr_html_())
    assert 'aria-label="3 pairs: the treatment is higher in 2 of them"' in drawn
    # From 0.5 at 90 to 0.9 at 10.
    lines = paths(drawn)[:6]
    assert [y for _, y in lines] == [90.0, 70.0, 90.0, 10.0, 10.0, 50.0]
    assert [x for x, _ in lines] == [90.0, 250.0] * 3


def test_the_fold_of_a_card_shows_the_effect_at_each_measured_epoch():
    made = claim(**curves(0.0, 0.012, 0.02, 0.05))
    drawn = re.findall("<svg .*?</svg>", made._repr_html_())[-1]
    curve = made.budget["over_epochs"]
    assert f"Effect 0.000 after {curve['epochs'][0]} and +0.050 after" in drawn
    effect = paths(drawn)[-len(curve["epochs"]) :]
    heights = [-y for _, y in effect]
    assert heights == sorted(heights)
    assert (effect[0][0], effect[-1][0]) == (60.0, 290.0)
    lost = {**made.record(), "budget": None}
    assert claims.card(lost).count("<svg") == 2


def test_the_record_survives_json_in_full_precision():
    made = claim(**curves(0.0, 0.012, 0.02, 0.05), comparisons=3, context="With wrong labels")
    kept = json.loads(json.dumps(made.record(), allow_nan=False))
    assert kept == made.record()
    assert kept["treatment"] == made.treatment.final.tolist()
    assert (kept["verdict"], kept["effect"]) == (made.verdict, made.effect)
    assert kept["interval"] == list(made.interval)
    assert kept["joint_interval"] == list(made.joint_interval)
    assert (kept["sentence"], kept["prediction"]) == (made.sentence, made.prediction)
    assert kept["budget"] == made.budget
    assert kept["seeds"] == list(range(20))


def test_the_card_of_a_record_that_was_stored_is_the_claim_s_own():
    for made in (claim(**curves(0.0, 0.012, 0.02, 0.05)), found(UNDECIDED, against="L2")):
        kept = json.loads(json.dumps(made.record(), allow_nan=False))
        assert claims.card(kept) == made._repr_html_()


def test_the_display_carries_the_record_as_metadata():
    made = claim()
    data, metadata = made._repr_mimebundle_()
    assert data == {"text/plain": str(made), "text/html": made._repr_html_()}
    assert metadata == {"claim": made.record()}


# Claims that were not measured by the run that shows them


def stored_claim(**parts):
    values = np.array([[0.1, 0.2], [0.12, 0.21], [0.11, 0.19]])
    return Claim(
        id="a", subject="dropout", what="accuracy", metric="accuracy", direction="higher",
        treatment=Measurement(values, (4, 8)), control=Measurement(values * 0, (4, 8)),
        seeds=(1, 2, 3), **parts,
    )  # fmt: skip


def test_a_standard_error_that_is_given_widens_the_interval_at_its_budget():
    without = stored_claim()
    wide = stored_claim(standard_errors=(0.001, 0.05))
    assert wide.effect == without.effect
    assert np.diff(wide.joint_interval) > 5 * np.diff(without.joint_interval)
    at_half = [c.budget["half"]["joint_interval"] for c in (wide, without)]
    assert np.allclose(*at_half, atol=0.01), "the first error belongs to the first budget"
    assert wide.record()["rows_vary"]
    assert not without.record()["rows_vary"]


def test_a_card_says_that_the_run_has_not_measured_it():
    told = {"source": "the atlas, part x", "measured_by": "python -m utils.measure_atlas x"}
    card = stored_claim(**told)._repr_html_()
    assert "by <code>python -m utils.measure_atlas x</code>, and not by this run" in card
    assert "Read from the atlas, part x." in card
    assert "not by this run" not in stored_claim()._repr_html_()
