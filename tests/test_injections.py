"""What a stranger's table, file or name brings along stays text: it runs, writes and loads nothing.

Each table below lists attempts. Nothing is trained: what writes and reads is called directly.
"""

from __future__ import annotations

import ast
import collections
import csv
import html
import html.parser
import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from tests.notebook_runs import ROOT, notebooks
from tests.offline import BLOCK_NETWORK
from utils import (
    chapters,
    compare,
    comparison_page,
    exercises,
    jobs,
    kept,
    measure_atlas,
    models,
    own_rows,
    protocol,
    reports,
    rerun,
)
from utils.measures import Measurement
from utils.pages import POLICY
from utils.parameters import OneLineError, one_line
from utils.protocol import NONE

MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "</style></svg><script>alert(1)</script>",
    "--><svg onload=alert(1)>",
    "]]><script>alert(1)</script>",
    "<a href=javascript:alert(1)>x</a>",
    "[x](javascript:alert(1)) ![x](https://example.org/x.png)",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "{{ 7 * 7 }} {% raw %} ${alert(1)}",
    r"$\href{javascript:alert(1)}{x}$ $x^{$ \input{/etc/passwd}",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "\u202e<b>\x1b[2J",
)


ADDRESSES = {
    "href", "xlink:href", "src", "srcset", "srcdoc", "action", "formaction", "content",
    "http-equiv",
}  # fmt: skip


class Skeleton(html.parser.HTMLParser):
    """The tags of a page, with what of them could load or run something."""

    def __init__(self, page):
        super().__init__()
        self.found = set()
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.add(tag)
        for name, value in attributes:
            if name.startswith("on") or name in ADDRESSES:
                self.found.add((tag, name, "" if str(value).startswith("#") else value))


def skeleton(page):
    return Skeleton(page).found


def results(**columns):
    runs = [
        {"chapter": "02_dropout", "run": f"units={units}", "claim": "wide", "prediction": "higher",
         "effect": 0.1, "interval_low": 0.0, "interval_high": 0.2, "verdict": "supported",
         "metric": "accuracy", "dataset": "digits", "units": units}
        for units in (8, 16)
    ]  # fmt: skip
    return pd.DataFrame(runs).assign(**columns)


def test_what_stands_in_a_table_of_results_is_text():
    usual = skeleton(reports.sweep_page(results()))
    everywhere = "chapter", "claim", "prediction", "metric"
    for text in MARKUP:
        runs = [text, f"other {text}"]  # and so in the labels of the picture
        table = results(**dict.fromkeys(everywhere, text), run=runs, dataset=runs)
        page = reports.sweep_page(table)
        assert skeleton(page) == usual, text
        assert html.escape(text, quote=False) in page.replace("&quot;", '"').replace("&#x27;", "'")


@pytest.mark.parametrize(
    ("column", "values"),
    [(c, v) for c in ("chapter", "claim", "prediction", "verdict", "metric", "run")
     for v in (None, 7, b"\xff", [[1], [2]])]
    + [(c, v) for c in ("effect", "interval_low", "interval_high")
       for v in ("=1", b"1", [[1], [2]])]
    + [("verdict", text) for text in MARKUP] + [("units", [[1], [2]])],
)  # fmt: skip
def test_a_table_with_other_values_is_refused_in_one_line(column, values):
    with pytest.raises(reports.ReportError) as refused:
        reports.sweep_page(results(**{column: values}))
    assert column in str(refused.value)


@pytest.mark.parametrize("column", list(results().columns[:9]))
def test_a_table_without_a_column_or_without_rows_is_refused_in_one_line(column):
    with pytest.raises(reports.ReportError, match=column):
        reports.sweep_page(results().drop(columns=column))
    with pytest.raises(reports.ReportError):
        reports.sweep_page(results()[:0])


def findings(text, code="x"):
    """A finished comparison in which everything that can have a name has this one."""
    rng = np.random.default_rng(0)
    names, ids = (NONE, f"technique {text}"), np.tile(np.arange(40), (4, 1))
    draws = rng.random((4, 2, 40))
    accuracy = {
        name: dict.fromkeys(
            protocol.ENDS, Measurement((draws < s).mean(axis=-1), (5, 10), draws < s, ids)
        )
        for name, s in zip(names, (0.5, 0.7), strict=True)
    }
    setting = f"setting {text}"
    chosen = {name: collections.Counter({setting: 4}) for name in names}
    comparison = protocol.Comparison(
        tuple(range(4)), (5, 10), accuracy, chosen, dict.fromkeys(names, 0.5)
    )
    x = pd.DataFrame(rng.normal(size=(80, 2)), columns=[f"column {text}", "b"])
    y = np.where(np.arange(80) % 2, f"class {text}", "other")
    rows = own_rows.from_arrays(x, y, name=text)
    return comparison_page.Findings(
        rows, comparison, dict.fromkeys(names, (setting, "b")),
        {f"{name}, {setting}": draws.mean(axis=-1) for name in names}, (5, 10),
        code, f"network {text}", 8, 32, 1.0,
    )  # fmt: skip


