"""Answers to exercises, judged by what must be true of them.

A check cell states the properties of a right answer, from the simplest to the finest. The first one
that does not hold is told in one sentence, which says what is wrong and not what would be right.
"""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .parameters import one_line

LONGEST_MESSAGE = 200  # characters of what Python or Keras says about a mistake

# Whether a property holds, and what is wrong if it does not. A generator, so that what is needed
# for a later property is computed only when all earlier ones hold.
Properties = Callable[[], Iterable[tuple[bool, str]]]


class NothingYet(Exception):
    """A line of the starter still waits for its answer."""

    def __init__(self, line: str):
        super().__init__(line)
        self.line = line


def answered(**answers: Any) -> None:
    """Look whether the lines of a starter that read `name = ...` were replaced.

    Args:
        answers: each name with its value.

    Raises:
        NothingYet: a value is still `...`.
    """
    for name, value in answers.items():
        if value is ...:
            raise NothingYet(f"{name} = ...")


def is_number(value: Any) -> bool:
    """Whether an answer is one finite number; an array of one number counts as one."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    return (
        isinstance(value, numbers.Real) and not isinstance(value, bool) and bool(np.isfinite(value))
    )


def judged(properties: Properties) -> str:
    """What is wrong with an answer, in one sentence; empty where all properties hold.

    Raises:
        NothingYet: the starter is as it was; a function of it then raises NotImplementedError.
    """
    try:
        # What an unfinished answer makes NumPy warn of, the sentence says better.
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for holds, wrong in properties():
                if not holds:
                    return wrong
    except NotImplementedError as error:
        # Keras raises it as well, where a layer lacks something, and then says what.
        if str(error):
            return _stopped(error)
        raise NothingYet("raise NotImplementedError") from None
    except NameError as error:
        return f"Your code stops: {one_line(error)}. Have all cells above been run?"
    except NothingYet:
        raise
    except Exception as error:
        return _stopped(error)
    return ""


def _stopped(error):
    told = one_line(error).rstrip(".")
    if len(told) > LONGEST_MESSAGE:
        told = told[:LONGEST_MESSAGE].rsplit(" ", 1)[0] + " ..."
    return f"Your code stops with {type(error).__name__}: {told or 'it says nothing more'}."


def check_exercise(number: int, properties: Properties, remark: str = "") -> None:
    """Print one sentence about an answer: nothing to check yet, not yet, or right.

    Args:
        number: of the exercise.
        properties: a function without arguments, whose pairs are looked at in order.
        remark: said after "right", such as what the answer is good for.
    """
    try:
        wrong = judged(properties)
    except NothingYet as nothing:
        told = f"nothing to check yet: replace the line that says `{nothing.line}`."
    else:
        told = f"not yet. {wrong}" if wrong else f"right. {remark}".rstrip()
    print(f"Exercise {number}: {told}")
