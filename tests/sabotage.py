"""Breaks the course's own code in many ways, one at a time, and sees which test goes red.

`python -m tests.sabotage` makes a copy of the course, changes one place of it, runs the tests that
should tell, and puts the place back; then the next. Names make it shorter, `--list` shows all. The
exit status is 1 if a change was not noticed.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from tests.copies import copy_course


@dataclasses.dataclass(frozen=True)
class Sabotage:
    """One change.

    Attributes:
        name: what goes wrong, in words with hyphens.
        path: the file, from the repository's root.
        old: a text that stands there once.
        new: what stands there instead.
        tests: files of tests that should tell, the cheapest first.
        of: only tests whose name holds this, as pytest's -k takes it; all if empty.
    """

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]
    of: str = ""

    def applied(self, root: Path) -> str:
        """The file's text with the change in it.

        Raises:
            ValueError: the old text does not stand there exactly once.
        """
        text = (root / self.path).read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{self.name}: {self.path} holds {self.old!r} {count} times, not once")
        return text.replace(self.old, self.new)


def _in(path: str, *tests: str):
    """For one file and the tests that know it: from name, old and new text to a change."""
    files = tuple(f"tests/test_{name}.py" for name in tests)
    return lambda name, old, new, of="": Sabotage(name, path, old, new, files, of)


_data = _in("utils/datasets.py", "datasets")
_dense = _in("utils/models/dense.py", "models")
_pictures = _in("utils/models/convolutional.py", "models_for_pictures")
_orders = _in("utils/training/fitting.py", "training", "replicates")
_starts = _in("utils/training/starts.py", "replicates")
_programs = _in("utils/training/programs.py", "replicates", "engine_models")
_runs = _in("utils/training/replicates.py", "replicates")
_results = _in("utils/training/results.py", "replicates")
_intervals = _in("utils/intervals.py", "intervals")
_claims = _in("utils/claims.py", "claims")
_measures = _in("utils/measures.py", "measures")
_confirmation = _in("utils/confirmation.py", "confirmation")
_protocol = _in("utils/protocol.py", "protocol")
_calibration = _in("utils/calibration.py", "calibration")
_atlas = _in("utils/atlas.py", "atlas", "claims_in_pages")
_figures = _in("utils/figures.py", "figures")
_own_rows = _in("utils/own_rows.py", "own_rows")
_pages = _in("book/extensions/course_claims.py", "claims_in_pages")
_network = _in("book/static/playground/network.js", "playground")
_optimizers = _in("book/static/playground/optimizers.js", "playground")
_interval_js = _in("book/static/playground/interval.js", "playground")
_finding = _in("book/static/playground/finding.js", "playground")
_AGAINST_KERAS = "those_of_keras or distribution or dropout_drops"

CHANGES = (
    # Data
    _data("every-seed-has-the-same-rows", "SeedSequence([seed, SPLIT_SEED])",
          "SeedSequence([0, SPLIT_SEED])"),
    _data("validation-rows-are-test-rows",
          "ids, validation = _set_aside(ids, whole.y, whole.source.validation_rows, rng)",
          "validation = test[: whole.source.validation_rows]"),
    _data("rows-in-two-sets-are-not-refused", "            if shared:", "            if False:"),
    _data("half-as-many-wrong-labels", "round(label_noise * count)",
          "round(label_noise * count / 2)"),
    _data("wrong-labels-may-be-right", "rng.integers(1, classes, len(wrong)",
          "rng.integers(0, classes, len(wrong)"),
    _data("right-labels-to-choose-by", "y_validation=data.y_train[:count]",
          "y_validation=data.y_train_true[:count]"),
    _data("standardized-on-all-rows", "x.mean(axis=0), x.std(axis=0)",
          "whole.x.mean(axis=0), whole.x.std(axis=0)"),
    _data("held-out-rows-not-stratified", "test_size=rows, stratify=y[ids]",
          "test_size=rows, stratify=None"),
    _data("training-rows-validate-as-well", "x_train=data.x_train[count:]",
          "x_train=data.x_train[count - 1 : -1]"),
    # Models
    _dense("half-the-dropout-rate", "keras.layers.Dropout(dropout_rate))",
           "keras.layers.Dropout(dropout_rate / 2))"),
    _dense("normalization-behind-the-activation",
           '"before": ("batch_normalization", "activation")',
           '"before": ("activation", "batch_normalization")'),
    _dense("a-bias-before-normalization", 'use_bias = order[0] != "batch_normalization"',
           "use_bias = True"),
    _dense("momentum-is-ignored", "BatchNormalization(momentum=momentum)", "BatchNormalization()"),
    _dense("the-mean-is-folded-with-the-wrong-sign", "(bias - layer.moving_mean)",
           "(bias + layer.moving_mean)"),
    _pictures("weights-start-as-glorot-proposes",
              'padding="same",\n        use_bias=use_bias,\n        kernel_initializer="he_normal"',
              'padding="same",\n        use_bias=use_bias,\n'
              '        kernel_initializer="glorot_uniform"'),
    _pictures("one-group-instead-of-four", 'groups=GROUPS if kind == "group" else 1', "groups=1"),
    # Engine
    _orders("one-batch-order-for-all-seeds", "default_rng([seed, epoch])",
            "default_rng([0, epoch])"),
    _orders("one-batch-order-for-all-epochs", "default_rng([seed, epoch])",
            "default_rng([seed, 0])"),
    _starts("one-start-for-all-seeds", '"seed": _seed_of(seed, place)',
            '"seed": _seed_of(0, place)',
          "seeds_differ"),
    _starts("the-same-masks-for-all-seeds", "np.array([_seed_of(seed, place), 0], dtype)",
            "np.array([_seed_of(0, place), 0], dtype)",
          "seeds_differ or masks_have"),
    _programs("measured-in-training-mode", "outputs = model(x, training=False) if",
              "outputs = model(x, training=True) if",
          "equals_fit_with_the_same"),
    _programs("the-penalty-counts-as-loss",
              "loss = model._compile_loss(y, outputs, None)  # without penalties",
              "loss = model._compute_loss(x, y, outputs, None, training=False)",
          "equals_fit_with_the_same or scores_what"),
    _programs("a-stale-program-runs", "key = (known, *arrays, self.weighted, self.device)",
              'key = ("any", *arrays, self.weighted, self.device)',
          "traces_anew"),
    _programs("another-epsilon-in-adam", "epsilon=self.epsilon,", "epsilon=1e-3,",
          "every_optimizer"),
    _programs("the-last-rows-of-an-epoch-are-left-out",
              "order[start : tf.minimum(start + batch_size, count)]",
              "order[start : tf.minimum(start + batch_size, count - 1)]",
          "equals_fit_with_the_same"),
    _runs("statistics-are-not-reset-between-seeds",
          "                    variable.assign(value)\n                return _train(",
          "                    _ = value.ndim == 1 or variable.assign(value)\n"
          "                return _train(",
          "equals_fit_with_the_same or company"),
    _runs("a-seed-is-skipped-in-silence", "return [task.result() for task in bar]",
          "return [task.result() for task in bar][1:]",
          "shapes_and_names"),
    _runs("the-worst-epoch-is-kept-as-the-best", 'told["validation_loss"] < lowest',
          'told["validation_loss"] > lowest or lowest == np.inf',
          "stopped_early"),
    _runs("equal-trainings-are-not-noticed", "        if content in ended:", "        if False:",
          "end_equal"),
    _results("masks-are-drawn-once", "_reseed(mask_states, [mask_seed, seed, draw])",
             "_reseed(mask_states, [mask_seed, seed, 0])",
          "mask_seed"),
    _results("half-the-epochs-have-all-weights", "weights=self.weights_after[epoch]",
             "weights=self.weights",
          "until_is"),
    # Seeds that are trained again
    _confirmation("a-run-that-disagrees-shows-what-is-stored", "or not agrees(found, claim)",
                  "or False", "speaks_for_itself"),
    _confirmation("another-width-shows-what-is-stored",
                  'CHOICE_OF_SEEDS = ("seeds", "first_seed")',
                  'CHOICE_OF_SEEDS = ("seeds", "first_seed", "units")', "speaks_for_itself"),
    _confirmation("only-differences-have-to-agree", "for group, values in before.items():",
                  'for group, values in [("difference", before["difference"])]:', "both_groups"),
    _confirmation("a-training-that-healed-agrees",
                  "if (known != np.isfinite(now[group])).any():", "if False:", "diverged"),
    # Protocol
    _protocol("stopped-early-by-test-rows", 'cross_entropy_of(run.label_outputs("validation"))',
              'cross_entropy_of(run.label_outputs("test"))'),
    _protocol("settings-are-chosen-by-test-rows",
              'validation, test = run.correct("validation"), run.correct("test")',
              'validation, test = run.correct("test"), run.correct("test")'),
    _protocol("half-of-the-ceiling-is-all-of-it",
              "(epochs <= max(1, round(share * epochs[-1])))", "(epochs <= epochs[-1])"),
    _protocol("one-technique-gets-more-tries", "len(tries) > 1", "len(tries) > 9"),
    _protocol("nobody-stops", "LONGEST_WAIT * epochs[best]", "99 * LONGEST_WAIT * epochs[best]"),
    _protocol("the-lowest-score-is-chosen", "scores.argmax(axis=0)", "scores.argmin(axis=0)"),
    # Intervals
    _intervals("intervals-of-90-per-cent", "CONFIDENCE = 0.95", "CONFIDENCE = 0.90"),
    _intervals("normal-instead-of-student", "stats.t.ppf((1 + level) / 2, count - 1)",
               "stats.norm.ppf((1 + level) / 2)"),
    _intervals("skew-on-the-wrong-side", "below = max(reach, _without_skew(reach, skew, count))",
               "below = max(reach, _without_skew(reach, -skew, count))"),
    _intervals("rows-do-not-vary",
               "max(by_seed, by_seed + by_row - (parts**2).sum())", "by_seed"),
    # Claims
    _claims("the-family-is-forgotten", "return 1 - (1 - CONFIDENCE) / self.comparisons",
            "return CONFIDENCE"),
    _claims("half-of-the-budget-is-all-of-it",
            "half = self._interval(measured.half, self._joint_level)",
            "half = self._interval(-1, self._joint_level)"),
    _claims("everything-lasts", 'bool(found == self.verdict and', 'bool(True or'),
    _claims("lower-is-higher", 'if direction == "lower":', 'if direction == "higher":'),
    _claims("undecided-passes-for-no-difference",
            "-smallest_effect <= low and high <= smallest_effect",
            "-smallest_effect <= low or high <= smallest_effect"),
    _claims("the-sentence-says-the-opposite",
            '(self.direction == "higher") == (self.verdict == SUPPORTED)',
            '(self.direction == "higher") != (self.verdict == SUPPORTED)'),
    _claims("a-smaller-smallest-effect", '"accuracy": 0.01,  # one', '"accuracy": 0.001,  # one'),
    # Measures
    _measures("pairs-are-mixed-up", "values = self.values - other.values",
              "values = self.values - other.values[::-1]"),
    _measures("stopping-looks-ahead", "columns <= columns[:, None]", "columns <= columns[-1]"),
    _measures("right-labels-count-as-wrong", "dataset.y_train != dataset.y_train_true",
              "dataset.y_train == dataset.y_train_true"),
    _measures("a-stopped-curve-that-did-not-stop", "chosen = lowest_so_far(results",
              "chosen = np.arange(len(results.epochs)) + 0 * lowest_so_far(results"),
    # Tables
    _calibration("misses-make-up-for-each-other", '- table["confidence"]).abs()',
                 '- table["confidence"])'),
    _calibration("a-high-temperature-is-surer", "np.maximum(probabilities, 1e-30)) / temperature",
                 "np.maximum(probabilities, 1e-30)) * temperature"),
    _atlas("a-claim-from-the-other-end", 'rows[rows["end"] == end].sort_values',
           'rows[rows["end"] != end].sort_values'),
    # Register and stored outputs
    _in("book/data/register.json", "register")(
        "a-prediction-is-turned-round",
        "dropout raises the accuracy of a narrow network.\",\n   \"direction\": \"higher\"",
        "dropout raises the accuracy of a narrow network.\",\n   \"direction\": \"lower\""),
    _in("utils/recorded_numbers.py", "recorded_numbers")(
        "numbers-may-differ", "max(allowed, 1e-9)", "max(allowed, 1.0)"),
    # Figures and pages
    _figures("a-figure-with-the-sign-turned", "return values.mean(axis=0), bounds[:, 0]",
             "return -values.mean(axis=0), bounds[:, 0]"),
    _pages("any-verdict-may-be-written", "        if verdict != stated:", "        if False:",
           "wrong_verdicts"),
    _pages("a-page-shows-last-week-s-number",
           "return [] if current else sorted(evidence_of(env).readers)", "return []",
           "changed_evidence"),
    _pages("the-effect-at-half-is-that-at-the-end", 'effect = record["budget"]["half"]["effect"]',
           'effect = record["effect"]', "roles_show or digits or depends"),
    # Exercises and rows of one's own
    _in("utils/checks.py", "exercises")(
        "any-answer-is-right", "                if not holds:", "                if holds is None:",
        "wrong"),
    _own_rows("a-column-may-tell-the-label", "def tells_the_label(values: pd.Series, y: np.ndarray)"
              " -> bool:", "def tells_the_label(values, y):\n    return False\n\n\ndef _unused("
              "values: pd.Series, y: np.ndarray) -> bool:"),
    # Playground
    _network("a-gradient-without-a-term", " - sum - standard[k] * product)", " - sum)",
             _AGAINST_KERAS),
    _network("the-playground-masks-at-inference", "if (training && layer.mask)",
             "if (layer.mask)", _AGAINST_KERAS),
    _network("masks-without-their-scale", "const kept = 1 / (1 - this.dropout);",
             "const kept = 1;", _AGAINST_KERAS),
    _network("batch-statistics-at-inference", "    if (training) {\n      mean = 0;",
             "    if (true) {\n      mean = 0;", _AGAINST_KERAS),
    _network("half-the-penalty-s-gradient", "= 2 * l2 * kernel[k]", "= l2 * kernel[k]",
             _AGAINST_KERAS),
    _optimizers("adam-without-its-correction",
                "(this.learningRate * Math.sqrt(1 - beta2 ** this.steps)) /"
                " (1 - beta1 ** this.steps)", "this.learningRate", _AGAINST_KERAS),
    _interval_js("the-playground-s-interval-is-too-narrow", "CONFIDENCE = 0.95",
                 "CONFIDENCE = 0.90", "those_of_the_course"),
    _finding("the-playground-mixes-its-pairs", "series[epoch] - baseline[seed][epoch]",
             "series[epoch] - baseline[0][epoch]", "of_its_own_seed"),
    _finding("the-playground-stops-by-held-out-rows", 'MEASURED.indexOf("validation loss")',
             'MEASURED.indexOf("held-out loss")', "early_stopping"),
)  # fmt: skip


def _red(course: Path, change: Sabotage) -> str:
    """The test that fails in a course, or nothing."""
    for file in change.tests:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:nbval", "--no-header"]
        command += ["-p", "no:cacheprovider", "--override-ini", "addopts=", "-rfE", file]
        command += ["-k", change.of] if change.of else []
        done = subprocess.run(command, cwd=course, capture_output=True, text=True)
        if done.returncode in (1, 2):  # a test failed, or could not even be read
            said = [line for line in done.stdout.splitlines() if line[:6] in ("FAILED", "ERROR ")]
            told = said[0].split(" ", 1)[1].split(" - ")[0] if said else file
            return told.removeprefix("tests/")
        if done.returncode != 0:
            raise RuntimeError(f"{change.name}: {file} could not be run: {done.stdout[-500:]}")
    return ""


def sabotage(course: Path, change: Sabotage) -> tuple[str, float]:
    """Which test notices a change, and after how many seconds.

    Args:
        course: a copy of the course, which is left as it was.
        change: what to break in it.

    Returns:
        The name of the first test that failed, empty if all passed, and the seconds until then.
    """
    broken = change.applied(course)
    path = course / change.path
    whole = path.read_text(encoding="utf-8")
    started = time.perf_counter()
    path.write_text(broken, encoding="utf-8")
    try:
        return _red(course, change), time.perf_counter() - started
    finally:
        path.write_text(whole, encoding="utf-8")


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sabotage", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="*", help="of changes; all if none is named")
    parser.add_argument("--list", action="store_true", help="show the changes and try none")
    given = parser.parse_args(arguments)
    changes = {change.name: change for change in CHANGES}
    if unknown := set(given.names) - set(changes):
        parser.error(f"no change is called {min(unknown)}; --list shows all")
    wanted = [changes[name] for name in given.names or changes]
    if given.list:
        for change in wanted:
            print(f"{change.name}: {change.path}")
        return 0
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        course = copy_course(Path(folder))
        for change in tqdm(wanted, unit="change", disable=None):
            told, seconds = sabotage(course, change)
            if not told:
                missed.append(change.name)
            print(f"{change.name}: {told or 'NOT NOTICED'} ({seconds:.0f} s)", flush=True)
    print(f"{len(wanted) - len(missed)} of {len(wanted)} changes were noticed")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
