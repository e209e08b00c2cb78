"""Verdicts, intervals and what a claim shows of itself."""

import dataclasses
import json
import re
import warnings

import numpy as np
import pytest

from utils import claims
from utils.claims import NO_DIFFERENCE, NOT_SUPPORTED, SUPPORTED, Claim, confidence_interval

SPREAD = np.random.default_rng(0).normal(0, 0.01, 20)


def claim(difference=0.05, direction="higher", smallest_effect=0.0, **other):
    control = np.linspace(0.7, 0.8, 20)
    settings = {
        "id": "dropout-helps",
        "sentence": "Dropout raises accuracy.",
        "treatment": control + difference + SPREAD - SPREAD.mean(),
        "control": control,
        "metric": "validation accuracy",
        "direction": direction,
        "seeds": tuple(range(20)),
        "smallest_effect": smallest_effect,
    }
    return Claim(**{**settings, **other})


@pytest.mark.parametrize(
    ("difference", "direction", "verdict"),
    [
        (0.05, "higher", SUPPORTED),
        (-0.05, "higher", NOT_SUPPORTED),
        (0.0, "higher", NO_DIFFERENCE),
        (-0.05, "lower", SUPPORTED),
        (0.05, "lower", NOT_SUPPORTED),
        (0.0, "lower", NO_DIFFERENCE),
    ],
)
def test_the_verdict_follows_the_interval_and_the_direction(difference, direction, verdict):
    assert claim(difference, direction).verdict == verdict


@pytest.mark.parametrize(("direction", "sign"), [("higher", 1), ("lower", -1)])
def test_an_effect_counts_only_beyond_the_smallest_effect(direction, sign):
    # The interval reaches about 0.005 to both sides of 0.05.
    for smallest, verdict in [(0.03, SUPPORTED), (0.05, NO_DIFFERENCE), (0.07, NO_DIFFERENCE)]:
        assert claim(0.05 * sign, direction, smallest).verdict == verdict
    assert claim(-0.05 * sign, direction, 0.03).verdict == NOT_SUPPORTED
    assert claim(-0.05 * sign, direction, 0.05).verdict == NO_DIFFERENCE


def test_pairs_are_compared_and_not_groups():
    # Seeds differ by far more than the effect, which each of them shows.
    assert claim(0.01, smallest_effect=0.001).verdict == SUPPORTED
    shuffled = np.random.default_rng(1).permutation(20)
    broken = claim(0.01, smallest_effect=0.001)
    unpaired = claim(treatment=broken.treatment[shuffled], smallest_effect=0.001)
    assert unpaired.verdict == NO_DIFFERENCE


def test_effect_and_effect_size_are_those_of_the_differences():
    made = claim(0.05)
    assert made.effect == pytest.approx(0.05)
    assert made.effect_size == pytest.approx(0.05 / SPREAD.std(ddof=1))
    constant = claim(treatment=np.full(20, 0.75), control=np.full(20, 0.5))
    assert constant.effect_size == np.inf
    assert constant.interval == (0.25, 0.25)
    assert claim(treatment=np.zeros(20), control=np.zeros(20)).effect_size == 0


