"""What was settled before looking is what the chapters do now."""

import ast
import copy
import shutil
import subprocess
import symtable

import nbformat
import pytest

from tests import register
from tests.conftest import needs_git
from tests.notebook_runs import chapters
from utils.chapters import claims_of

CHAPTERS = {path.stem: nbformat.read(path, as_version=4) for path in chapters()}
REGISTER = register.load()


def against(name, notebook):
    """What a chapter does otherwise than the register says, one line each."""
    lines = []
    settled = REGISTER["chapters"][name]
    if settled["code"] != register.code_digest(notebook):
        lines.append(f"{name}: its code is not the registered one")
    if settled["parameters"] != register.settings_of(notebook):
        lines.append(f"{name}: its parameters are not the registered ones")
    records = claims_of(notebook, stored=True)
    known = {k: e for k, e in REGISTER["claims"].items() if e["chapter"] == name}
    lines += [f"{claim}: not in both" for claim in known.keys() ^ records.keys()]
    for claim in known.keys() & records.keys():
        lines += [
            f"{claim}: {key} was {known[claim].get(key)!r}, is {records[claim].get(key)!r}"
            for key in register.SETTLED
            if known[claim].get(key, "") != records[claim].get(key, "")
        ]
    return lines


@pytest.mark.parametrize("name", CHAPTERS)
def test_nothing_was_changed_after_the_confirmation_seeds_were_seen(name):
    assert not against(name, CHAPTERS[name]), "python -m tests.register --reason ... settles anew"


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_change_in_silence_is_noticed(name):
    changed = copy.deepcopy(CHAPTERS[name])
    cell = next(c for c in changed.cells if "parameters" in c.metadata.get("tags", []))
    cell.source = cell.source.replace("batch_size: int = 32", "batch_size: int = 33")
    assert against(name, changed) == [f"{name}: its parameters are not the registered ones"]
    changed = copy.deepcopy(CHAPTERS[name])
    next(c for c in changed.cells if "Claim(" in c.source).source += "\n0.5 + 0.5"
    assert against(name, changed) == [f"{name}: its code is not the registered one"]
    changed = copy.deepcopy(CHAPTERS[name])
    record = next(iter(claims_of(changed).values()))
    record["smallest_effect"], record["direction"] = 0.001, "sideways"
    assert len(against(name, changed)) == 2


def global_names(code):
    """Names that a cell binds for the cells after it, and names of other cells that it reads."""
    bound, read = set(), set()
    waiting = [symtable.symtable(code, "cell", "exec")]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        for symbol in table.get_symbols():
            if table.get_type() == "module":
                if symbol.is_assigned() or symbol.is_imported():
                    bound.add(symbol.get_name())
                if symbol.is_referenced():
                    read.add(symbol.get_name())
            elif symbol.is_global():
                read.add(symbol.get_name())
    return bound, read


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_settles_nothing_hands_nothing_on(name):
    """What a demonstration or a cell that reads a table makes is used by no cell that settles."""
    made, used = set(), set()
    for cell in CHAPTERS[name].cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type != "code" or "hide-input" in tags:
            continue
        if tags & {"demonstration", "read-from-table"}:
            imports = ast.parse(cell.source).body
            modules = [line for line in imports if isinstance(line, (ast.Import, ast.ImportFrom))]
            made |= global_names(cell.source)[0]
            made -= {alias.name for line in modules for alias in line.names}
        elif not tags & register.NOT_SETTLED:
            used |= global_names(cell.source)[1]
    assert not made & used


def test_figures_and_layout_may_change():
    (name, notebook), *_ = CHAPTERS.items()
    changed = copy.deepcopy(notebook)
    for cell in changed.cells:
        if "hide-input" in cell.metadata.get("tags", []):
            cell.source += "\n0.5"
        elif cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
            cell.source += "  # a remark"
    assert not against(name, changed)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_seeds_that_confirm_were_not_explored(name):
    for record in claims_of(CHAPTERS[name]).values():
        first = REGISTER["exploration_seed"]
        assert not set(record["seeds"]) & set(range(first, first + 1000)), record["id"]


def test_a_register_needs_a_reason():
    with pytest.raises(SystemExit):
        register.main(["--reason", " "])


@needs_git
def test_rewritten_code_with_other_numbers_is_refused(tmp_path, monkeypatch, capsys):
    name, path = next(iter({path.stem: path for path in chapters()}.items()))
    changed = nbformat.read(path, as_version=4)
    claim, record = next(iter(claims_of(changed).items()))
    record["treatment"][0] += 1e-9
    for part in ("notebooks", "book/data"):
        (tmp_path / part).mkdir(parents=True)
    nbformat.write(changed, tmp_path / "notebooks" / path.name)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "notebooks" / path.name).rename(tmp_path / "changed")
    shutil.copy(path, tmp_path / "notebooks" / path.name)
    for command in (["add", "."], ["commit", "-qm", "before"]):
        settings = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *settings, *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(register, "ROOT", tmp_path)
    moved = tmp_path / "notebooks" / path.name
    monkeypatch.setattr(register, "chapters", lambda: [moved])
    assert not register._differences(moved)
    (tmp_path / "changed").rename(moved)
    assert register._differences(moved) == [claim]
    with pytest.raises(SystemExit):
        register.main(["--rewritten", name, "--reason", "faster"])
    assert f"{name}: not the same numbers as before: {claim}" in capsys.readouterr().err
