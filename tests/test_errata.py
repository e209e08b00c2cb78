"""The script of the report on seeded `fit`, and the citation file."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from tests.notebook_runs import ROOT

pytestmark = pytest.mark.slow


def test_the_report_s_script_prints_what_the_page_says(tmp_path):
    page = (ROOT / "book" / "errata.md").read_text()
    (script,) = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    (tmp_path / "report.py").write_text(script)
    run = subprocess.run(
        [sys.executable, tmp_path / "report.py"], capture_output=True, text=True, check=True
    )
    answers = re.findall(r"same order: (True|False)", run.stdout)
    seen = page.split("**Seen.**")[1].split("\n")[0]
    assert answers == re.findall(r"`(True|False)`", seen) == ["False", "True"]


def test_the_citation_names_the_version_and_the_address_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == project["version"]
    assert citation["repository-code"] == project["urls"]["Repository"]
    about = (ROOT / "book" / "about.md").read_text()
    assert f"Version {citation['version']}, {citation['date-released'].year}" in about
    assert citation["title"] in about
