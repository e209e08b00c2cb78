"""A part of Fashion-MNIST that comes with the course, so that photographs need no download.

Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, https://arxiv.org/abs/1708.07747) has 70,000 grey
photographs of clothes, 28 x 28 pixels, in ten classes. `utils/data/fashion.xz` holds 800 of each
class: their pixels, one byte each, class by class, compressed with xz.

    python -m utils.fashion

makes that file again from the files that Keras downloads.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import sys
from pathlib import Path

import numpy as np

from .parameters import OneLineError

PATH = Path(__file__).resolve().parent / "data" / "fashion.xz"
SHA256 = "5ef1a9b93bb7234e4c6243bedba2f9a6b958bbf7fd03f2feebe3ed3301d2c005"  # of the pixels
CLASSES, OF_EACH, PIXELS = 10, 800, 28 * 28
NAMES = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip
COMPRESSION = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "pb": 0}]


class FashionError(OneLineError):
    """A file of photographs that is missing or damaged."""


def read() -> tuple[np.ndarray, np.ndarray]:
    """The photographs and their classes.

    Returns:
        uint8 pixels of shape (8000, 784), 0 for black to 255 for white, and int32 labels of shape
        (8000,), which `NAMES` names.

    Raises:
        FashionError: the file is missing, or is not the one that was made.
    """
    try:
        pixels = lzma.decompress(PATH.read_bytes())
    except OSError as error:
        raise FashionError(f"{PATH.name} cannot be read ({error.strerror}): get it again") from None
    except (lzma.LZMAError, EOFError) as error:
        raise FashionError(f"{PATH.name} is damaged ({error}): get it again") from None
    if hashlib.sha256(pixels).hexdigest() != SHA256:
        raise FashionError(f"{PATH.name} holds other photographs than it should: get it again")
    pixels = np.frombuffer(pixels, "uint8").reshape(-1, PIXELS)
    return pixels, np.repeat(np.arange(CLASSES, dtype="int32"), OF_EACH)


def cut(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    """The pixels of the file: the first pictures of each class, none of them twice.

    Args:
        pixels: uint8 array of shape (pictures, 28, 28), those of Keras's training set first.
        labels: their classes, shape (pictures,).
    """
    pixels = pixels.reshape(len(pixels), PIXELS)
    _, first = np.unique(pixels, axis=0, return_index=True)
    first.sort()
    of_class = [first[labels[first] == c][:OF_EACH] for c in range(CLASSES)]
    return pixels[np.concatenate(of_class)].tobytes()


def main() -> int:
    from .backend import keras

    (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    pixels = cut(np.concatenate([x, x_test]), np.concatenate([y, y_test]))
    if hashlib.sha256(pixels).hexdigest() != SHA256:
        print("Keras downloads other photographs than it did: the file stays", file=sys.stderr)
        return 1
    unfinished = PATH.with_suffix(".unfinished")
    unfinished.write_bytes(lzma.compress(pixels, filters=COMPRESSION))
    os.replace(unfinished, PATH)
    print(f"{PATH.name}: {PATH.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
