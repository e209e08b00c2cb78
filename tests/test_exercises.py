"""The exercises: both sets are those of their source, and each check says what is wrong."""

from __future__ import annotations

import contextlib
import io
import re
from collections import defaultdict

import nbformat
import pytest
import yaml

from tests.notebook_runs import ROOT, chapters
from utils import exercises
from utils.checks import LONGEST_MESSAGE, answered, check_exercise, is_number
from utils.exercises import SETS, ExerciseError, made, names, read, stored_at, tags

pytestmark = pytest.mark.slow

SOURCES = {name: read(name) for name in names()}
every_source = pytest.mark.parametrize("name", SOURCES)
KINDS = ("To calculate", "To code", "A planted bug", "To design", "Open")
WRONG_ANSWERS = {"To calculate": 2, "To code": 3, "A planted bug": 2}  # at least
HEADING = re.compile(r"## Exercise (\d+)")


def by_exercise(notebook):
    """The cells of each exercise, by its number; those before the first one have the number 0."""
    found, number = defaultdict(list), 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (heading := HEADING.match(cell.source)):
            number = int(heading[1])
        found[number].append(cell)
    return found


def with_tag(cells, tag):
    return [cell for cell in cells if tag in tags(cell)]


def given(cells):
    """Code that stands in both sets and judges nothing."""
    return [c for c in cells if c.cell_type == "code" and not tags(c) - {"set-up", "hide-input"}]


def kind(cells):
    return re.search(r"^\*([^*.]+)\.\*", cells[0].source, flags=re.M)[1]


