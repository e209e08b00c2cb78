"""Time and memory of a run."""

import datetime
import re
import subprocess
import sys

import pytest

from tests.notebook_runs import ROOT
from utils.cost import Cost, cost_so_far, fingerprint, versions

pytestmark = pytest.mark.slow


def test_text_is_the_same_for_all_runs_and_the_numbers_are_kept():
    cost = Cost(61.4, 900.2)
    assert repr(cost) == repr(Cost(1, 2))
    data, metadata = cost._repr_mimebundle_()
    assert (metadata["cost"]["seconds"], metadata["cost"]["megabytes"]) == (61.4, 900.2)
    assert metadata["cost"]["versions"] == versions()
    assert metadata["cost"]["day"] == datetime.datetime.now(datetime.UTC).date().isoformat()
    assert metadata["cost"]["fingerprint"] == fingerprint()
    assert "61 s and 900 MB" in data["text/html"]


FINGERPRINT = """
import time
{}
from utils.cost import fingerprint
started = time.process_time()
print(fingerprint(), time.process_time() - started)
"""


def test_the_fingerprint_is_that_of_the_arithmetic_and_quick():
    def run(first):
        done = subprocess.run(
            [sys.executable, "-c", FINGERPRINT.format(first)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        digits, seconds = done.stdout.split()
        return digits, float(seconds)

    again, seconds = run("import utils.training")
    assert again == fingerprint()
    assert re.fullmatch("[0-9a-f]{12}", again)
    assert seconds < 10  # of the processor; about two on an idle machine
    rounded = """
from utils.training import programs
from utils.backend import keras, tf
whole = keras.layers.Dense.call
keras.layers.Dense.call = lambda self, x, **more: whole(self, x, **more) * (1 + 2**-23)
"""
    assert run(rounded)[0] != again


def test_time_and_memory_are_those_of_the_process():
    code = (
        "import time; from utils.cost import cost_so_far; a = cost_so_far();"
        "block = b'x' * 300_000_000; time.sleep(0.5); b = cost_so_far();"
        "print(b.seconds - a.seconds, b.megabytes - a.megabytes)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, run.stdout.split())
    assert 0.5 <= seconds < 5
    assert 250 < megabytes < 400
    assert cost_so_far().seconds > 0