def test_the_interval_of_many_normal_numbers_is_the_one_of_the_textbook():
    values = np.random.default_rng(0).normal(3, 2, 400)
    low, high = confidence_interval(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert low == pytest.approx(values.mean() - half, abs=0.05 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.05 * half)


def test_the_interval_of_skewed_numbers_leans_to_their_long_tail():
    values = np.random.default_rng(0).exponential(1, 30)
    low, high = confidence_interval(values)
    assert high - values.mean() > 1.4 * (values.mean() - low)  # plain percentiles: 1.2


def coverage(runs=300, seeds=20):
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(runs):
        low, high = confidence_interval(rng.normal(1, 1, seeds))
        inside += low <= 1 <= high
    return inside / runs


def test_intervals_hold_the_truth_about_as_often_as_they_say(monkeypatch):
    monkeypatch.setattr(claims, "RESAMPLES", 999)  # coarser and quicker
    # Twenty seeds are few for a bootstrap: about 0.93 is right, with a standard error of 0.015.
    assert 0.88 < coverage() < 0.98
    monkeypatch.setattr(claims, "CONFIDENCE", 0.8)
    assert coverage() < 0.88


def test_the_interval_is_the_same_each_time_and_for_constants_a_point():
    assert confidence_interval(SPREAD) == confidence_interval(SPREAD)
    assert confidence_interval([0.5] * 4) == (0.5, 0.5)


def test_numbers_nearly_all_equal_give_a_finite_interval_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = confidence_interval([0.0] * 7 + [0.1])
    assert 0 <= low < high <= 0.1


def test_the_text_holds_no_number_that_differs_between_machines():
    text = str(claim(0.05))
    assert text == "Dropout raises accuracy.\nsupported (20 paired seeds) [dropout-helps]"
    assert text == repr(claim(0.0501)) == str(claim(0.06))
    assert re.findall(r"\d+", text) == ["20"]


def test_the_html_holds_the_numbers_and_escapes_every_text():
    shown = claim(
        0.05, sentence="a < b & <script>", metric="x > y", id="q&a", smallest_effect=0.01
    )._repr_html_()
    assert "a &lt; b &amp; &lt;script&gt;" in shown
    assert "x &gt; y" in shown
    assert shown.count("q&amp;a") == 2
    assert "<script>" not in shown
    assert "+0.0500" in shown
    assert "0.01" in shown


def test_the_record_survives_json_in_full_precision():
    made = claim(0.05, smallest_effect=0.01)
    kept = json.loads(json.dumps(made.record(), allow_nan=False))
    assert kept == made.record()
    assert kept["treatment"] == made.treatment.tolist()
    again = Claim(
        **{
            name: kept[name]
            for name in (
                "id", "sentence", "treatment", "control", "metric", "direction", "seeds",
                "smallest_effect",
            )
        }
    )  # fmt: skip
    assert again.record() == made.record()
    assert (kept["verdict"], kept["effect"]) == (made.verdict, made.effect)
    assert kept["interval"] == list(made.interval)


def test_the_display_carries_the_record_as_metadata():
    made = claim()
    data, metadata = made._repr_mimebundle_()
    assert data == {"text/plain": str(made), "text/html": made._repr_html_()}
    assert metadata == {"claim": made.record()}


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_diverged_training_supports_nothing_and_is_said(broken):
    treatment = np.full(20, 0.9)
    treatment[3] = broken
    made = claim(treatment=treatment)
    assert made.verdict == NO_DIFFERENCE
    assert "only 19 of 20 seeds" in made._repr_html_()
    record = json.loads(json.dumps(made.record(), allow_nan=False))
    assert (record["effect"], record["interval"]) == (None, [None, None])
    assert record["treatment"][3] is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"treatment": np.ones(19)}, "treatment has shape (19,)"),
        ({"control": np.ones((20, 2))}, "control has shape (20, 2)"),
        ({"seeds": (1,), "treatment": [1.0], "control": [0.0]}, "at least two pairs"),
        ({"seeds": (1,) * 20}, "a seed of its own"),
        ({"direction": "better"}, "direction is 'better'"),
        ({"smallest_effect": -0.1}, "smallest_effect is -0.1"),
        ({"smallest_effect": float("nan")}, "smallest_effect is nan"),
    ],
)
def test_what_is_no_evidence_is_refused_with_the_claim_named(wrong, said):
    with pytest.raises(ValueError, match="dropout-helps: ") as caught:
        claim(**wrong)
    assert said in str(caught.value)


def test_claims_made_together_are_judged_by_a_wider_interval():
    alone = claim(0.012)
    assert alone.joint_interval == alone.interval
    together = dataclasses.replace(alone, comparisons=20)
    assert together.interval == alone.interval
    assert together.joint_interval[0] < alone.interval[0]
    assert together.joint_interval[1] > alone.interval[1]
    # A smallest effect between the two lower ends: the single claim passes, the one of many fails.
    between = (alone.interval[0] + together.joint_interval[0]) / 2
    assert dataclasses.replace(alone, smallest_effect=between).verdict == SUPPORTED
    assert dataclasses.replace(together, smallest_effect=between).verdict == NO_DIFFERENCE
    assert "when allowing for all 20 claims of the chapter" in together._repr_html_()
    assert "allowing" not in alone._repr_html_()
    with pytest.raises(ValueError, match="comparisons is 0; it starts at 1"):
        dataclasses.replace(alone, comparisons=0)


def test_of_many_claims_without_an_effect_hardly_any_family_shows_one():
    """With 20 claims on chance alone, most families would show an effect if each stood alone."""
    rng = np.random.default_rng(3)

    def family_shows_something(comparisons):
        return any(
            claim(
                treatment=rng.normal(size=20), control=np.zeros(20), comparisons=comparisons
            ).verdict
            != NO_DIFFERENCE
            for _ in range(10)
        )

    alone = np.mean([family_shows_something(1) for _ in range(40)])
    together = np.mean([family_shows_something(10) for _ in range(40)])
    assert together < 0.2 < 0.3 < alone