def test_names_in_a_comparison_are_text():
    usual = skeleton(findings("plain").page())
    for text in (*MARKUP[:2], MARKUP[4], "".join(MARKUP)):
        found = findings(text, code=text)
        assert skeleton(found.page()) == usual, text
        assert not skeleton(found._repr_mimebundle_()["text/html"]) - usual, text


def test_a_page_and_a_rerun_notebook_can_load_and_run_nothing():
    cell = nbformat.v4.new_code_cell("1")
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": MARKUP[0] + MARKUP[1]})]
    page = reports.notebook_page(nbformat.v4.new_notebook(cells=[cell]))
    for text in (page, reports.sweep_page(results())):
        policy, first = text.index(f'content="{POLICY}"'), text.index("<style")
        assert text.index("<head>") < policy < first
    assert "script-src" not in POLICY
    assert POLICY.startswith("default-src 'none'")


# Cells in which a spreadsheet computes

CELLS = (
    "=cmd|'/c calc'!A1", "=HYPERLINK(\"https://example.org\")", "+1+cmd|' /c calc'!A1",
    "-2+3+cmd|'/c calc'!A1", "@SUM(1+9)", "=1\r=2", "\t=1+1", "\r=1+1", "\n=1+1", "\uff1d1+1",
)  # fmt: skip


@pytest.mark.parametrize("text", CELLS)
def test_no_cell_of_a_csv_is_a_formula(text):
    table = pd.DataFrame({"claim": [text, "plain"], text: [-1.5, 2.0], "seed": [1, 2]})
    written = rerun.as_csv(table).decode()
    header, first, second = csv.reader(io.StringIO(written, newline=""))
    assert first[0] == header[1] == f"'{text}"
    assert second[0] == "plain"
    assert [first[1], second[1]] == ["-1.5", "2.0"], "negative numbers stay numbers"


def test_the_csv_of_a_grid_is_written_so(tmp_path, monkeypatch):
    monkeypatch.setattr(rerun, "sweep", lambda jobs, **_: [])
    monkeypatch.setattr(rerun, "results", lambda paths: pd.DataFrame({"claim": ["=1+1"]}))
    command = ["02_dropout", "--grid", "seeds=2,3", "--csv", "--output", str(tmp_path)]
    assert rerun.main(command) == 0
    (written,) = tmp_path.rglob("*.csv")
    assert written.read_text() == '"claim"\n"\'=1+1"\n'


# Paths


