"""Pictures that are changed at random at each training step, and left alone at inference.

Every change is one of Keras's own layers, so that it stands in the model and needs no other data.
Only mixup changes labels, too, and therefore wraps the whole model.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..backend import keras

KINDS = ("shift", "flip", "cutout")
SHIFT = 2  # pixels
CUTOUT = 0.5  # side of the erased square, as a share of the picture's
MIXUP_ALPHA = 0.4  # spread of the weights with which two rows are mixed


def picture_layers(
    image_shape: tuple[int, int], augmentation: Sequence[str] = ()
) -> list[keras.layers.Layer]:
    """Layers that put a flat row into the shape of a picture, and change it in training.

    Args:
        image_shape: height and width in pixels.
        augmentation: which changes, from `KINDS`, in their order: a 'shift' of up to two pixels up,
            down and sideways, where what moves in is 0; a 'flip' from left to right of every
            other picture; a 'cutout', a square of half the height and width that becomes 0
            (DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552).

    Returns:
        Keras layers whose output has the shape (rows, height, width, 1).

    Raises:
        ValueError: a kind that does not exist, or one that is named twice.
    """
    augmentation = tuple(augmentation)
    if not set(augmentation) <= set(KINDS) or len(set(augmentation)) != len(augmentation):
        raise ValueError(
            f"augmentation is {augmentation}; it takes each of {', '.join(map(repr, KINDS))} at "
            "most once"
        )
    height, width = image_shape
    made = {
        "shift": lambda: keras.layers.RandomTranslation(
            *(min(1.0, SHIFT / side) for side in image_shape), fill_mode="constant"
        ),
        "flip": lambda: keras.layers.RandomFlip("horizontal"),
        "cutout": lambda: keras.layers.RandomErasing(
            factor=(1.0, 1.0), scale=(CUTOUT**2, CUTOUT**2), fill_value=0.0, value_range=(0, 1)
        ),
    }
    return [keras.layers.Reshape((height, width, 1)), *(made[kind]() for kind in augmentation)]


class MixedUp(keras.Model):
    """A model that is trained on mixtures of two rows and, in the same shares, of their labels.

    Mixup of Zhang et al. (2018, https://arxiv.org/abs/1710.09412), with Keras's own layer `MixUp`:
    a row becomes `w * row + (1 - w) * other row` of its batch, with a weight of its own from the
    distribution Beta(alpha, alpha), and its label `w` of the one and `1 - w` of the other. The loss
    is the cross-entropy with that mixed label; at inference nothing is mixed.

    Args:
        model: a built model that ends in a softmax; its weights are shared.
        alpha: above 0 and at most 1; the smaller, the closer most mixtures are to one row.

    Raises:
        ValueError: an alpha that is not allowed.
    """

    def __init__(self, model: keras.Model, alpha: float = MIXUP_ALPHA):
        if not 0 < alpha <= 1:
            raise ValueError(f"alpha is {alpha}; allowed is above 0 up to 1")
        super().__init__(model.inputs[0], model.outputs[0])
        self.classes = model.output_shape[-1]
        self.mixup = keras.layers.MixUp(alpha=alpha)
        self.generator = self.mixup.generator  # older versions of Keras do not list it otherwise

    def mix(self, rows, labels):
        """Mixed rows, of the same shape, and mixed labels of shape (rows, classes)."""
        images = rows[:, :, None, None]  # Keras mixes pictures
        one_hot = keras.ops.one_hot(labels, self.classes)
        # The layer's own generator, by name: some versions of Keras draw from a hidden one.
        drawn = self.mixup.get_random_transformation(images, seed=self.mixup.generator)
        mixed = self.mixup.transform_images(images, drawn)[:, :, 0, 0]
        return mixed, self.mixup.transform_labels(one_hot, drawn)

    def train_step(self, data):
        rows, labels = data
        return super().train_step(self.mix(rows, labels))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss = keras.ops.mean(keras.losses.categorical_crossentropy(y, y_pred))
        return loss + sum(self.losses)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if len(y.shape) == 2:  # in training: the label with the larger share
            y = keras.ops.argmax(y, axis=-1)
        return super().compute_metrics(x, y, y_pred, sample_weight)
