"""What many trainings gave: curves, weights, predictions and which rows were correct."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..backend import keras, tf
from .starts import build_on_rows


@dataclasses.dataclass(frozen=True, eq=False)
class Replicates:
    """What `replicate` measured.

    Attributes:
        seeds: the seed of each replicate.
        epochs: the epochs after which rows were measured, counted from 1; the last one included.
        history: for each metric a float array of shape (replicates, len(epochs)). `train_*`,
            `validation_*` and those of other sets of rows are measured in inference mode, and
            their loss holds no weight penalty. `running_*` are what `fit` reports: averages over
            the epoch's batches in training mode, the loss with its penalties.
        weights: for each replicate the final values of `model.get_weights()`.
        best_weights: the same after the epoch with the lowest validation loss; None unless asked.
        weights_after: the same after the epochs for which `replicate` was asked to keep them.
        build_model: the builder that was given.
        device: where it was trained, and why there.
        trace_seconds: time spent on building compiled programs; 0 when they were there already.
        seconds: wall time of the whole call, in seconds.
    """

    seeds: tuple[int, ...]
    epochs: tuple[int, ...]
    history: dict[str, np.ndarray]
    weights: list[list[np.ndarray]]
    best_weights: list[list[np.ndarray]] | None
    weights_after: dict[int, list[list[np.ndarray]]]
    build_model: Callable[[], keras.Model]
    device: str
    trace_seconds: float
    seconds: float
    _rows: np.ndarray = dataclasses.field(repr=False)  # a row or two, for models built on use
    _correct_bits: dict[str, tuple[np.ndarray, int]] = dataclasses.field(repr=False)
    _label_outputs: dict[str, np.ndarray] = dataclasses.field(repr=False)

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, metric: str) -> np.ndarray:
        """The curves of one metric, shape (replicates, len(epochs))."""
        return self.history[metric]

    def final(self, metric: str) -> np.ndarray:
        """One metric after the last epoch, shape (replicates,)."""
        return self.history[metric][:, -1]

    def after(self, epoch: int, metric: str) -> np.ndarray:
        """One metric after an epoch, shape (replicates,).

        Raises:
            ValueError: nothing was measured after that epoch.
        """
        if epoch not in self.epochs:
            raise ValueError(
                f"epoch is {epoch}; measured were {', '.join(map(str, self.epochs))}: name others "
                "with measure_at"
            )
        return self.history[metric][:, self.epochs.index(epoch)]

    def correct(self, rows: str) -> np.ndarray:
        """Which rows of a set were answered correctly.

        Args:
            rows: a set of which `replicate` was asked to keep this, with `keep_rows`.

        Returns:
            Booleans of shape (replicates, len(epochs), rows).

        Raises:
            ValueError: it was not kept.
        """
        bits, count = self._kept(self._correct_bits, rows)
        return np.unpackbits(bits, axis=-1, count=count).astype(bool)

    def label_outputs(self, rows: str) -> np.ndarray:
        """The output that the label of each row got; with a softmax output its probability.

        Args:
            rows: as for `correct`.

        Returns:
            float32 array of shape (replicates, len(epochs), rows).

        Raises:
            ValueError: it was not kept.
        """
        return self._kept(self._label_outputs, rows)

    def _kept(self, found, rows):
        if rows not in found:
            raise ValueError(
                f"the rows of {rows!r} were not kept one by one: call replicate with "
                f"keep_rows=[{rows!r}]"
            )
        return found[rows]

    def stopped_early(self) -> Replicates:
        """The same trainings with the weights that were best on the validation rows.

        They are what `keras.callbacks.EarlyStopping(restore_best_weights=True)` ends with when its
        patience lasts to the last epoch. `history` is still that of the whole training.

        Raises:
            ValueError: `replicate` was not asked to keep them.
        """
        if self.best_weights is None:
            raise ValueError("the best weights were not kept: call replicate with keep_best=True")
        return dataclasses.replace(self, weights=self.best_weights)

    def until(self, epoch: int) -> Replicates:
        """The same trainings as they were after an epoch, as if they had ended there.

        Args:
            epoch: one after which `replicate` was asked to keep the weights, or the last one.

        Raises:
            ValueError: they were not kept.
        """
        if epoch == self.epochs[-1]:
            return self
        if epoch not in self.weights_after:
            raise ValueError(
                f"the weights after epoch {epoch} were not kept: call replicate with "
                f"keep_weights=[{epoch}]"
            )
        count = self.epochs.index(epoch) + 1
        return dataclasses.replace(
            self,
            epochs=self.epochs[:count],
            history={name: values[:, :count] for name, values in self.history.items()},
            weights=self.weights_after[epoch],
            best_weights=None,
            _correct_bits={
                name: (bits[:, :count], rows) for name, (bits, rows) in self._correct_bits.items()
            },
            _label_outputs={
                name: values[:, :count] for name, values in self._label_outputs.items()
            },
        )

    def model(self, replicate: int) -> keras.Model:
        """A Keras model with the final weights of one replicate."""
        model = build_on_rows(self.build_model, self._rows)
        model.set_weights(self.weights[replicate])
        return model

    def predict(
        self,
        x: np.ndarray | Callable[[int], np.ndarray],
        *,
        mask_seed: int | None = None,
        draws: int = 1,
        batch_statistics: bool = False,
    ) -> np.ndarray:
        """Outputs of every replicate.

        With `mask_seed`, `Dropout`, `SpatialDropout` and `GaussianDropout` layers stay in training
        mode and all others are in inference mode. Each draw is one thinned network, the same for
        all rows: a row gets the same answer alone and among others.

        Args:
            x: float array of shape (rows, features), or a function from a replicate's seed to one,
                of the same shape for all seeds.
            mask_seed: None for inference mode. With an integer, masks are drawn from that seed and
                the replicate's own; each draw has masks of its own.
            draws: number of passes; more than one makes sense with `mask_seed` only.
            batch_statistics: put all other layers into training mode as well, so that batch
                normalization uses mean and variance of the rows given, and the answer to a row
                depends on the others.

        Returns:
            float32 array of shape (replicates, rows, classes), or (replicates, draws, rows,
            classes) with `mask_seed`.

        Raises:
            ValueError: several draws without `mask_seed`, or a layer whose masks at test time are
                not known.
        """
        masked = mask_seed is not None
        if not masked and (draws != 1 or batch_statistics):
            raise ValueError(
                f"draws is {draws} and batch_statistics {batch_statistics}; without mask_seed "
                "every pass is in inference mode and gives the same output"
            )
        with tf.device("/CPU:0"):
            model = build_on_rows(self.build_model, self._rows)
            if masked:
                _leave_masks_on(model)
            forward = tf.function(
                lambda rows: model(rows, training=masked and batch_statistics), autograph=False
            )
            rows_of = x if callable(x) else lambda seed: x
            mask_states = [v for v in model.variables if v.name == "seed_generator_state"]
            outputs = []
            for seed, weights in zip(self.seeds, self.weights, strict=True):
                passes, rows = [], tf.constant(rows_of(seed))
                for draw in range(draws):
                    # Training mode moves batch-normalization statistics: start each pass afresh.
                    if draw == 0 or batch_statistics:
                        model.set_weights(weights)
                    if masked:
                        _reseed(mask_states, [mask_seed, seed, draw])
                    passes.append(forward(rows).numpy())
                outputs.append(passes if masked else passes[0])
        return np.array(outputs)


# Layers that multiply by noise while training and are the identity otherwise.
_MASKS = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.GaussianDropout,
)


def _leave_masks_on(model):
    """Let the dropout layers of a model drop in inference mode, the same units of every row."""
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, _MASKS):
            layer.call = _masking(layer.call)
        elif reason := _why_masks_are_unknown(layer):
            raise ValueError(
                f"{layer.name} {reason}; masks at test time are known for Dropout, SpatialDropout "
                "and GaussianDropout layers"
            )


def _why_masks_are_unknown(layer):
    """What a layer without a mask of its own does that masks at test time would leave out."""
    if isinstance(layer, keras.layers.AlphaDropout):
        return "does not multiply by a mask"
    if isinstance(layer, keras.layers.MultiHeadAttention):
        return None  # its Dropout is a layer within it
    if getattr(layer, "dropout", 0) or getattr(layer, "recurrent_dropout", 0):
        return "drops units inside of itself"
    if layer._call_has_training_arg and not type(layer).__module__.startswith("keras."):
        return "is a layer of its own that acts differently while training"
    return None


def _masking(call):
    def masked(inputs, training=None):
        # What the layer makes of ones is what it multiplies by.
        return inputs * call(tf.ones_like(inputs[:1]), training=True)

    return masked


def _reseed(states, entropy):
    """Give the states of a model's random layers new values drawn from `entropy`."""
    rng = np.random.default_rng(entropy)
    for state in states:
        state.assign([int(rng.integers(2**31)), 0])
