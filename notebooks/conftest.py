"""Lets nbval compare the numbers of claims, too.

nbval runs every cell and compares the text of its outputs, in which no number
stands. The numbers of a claim are in the metadata of its output; they are
compared with a tolerance.
"""

import pytest
from tests.recorded_numbers import changed
from utils.chapters import claims_among


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    differences = changed(
        claims_among(item.cell.outputs), claims_among(item.test_outputs)
    )
    if differences:
        raise AssertionError("; ".join(differences))
    return result
