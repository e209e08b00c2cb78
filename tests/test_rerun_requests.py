"""What a person may ask of `python -m utils.rerun`: each request runs as meant, or is one line.

Nothing is executed here; what would reach papermill is looked at.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import nbformat
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nbclient.exceptions import DeadKernelError

from tests.notebook_runs import ROOT
from utils import chapters, jobs, rerun
from utils.catalogue import SOURCES
from utils.parameters import PARAMETERS, Choice

pytestmark = pytest.mark.slow

CHAPTER = "02_dropout"
KNOWN = chapters.parameters_of(chapters.read(CHAPTER)[1])
HIGHEST = {"train_rows": SOURCES["digits"].train_rows}
EXAMPLES = settings(
    max_examples=150 if "WEEKLY" in os.environ else 50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def asked(monkeypatch):
    """The parameters of each run that papermill was asked for."""
    received = []

    def execute_notebook(source, target, parameters, **settings):
        received.append(parameters)
        raise DeadKernelError("nothing is executed here")

    monkeypatch.setattr(rerun.papermill, "execute_notebook", execute_notebook)
    return received


def ask(capsys, folder, *options):
    """Exit status and standard error of the command."""
    status = rerun.main([CHAPTER, *options, "--output", str(folder)])
    return status, capsys.readouterr().err


def spelled(value):
    """Texts that mean a number."""
    exact = [f"{value:e}", f"{float(value)!r}"]
    ways = [repr(value), f"'{value!r}'", f'"{value!r}"', f" {value!r} ", f"+{value!r}"]
    ways += [way for way in exact if float(way) == value]
    if isinstance(value, int):
        ways += [f"00{value}", f"{value:_}"]
    return st.sampled_from(ways)


@st.composite
def valid(draw):
    """A parameter, an allowed value, and a text that means it."""
    name = draw(st.sampled_from(sorted(KNOWN)))
    rule = PARAMETERS[name]
    if isinstance(rule, Choice):
        # Not those that the chapter's other defaults do not fit.
        value = draw(st.sampled_from(rule.names))
        text = draw(st.sampled_from([value, f"'{value}'", f'"{value}"', f" {value}"]))
        return name, value, text
    high = HIGHEST.get(name, rule.high)
    if rule.kind is int:
        value = draw(st.integers(rule.low, high))
    else:
        value = draw(st.floats(rule.low, high, exclude_max=rule.below_high)) + 0.0
    return name, value, draw(spelled(value))


def is_number(text):
    try:
        float(text.strip().strip("'\""))
    except ValueError:
        return False
    return True


@st.composite
def invalid(draw):
    """An option that no run can come from."""
    name = draw(st.sampled_from(sorted(KNOWN)))
    rule = PARAMETERS[name]
    kind = draw(st.sampled_from(["unknown name", "no value", "wrong value"]))
    if kind == "unknown name":
        unknown = draw(st.text().filter(lambda text: text.strip() not in KNOWN and text))
        assume("=" not in unknown)
        return f"{unknown}=1"
    if kind == "no value":
        return draw(st.text().filter(lambda text: "=" not in text and text[:1] != "-"))
    words = st.text().filter(lambda text: not is_number(text))
    if isinstance(rule, Choice):
        wrong = words.filter(lambda text: text.strip().strip("'\"") not in rule.names)
    else:
        whole = st.integers(max_value=int(rule.low) - 1) | st.integers(
            min_value=int(HIGHEST.get(name, rule.high)) + 1
        )
        wrong = words | whole.map(str) | st.sampled_from(["nan", "inf", "-inf", "1e999", "-1e-9"])
        if rule.kind is int:
            wrong |= st.floats(rule.low, rule.high).filter(lambda x: not x.is_integer()).map(repr)
    return f"{name}={draw(wrong)}"


def enough_rows(values):
    """Whether a dataset has as many training rows as are asked for, or as the chapter asks for."""
    asked_for = {name: parameter.default for name, parameter in KNOWN.items()} | values
    rows = SOURCES[asked_for["dataset"]].train_rows
    return rows is None or asked_for["train_rows"] <= rows


@EXAMPLES
@given(request_=valid())
def test_a_valid_parameter_reaches_papermill_unchanged(asked, capsys, tmp_path, request_):
    name, value, text = request_
    assume(enough_rows({name: value}))
    asked.clear()
    ask(capsys, tmp_path, f"--parameter={name}={text}")
    (received,) = asked
    assert received == {name: value}
    assert type(received[name]) is KNOWN[name].kind


@EXAMPLES
@given(option=invalid())
def test_an_invalid_parameter_is_one_line_and_nothing_is_run_or_written(
    asked, capsys, tmp_path, option
):
    status, err = ask(capsys, tmp_path / "out", f"--parameter={option}")
    assert status == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert len(err.splitlines()) == 1
    assert not asked
    assert not list(tmp_path.iterdir())


@EXAMPLES
@given(requests=st.lists(valid(), min_size=1, max_size=4, unique_by=lambda r: r[0]))
def test_a_parameter_file_means_what_its_lines_say(asked, capsys, tmp_path, requests):
    file = tmp_path / "parameters.yaml"
    file.write_text(yaml.safe_dump({name: value for name, value, _ in requests}))
    asked.clear()
    values = {name: value for name, value, _ in requests}
    assume(enough_rows(values))
    ask(capsys, tmp_path / "out", "-f", str(file))
    assert asked == [values]


@EXAMPLES
@given(content=st.binary() | st.text().map(str.encode))
def test_a_parameter_file_of_anything_else_is_one_line(asked, capsys, tmp_path, content):
    file = tmp_path / "parameters.yaml"
    file.write_bytes(content)
    status, err = ask(capsys, tmp_path / "out", "-f", str(file))
    assert status == 2
    assert len(err.splitlines()) == 1
    assert not asked
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["-p", "dropout_rat=0.3"], "'dropout_rat' is not a parameter of this chapter; did you"
         " mean 'dropout_rate'?"),
        (["-p", "seeds=many"], "seeds is 'many'; allowed is a whole number from 2 to 1000."),
        (["-p", "seeds=false"], "seeds is 'false'; allowed is a whole number from 2 to 1000."),
        (["-p", "seeds=1"], "seeds is 1; allowed is a whole number from 2 to 1000."),
        (["-p", "dropout_rate=1"], "dropout_rate is 1.0; allowed is a number from 0 up to, but"
         " not, 1."),
        (["-p", "label_noise=nan"], "label_noise is nan; allowed is a number from 0 to 1."),
        (["-p", "train_rows=1001"],
         f"train_rows is 1001; 'digits' has {HIGHEST['train_rows']} training rows."),
        (["-p", "dataset=noise", "-p", "train_rows=801"], "train_rows is 801; 'noise' has 800"),
        (["-p", "seeds=3", "-p", "seeds=4"], "'seeds' is given twice"),
        (["-p", "seeds=3", "--grid", "seeds=4,5"], "'seeds' is given twice"),
        (["--grid", "seeds=4,04"], "--grid seeds has 4 twice"),
        (["--grid", "seeds=4,"], "seeds is ''; allowed is a whole number from 2 to 1000."),
        (["--grid", "seeds=4,1"], "seeds is 1; allowed is a whole number from 2 to 1000."),
        (["--workers", "0"], "--workers is 0; it starts at 1"),
        (["-f", "nothing.yaml"], "the parameter file 'nothing.yaml' cannot be read: No such file"),
        (["--csv", "-p", "seeds=3"], "--csv is for grids; give a --grid as well"),
        (["--scheduler", "tcp://127.0.0.1:1"], "--scheduler is for grids"),
        (["--grids", "seeds=4,5"], "unrecognized arguments: --grids"),
    ],
)  # fmt: skip
def test_a_wrong_request_says_what_is_wrong(asked, capsys, tmp_path, options, sentence):
    status, err = ask(capsys, tmp_path / "out", *options)
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith(f"error: {sentence}")
    assert not asked
    assert not list(tmp_path.iterdir())


def test_the_table_has_the_name_that_the_readme_says(monkeypatch, tmp_path):
    readme = (ROOT / "README.md").read_text()
    command = re.search(r"utils\.rerun (02_dropout --grid .*)", readme)[1].split()
    names = []
    monkeypatch.setattr(rerun, "_run_grid", lambda r, folder, name, o: names.append(name) or 0)
    assert rerun.main([*command, "--output", str(tmp_path)]) == 0
    assert f'--report "reruns/02_dropout/{names[0]}.parquet"' in readme


def test_a_file_that_gives_a_parameter_twice_is_refused(asked, capsys, tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text("seeds: 3\nseeds: 4\n")
    status, err = ask(capsys, tmp_path / "out", "-f", str(file))
    assert (status, err) == (2, "error: 'seeds' is given twice\n")
    assert not asked


def test_the_order_of_the_options_does_not_matter(asked, capsys, tmp_path):
    for options in (["-p", "units=8", "-p", "seeds=3"], ["-p", "seeds=3", "-p", "units=8"]):
        _, err = ask(capsys, tmp_path, *options)
        assert "02_dropout with seeds=3,units=8" in err
    status, err = ask(capsys, tmp_path, "--report", str(tmp_path / "nothing.parquet"))
    assert (status, err.count("\n")) == (2, 1)
    assert "there is no such file" in err


def test_a_missing_chapter_or_an_impossible_folder_is_one_line(asked, capsys, tmp_path):
    assert rerun.main(["02_droput"]) == 2
    assert capsys.readouterr().err == (
        "error: there is no chapter '02_droput'; did you mean '02_dropout'?\n"
    )
    (tmp_path / "file").touch()
    status, err = ask(capsys, tmp_path / "file" / "below")
    assert status == 2
    assert "cannot be made" in err
    assert err.count("\n") == 1
    assert not asked


def test_a_folder_that_may_not_be_written_is_one_line(asked, capsys, tmp_path, monkeypatch):
    # As any user but root sees a folder without the permission.
    monkeypatch.setattr(jobs.os, "access", lambda path, mode: False)
    status, err = ask(capsys, tmp_path / "out")
    assert (status, err.count("\n")) == (2, 1)
    assert "is not writable" in err
    assert not asked


def test_the_list_shows_what_the_notebook_says(capsys):
    assert rerun.main(["--list", "02_dropout.ipynb"]) == 0
    listed = capsys.readouterr().out
    for parameter in KNOWN.values():
        (line,) = [x for x in listed.splitlines() if x.split()[:1] == [parameter.name]]
        assert parameter.kind.__name__ in line.split()
        assert str(parameter.default) in line.split()
        assert PARAMETERS[parameter.name].allowed() in line
        assert line.endswith(parameter.meaning)
        assert len(parameter.meaning) > 10
    assert rerun.main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert set(chapters.chapter_names()) <= set(listed)


@pytest.mark.parametrize("chapter", chapters.chapter_names())
def test_papermill_knows_all_parameters_of_a_chapter(chapter):
    """Otherwise it warns about those that it cannot read in the parameters cell."""
    _, notebook = chapters.read(chapter)
    path = ROOT / "notebooks" / f"{chapter}.ipynb"
    inspected = rerun.papermill.inspect_notebook(str(path))
    assert set(inspected) == set(chapters.parameters_of(notebook))


def test_flags_are_read_as_a_person_means_them():
    cell = nbformat.v4.new_code_cell("wide: bool = True  # whether it is wide")
    cell.metadata.tags = ["parameters"]
    wide = chapters.parameters_of(nbformat.v4.new_notebook(cells=[cell]))["wide"]
    assert [wide.value(text) for text in ("false", "False", "'true'")] == [False, False, True]
    assert wide.value("maybe") == "maybe"


def test_a_run_ends_with_the_claims_at_the_defaults_beside_its_own(tmp_path, capsys, monkeypatch):
    _, notebook = chapters.read(CHAPTER)
    records = chapters.claims_of(notebook)

    def run_notebook(source, given, identity, progress):
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        claim = next(o.metadata.claim for o in outputs if o.get("metadata", {}).get("claim"))
        claim.again.effect, claim.again.verdict = 0.12345, "made up"
        notebook.metadata["course"] = identity | {"seconds": 12.3}
        return nbformat.writes(notebook).encode()

    monkeypatch.setattr(rerun, "run_notebook", run_notebook)
    assert rerun.main([CHAPTER, "-p", "dropout_rate=0.3", "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    first = next(iter(records))
    (line,) = [x for x in out.splitlines() if x.strip().startswith(first)]
    assert f"{records[first]['effect']:+.4f}" in line
    assert records[first]["verdict"] in line
    assert "made up" in line
    assert "+0.1235" in line
    assert "stand on 24 seeds, those of this run on 6" in out
    folder = tmp_path / CHAPTER / "dropout_rate=0.3"
    assert f"{folder / CHAPTER}.ipynb" in out
    page = (folder / f"{CHAPTER}.html").read_text()
    assert "<math" in page
    assert "$" not in page.split("The mechanism from scratch")[1].split("</p>")[0]
    assert not any(host in page for host in ("cdnjs", "unpkg", "jsdelivr"))
    stored = json.loads((folder / f"{CHAPTER}.ipynb").read_text())
    assert stored["metadata"]["course"]["parameters"]["dropout_rate"] == 0.3


def test_help_names_every_option():
    shown = subprocess.run(
        [sys.executable, "-m", "utils.rerun", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert shown.returncode == 0
    for option in ("--list", "--parameter", "--grid", "--workers", "--scheduler", "--report"):
        assert option in shown.stdout


@pytest.mark.parametrize(
    ("rows", "said"),
    [(["--grid", "first_seed=" + ",".join(map(str, range(1000))),
       "--grid", "seeds=" + ",".join(map(str, range(2, 1001)))], "the grid has 999,000 runs"),
     (["-f", "parameters.json"], "02_dropout with seeds=3"),
     (["-p", "learning_rate=10"], "02_dropout with learning_rate=10.0")],
    ids=["grid", "tabs", "whole"],
)  # fmt: skip
def test_what_newcomers_tried(asked, capsys, tmp_path, monkeypatch, rows, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parameters.json").write_text('{\n\t"seeds": 3\n}')
    _, err = ask(capsys, tmp_path / "out", *rows)
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", b"<<<<<<< HEAD\n{}\n=======\n", b"[]", b'{"nbformat": 99}', b"{}"],
)
def test_a_chapter_that_is_no_notebook_is_one_line(content, tmp_path, monkeypatch, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text("parts: [{chapters: [{file: notebooks/02_dropout}]}]")
    (tmp_path / "notebooks" / "02_dropout.ipynb").write_bytes(content)
    (tmp_path / "notebooks" / "02_dropout-Copy1.ipynb").write_bytes(content)
    monkeypatch.setattr(chapters, "ROOT", tmp_path)
    assert chapters.chapter_names() == ["02_dropout"]
    for command in (["--list"], ["02_dropout", "--output", str(tmp_path / "out")]):
        assert rerun.main(command) == 2
        assert capsys.readouterr().err.count("\n") == 1


def finished_run(monkeypatch, change=lambda notebook: None):
    """Let each run be finished at once, with the outputs of the chapter."""

    def run_notebook(source, given, identity, progress):
        _, notebook = chapters.read(CHAPTER)
        change(notebook)
        notebook.metadata["course"] = identity | {"seconds": 1}
        return nbformat.writes(notebook).encode()

    monkeypatch.setattr(rerun, "run_notebook", run_notebook)


def test_a_page_that_was_deleted_is_made_again(tmp_path, capsys, monkeypatch):
    finished_run(monkeypatch)
    for _ in range(2):
        assert rerun.main([CHAPTER, "--output", str(tmp_path)]) == 0
        (page,) = tmp_path.rglob("*.html")
        page.unlink()
    assert str(page) in capsys.readouterr().out


def test_a_claim_that_was_renamed_is_said(tmp_path, capsys, monkeypatch):
    def rename(notebook):
        outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
        next(o for o in outputs if "claim" in o.get("metadata", {})).metadata.claim.id = "renamed"

    finished_run(monkeypatch, rename)
    assert rerun.main([CHAPTER, "--output", str(tmp_path)]) == 0
    assert "not made" in capsys.readouterr().out


@pytest.mark.parametrize("reader", ["> /dev/full", "| head -1"])
def test_an_output_that_takes_nothing_more_is_no_traceback(reader):
    command = f"'{sys.executable}' -m utils.rerun --list {reader}"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == int("full" in reader)
