"""One epoch of Keras training, compiled once and run over the variables of any replicate.

The training step is Keras's own: `model.train_step`, with the model's layers, its loss, its
metrics and its optimizer. `Program` traces a loop of such steps into a graph. Variables, rows,
orders and the numbers of `descriptions.program_inputs` are handed to the graph at each run, so
that one graph trains every seed.
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Hashable

import numpy as np

from ..backend import keras, tf
from .descriptions import ProgramInput, description, program_inputs

# Rows that are measured at a time; what the parts give is averaged with their numbers of rows.
ROWS_AT_A_TIME = 2048


def _run_in_this_thread() -> dict:
    """Arguments of a call that runs a graph's operations one after the other, as they were traced.

    The operations of small networks take less time than handing them from thread to thread does:
    a step of 64-256-256-10 takes two thirds of the time, one of 64-16-16-10 not much over half.
    """
    config = tf.compat.v1.ConfigProto()
    config.experimental.executor_type = executor = "SINGLE_THREADED_EXECUTOR"
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return {"executor_type": executor, "config_proto": config.SerializeToString()}


class NotTrainable(ValueError):
    """Something that `fit` may do and a compiled program of many seeds cannot."""


class Program:
    """Training and measuring of one model, over variables that are given at each run.

    Args:
        model: a compiled model whose weights and optimizer are built.
        x, y: one or two rows of data.
        weighted: whether each row comes with a weight.
        inputs: the `program_inputs` of the model.
        device: where it will run, such as "/CPU:0".

    Attributes:
        variables: the Keras variables of model, optimizer and metrics, in the order in which
            `over` takes others in their place.
        running: names of what a step of the model reports, as `fit` shows it.
        measured: names of what is measured on a set of rows.
        tells_correct: whether it can be told of each row if the answer is correct.
        trace_seconds: what making the program took.

    Raises:
        NotTrainable: the model does something that the seeds or the threads would share.
    """

    def __init__(
        self, model: keras.Model, x: np.ndarray, y: np.ndarray, weighted: bool, inputs, device: str
    ):
        started = time.perf_counter()
        self.model, self.inputs = model, inputs
        # A GPU needs several threads, which feed it and fetch from it.
        self._how_to_run = _run_in_this_thread() if "CPU" in device.upper() else {}
        _use_fused_adam(model.optimizer)
        self._try_measuring(tf.constant(x), tf.constant(y))

        def rows_of(array):
            return tf.TensorSpec((None, *array.shape[1:]), array.dtype)

        weight = [tf.TensorSpec((None,), keras.config.floatx())] if weighted else []
        order, batch_size = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32)
        values = tf.TensorSpec((len(inputs),), tf.float32)
        graphs = [
            tf.function(code, autograph=False).get_concrete_function(*given)
            for code, given in (
                (self._epoch, (rows_of(x), rows_of(y), weight, order, batch_size, values)),
                (self._measurement, (rows_of(x), rows_of(y))),
            )
        ]
        self.variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
        position = {id(variable.value.handle): k for k, variable in enumerate(self.variables)}
        self._epoch_graph, self._measurement_graph = (
            (graph, _captured(graph, position)) for graph in graphs
        )
        self.trace_seconds = time.perf_counter() - started

    # What is traced.

    def _epoch(self, x, y, weight, order, batch_size, values):
        """One pass over the rows of `order`; returns what `fit` reports for the epoch."""
        model, count = self.model, tf.shape(order)[0]

        def step(start):
            rows = order[start : tf.minimum(start + batch_size, count)]
            batch = tuple(tf.gather(array, rows) for array in (x, y, *weight))
            logs = _flat(model.train_step(batch))
            self.running = tuple(logs)
            return tf.stack([tf.cast(value, tf.float32) for value in logs.values()])

        saved = [getattr(owner, attribute) for owner, attribute in self.inputs]
        for k, (owner, attribute) in enumerate(self.inputs):
            setattr(owner, attribute, ProgramInput(saved[k], values[k]))
        try:
            model.reset_metrics()
            # Keras's metrics average over the epoch, so that the last step reports all of it.
            _, reported = tf.while_loop(
                lambda start, reported: start < count,
                lambda start, reported: (start + batch_size, step(start)),
                (0, tf.zeros(0)),
                shape_invariants=(tf.TensorShape(()), tf.TensorShape((None,))),
                parallel_iterations=1,
            )
            return reported
        finally:
            for (owner, attribute), value in zip(self.inputs, saved, strict=True):
                setattr(owner, attribute, value)

    def _measurement(self, x, y):
        """Loss and metrics in inference mode, and what `_row_by_row` tells of each row."""
        model = self.model
        model.reset_metrics()
        outputs = model(x, training=False) if model._call_has_training_arg else model(x)
        if _has_own(model, "test_step"):
            logs = _flat(model.test_step((x, y)))
        else:
            if not tf.is_tensor(outputs):
                raise NotTrainable(
                    f"the model answers with a {type(outputs).__name__}; replicate takes one "
                    "array: join the parts, or give the model a test_step"
                )
            if model._compile_loss is None or _has_own(model, "compute_loss"):
                loss = model._compute_loss(x, y, outputs, None, training=False)
            else:
                loss = model._compile_loss(y, outputs, None)  # without penalties
            logs = {**model.compute_metrics(x, y, outputs), "loss": loss}
        self.measured = tuple(logs)
        values = tf.stack([tf.cast(value, tf.float32) for value in logs.values()])
        return values, *_row_by_row(y, outputs)

    def _try_measuring(self, x, y):
        """Measure once, which makes the variables of metrics, and see what it changes."""
        variables = list(self.model.variables)
        before = [variable.numpy() for variable in variables]
        try:
            _, correct, _ = self._measurement(x, y)
        except NotTrainable:
            raise
        except (ValueError, TypeError, NotImplementedError, tf.errors.OpError) as error:
            reason = " ".join(str(error).split())[:150]
            raise NotTrainable(
                f"rows of shape {tuple(x.shape[1:])} with labels of shape {tuple(y.shape[1:])} "
                f"cannot be measured ({reason}); give a loss and metrics that fit outputs and "
                "labels, or the model a test_step"
            ) from error
        self.tells_correct = len(correct) == len(x)
        self._moved = []
        for k, (variable, value) in enumerate(zip(variables, before, strict=True)):
            if not np.array_equal(variable, value, equal_nan=value.dtype.kind == "f"):
                self._moved.append(k)
                variable.assign(value)

    # How it is run.

    def over(self, own: list[tf.Variable]) -> tuple[Callable, Callable]:
        """The program over variables that take the place of `variables`.

        Returns:
            `run_epoch(x, y, weight, order, batch_size, values)`, which trains for one epoch and
            returns a number for each of `running`, and `measure(x, y)`, which returns one for each
            of `measured`, and for each row whether it is correct and its label's output. Variables
            that change by being measured, such as the states of layers that always draw, are put
            back, so that the training goes on as it would have.
        """
        moved = [own[k] for k in self._moved]
        (epoch, epoch_captures), (measurement, measurement_captures) = (
            (graph, [own[c].handle if isinstance(c, int) else c for c in captures])
            for graph, captures in (self._epoch_graph, self._measurement_graph)
        )

        def run_epoch(x, y, weight, order, batch_size, values):
            return tf.raw_ops.StatefulPartitionedCall(
                args=[x, y, *weight, order, batch_size, values, *epoch_captures],
                Tout=[tf.float32],
                f=epoch,
                **self._how_to_run,
            )[0].numpy()

        def measure_part(x, y):
            values, correct, label_outputs = tf.raw_ops.StatefulPartitionedCall(
                args=[x, y, *measurement_captures],
                Tout=[tf.float32, tf.bool, tf.float32],
                f=measurement,
                **self._how_to_run,
            )
            return values.numpy().astype("float64"), correct.numpy(), label_outputs.numpy()

        def measure(x, y):
            before = [variable.numpy() for variable in moved]
            if len(x) <= ROWS_AT_A_TIME:
                values, *by_row = measure_part(x, y)
            else:
                starts = range(0, len(x), ROWS_AT_A_TIME)
                parts = [(x[k : k + ROWS_AT_A_TIME], y[k : k + ROWS_AT_A_TIME]) for k in starts]
                measured = [measure_part(*part) for part in parts]
                shares = [len(part[0]) / len(x) for part in parts]
                values = sum(s * v for s, (v, *_) in zip(shares, measured, strict=True))
                by_row = [np.concatenate(part) for part in zip(*measured, strict=True)][1:]
            for variable, value in zip(moved, before, strict=True):
                variable.assign(value)
            return values, *by_row

        return run_epoch, measure


def _flat(logs):
    """What a step reports, with the metrics of several parts side by side, as `fit` shows them."""
    flat = {}
    for name, value in logs.items():
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat


def _has_own(model, method):
    """Whether a model's class has its own version of a method of `keras.Model`."""
    return getattr(type(model), method) is not getattr(keras.Model, method)


