"""TensorFlow and Keras, imported once, quietly and repeatably.

TensorFlow writes to the process's standard error while it is imported and when it first
touches a device, and what it writes differs from machine to machine. The lines come from C++
before any log level is read, so the file descriptor itself is pointed elsewhere meanwhile.

The course's networks are small: one thread per operation is faster than several that wait for
each other, and its sums always run in the same order. The cores are used by training several
seeds side by side (see `training.replicate`).

Importing both makes 700,000 objects that stay. The garbage collector would look through them again
and again meanwhile, for a fifth of the time; it is kept from that, and from looking at them later.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def _standard_error_silenced():
    sys.stderr.flush()
    saved = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)


@contextlib.contextmanager
def _garbage_left_alone():
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()


with _standard_error_silenced(), _garbage_left_alone():
    import keras
    import tensorflow as tf

    # Both settings are refused once TensorFlow has started; results then still repeat on the
    # machine, since nothing here depends on the number of threads but speed.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    tf.get_logger().setLevel("ERROR")  # not of each function that is traced again
    tf.constant(0.0).numpy()

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"the course needs Keras on TensorFlow, but KERAS_BACKEND is {keras.backend.backend()!r}; "
        "unset it or set it to 'tensorflow'"
    )

__all__ = ["keras", "tf"]
