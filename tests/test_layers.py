"""The package keeps the order that its docstring gives."""

import ast
import re
from pathlib import Path

import pytest

import utils

PACKAGE = Path(utils.__file__).parent


def listed(docstring):
    return re.findall(r"^    (\w+)  +\w", docstring, flags=re.MULTILINE)


ORDER = listed(utils.__doc__)
WINGS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
ROOMS = [(wing, room) for wing in WINGS for room in listed(ast.get_docstring(
    ast.parse((wing / "__init__.py").read_text(encoding="utf-8")), clean=False))]  # fmt: skip
VAGUE = {"helpers", "helper", "misc", "common", "util", "tools", "stuff", "shared"}


def imported(source):
    """Modules of the package that a module's source imports, wherever the line stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, ["utils" if node.level else None, node.module]))
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, module = name.partition(".")
            if package == "utils" and module:
                found.add(module.split(".")[0])
    return found


def test_every_kind_of_import_is_seen():
    source = (
        "import utils.a\nfrom utils import b\nfrom utils.c import x\nfrom . import d\n"
        "def f():\n    from .e import y\nimport numpy.random\nfrom scipy import stats\n"
    )
    assert imported(source) == set("abcde")


def test_the_docstring_lists_every_module_once():
    modules = [path.stem for path in PACKAGE.glob("[!_]*.py")]
    assert sorted(ORDER) == sorted([*modules, *(wing.name for wing in WINGS)])


def test_the_docstring_of_a_wing_lists_every_room_once():
    assert WINGS
    for wing in WINGS:
        rooms = [path.stem for path in wing.glob("[!_]*.py")]
        assert sorted(room for where, room in ROOMS if where == wing) == sorted(rooms)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_from_those_above_it(module):
    above = set(ORDER[: ORDER.index(module)])
    wing = PACKAGE / module
    for path in wing.glob("*.py") if wing.is_dir() else [PACKAGE / f"{module}.py"]:
        source = path.read_text(encoding="utf-8")
        if wing.is_dir():  # from a room, what is outside of the wing is one step further up
            source = re.sub(r"from \.(?!\.)\w* import", "from a_room import", source)
            source = source.replace("from ..", "from .")
        assert imported(source) - {module} <= above  # a command looks itself up by name


@pytest.mark.parametrize(("wing", "room"), ROOMS, ids=lambda part: getattr(part, "name", part))
def test_a_room_imports_only_from_those_above_it_in_its_wing(wing, room):
    rooms = [name for where, name in ROOMS if where == wing]
    source = (wing / f"{room}.py").read_text(encoding="utf-8").replace("from ..", "from outside.")
    assert imported(source) <= set(rooms[: rooms.index(room)])


def test_no_file_has_a_name_that_says_nothing():
    files = [
        path
        for folder in (PACKAGE, PACKAGE.parent / "tests", PACKAGE.parent / "benchmarks")
        for path in folder.rglob("*.py")
    ]
    assert len(files) > len(ORDER)
    assert not [path.name for path in files if VAGUE & set(path.stem.split("_"))]
