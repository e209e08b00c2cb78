"""Trying the chapters on other machines: what a report says, and what is stored of it."""

from __future__ import annotations

import json

import nbformat
import pytest

from tests import machines
from tests.jax_backend import PATH as JAX
from tests.jax_backend import judged, stored_claims
from tests.machines import MACHINES, NotTried, compared, interpreter, main, merged
from tests.notebook_runs import chapters
from utils.chapters import claims_of

TRIED_WHOLE = {"oneDNN off", "AVX2 only", "oldest packages", "newest packages"}
STORED = {
    "a": {"verdict": "supported", "again": {"effect": 0.5}},
    "b": {"verdict": "undecided", "again": {"effect": 0}},
}


def report(tmp_path, *claims, failure=""):
    told = "".join(
        f"<property name='claim' value='{json.dumps(claim).replace(chr(39), '')}'/>"
        for claim in claims
    )
    path = tmp_path / "report.xml"
    path.write_text(
        "<testsuites><testsuite><testcase classname='notebooks' name='Cell 1'>"
        f"<properties>{told}</properties></testcase>"
        f"<testcase classname='notebooks' name='Cell 2'>{failure}</testcase>"
        "</testsuite></testsuites>"
    )
    return path


def test_a_report_tells_cells_claims_and_verdicts(tmp_path):
    found = compared(report(tmp_path, ["a", "supported", 0.5], ["b", "no difference", 0]), STORED)
    assert found == {
        "cells": 2,
        "failed": [],
        "claims": 2,
        "same_to_the_bit": 2,
        "other_verdicts": ["b"],
    }
    moved = compared(report(tmp_path, ["a", "supported", 0.5 + 1e-9]), STORED)
    assert moved["same_to_the_bit"] == 0
    assert not moved["other_verdicts"]
    broken = compared(report(tmp_path, failure="<failure message='x'/>"), STORED)
    assert broken["failed"] == ["notebooks Cell 2"]


def test_what_is_stored_is_of_all_machines_and_of_these_chapters():
    found = json.loads(machines.PATH.read_text(encoding="utf-8"))
    claims = {path.stem: claims_of(nbformat.read(path, as_version=4)) for path in chapters()}
    assert TRIED_WHOLE <= set(found) <= set(MACHINES), "python -m tests.machines tries the others"
    for name, one in found.items():
        there = set().union(*(claims[stem] for stem in one.get("chapters", claims)))
        assert name not in TRIED_WHOLE or "chapters" not in one
        assert not one["failed"], name
        assert one["claims"] == len(there), f"{name}: the chapters have changed since"
        assert set(one["other_verdicts"]) <= there


def test_chapters_of_a_machine_are_counted_together_and_none_twice():
    result = {"cells": 2, "failed": [], "claims": 2, "same_to_the_bit": 1, "other_verdicts": ["b"]}
    first = result | {"chapters": ["02"]}
    second = result | {"chapters": ["01"], "other_verdicts": ["a"]}
    both = merged(first, second)
    assert both["chapters"] == ["01", "02"]
    assert (both["claims"], both["other_verdicts"]) == (4, ["a", "b"])
    assert merged(first, first) == first, "the same chapters again take the place of what was there"
    assert merged(first, result) == result, "all chapters do, too"
    for before in (both, result):
        with pytest.raises(NotTried, match="01 was tried there with others"):
            merged(before, second)


def test_an_effect_on_jax_is_judged_by_the_spread_between_seeds():
    record = {"treatment": [0.9, 0.8, 0.9], "control": [0.8, 0.72, 0.78], "effect": 0.1,
        "interval": [0.08, 0.12], "verdict": "supported"}  # fmt: skip
    assert judged(record, [0.09, 0.11, 0.1])["agrees"]
    assert not judged(record, [-0.09, -0.11, -0.1])["agrees"]
    stored = stored_claims()
    for name, one in json.loads(JAX.read_text(encoding="utf-8"))["claims"].items():
        assert one["stored"] == round(stored[name]["effect"], 4), f"{name} has changed since"


@pytest.fixture
def none_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(machines, "PATH", tmp_path / "machines.json")
    return machines.PATH


def test_a_red_machine_is_told(none_stored, monkeypatch, capsys):
    result = {"failed": ["Cell 2"], "cells": 2, "same_to_the_bit": 1, "claims": 2}
    monkeypatch.setattr(
        machines, "try_chapters", lambda name, folder, some: result | {"other_verdicts": ["b"]}
    )
    assert main(["oneDNN off"]) == 1
    assert "red    oneDNN off: 1 of 2 cells failed" in capsys.readouterr().out
    assert list(json.loads(none_stored.read_text())) == ["oneDNN off"]


def test_a_machine_that_cannot_be_had_is_told(none_stored, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(machines, "ENVIRONMENTS", tmp_path / "environments")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotTried, match=r"oldest packages needs uv to get Python 3\.12"):
        interpreter("oldest packages")
    assert main(["oldest packages"]) == 1
    assert "not tried  oldest packages needs uv" in capsys.readouterr().err
    assert not none_stored.exists()


def test_an_unknown_machine_is_refused_in_one_line(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["abacus"])
    assert stopped.value.code == 2
    assert "no machine is called 'abacus'; there are oneDNN off" in capsys.readouterr().err
