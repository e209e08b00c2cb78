"""Trying the chapters on other machines: what a report says, and what is stored of it."""

from __future__ import annotations

import json

import nbformat
import pytest

from tests import machines
from tests.machines import MACHINES, NotTried, compared, interpreter, main
from tests.notebook_runs import chapters
from utils.chapters import claims_of

STORED = {"a": {"verdict": "supported", "effect": 0.5}, "b": {"verdict": "undecided", "effect": 0}}


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
    claims = {}
    for path in chapters():
        claims |= claims_of(nbformat.read(path, as_version=4))
    assert set(found) == set(MACHINES), "python -m tests.machines tries the others"
    for name, one in found.items():
        assert not one["failed"], name
        assert one["claims"] == len(claims), f"{name}: the chapters have changed since"
        assert set(one["other_verdicts"]) <= set(claims)


@pytest.fixture
def none_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(machines, "PATH", tmp_path / "machines.json")
    return machines.PATH


def test_a_red_machine_is_told(none_stored, monkeypatch, capsys):
    result = {"failed": ["Cell 2"], "cells": 2, "same_to_the_bit": 1, "claims": 2}
    monkeypatch.setattr(
        machines, "try_chapters", lambda name, folder: result | {"other_verdicts": ["b"]}
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
