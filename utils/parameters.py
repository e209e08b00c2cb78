"""What a reader may change in a chapter, and the check of what was given.

Every chapter calls `check` in its first cell after the parameters, so that a bad value stops a
rerun before anything is computed.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import sys
from typing import Any

from .catalogue import SOURCES


class OneLineError(ValueError):
    """An error whose sentence says all that a reader needs; notebooks show nothing else."""

    def _render_traceback_(self):  # what IPython shows in place of its own traceback
        return [f"{type(self).__name__}: {self}"]


def one_line(error: Any) -> str:
    """What an error says, on one line, with nothing in it that a terminal would obey."""
    text = " ".join(str(error).split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class ParameterError(OneLineError):
    """A parameter whose value is not allowed."""


@dataclasses.dataclass(frozen=True)
class Number:
    """A number from `low` to `high`, both allowed unless `below_high`."""

    kind: type
    low: float
    high: float
    below_high: bool = False

    def allowed(self) -> str:
        what = "a whole number" if self.kind is int else "a number"
        until = f"up to, but not, {self.high:g}" if self.below_high else f"to {self.high:g}"
        return f"{what} from {self.low:g} {until}"

    def accepts(self, value: Any) -> bool:
        kinds = int if self.kind is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return False
        # Not true of nan and of infinities either.
        return self.low <= value <= self.high and not (self.below_high and value == self.high)


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few names."""

    names: tuple[str, ...]

    def allowed(self) -> str:
        return "one of " + ", ".join(map(repr, self.names))

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.names


PARAMETERS = {
    "dataset": Choice(tuple(SOURCES)),
    "seeds": Number(int, 2, 1000),
    "first_seed": Number(int, 0, 1_000_000_000),
    "epochs": Number(int, 1, 1000),
    "train_rows": Number(int, 20, 50_000),
    "label_noise": Number(float, 0, 1),
    "dropout_rate": Number(float, 0, 1, below_high=True),
    "units": Number(int, 1, 4096),
    "batch_size": Number(int, 1, 4096),
    "learning_rate": Number(float, 1e-6, 10),
}


def check(**given: Any) -> dict[str, Any]:
    """Stop at the first parameter whose value is not allowed, or give all of them back.

    Args:
        given: parameters of the chapter by name, as in `PARAMETERS`; the number of training rows is
            checked against the dataset where both are given.

    Raises:
        ParameterError: names the parameter, the value, and what is allowed.
    """
    for name in _injected():
        if name not in given:
            near = difflib.get_close_matches(name, given, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(given)}"
            raise ParameterError(f"{name!r} is not a parameter of this chapter{hint}")
    for name, value in given.items():
        if name not in PARAMETERS:
            near = difflib.get_close_matches(name, PARAMETERS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ParameterError(f"{name} is not a parameter of this course{hint}")
        rule = PARAMETERS[name]
        if not rule.accepts(value):
            raise ParameterError(f"{name} is {value!r}; allowed is {rule.allowed()}.")
    rate = given.get("learning_rate")
    if isinstance(rate, int):
        raise ParameterError(f"learning_rate is {rate}; Keras takes it as {rate}.0, with a point.")
    source = SOURCES.get(given.get("dataset"))
    if source and source.train_rows and given.get("train_rows", 0) > source.train_rows:
        raise ParameterError(
            f"train_rows is {given['train_rows']}; {given['dataset']!r} has {source.train_rows} "
            "training rows."
        )
    return given


def _injected():
    """Names in the cell that papermill has put into this kernel, which sets even unknown ones."""
    kernel = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    cells = kernel.user_ns.get("In", []) if kernel else []
    last = next((c for c in reversed(cells) if c.startswith("# Parameters\n")), "")
    return [
        target.id
        for statement in ast.parse(last).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]
