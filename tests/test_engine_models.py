"""`replicate` agrees with `fit`, or refuses in one sentence before anything is trained.

All models of `tests/engine_models.py` are compared by `python -m tests.engine_models`; here a part.
"""

import types

import numpy as np
import pytest

from tests import engine_models
from tests.engine_models import EXAMPLES, Example, L, O, flat, hidden, rows
from utils.backend import keras, tf
from utils.datasets import DatasetError, load
from utils.training import NotTrainable, descriptions, programs, replicate

pytestmark = pytest.mark.slow

QUICK = [name for name, example in EXAMPLES.items() if example.quick]


def test_there_are_enough_models_of_every_kind():
    assert len(EXAMPLES) >= 60
    assert len(QUICK) >= 20


@pytest.mark.parametrize("name", QUICK)
def test_it_agrees_with_fit_and_does_so_again_after_one_thing_changed(name):
    assert not engine_models.compared(name)


def test_an_unknown_name_is_one_line(capsys):
    assert engine_models.main(["nope"]) == 2
    assert capsys.readouterr().err == "there is no example 'nope'\n"


# The comparison itself can fail.


def wrong_everywhere(monkeypatch, name, value):
    monkeypatch.setattr(programs, "_programs", {})
    return engine_models.differences(EXAMPLES[name], value)


def test_a_stale_program_would_be_noticed(monkeypatch):
    monkeypatch.setattr(programs, "description", lambda *roots, inputs: "the same")
    assert not wrong_everywhere(monkeypatch, "closure as loss", 0.5)
    assert engine_models.differences(EXAMPLES["closure as loss"], 2.0)


def test_weights_of_rows_left_out_would_be_noticed(monkeypatch):
    monkeypatch.setattr("utils.training.rows.RowsOfSeeds._weight", lambda self, seed, y: None)
    assert wrong_everywhere(monkeypatch, "sample weights", 3.0)


def test_decay_of_excluded_weights_would_be_noticed(monkeypatch):
    monkeypatch.setattr(
        programs, "_OF_ONE_OPTIMIZER",
        programs._OF_ONE_OPTIMIZER | {"_exclude_from_weight_decay_pattern"},
    )  # fmt: skip
    assert wrong_everywhere(monkeypatch, "AdamW without decay of biases", ["kernel"])


# No stale program: whatever changes, a second call trains what stands there now.


def description_of(build, loss="mse", optimizer=None):
    model, optimizer = build(), optimizer or O.Adam()
    return descriptions.description(model, optimizer, keras.losses.get(loss), inputs=[])


@pytest.fixture
def data():
    return load("digits", train_rows=50)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m.layers[0], "activation", keras.activations.tanh),
        lambda m: setattr(m.layers[1], "rate", 0.1),
        lambda m: setattr(m.layers[1], "noise_shape", (None, 1)),
        lambda m: setattr(m.layers[0], "trainable", False),
        lambda m: setattr(m.layers[0].bias, "trainable", False),
        lambda m: setattr(m.layers[0].kernel, "regularizer", keras.regularizers.L2(0.1)),
        lambda m: setattr(m.layers[0].kernel, "constraint", keras.constraints.NonNeg()),
        lambda m: setattr(m.layers[0], "dtype_policy", keras.DTypePolicy("mixed_bfloat16")),
    ],
    ids=[
        "activation", "rate", "noise shape", "frozen layer", "frozen variable", "regularizer",
        "constraint", "precision",
    ],
)  # fmt: skip
def test_a_change_of_an_attribute_changes_the_description(change):
    def changed():
        model = build()
        change(model)
        return model

    build = flat(hidden(), lambda: L.Dropout(0.5))
    assert description_of(build) is not None
    assert description_of(build) == description_of(build)
    assert description_of(changed) != description_of(build)


