"""A few claims of the chapters, measured again with plain Keras on JAX.

    python -m venv /tmp/on-jax
    /tmp/on-jax/bin/pip install jax keras scikit-learn scipy psutil tqdm
    /tmp/on-jax/bin/python -m tests.jax_backend --seeds 6

The engine of the course trains on TensorFlow only. Here the same Keras models (`utils.models`)
learn the same rows in the same order by `fit` on JAX, seed by seed; initial weights and masks are
drawn by JAX and are others. So an effect has to be that of the chapter within the spread between
seeds, and no nearer. What is found goes to `book/data/on_jax.json`.

`utils.backend` refuses any backend but TensorFlow, since the engine needs it; models and rows do
not, so a module that holds Keras on JAX takes its place in this process.
"""

from __future__ import annotations

import datetime
import functools
import importlib.util
import json
import math
import os
import sys
import types
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PATH = ROOT / "book" / "data" / "on_jax.json"
BATCH_SIZE, LEARNING_RATE, UNITS = 32, 0.001, 64
FEATURES, CLASSES = 64, 10  # of the digits
NOISY, CLEAN = {"train_rows": 500, "label_noise": 0.2}, {"train_rows": 500}
FEW = {"train_rows": 200}
STANDARD_ERRORS = 3  # by which an effect may differ


def course_on_jax():
    """`utils.models`, `utils.datasets.load` and `ShuffledBatches`, with Keras on JAX.

    Raises:
        SystemExit: JAX or a package is missing.
    """
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax  # noqa: F401
        import keras
    except ImportError as error:
        raise SystemExit(f"error: {error}; see the first lines of {Path(__file__).name}") from None
    backend = types.ModuleType("utils.backend")
    backend.keras = keras
    sys.modules["utils.backend"] = backend
    from utils import datasets, models

    # Not through `utils.training`, whose engine needs TensorFlow.
    name = "utils.training.fitting"
    file = ROOT / "utils" / "training" / "fitting.py"
    spec = importlib.util.spec_from_file_location(name, file)
    fitting = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fitting)
    return keras, models, datasets.load, fitting.ShuffledBatches


def claims(models) -> dict[str, dict]:
    """What is measured again: rows, epochs, and builders of the treatment and the control."""

    def net(build, width, layers=2, **options):
        return functools.partial(build, FEATURES, CLASSES, widths=(width,) * layers, **options)

    none, dropout = models.baseline, models.with_dropout
    bn = functools.partial(models.with_batch_normalization, momentum=0.9)
    both = functools.partial(models.combined, momentum=0.9, dropout_rate=0.5)
    wide, whole = 4 * UNITS, {"drop_remainder": True}
    pairs = {
        "dropout-helps-wide-noisy": (NOISY, 200, net(dropout, 256, dropout_rate=0.5),
                                     net(none, 256), {}),
        "dropout-few-clean-early": (FEW, 8, net(dropout, 256, dropout_rate=0.5),
                                    net(none, 256), {}),
        "bn-clean-early": (CLEAN, 4, net(bn, wide), net(none, wide), whole),
        "bn-noisy-early": (NOISY, 12, net(bn, wide), net(none, wide), whole),
        "bn-deep-sigmoid": (CLEAN, 100, net(bn, UNITS, 6, activation="sigmoid"),
                            net(none, UNITS, 6, activation="sigmoid"), whole),
        "both-noisy-against-none": (NOISY, 120, net(both, 192), net(none, 192), {}),
    }  # fmt: skip
    keys = ("rows", "epochs", "treatment", "control", "batches")
    return {name: dict(zip(keys, parts, strict=True)) for name, parts in pairs.items()}


def accuracy(keras, batches, build, data, seed, epochs, options) -> float:
    """The share of test rows that a network trained by `fit` classifies correctly."""
    keras.utils.set_random_seed(seed)
    model = build()
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy")
    rows = batches(data.x_train, data.y_train, BATCH_SIZE, seed=seed, **options)
    model.fit(rows, epochs=epochs, shuffle=False, verbose=0)
    said = np.asarray(model(data.x_test, training=False))
    return float((said.argmax(axis=-1) == data.y_test).mean())


def stored_claims() -> dict[str, dict]:
    """The records of all claims of the chapters, by id."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                if record := output.get("metadata", {}).get("claim"):
                    found[record["id"]] = record
    return found


def judged(record: dict, differences: list[float]) -> dict:
    """An effect on JAX beside the stored one.

    Args:
        record: the stored claim.
        differences: treatment minus control on JAX, one for each of its first seeds.

    Returns:
        Both effects with the stored interval; the effect of the chapter on the same seeds; and
        whether the two differ by less than the spread between seeds allows.
    """
    count = len(differences)
    there = np.subtract(record["treatment"], record["control"])[:count]
    # Two trainings of a pair: with other weights and masks both have the spread between seeds.
    error = math.hypot(*(np.std(d, ddof=1) / math.sqrt(count) for d in (differences, there)))
    effect = float(np.mean(differences))
    allowed = STANDARD_ERRORS * error + 1e-3
    return {
        "seeds": count,
        "effect": round(effect, 4),
        "stored_on_these_seeds": round(float(there.mean()), 4),
        "stored": round(record["effect"], 4),
        "stored_interval": [round(end, 4) for end in record["interval"]],
        "verdict": record["verdict"],
        "agrees": bool(abs(effect - there.mean()) <= allowed),
    }


def main(arguments=None) -> int:
    from utils.jobs import OneLineParser, write_whole

    parser = OneLineParser(prog="python -m tests.jax_backend", description=__doc__.splitlines()[0])
    parser.add_argument("claims", nargs="*", help="ids; all of the sample if none is named")
    parser.add_argument("--seeds", type=int, default=6, help="of 24 at most; default %(default)s")
    given = parser.parse_args(arguments)
    if not 2 <= given.seeds <= 24:
        parser.error(f"--seeds is {given.seeds}; allowed is a whole number from 2 to 24")
    keras, models, load, batches = course_on_jax()
    sample, stored = claims(models), stored_claims()
    if unknown := set(given.claims) - set(sample):
        parser.error(f"{min(unknown)!r} is not in the sample: {', '.join(sample)}")
    import jax

    found = json.loads(PATH.read_text(encoding="utf-8")) if PATH.is_file() else {"claims": {}}
    found |= {"jax": jax.__version__, "keras": keras.__version__}
    for name in given.claims or sample:
        part, differences = sample[name], []
        for seed in stored[name]["seeds"][: given.seeds]:
            data = load("digits", seed=seed, **part["rows"])
            treatment, control = (
                accuracy(keras, batches, part[which], data, seed, part["epochs"], part["batches"])
                for which in ("treatment", "control")
            )
            differences.append(treatment - control)
        one = judged(stored[name], differences)
        found["claims"][name] = one
        found["date"] = datetime.date.today().isoformat()
        write_whole(PATH, (json.dumps(found, indent=1) + "\n").encode())
        print(
            f"{'agrees' if one['agrees'] else 'differs'}  {name}: {one['effect']:+.4f} on JAX, "
            f"{one['stored_on_these_seeds']:+.4f} in the chapter on the same {one['seeds']} seeds, "
            f"{one['stored']:+.4f} on all",
            flush=True,
        )
    return int(not all(one["agrees"] for one in found["claims"].values()))


if __name__ == "__main__":
    from utils.jobs import exit_status

    sys.exit(exit_status(main))