@pytest.mark.parametrize(
    "chapter",
    ["../02_dropout", "/etc/passwd", "/elsewhere/02_dropout.ipynb", "~/02_dropout.ipynb",
     "notebooks/../../02_dropout.ipynb", "..\\02_dropout", "02_dropout\0", "x/\0", "a/b/02_dropout",
     "notebooks/exercises/02_dropout.ipynb", "CON", "", ".", "x" * 300, "<b>", "$(id)", "; id"],
)  # fmt: skip
def test_only_a_chapter_of_the_course_is_run(chapter, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(rerun, "run_notebook", None)
    assert rerun.main([chapter, "--output", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_a_chapter_may_be_named_by_its_notebook(monkeypatch):
    monkeypatch.chdir(ROOT)
    for chapter in ("02_dropout", "02_dropout.ipynb", "notebooks/02_dropout.ipynb"):
        assert chapters.read(chapter)[0] == "02_dropout"
    assert chapters.read(str(ROOT / "notebooks" / "02_dropout.ipynb"))[0] == "02_dropout"


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "~", "02_dropout/../../x", "x\0"])
def test_other_commands_take_names_and_no_paths(name, capsys):
    assert exercises.main([name]) == 2
    assert measure_atlas.main([name]) == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.parametrize("folder", ["a\0b", "x" * 300, "/proc/nothing", "file/below"])
def test_an_output_folder_that_cannot_be_is_refused_before_anything_runs(
    folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(jobs.FolderError) as refused:
        jobs.require_writable(Path(folder))
    assert "\n" not in one_line(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "name",
    ["../../x", "/etc/x", "~", "..", ".", "...", "..\\x", "C:\\x", "x\0y", "con", "NUL", "Com1",
     "lpt9", "-rf", "$(id)", "a;b", "\u202etxt", " ", "", "a\nb"],
)  # fmt: skip
def test_whatever_rows_are_called_their_folder_is_below_the_course_s(name):
    found = compare.folder_name(name)
    assert found.replace("-", "").isalnum()
    assert not found.startswith("-")
    assert found.lower() not in {"con", "nul", "com1", "lpt9"}


def test_whatever_a_technique_is_called_its_file_is_in_the_folder(tmp_path):
    rows = findings("rows").rows

    def build():
        return models.baseline(rows.features, rows.classes, widths=(2,))

    for name in ("../../x", "/etc/x", "x\0y", "a" * 400, "..", "con", *MARKUP):
        builders = {NONE: {"": build}, name: {"": build}}
        question = compare.Question(rows, (NONE, name), (0, 1), 8, builders=builders)
        path = question.job(tmp_path, compare.judged, name).path
        assert path.parent == tmp_path
        assert path.name == os.path.basename(path.name)
        assert path.name.isascii()
        assert len(path.name) < 100


def test_nothing_is_written_through_a_link(tmp_path):
    target = tmp_path / "target"
    target.write_text("mine")
    (path := tmp_path / "results" / "page.html").parent.mkdir()
    path.symlink_to(target)
    path.with_name(f".page.html.{os.getpid()}.unfinished").symlink_to(target)
    jobs.write_whole(path, b"new")
    assert target.read_text() == "mine"
    assert path.read_bytes() == b"new"
    assert not path.is_symlink()


@pytest.mark.parametrize("name", [b"\xff\xfe", b"\x1b[2Jx", b"a\nb", "\u202ex".encode(), b"<b>&"])
def test_a_file_s_name_can_be_said_on_a_terminal_and_in_a_page(name, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name + b".csv"))
    x = np.random.default_rng(0).normal(size=(80, 2))
    table = pd.DataFrame(x, columns=["a", "b"]).assign(kind=np.where(np.arange(80) % 2, "x", "y"))
    with open(path, "w") as file:
        table.to_csv(file, index=False)
    rows = own_rows.read_table(path, "kind")
    assert rows.name.isprintable()
    rows.name.encode("utf-8")
    with pytest.raises(OneLineError) as refused:
        own_rows.read_table(path, "kinds")
    assert one_line(refused.value).isprintable()


# Code in what is read


class Evil:
    """Says so in a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


RUN = "import os; os.mkdir({path!r})"
FILES = {
    "a value": "seeds: !!python/object/apply:os.mkdir [{path}]",
    "a name": "!!python/object/apply:os.mkdir [{path}]: 3",
    "all": "!!python/object/apply:os.mkdir ['{path}']",
    "a new object": "!!python/object/new:os.mkdir ['{path}']",
    "a module": "!!python/module:antigravity",
    "a name of Python": "seeds: !!python/name:os.mkdir",
    "a text": "dataset: \"__import__('os').mkdir('{path}')\"",
    "many references": "a: &a [x, x]\nb: &b [*a, *a]\nseeds: *b",
    "deep": "[" * 1200,
    "deep JSON": '{{"a":' * 1200,
    "a merge": "<<: {{seeds: 3}}",
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_parameter_file_runs_nothing(content, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(rerun, "run_notebook", None)
    file, path = tmp_path / "parameters.yaml", tmp_path / "made"
    file.write_text(content.format(path=path))
    assert rerun.main(["02_dropout", "-f", str(file), "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "source",
    ["seeds: int = __import__('os').mkdir({path!r})", "seeds: int = [].__class__", "import os",
     "seeds: int = 3 ** 9 ** 9", "seeds = 3", "seeds: int", "def f(): pass", "seeds: int = (",
     "a.b: int = 3", "seeds: int = '\\ud800", "\0"],
)  # fmt: skip
def test_the_parameters_of_a_notebook_are_read_and_not_run(source, tmp_path):
    cell = nbformat.v4.new_code_cell(source.format(path=str(tmp_path / "made")))
    cell.metadata.tags = ["parameters"]
    with pytest.raises(chapters.ChapterError) as refused:
        chapters.parameters_of(nbformat.v4.new_notebook(cells=[cell]))
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_file_of_finished_trainings_with_pickles_runs_nothing(tmp_path):
    path, made = tmp_path / "dropout.npz", tmp_path / "made"
    evil = np.array([Evil(made)], dtype=object)
    ids = np.zeros((2, 8), int)
    told = json.dumps({"epochs": [1], "chosen": {}, "stopped": 0, "seconds": 1, "code": "x"})
    np.savez(path, made=evil)
    assert kept.told_by(path) == {}
    np.savez(path, made=told, **dict.fromkeys(protocol.ENDS, evil))
    with pytest.raises(ValueError, match="pickle"):
        compare._reached(path, ids)
    path.write_bytes(pickle.dumps(Evil(made)))
    assert not kept.is_of(path, "x")
    assert not made.exists()


def test_a_parquet_file_with_pickles_runs_nothing(tmp_path, capsys):
    path, made = tmp_path / "rows.parquet", tmp_path / "made"
    evil = pickle.dumps(Evil(made))
    field = pyarrow.field(
        "a", pyarrow.int64(),
        metadata={"ARROW:extension:name": "arrow.py_extension_type",
                  "ARROW:extension:metadata": evil},
    )  # fmt: skip
    for metadata in (None, {"pandas": evil}, {"pandas": "{}"}, {"pandas": "[1]"}):
        schema = pyarrow.schema([field, pyarrow.field("b", pyarrow.binary())], metadata=metadata)
        table = pyarrow.table({"a": range(80), "b": [evil] * 80}, schema=schema)
        pyarrow.parquet.write_table(table, path)
        with pytest.raises(own_rows.OwnRowsError):
            own_rows.read_table(path, "a")
        assert rerun.main(["--report", str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not made.exists()
    pickle.loads(evil)
    assert made.exists(), "the attempt is one"


# Network and shell: what may use them, and nothing else

REACHING = {
    "subprocess", "socket", "urllib", "http", "requests", "ftplib", "smtplib", "telnetlib",
    "aiohttp", "httpx", "ssl", "pty", "ctypes", "webbrowser", "asyncio", "multiprocessing",
}  # fmt: skip
CALLS = {
    "system", "popen", "fork", "forkpty", "startfile", "eval", "exec", "load_data", "get_file",
    "urlretrieve", "urlopen", "system_raw", "getoutput", "run_cell", "run_line_magic",
    "run_cell_magic", "fetch_openml",
}  # fmt: skip
SCHEMES = ("http://", "https://", "ftp://", "s3://", "gs://")  # a reader of tables loads them, too
# The cell of a notebook that fetches the course's code with git, in Colab; the optional data
# sets; the script that makes the photographs again.
ALLOWED = {
    "utils/datasets.py": {"load_data"},
    "utils/fashion.py": {"load_data"},
}
SET_UP = 'subprocess.run(\n        ["git", "clone", '


def reaching(tree):
    """What a piece of Python has in it that reaches out of the process."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from {a.name.split(".")[0] for a in node.names} & REACHING
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from {node.module.split(".")[0]} & REACHING
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CALLS or name.startswith(("spawn", "execv", "posix_spawn")):
                yield name
        elif isinstance(node, ast.Constant) and str(node.value).startswith(SCHEMES):
            yield node.value


def test_no_module_of_the_course_reaches_out_but_for_its_optional_data():
    found = {}
    for path in sorted(ROOT.glob("utils/**/*.py")):
        there = set(reaching(ast.parse(path.read_text(encoding="utf-8"))))
        if there:
            found[path.relative_to(ROOT).as_posix()] = there
    assert found == ALLOWED


def test_no_cell_reaches_out_but_the_one_that_finds_the_course():
    paths = [*notebooks(), *ROOT.glob("notebooks/exercises/*.ipynb"),
             *ROOT.glob("notebooks/solutions/*.ipynb")]  # fmt: skip
    assert len(paths) >= 15
    fetched = 0
    for path in paths:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            tree = ast.parse(cell.source)  # no line of it is a shell's or a magic
            there = set(reaching(tree))
            if SET_UP in cell.source:
                fetched += 1
                there -= {"subprocess"}
                there = {one for one in there if not one.startswith("https://github.com/")}
                assert cell.source.count("subprocess.") == 1
            assert not there, (path.name, cell.source)
    assert fetched == len(paths)


@pytest.mark.parametrize(
    "attempt",
    ["import socket; socket.create_connection(('192.0.2.1', 80), 1)",
     "import urllib.request as u; u.urlopen('http://example.org')",
     "import socket; socket.getaddrinfo('example.org', 80)",
     "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))"],
)  # fmt: skip
def test_the_network_is_blocked_where_chapters_are_tried_without_one(attempt):
    loopback = "import socket; s = socket.create_server(('127.0.0.1', 0)); "
    loopback += "socket.create_connection(s.getsockname())\n"
    done = subprocess.run(
        [sys.executable, "-c", BLOCK_NETWORK + loopback + attempt], capture_output=True, text=True
    )
    assert "NetworkError" in done.stderr, done.stderr
    assert done.stderr.count("NetworkError: no network here") >= 1
