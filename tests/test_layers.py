"""The package keeps the order that its docstring gives."""

import ast
import re
from pathlib import Path

import pytest

import utils

PACKAGE = Path(utils.__file__).parent
ORDER = re.findall(r"^    (\w+)  +\w", utils.__doc__, flags=re.MULTILINE)
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
    assert sorted(ORDER) == sorted(path.stem for path in PACKAGE.glob("[!_]*.py"))


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_from_those_above_it(module):
    source = (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    above = set(ORDER[: ORDER.index(module)])
    assert imported(source) - {module} <= above  # a command looks itself up by name


def test_no_file_has_a_name_that_says_nothing():
    files = [
        path
        for folder in (PACKAGE, PACKAGE.parent / "tests", PACKAGE.parent / "benchmarks")
        for path in folder.rglob("*.py")
    ]
    assert len(files) > len(ORDER)
    assert not [path.name for path in files if VAGUE & set(path.stem.split("_"))]
