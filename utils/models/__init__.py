"""Every network of the course, as plain Keras models built from plain arguments.

    dense          Dense layers, with dropout, normalization, penalties, shifted pictures
    augmentation   pictures that are changed at random, and mixed rows, in training only
    convolutional  a small convolutional network, and a residual one
    transformer    a small encoder that reads a picture row by row

Rows are flat everywhere; a network for pictures puts them into shape itself. A room imports only
from those above it.
"""

from . import augmentation, convolutional, dense, transformer
from .augmentation import MixedUp
from .convolutional import convolutional_network, residual_network
from .dense import (
    baseline,
    combined,
    fold_batch_normalization,
    with_augmentation,
    with_batch_normalization,
    with_dropout,
)
from .transformer import transformer_encoder

# Whatever networks depend on.
MODULES = (dense, augmentation, convolutional, transformer)

__all__ = [
    "MODULES",
    "MixedUp",
    "baseline",
    "combined",
    "convolutional_network",
    "fold_batch_normalization",
    "residual_network",
    "transformer_encoder",
    "with_augmentation",
    "with_batch_normalization",
    "with_dropout",
]