def told(cell, namespace):
    """What a cell prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(cell.source, cell.id, "exec"), namespace)
    return printed.getvalue()


# The two sets


def without_outputs(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def test_every_chapter_has_exercises():
    assert list(SOURCES) == [path.stem for path in chapters()]


@every_source
@pytest.mark.parametrize("which", SETS)
def test_a_set_is_that_of_its_source(name, which):
    stored = nbformat.read(stored_at(name, which), as_version=4)
    assert without_outputs(stored) == made(SOURCES[name], which), "run `make exercises`"


@every_source
@pytest.mark.parametrize("which", SETS)
def test_a_set_was_run_from_top_to_bottom_and_holds_no_more_than_it_should(name, which):
    stored = nbformat.read(stored_at(name, which), as_version=4)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert {(o.output_type, o.get("name")) for o in outputs} == {("stream", "stdout")}
    assert not [c for c in stored.cells if tags(c) & SETS[which] or "hint" in c.metadata]
    said = "nothing to check yet" if which == "exercises" else "right."
    checks = with_tag(code, "check")
    assert checks
    for cell in checks:
        assert said in cell.outputs[0].text
    # Last digits differ between processors.
    assert not re.search(r"\d\.\d{3}", "".join(o.text for o in outputs))


def test_the_contents_list_both_sets():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    (part,) = [part for part in toc["parts"] if part["caption"] == "Exercises"]
    listed = {entry["file"]: [below["file"] for below in entry["sections"]]
              for entry in part["chapters"]}  # fmt: skip
    assert listed == {f"notebooks/exercises/{n}": [f"notebooks/solutions/{n}"] for n in SOURCES}


@every_source
def test_the_set_up_is_that_of_the_chapters(name):
    chapter = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    (set_up,) = with_tag(SOURCES[name].cells, "set-up")
    assert any(cell.source.startswith(set_up.source) for cell in chapter.cells)
    assert 'repository = "http' in set_up.source


@every_source
def test_a_chapter_ends_with_a_link_to_its_exercises(name):
    chapter = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    assert f"](exercises/{name}.ipynb)" in text.split("## Exercises")[1].split("\n## ")[0]


# The sources


@every_source
def test_a_source_has_exercises_of_every_kind(name):
    exercises_of = by_exercise(SOURCES[name])
    exercises_of.pop(0)
    assert list(exercises_of) == list(range(1, len(exercises_of) + 1))
    assert len(exercises_of) >= 6
    kinds = [kind(cells) for cells in exercises_of.values()]
    assert set(kinds) == set(KINDS)
    assert kinds.count("To code") >= 2
    for cells in exercises_of.values():
        if kind(cells) == "Open":
            assert with_tag(cells, "solution")[0].source.startswith("<details>")
            assert not with_tag(cells, "check")
            continue
        assert len(with_tag(cells, "starter")) == len(with_tag(cells, "solution")) == 1
        (check,) = with_tag(cells, "check")
        assert "hide-input" in tags(check)
        assert check.metadata["jupyter"]["source_hidden"]
        assert all(c.source.startswith("<details>") for c in with_tag(cells, "hint"))
        assert with_tag(cells, "hint")
        hints = [cell.metadata["hint"] for cell in with_tag(cells, "wrong-answer")]
        assert len(set(hints)) >= WRONG_ANSWERS.get(kind(cells), 1)


@every_source
def test_every_check_tells_right_from_wrong(name):
    """The solution is right, each wrong answer gets its hint, an untouched starter gets nothing."""
    shared = {}
    for number, cells in by_exercise(SOURCES[name]).items():
        for cell in given(cells):
            told(cell, shared)
        for check in with_tag(cells, "check"):
            expected = {
                "starter": f"Exercise {number}: nothing to check yet: replace the line that says `",
                "solution": f"Exercise {number}: right.",
                "wrong-answer": f"Exercise {number}: not yet. ",
            }
            for tag, start in expected.items():
                for answer in with_tag(cells, tag):
                    namespace = dict(shared)
                    told(answer, namespace)
                    said = told(check, namespace)
                    assert said.startswith(start), (answer.id, said)
                    assert said.count("\n") == 1, answer.id
                    assert answer.metadata.get("hint", "") in said, (answer.id, said)
                    if tag == "starter":
                        line = re.search(r"`(.*)`", said)[1]
                        assert line in answer.source, (answer.id, said)


# What a check says


def said_by(properties, capsys):
    check_exercise(3, properties, "Well done.")
    return capsys.readouterr().out


def test_the_first_property_that_does_not_hold_is_told(capsys):
    def properties():
        yield True, "the shape"
        yield False, "The scale is wrong."
        raise AssertionError("is not reached")

    assert said_by(properties, capsys) == "Exercise 3: not yet. The scale is wrong.\n"
    assert said_by(lambda: [(True, "")], capsys) == "Exercise 3: right. Well done.\n"


@pytest.mark.parametrize("answer", [..., None])
def test_an_untouched_starter_is_not_wrong(answer, capsys):
    def properties():
        answered(gap=answer)
        raise NotImplementedError

    line = "raise NotImplementedError" if answer is None else "gap = ..."
    expected = f"Exercise 3: nothing to check yet: replace the line that says `{line}`.\n"
    assert said_by(properties, capsys) == expected


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("two\nlines"), "Your code stops with ValueError: two lines."),
        (ValueError("one."), "Your code stops with ValueError: one."),
        (KeyError(), "Your code stops with KeyError: it says nothing more."),
        (NameError("name 'x' is not defined"), "Have all cells above been run?"),
        (NotImplementedError("no shape"), "Your code stops with NotImplementedError: no shape."),
        (ValueError("word " * LONGEST_MESSAGE), "word ...."),
    ],
)
def test_an_error_of_the_answer_is_told_as_a_sentence(error, said, capsys):
    def properties():
        raise error
        yield

    printed = said_by(properties, capsys)
    assert printed.startswith("Exercise 3: not yet. ")
    assert printed.endswith(f"{said}\n")
    assert len(printed) < LONGEST_MESSAGE + 100


def test_a_number_is_one_finite_number():
    import numpy as np

    numbers = (1, 0.5, np.float32(2), np.array(3.0))
    assert all(is_number(value) for value in numbers)
    others = (True, np.nan, "1", None, [1], np.ones(1), 1j)
    assert not any(is_number(value) for value in others)


# The command


def test_a_wrong_name_is_told_in_one_line(capsys):
    with pytest.raises(ExerciseError, match="did you mean '02_dropout'"):
        read("02_drop_out")
    assert exercises.main(["nothing"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def small_source(*code):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Small"), *map(nbformat.v4.new_code_cell, code)],
        metadata=SOURCES["02_dropout"].metadata,
    )
    return notebook


def test_a_source_that_fails_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(exercises, "ROOT", tmp_path)
    source = tmp_path / exercises.SOURCES / "01_small.ipynb"
    source.parent.mkdir(parents=True)
    (tmp_path / "notebooks" / "solutions").mkdir()
    nbformat.write(small_source("print(1)", "1 / 0"), source)
    with pytest.raises(ExerciseError, match="a cell stops with ZeroDivisionError"):
        exercises.write("01_small")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [source]


def prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@every_source
@pytest.mark.parametrize("which", SETS)
def test_links_of_a_set_lead_to_notebooks_and_those_of_what_is_handed_out_to_the_site(name, which):
    path = stored_at(name, which)
    stored = nbformat.read(path, as_version=4)
    links = re.findall(r"\]\(([^)]+)\)", prose(stored))
    assert f"../{name}.ipynb" in links
    assert all((path.parent / link).is_file() for link in links)
    base = yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["baseurl"]
    on_the_site = re.findall(r"\]\(([^)]+)\)", prose(exercises.handed_out(stored)))
    assert f"{base}notebooks/{name}.html" in on_the_site
    for link, address in zip(links, on_the_site, strict=True):
        page = (path.parent / link).resolve().relative_to(ROOT).with_suffix(".html")
        assert address == f"{base}{page.as_posix()}"
    assert prose(stored) == prose(nbformat.read(path, as_version=4))  # a copy was changed


def test_a_page_for_print_is_one_file_without_the_code_of_checks():
    stored = nbformat.read(stored_at("02_dropout", "solutions"), as_version=4)
    alone = exercises.handed_out(stored)
    paper = exercises.page(alone, open_details=True)
    assert "<title>Solutions: dropout</title>" in paper
    loaded = r'<(?:script|img|iframe)[^>]*\ssrc="(?!data:)|<link[^>]*href="(?!#)|url\(["\']?https?:'
    assert not re.search(loaded, paper)
    assert "<math" in paper
    assert "<details>" not in paper
    read_aloud = re.sub("<[^>]+>", "", paper)  # code is coloured word by word
    assert "def dropout(x, rate, rng, training)" in read_aloud
    assert "properties" not in read_aloud
    assert "sys.path" not in read_aloud
    assert "Exercise 1: right." in read_aloud
    assert "<details>" in exercises.page(alone, open_details=False)
