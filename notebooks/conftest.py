"""Lets nbval compare the numbers of claims, too.

nbval runs every cell and compares the text of its outputs, in which no number
stands. The numbers of a claim, its verdict and its sentence are in the metadata
of its output, also those of the few seeds that the run has trained; they are
compared there, to the last bit on a machine with the arithmetic of the stored
notebook and with a tolerance on others.

Sources of exercises hold wrong answers on purpose; `tests/test_exercises.py`
runs them.
"""

import json

import pytest
from tests.machines import PROPERTY
from utils.chapters import claims_among
from utils.recorded_numbers import changed, same_arithmetic

collect_ignore_glob = ["exercises/sources/*"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    stored = claims_among(item.cell.outputs)
    fresh = claims_among(item.test_outputs)
    for name, claim in fresh.items():
        effect = claim.get("again", claim)["effect"]
        told = json.dumps([name, claim["verdict"], effect])
        item.user_properties.append((PROPERTY, told))
    if stored or fresh:
        differences = changed(stored, fresh, same_arithmetic(item.parent.nb))
        if differences:
            raise AssertionError("; ".join(differences))
    return result
