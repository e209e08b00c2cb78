"""Lets nbval compare the numbers of claims, too.

nbval runs every cell and compares the text of its outputs, in which no number
stands. The numbers of a claim are in the metadata of its output; they are
compared with a tolerance.
"""

import pytest
from tests.recorded_numbers import changed


def _records(outputs):
    found = [output.get("metadata", {}).get("claim") for output in outputs]
    return {record["id"]: record for record in found if record}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    differences = changed(
        _records(item.cell.outputs), _records(item.test_outputs)
    )
    if differences:
        raise AssertionError("; ".join(differences))
    return result