def _row_by_row(y, outputs):
    """Whether each row's answer is its label, and the output that the label got, shape (rows,).

    With a softmax or sigmoid output, the second is the probability of the label. Both are empty
    where labels and outputs give them no meaning.
    """
    if tf.is_tensor(outputs) and len(outputs.shape) == 2:
        outputs = tf.cast(outputs, tf.float32)
        if outputs.shape[-1] == 1 and y.dtype.is_integer:
            yes = tf.reshape(y, [-1]) > 0
            of_label = tf.where(yes, outputs[:, 0], 1 - outputs[:, 0])
            return tf.equal(outputs[:, 0] > 0.5, yes), of_label
        if outputs.shape[-1] > 1:
            answers = tf.argmax(outputs, axis=-1, output_type=tf.int64)
            labels = None
            if y.dtype.is_integer and (len(y.shape) == 1 or y.shape[-1] == 1):
                labels = tf.cast(tf.reshape(y, [-1]), tf.int64)
            elif len(y.shape) == 2 and y.shape[-1] == outputs.shape[-1]:
                labels = tf.argmax(y, axis=-1, output_type=tf.int64)
            if labels is not None:
                return tf.equal(answers, labels), tf.gather(outputs, labels, batch_dims=1)
    return tf.zeros(0, tf.bool), tf.zeros(0, tf.float32)


