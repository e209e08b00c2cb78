"""A damaged file of the course is told by its name, on one line, whoever reads it."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import course_site
import psutil
import pytest

from tests.notebook_runs import ROOT
from utils import intact, rerun

TABLE, REGISTER = "book/data/atlas/fashion-orders.parquet", "book/data/register.json"
NOTEBOOK = "notebooks/appendix_normalization.ipynb"
CONFLICT = b"<<<<<<< HEAD\n"


def cut(content):
    return content[: len(content) // 2]


def with_conflict(content):
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:3], CONFLICT, *lines[3:]])


DAMAGES = [
    (TABLE, cut, intact.table, "it is no Parquet table"),
    (TABLE, lambda content: b"", intact.table, "it is no Parquet table"),
    (REGISTER, cut, intact.record, "it is no JSON"),
    (REGISTER, with_conflict, intact.record, "a merge conflict begins in line 4"),
    (NOTEBOOK, cut, intact.notebook, "it is no JSON"),
    (NOTEBOOK, with_conflict, intact.notebook, "a merge conflict begins in line 4"),
    (NOTEBOOK, lambda content: b"[]", intact.notebook, "it is no notebook"),
]


@pytest.mark.parametrize(("name", "damage", "read", "says"), DAMAGES)
def test_a_damaged_file_is_told_by_its_name_on_one_line(name, damage, read, says, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    shutil.copy(ROOT / name, path)
    read(path)
    assert not intact.damage(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(intact.DamagedFile) as raised:
        read(path)
    (found,) = intact.damage(tmp_path)
    for line in map(str, (raised.value, found)):
        assert f"{path} is damaged: {says}" in line
        assert "\n" not in line


def test_a_rerun_of_a_damaged_chapter_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "02_dropout.ipynb").write_bytes(CONFLICT)
    shutil.copy(ROOT / "_toc.yml", tmp_path)  # which says that it is a chapter
    monkeypatch.setattr("utils.chapters.ROOT", tmp_path)
    assert rerun.main(["02_dropout"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "02_dropout.ipynb is damaged: a merge conflict begins in line 1" in line


@pytest.fixture
def app(tmp_path):
    (tmp_path / "html").mkdir()
    (tmp_path / "doctrees").mkdir()
    return SimpleNamespace(outdir=tmp_path / "html", doctreedir=tmp_path / "doctrees")


def test_what_an_interrupted_build_has_written_is_built_again(app, tmp_path):
    (tmp_path / ".html").mkdir()
    (tmp_path / "doctrees" / "environment.pickle").touch()
    (tmp_path / "doctrees" / course_site.UNFINISHED).write_text("1234567 0.0")
    course_site.begin(app)
    assert app.outdir == tmp_path / ".html"
    assert not app.outdir.exists()
    assert not (tmp_path / "doctrees" / "environment.pickle").exists()


def test_two_builds_in_one_folder_are_refused_in_one_line(app, tmp_path):
    this = psutil.Process()
    mark = tmp_path / "doctrees" / course_site.UNFINISHED
    mark.write_text(f"{this.pid} {this.create_time()}")
    with pytest.raises(SystemExit, match="another build is at work"):
        course_site.begin(app)
    assert mark.exists()


def test_a_site_that_was_between_two_names_is_there_again(app, tmp_path):
    (tmp_path / ".html.old").mkdir()
    (tmp_path / ".html.old" / "index.html").touch()
    course_site.begin(app)
    assert (tmp_path / "html" / "index.html").is_file()
