"""What every chapter must be, read from the stored notebooks."""

from __future__ import annotations

import ast
import re
import socket
import tomllib
import xml.etree.ElementTree as ElementTree

import nbformat
import pytest
import yaml
from papermill import inspect_notebook

from tests.notebook_runs import ROOT, chapters
from utils.chapters import claims_of
from utils.claims import SUPPORTED, UNDECIDED, verdict_of
from utils.parameters import PARAMETERS, check

CHAPTERS = {path.stem: nbformat.read(path, as_version=4) for path in chapters()}
every_chapter = pytest.mark.parametrize("name", CHAPTERS)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_the_table_of_contents_lists_every_notebook():
    assert set(CHAPTERS) == {path.stem for path in ROOT.glob("notebooks/[0-9]*.ipynb")}


@every_chapter
def test_cells_were_run_once_from_top_to_bottom_without_error_or_stderr(name):
    cells = code_cells(CHAPTERS[name])
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


@every_chapter
def test_no_path_or_machine_name_is_stored(name):
    stored = (ROOT / "notebooks" / f"{name}.ipynb").read_text()
    stored = re.sub(r"base64,[\w+/=\\]+", "", stored)  # pixels can spell anything
    assert not re.search(r"(?<![\w.:/])/(home|root|Users|tmp|work|usr|opt|var|content)/", stored)
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", stored)
    assert not re.search(r"0x[0-9a-f]{6,}", stored)


@every_chapter
def test_figures_say_in_words_what_they_show(name):
    figures = [
        output.data["image/svg+xml"]
        for cell in code_cells(CHAPTERS[name])
        for output in cell.outputs
        if "image/svg+xml" in output.get("data", {})
    ]
    assert figures
    for figure in figures:
        label = ElementTree.fromstring(figure).attrib["aria-label"]
        assert len(label.split()) >= 8, label
    outputs = [output for cell in code_cells(CHAPTERS[name]) for output in cell.outputs]
    assert not [output for output in outputs if "image/png" in output.get("data", {})]


@every_chapter
def test_outputs_do_not_scroll_for_pages(name):
    for cell in code_cells(CHAPTERS[name]):
        for output in cell.outputs:
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            assert text.count("\n") <= 45, cell.source