@pytest.mark.parametrize(
    "build",
    [
        flat(lambda: L.Dense(8, lambda x: 2 * x)),
        flat(lambda: engine_models.OwnWeights(8, 1.0)),
        flat(lambda: L.Lambda(lambda x: 2 * x)),
        flat(lambda: L.Dense(8, kernel_regularizer=lambda w: 0.1 * tf.reduce_sum(w))),
        lambda: engine_models.Residual(0.1),
        lambda: with_method_of_its_own(),
    ],
    ids=["activation", "layer", "Lambda", "regularizer", "model", "method"],
)
def test_code_that_is_not_keras_own_has_no_description(build):
    model = build()
    if not model.built:
        model(np.zeros((2, 64), "float32"))
    assert descriptions.description(model, inputs=[]) is None


def with_method_of_its_own():
    model = flat(hidden())()
    model.layers[0].call = lambda x: 0 * x
    return model


def test_global_settings_are_part_of_the_description():
    before = description_of(flat(hidden()))
    epsilon = keras.config.epsilon()
    try:
        keras.config.set_epsilon(1e-3)
        assert description_of(flat(hidden())) != before
    finally:
        keras.config.set_epsilon(epsilon)
    assert description_of(flat(hidden())) == before


def test_a_method_of_keras_that_is_replaced_is_trained_as_it_stands(data, monkeypatch):
    build = flat(hidden(), lambda: L.Dropout(0.9))

    def trained():
        return replicate(build, data, seeds=[1], epochs=1)

    honest = trained()
    assert trained().trace_seconds == 0
    with monkeypatch.context() as patched:
        patched.setattr(L.Dropout, "call", lambda self, x, training=False: x)
        without = trained()
    again = trained()
    assert again.trace_seconds == 0
    assert np.array_equal(honest["running_loss"], again["running_loss"])
    assert abs(without["running_loss"][0, 0] - honest["running_loss"][0, 0]) > 0.02


# What is refused, and how.


def refused(**settings):
    """The message of a refusal; nothing may have been trained by then."""
    arguments = {"build_model": flat(hidden()), "seeds": [1, 2], "epochs": 1}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("utils.training.replicates._train", lambda *_: pytest.fail("trained"))
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            replicate(**{"data": rows("features to classes"), **arguments, **settings})
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 450
    return message


def compiled():
    model = flat(hidden())()
    model.compile("adam", "mse")
    return model


def used_optimizer():
    optimizer = O.Adam()
    optimizer.build([keras.Variable(np.zeros(2))])
    return optimizer


def decay_but_of_these():
    optimizer = O.AdamW()
    optimizer.exclude_from_weight_decay(var_list=[keras.Variable(np.zeros(2))])
    return optimizer


def two_inputs():
    left, right = keras.Input((32,)), keras.Input((32,))
    return keras.Model([left, right], L.Dense(10)(L.Concatenate()([left, right])))


def two_outputs():
    given = keras.Input((64,))
    return keras.Model(given, [L.Dense(10)(given), L.Dense(1)(given)])


def noise_from(draw):
    class Noisy(L.Layer):
        def call(self, x):
            return x + draw(x)

    return flat(Noisy)


class OwnVariable(L.Layer):
    def build(self, shape):
        self.scale = tf.Variable(1.0)

    def call(self, x):
        self.scale.assign_add(1.0)
        return x * self.scale


class Tables(L.Layer):
    def __init__(self):
        super().__init__()
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer([0, 1], [1.0, 2.0]), 0.0
        )

    def call(self, x):
        return x + self.table.lookup(tf.cast(x[:, :1], tf.int32))


class OwnFit(keras.Model):
    def fit(self, *arguments, **settings):
        pass


def through_python(labels, outputs):
    tf.py_function(lambda: None, [], [])
    return tf.reduce_mean(outputs)


def text_rows():
    return types.SimpleNamespace(**{
        f"{axis}_{part}": np.array(["a", "b"]) if axis == "x" else np.arange(2)
        for axis in "xy" for part in ("train", "validation")
    })  # fmt: skip


def parts():
    given = vars(rows("features to classes"))
    return types.SimpleNamespace(**{**given, "x_train": [given["x_train"], given["x_train"]]})


