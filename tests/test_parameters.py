"""Parameters that are checked before anything is computed."""

import types

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from utils.catalogue import SOURCES
from utils.datasets import load
from utils.parameters import PARAMETERS, ParameterError, check

GOOD = [
    ("dataset", "noise"),
    ("dataset", "fashion_mnist"),
    ("seeds", 2),
    ("first_seed", 0),
    ("epochs", 1),
    ("epochs", 1000),
    ("train_rows", 20),
    ("label_noise", 0),
    ("label_noise", 1.0),
    ("dropout_rate", 0),
    ("dropout_rate", 0.999),
    ("units", 4096),
    ("batch_size", 1),
    ("learning_rate", 1e-3),
]

DATASETS = "one of 'digits', 'fashion', 'table', 'noise', 'fashion_mnist', 'mnist'"
FROM_0_UP_TO_1 = "a number from 0 up to, but not, 1"
BAD = [
    ("dropout_rate", 1.5, FROM_0_UP_TO_1),
    ("dropout_rate", 1.0, FROM_0_UP_TO_1),
    ("dropout_rate", -1, FROM_0_UP_TO_1),
    ("dropout_rate", "abc", FROM_0_UP_TO_1),
    ("dropout_rate", "0.5", FROM_0_UP_TO_1),
    ("dropout_rate", float("nan"), FROM_0_UP_TO_1),
    ("dropout_rate", float("inf"), FROM_0_UP_TO_1),
    ("dropout_rate", True, FROM_0_UP_TO_1),
    ("dropout_rate", None, FROM_0_UP_TO_1),
    ("label_noise", 1.1, "a number from 0 to 1"),
    ("epochs", 0, "a whole number from 1 to 1000"),
    ("epochs", -1, "a whole number from 1 to 1000"),
    ("epochs", 1.5, "a whole number from 1 to 1000"),
    ("epochs", 2.0, "a whole number from 1 to 1000"),
    ("epochs", "abc", "a whole number from 1 to 1000"),
    ("epochs", True, "a whole number from 1 to 1000"),
    ("epochs", float("inf"), "a whole number from 1 to 1000"),
    ("epochs", 1001, "a whole number from 1 to 1000"),
    ("seeds", 1, "a whole number from 2 to 1000"),
    ("units", 0, "a whole number from 1 to 4096"),
    ("batch_size", 0, "a whole number from 1 to 4096"),
    ("learning_rate", 0, "a number from 1e-06 to 10"),
    ("train_rows", 19, "a whole number from 20 to 50000"),
    ("dataset", "cifar10", DATASETS),
    ("dataset", 3, DATASETS),
    ("dataset", ["digits"], DATASETS),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_an_allowed_value_passes(name, value):
    check(**{name: value})


def test_every_parameter_has_a_good_and_a_bad_value_here():
    assert {name for name, *_ in GOOD} == set(PARAMETERS)
    assert {name for name, *_ in BAD} == set(PARAMETERS) - {"first_seed"}
    with pytest.raises(ParameterError, match="first_seed is -1"):
        check(first_seed=-1)


@pytest.mark.parametrize(("name", "value", "allowed"), BAD)
def test_a_value_that_is_not_allowed_is_named_with_what_is(name, value, allowed):
    with pytest.raises(ParameterError) as caught:
        check(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"{name} is {value!r}; allowed is {allowed}")
    assert "\n" not in message


def test_the_first_bad_parameter_stops_the_check_whatever_comes_with_it():
    with pytest.raises(ParameterError, match="epochs is 0"):
        check(dataset="digits", epochs=0, units=-1)


@pytest.mark.parametrize(
    ("name", "near"),
    [("droput_rate", "dropout_rate"), ("epoch", "epochs"), ("batchsize", "batch_size")],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, near):
    with pytest.raises(ParameterError) as caught:
        check(**{name: 1})
    assert str(caught.value) == f"{name} is not a parameter of this course; did you mean '{near}'?"


def test_an_unknown_name_far_from_all_gets_no_guess():
    with pytest.raises(ParameterError) as caught:
        check(zzzz=1)
    assert str(caught.value).rstrip(".") == "zzzz is not a parameter of this course"


def test_notebooks_show_a_bad_parameter_as_one_line(capsys):
    shell = InteractiveShell.instance()
    shell.run_cell("from utils.parameters import check\ncheck(dropout_rate=1.5)")
    shown = capsys.readouterr().out.strip()
    assert shown == (
        "ParameterError: dropout_rate is 1.5; allowed is a number from 0 up to, but not, 1."
    )


@pytest.mark.parametrize("name", [n for n, s in SOURCES.items() if s.train_rows])
def test_no_more_rows_may_be_asked_for_than_there_are(name):
    rows = SOURCES[name].train_rows
    check(dataset=name, train_rows=rows)
    with pytest.raises(ParameterError, match=f"{name!r} has {rows} training rows") as caught:
        check(dataset=name, train_rows=rows + 1)
    assert "\n" not in str(caught.value)
    assert len(load(name).x_train) == rows, "the catalogue says what is there"


def test_a_number_from_numpy_is_a_number():
    check(dropout_rate=np.float64(0.5))


def test_a_rate_that_keras_refuses_is_refused_first():
    with pytest.raises(ParameterError, match=r"learning_rate is 10; .* 10\.0"):
        check(learning_rate=10)
    check(learning_rate=10.0)


def test_a_parameter_that_papermill_puts_in_and_nobody_knows_is_refused(monkeypatch):
    cells = ["", "dropout_rate: float = 0.5", "# Parameters\nseedz = 3\n"]
    shell = types.SimpleNamespace(user_ns={"In": cells})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    with pytest.raises(ParameterError, match=r"'seedz' is not a parameter.*did you mean 'seeds'"):
        check(seeds=2, units=4)
    cells[2] = "# Parameters\nseeds = 3\n"
    check(seeds=2, units=4)
