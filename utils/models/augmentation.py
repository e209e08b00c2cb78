"""Pictures that are changed at random at each training step, and left alone at inference.

Every change is one of Keras's own layers, so that it stands in the model and needs no other data.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..backend import keras

KINDS = ("shift", "flip", "cutout")
SHIFT = 2  # pixels
CUTOUT = 0.5  # side of the erased square, as a share of the picture's


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
