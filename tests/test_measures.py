"""What is read off predictions, on predictions written by hand."""

import dataclasses

import numpy as np
import pytest

from utils import measures
from utils.backend import keras
from utils.datasets import load
from utils.models import baseline
from utils.training import replicate

# Two replicates, three rows, two classes.
OUTPUTS = np.array([[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [[0.4, 0.6], [0.3, 0.7], [0.1, 0.9]]])
LABELS = np.array([0, 1, 1])


def test_accuracy_is_the_share_of_rows_whose_largest_output_is_the_label_s():
    assert measures.accuracy(OUTPUTS, LABELS) == pytest.approx([2 / 3, 2 / 3])
    assert measures.accuracy(OUTPUTS[0], LABELS) == pytest.approx(2 / 3)


def test_cross_entropy_is_what_keras_computes():
    for outputs, value in zip(OUTPUTS, measures.cross_entropy(OUTPUTS, LABELS), strict=True):
        loss = keras.losses.SparseCategoricalCrossentropy()(LABELS, outputs)
        assert value == pytest.approx(float(loss), rel=1e-5)
    certain = np.array([[[1.0, 0.0]]])
    assert np.isfinite(measures.cross_entropy(certain, np.array([1]))).all()


def test_wrong_labels_count_where_the_network_gives_them_back():
    def noisy(seed):
        return load("digits", train_rows=40, label_noise=0.5, seed=seed)

    def right(seed):
        data = noisy(seed)
        return dataclasses.replace(data, y_train=data.y_train_true)

    settings = {"seeds": (0, 1), "epochs": 150}
    fitted = replicate(lambda: baseline(64, 10, widths=(256,)), noisy, **settings)
    assert (measures.wrong_labels_repeated(fitted, noisy) > 0.9).all(), "all labels were learnt"
    taught = replicate(lambda: baseline(64, 10, widths=(256,)), right, **settings)
    assert (measures.wrong_labels_repeated(taught, noisy) < 0.1).all()
    assert (measures.wrong_labels_repeated(taught, right) == 0).all(), "no label is wrong"