def _use_fused_adam(optimizer):
    """Let Adam update a variable in one operation instead of ten; the formula is the same."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    adam = keras.optimizers.Adam
    if not isinstance(inner, adam) or type(inner).update_step is not adam.update_step:
        return

    powers = {}

    def update_step(self, gradient, variable, learning_rate):
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices) or variable.dtype != tf.float32:
            return adam.update_step(self, gradient, variable, learning_rate)
        graph = tf.compat.v1.get_default_graph()
        if graph not in powers:  # once for all variables
            steps = tf.cast(self.iterations + 1, tf.float32)
            powers[graph] = (
                tf.pow(self.beta_1, steps),
                tf.pow(self.beta_2, steps),
                tf.cast(learning_rate, tf.float32),
            )
        beta1_power, beta2_power, lr = powers[graph]
        k = self._get_variable_index(variable)
        return tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[k].value.handle,
            v=self._velocities[k].value.handle,
            beta1_power=beta1_power,
            beta2_power=beta2_power,
            lr=lr,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )

    inner.update_step = types.MethodType(update_step, inner)


# Operations whose effect lies outside of the variables, and what to use in their place.
_SHARED = {
    ("EagerPyFunc", "PyFunc", "PyFuncStateless"): (
        "runs Python within the graph (tf.py_function), which several trainings would share; write "
        "it with keras.ops"
    ),
    (
        "RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal",
        "ParameterizedTruncatedNormal", "RandomShuffle", "Multinomial", "RandomGamma",
        "RandomPoissonV2", "StatefulRandomBinomial",
    ): (
        "draws numbers with tf.random, whose state all trainings would share; draw them with "
        "keras.random from a keras.random.SeedGenerator that is an attribute of the layer"
    ),
    ("LookupTableFindV2", "LookupTableFind", "HashTableV2"): (
        "looks values up in a table, as TextVectorization, StringLookup and IntegerLookup do; look "
        "them up before and give the numbers as rows"
    ),
    ("IteratorGetNext", "QueueDequeueV2"): (
        "reads data within the graph; give the rows as arrays"
    ),
}  # fmt: skip


def _captured(graph, position):
    """What the graph takes from outside: tensors, and positions among the variables of a run.

    Raises:
        NotTrainable: an effect or a variable that could not be told apart between seeds.
    """
    definition = graph.graph.as_graph_def()
    operations = {node.op for node in definition.node}
    operations |= {node.op for f in definition.library.function for node in f.node_def}
    for names, sentence in _SHARED.items():
        if operations.intersection(names):
            raise NotTrainable(f"the model, loss or optimizer {sentence}")
    captured = []
    for capture in graph.captured_inputs:
        if capture.dtype != tf.resource:
            captured.append(capture)
        elif id(capture) in position:
            captured.append(position[id(capture)])
        else:
            raise NotTrainable(
                "the model, loss or optimizer uses a variable that the model does not list, so it "
                "cannot start anew with each seed; make weights with add_weight, and draw random "
                "numbers from a keras.random.SeedGenerator that is an attribute of the layer"
            )
    return captured


# Programs that are known by a description, the newest last.
_programs: dict[Hashable, Program] = {}
_KEPT_PROGRAMS = 64


class Compiler:
    """Finds or makes the programs that train the models of one call.

    Args:
        optimizer: by name or as an object, which is left untouched.
        loss, metrics: as `compile` takes them.
        x, y: one or two rows of data.
        weighted: whether each row comes with a weight.
        device: where variables and programs are placed.

    Attributes:
        trace_seconds: what all programs that had to be made took.
    """

    def __init__(self, optimizer, loss, metrics, x, y, weighted: bool, device: str):
        self.optimizer, self.loss, self.metrics = optimizer, loss, list(metrics)
        self.x, self.y, self.weighted, self.device = x, y, weighted, device
        self.trace_seconds = 0.0
        self._found: dict[int, tuple] = {}
        self._rule_program, self._rule_starts = None, []

    def program(self, model: keras.Model) -> tuple[Program, tf.Tensor]:
        """A program that trains this model, and the values of its `program_inputs`.

        Raises:
            NotTrainable: see `Program`.
        """
        if id(model) in self._found:
            return self._found[id(model)][1:]
        _require_trainable(model)
        rule = fresh_optimizer(self.optimizer)
        inputs = program_inputs(model, rule)
        values = [float(getattr(owner, attribute)) for owner, attribute in inputs]
        values = tf.constant(values, tf.float32, shape=(len(inputs),))
        known = description(model, rule, keras.losses.get(self.loss), self.metrics, inputs=inputs)
        if known is None:
            program = self._made(model, rule, inputs)
            if not self._found:  # `starts` may give the first model for other seeds, too
                self._found[id(model)] = model, program, values
            return program, values
        arrays = [(array.shape[1:], array.dtype.str) for array in (self.x, self.y)]
        key = (known, *arrays, self.weighted, self.device)
        program = _programs.pop(key, None) or self._made(model, rule, inputs)
        _programs[key] = program
        while len(_programs) > _KEPT_PROGRAMS:
            del _programs[next(iter(_programs))]
        self._found[id(model)] = model, program, values
        return program, values

    def _made(self, model, rule, inputs):
        model.compile(rule, self.loss, metrics=self.metrics, jit_compile=False)
        model.optimizer.build(model.trainable_variables)
        program = Program(model, self.x, self.y, self.weighted, inputs, self.device)
        self.trace_seconds += program.trace_seconds
        return program

    def initial_values(self, program: Program, values: list[np.ndarray]) -> list[np.ndarray]:
        """What all variables of a program start with, where those of the model start with `values`.

        Args:
            program: one of `program`'s.
            values: one array for each of `model.variables`.
        """
        model = program.model
        count = len(model.variables) + len(model.optimizer.variables)
        metrics = [np.zeros(v.shape, v.dtype) for v in program.variables[count:]]
        return [*values, *self._values_of_rule(program, values), *metrics]

    def _values_of_rule(self, program, values):
        if program is not self._rule_program:  # variables of other shapes, perhaps
            self._rule_program, self._rule_starts = program, []
        # Nearly all optimizers start alike whatever the weights are: two starts tell.
        if len(self._rule_starts) == 2 and all(map(np.array_equal, *self._rule_starts)):
            return self._rule_starts[0]
        model = program.model
        for variable, value in zip(model.variables, values, strict=True):
            variable.assign(value)
        rule = fresh_optimizer(self.optimizer)
        scaling = keras.optimizers.LossScaleOptimizer
        if isinstance(model.optimizer, scaling) and not isinstance(rule, scaling):
            rule = scaling(rule)  # as `compile` does under mixed_float16
        rule.build(model.trainable_variables)
        start = [variable.numpy() for variable in rule.variables]
        self._rule_starts = [*self._rule_starts[-1:], start]
        return start


def fresh_optimizer(optimizer: str | keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """A copy with the same settings and no history, as each replicate starts with one.

    Raises:
        NotTrainable: settings that belong to one model, or that no copy would have.
    """
    optimizer = keras.optimizers.get(optimizer)
    name = type(optimizer).__name__
    if optimizer.built:
        raise NotTrainable(f"the optimizer {name} was used before; give a new one")
    if getattr(optimizer, "use_ema", False):
        raise NotTrainable(
            "use_ema=True is not supported: average the weights of replicates yourself"
        )
    if getattr(optimizer, "_exclude_from_weight_decay", None):
        raise NotTrainable(
            "exclude_from_weight_decay(var_list=...) names variables of one model, and each "
            "replicate has a model of its own; give var_names"
        )
    # Schedules and functions may have no configuration: the copy gets the object itself.
    told = object.__new__(type(optimizer))
    told.__dict__.update(vars(optimizer))
    own_rate = vars(optimizer).get("_learning_rate")
    if own_rate is not None and not isinstance(own_rate, keras.Variable):
        told.__dict__["_learning_rate"] = keras.Variable(0.0)
    try:
        config = told.get_config()
        if told.__dict__.get("_learning_rate") is not own_rate:
            config["learning_rate"] = own_rate
        copy = type(optimizer).from_config(config)
    except (TypeError, ValueError, NotImplementedError, AttributeError) as error:
        raise NotTrainable(
            f"the optimizer {name} cannot be copied from its configuration "
            f"({' '.join(str(error).split())[:150]}); its get_config must give the arguments of "
            "its constructor"
        ) from error
    for attribute, value in vars(optimizer).items():
        if attribute in _OF_ONE_OPTIMIZER or attribute.startswith("_self_"):
            continue
        if isinstance(value, keras.Variable):
            continue
        if isinstance(value, keras.optimizers.Optimizer):
            setattr(copy, attribute, fresh_optimizer(value))
        elif isinstance(value, types.MethodType):
            raise NotTrainable(f"the optimizer {name} was given a method {attribute}; make a class")
        elif vars(copy).get(attribute, copy) is not value:
            setattr(copy, attribute, value)
    return copy


# Attributes that each optimizer fills for itself.
_OF_ONE_OPTIMIZER = {
    "name", "_variables", "_trainable_variables", "_tracker", "_trainable_variables_indices",
    "_exclude_from_weight_decay_cache", "_distribution_strategy", "_learning_rate", "_lock",
}  # fmt: skip


def _require_trainable(model):
    """Refuse what cannot be trained as `fit` would, before anything is trained."""
    if model.compiled:
        raise NotTrainable(
            "build_model returns a compiled model; leave compile out and give optimizer, loss and "
            "metrics to replicate"
        )
    for method in ("compile", "fit", "make_train_function", "evaluate", "make_test_function"):
        if _has_own(model, method):
            raise NotTrainable(
                f"{type(model).__name__} has a {method} of its own, which replicate does not call; "
                "write train_step, test_step or compute_loss instead, or use fit"
            )
    if not model.trainable_variables:
        raise NotTrainable("the model has no trainable weights")
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False):
            raise NotTrainable(
                f"{layer.name} is stateful: it hands its state from batch to batch, and batches "
                "are shuffled here; leave stateful out, or use fit"
            )
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) > 1:
        raise NotTrainable(
            f"the model has {len(inputs)} inputs; replicate gives it one array: join the parts "
            "along an axis and let the model split them, or use fit"
        )
    if any(tensor.shape and tensor.shape[0] is not None for tensor in inputs):
        raise NotTrainable(
            f"the model takes batches of {inputs[0].shape[0]} rows only; leave the batch out of "
            "keras.Input"
        )
    if len(getattr(model, "outputs", None) or []) > 1 and not _has_own(model, "train_step"):
        raise NotTrainable(
            f"the model has {len(model.outputs)} outputs; replicate takes one: join them along an "
            "axis and let the loss split them, or use fit"
        )
