"""Which datasets there are, and how many of their rows a seed sets aside.

Names and numbers only, so that what a reader asks for can be checked before anything is read.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Source:
    """A dataset before a seed has cut it.

    Attributes:
        what: its rows in words.
        features: length of a row.
        classes: number of classes.
        image_shape: (height, width) where a row is a picture, otherwise None.
        train_rows: rows that are left for training, at most; None where the download tells.
        validation_rows, test_rows: rows that a seed sets aside.
        downloaded: whether Keras downloads it; the others come with the course or are drawn.
        standardized: whether features get mean 0 and standard deviation 1 over the training rows.
    """

    what: str
    features: int
    classes: int
    image_shape: tuple[int, int] | None
    train_rows: int | None
    validation_rows: int
    test_rows: int
    downloaded: bool = False
    standardized: bool = False


SOURCES = {
    "digits": Source("handwritten digits, 8 x 8 pixels", 64, 10, (8, 8), 800, 197, 800),
    "fashion": Source("photographs of clothes", 784, 10, (28, 28), 5000, 1000, 2000),
    "table": Source("measurements of tumours", 30, 2, None, 300, 99, 170, standardized=True),
    "noise": Source("random numbers with random labels", 20, 10, None, 800, 200, 1000),
    # Held-out sets of 2,000 rows keep many seeds affordable.
    "fashion_mnist": Source(
        "all photographs of clothes", 784, 10, (28, 28), None, 2000, 2000, downloaded=True
    ),
    "mnist": Source(
        "handwritten digits, 28 x 28 pixels", 784, 10, (28, 28), None, 2000, 2000, downloaded=True
    ),
}