@every_chapter
def test_parameters_are_annotated_literals_with_a_comment_and_in_range(name):
    tagged = [c for c in CHAPTERS[name].cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    values = {}
    for line, statement in zip(
        tagged[0].source.splitlines(), ast.parse(tagged[0].source).body, strict=True
    ):
        assert isinstance(statement, ast.AnnAssign), line
        assert len(line.partition("#")[2].split()) >= 3, f"no comment: {line}"
        values[statement.target.id] = ast.literal_eval(statement.value)
    check(**values)
    assert set(values) == set(PARAMETERS)
    inspected = inspect_notebook(str(ROOT / "notebooks" / f"{name}.ipynb"))
    assert all(parameter["help"] for parameter in inspected.values())


@every_chapter
def test_markdown_renders_everywhere(name):
    assert not re.search(r"\{\w[\w:-]*\}`|^:::|^```\{", prose(CHAPTERS[name]), flags=re.M)


@every_chapter
def test_a_chapter_defines_no_model_and_no_training_loop(name):
    source = "\n".join(cell.source for cell in code_cells(CHAPTERS[name]))
    assert not re.search(r"Sequential\(|layers\.Dense|train_on_batch|pip install", source)


@every_chapter
def test_each_part_of_the_form_is_there(name):
    text = prose(CHAPTERS[name])
    for part in (
        "After this chapter you can",
        "## A prediction first",
        "from scratch",
        "## What this does not show",
        "## Summary",
        "## Exercises",
        "## Key terms",
        "## References",
    ):
        assert part in text, part


@every_chapter
def test_there_are_enough_claims_on_enough_seeds(name):
    records = claims_of(CHAPTERS[name])
    assert len(records) >= 12
    assert all(len(set(record["seeds"])) >= 20 for record in records.values())
    assert any(record["verdict"] != SUPPORTED for record in records.values())


@every_chapter
def test_verdicts_allow_for_all_claims_of_the_chapter(name):
    records = claims_of(CHAPTERS[name])
    assert {record["comparisons"] for record in records.values()} == {len(records)}
    assert f"makes {len(records)} claims" in prose(CHAPTERS[name])


@every_chapter
def test_verdicts_follow_from_the_stored_intervals(name):
    for record in claims_of(CHAPTERS[name], stored=True).values():
        bounds, settled = record["joint_interval"], (record["smallest_effect"], record["direction"])
        assert verdict_of(bounds, *settled) == record["verdict"], record["id"]
        if record["budget"]:
            half = record["budget"]["half"]
            assert verdict_of(half["joint_interval"], *settled) == half["verdict"], record["id"]
            still = max(bounds[1] - bounds[0], record["smallest_effect"])
            near = abs(record["effect"] - half["effect"]) <= still
            lasts = near and half["verdict"] == record["verdict"]
            assert record["budget"]["lasts"] == lasts, record["id"]


@every_chapter
def test_a_sentence_names_its_budget_unless_it_lasts(name):
    for record in claims_of(CHAPTERS[name], stored=True).values():
        if record["budget"] and not record["budget"]["lasts"]:
            assert f"{record['budget']['epochs']} epoch" in record["sentence"]


@every_chapter
def test_nearly_all_claims_know_their_budget(name):
    records = claims_of(CHAPTERS[name]).values()
    assert sum(record["budget"] is None for record in records) <= 4


def test_the_course_has_enough_claims_that_last_and_enough_that_surprise():
    records = [
        r for notebook in CHAPTERS.values() for r in claims_of(notebook, stored=True).values()
    ]
    assert sum(bool(r["budget"] and r["budget"]["lasts"]) for r in records) >= 60
    assert sum(record["verdict"] not in (SUPPORTED, UNDECIDED) for record in records) >= 5


@every_chapter
def test_a_chapter_ends_with_what_it_cost(name):
    last = CHAPTERS[name].cells[-1]
    (output,) = last.outputs
    assert output.metadata["cost"]["seconds"] > 0
    assert output.metadata["cost"]["megabytes"] > 0


def test_claim_ids_are_unique_in_the_course():
    ids = [record for notebook in CHAPTERS.values() for record in claims_of(notebook, stored=True)]
    shown = sum(
        "claim" in output.get("metadata", {})
        for notebook in CHAPTERS.values()
        for cell in code_cells(notebook)
        for output in cell.outputs
    )
    assert len(set(ids)) == len(ids) == shown


@every_chapter
def test_the_summary_names_claims_of_the_chapter_and_all_of_its_empirical_lines_do(name):
    records = claims_of(CHAPTERS[name], stored=True)
    summary = prose(CHAPTERS[name]).split("## Summary")[1].split("\n## ")[0]
    lines = re.findall(r"^- (.*(?:\n  .*)*)", summary, flags=re.M)
    for line in lines:
        named = re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)+", " ".join(re.findall(r"\[([^\]]*)\]", line)))
        assert named, f"no claim is named in: {line}"
        assert set(named) <= set(records), line


@every_chapter
def test_the_summary_says_what_its_claims_say(name):
    records = claims_of(CHAPTERS[name], stored=True)
    summary = " ".join(prose(CHAPTERS[name]).split("## Summary")[1].split("\n## ")[0].split())
    told = re.findall(r"([^\[\]]+\.) \[([a-z0-9-]+)\]", summary)
    assert {claim for _, claim in told} == set(records)
    for sentence, claim in told:
        assert sentence.endswith(records[claim]["sentence"]), claim


@every_chapter
def test_summary_lines_on_claims_that_do_not_last_name_the_budget(name):
    records = claims_of(CHAPTERS[name], stored=True)
    summary = prose(CHAPTERS[name]).split("## Summary")[1].split("\n## ")[0]
    for line in re.findall(r"^- (.*(?:\n  .*)*)", summary, flags=re.M):
        for claim in records.values():
            if claim["budget"] and not claim["budget"]["lasts"] and claim["id"] in line:
                assert re.search(r"\bepochs?\b", line), line


def test_the_repository_has_one_address():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    address = project["urls"]["Repository"]
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert config["repository"]["url"] == address
    owner, name = address.rsplit("/", 2)[1:]
    for notebook in CHAPTERS.values():
        cell = next(c.source for c in code_cells(notebook) if '"git"' in c.source)
        assert f'repository = "{address}"' in cell
    texts = [*ROOT.glob("*.md"), *ROOT.glob("book/*.md"), ROOT / "_config.yml"]
    for path in texts:
        text = path.read_text()
        # What people ask elsewhere, is a question of another project.
        asked = r"github\.com/([\w.-]+/[\w-]+)(?!/issues/\d|[\w-])"
        for other in re.findall(asked, text):
            assert other == f"{owner}/{name}", f"{path.name}: {other}"
        for other in re.findall(r"([\w-]+)\.github\.io/([\w-]+)", text):
            assert other == (owner, name), f"{path.name}: {other}"
    assert address in (ROOT / "README.md").read_text()