REFUSED = {
    "compiled model": ({"build_model": compiled}, "returns a compiled model"),
    "no model": ({"build_model": lambda: 3}, "returns a int"),
    "own fit": (
        {"build_model": lambda: OwnFit(*(lambda g: (g, L.Dense(10)(g)))(keras.Input((64,))))},
        "has a fit of its own",
    ),
    "two inputs": ({"build_model": two_inputs}, "2 inputs"),
    "two outputs": ({"build_model": two_outputs}, "2 outputs"),
    "two arrays": ({"data": parts()}, "is a list of 2 parts"),
    "text": ({"data": text_rows()}, "turn text and categories into numbers"),
    "stream": ({"data": tf.data.Dataset.range(3)}, "takes a Dataset of arrays"),
    "labels of another number": (
        {"data": types.SimpleNamespace(
            **{**vars(rows("features to classes")), "y_train": np.zeros(3, "int32")})},
        "70 rows with 3 labels",
    ),
    "fixed batch": (
        {"build_model": lambda: keras.Sequential(
            [keras.Input(batch_shape=(32, 64)), L.Dense(10, "softmax")])},
        "batches of 32 rows only",
    ),
    "stateful": (
        {"build_model": lambda: keras.Sequential([
            keras.Input(batch_shape=(32, 64)), L.Reshape((8, 8)), L.GRU(4, stateful=True)])},
        "is stateful",
    ),
    "nothing to train": ({"build_model": lambda: keras.Sequential(
        [keras.Input((64,)), L.Softmax()])}, "no trainable weights"),
    "used optimizer": ({"optimizer": used_optimizer()}, "was used before"),
    "averaged weights": ({"optimizer": O.Adam(use_ema=True)}, "use_ema"),
    "variables of one model": ({"optimizer": decay_but_of_these()}, "give var_names"),
    "global random numbers": (
        {"build_model": noise_from(lambda x: keras.random.normal((1,)))}, "SeedGenerator"),
    "tf.random": (
        {"build_model": noise_from(lambda x: tf.random.normal((1,), seed=3))}, "with tf.random"),
    "unlisted variable": ({"build_model": flat(OwnVariable)}, "does not list"),
    "lookup": ({"build_model": flat(Tables)}, "looks values up in a table"),
    "Python in the graph": (
        {"build_model": flat(hidden()), "loss": through_python}, "tf.py_function"),
    "both weights": (
        {"sample_weight": np.ones(70), "class_weight": {1: 2.0}}, "fit takes one of them"),
    "weights of steps": ({"sample_weight": np.ones((70, 3))}, "one weight for each of the 70"),
    "loss that does not fit": (
        {"build_model": flat(hidden(), classes=3), "loss": "categorical_crossentropy"},
        "cannot be measured"),
    "rows of no set": ({"measured": ["tset"]}, "it takes 'train', 'validation' and 'test'"),
    "correct of no set": ({"keep_rows": ["test"]}, "keep_rows names 'test'"),
    "best without validation": ({"measured": ["train"], "keep_best": True}, "keep_best needs"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_do_is_refused_in_one_sentence(name):
    settings, words = REFUSED[name]
    assert words in refused(**settings)


def test_which_rows_are_correct_is_refused_where_it_means_nothing(monkeypatch):
    monkeypatch.setattr("utils.training.replicates._train", lambda *_: pytest.fail("trained"))
    example = Example(lambda v: flat(hidden(), classes=1, last=None))
    with pytest.raises(NotTrainable, match="cannot be told which rows are correct"):
        replicate(
            example.make(1), rows("features to number"), seeds=[1], epochs=1, loss="mse",
            keep_rows=["train"],
        )  # fmt: skip


def test_a_dataset_of_several_inputs_says_so():
    plain = load("digits", train_rows=50)
    with pytest.raises(DatasetError, match="x_train is a list"):
        plain.__class__(**{**vars(plain), "x_train": [plain.x_train, plain.x_train]})
