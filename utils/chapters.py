"""The chapters as files: which there are, what their parameters cells say, what they claim."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from . import intact
from .parameters import PARAMETERS, OneLineError, ParameterError, one_line

ROOT = Path(__file__).resolve().parents[1]


class ChapterError(OneLineError):
    """A chapter that does not exist."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell.

    Attributes:
        name, default: as in the cell.
        meaning: the comment behind it.
    """

    name: str
    default: Any
    meaning: str

    @property
    def kind(self) -> type:
        """int, float, bool or str."""
        return type(self.default)

    def value(self, text: str) -> Any:
        """What a person means by `text`: 007 is seven, 1e3 a thousand, 'digits' the word.

        A text that cannot be read as this kind comes back as it is; `checked` refuses it.
        """
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
            text = text[1:-1]
        text = text.strip()
        if self.kind is str:
            return text
        if self.kind is bool:
            return {"true": True, "false": False}.get(text.lower(), text)
        try:
            return int(text) if self.kind is int else float(text)
        except ValueError:
            pass
        try:
            number = float(text)
        except ValueError:
            return text
        return int(number) if number.is_integer() else number


def chapter_names() -> list[str]:
    """Names of the numbered notebooks of the table of contents, such as "02_dropout"."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [name for name in map(_in_notebooks, files) if name[:1].isdigit()]


def _in_notebooks(file):
    folder, _, name = file.partition("/")
    return name if folder == "notebooks" else ""


def read(chapter: str):
    """The notebook of a chapter.

    Args:
        chapter: its name, or the path of its notebook.

    Raises:
        ChapterError: there is none; names the nearest one.
    """
    path = Path(chapter)
    name = path.name.removesuffix(".ipynb")
    own = ROOT / "notebooks" / f"{name}.ipynb"
    if path.name != str(path) and not _is(path, own):
        raise ChapterError(
            f"{chapter!r} is no chapter of this course; name one, such as 02_dropout"
        )
    if name not in chapter_names():
        near = difflib.get_close_matches(name, chapter_names(), n=1, cutoff=0.4)
        hint = (
            f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(chapter_names())}"
        )
        raise ChapterError(f"there is no chapter {chapter!r}{hint}")
    return name, intact.notebook(own)


def _is(path, own):
    try:
        return path.resolve() in (own, own.with_suffix(""))
    except (OSError, ValueError):  # such as a zero byte
        return False


def parameters_of(notebook) -> dict[str, Parameter]:
    """What the parameters cell of a chapter says, by name.

    Raises:
        ChapterError: there is no such cell, or a line of it is not of the form name: type = value.
    """
    tagged = [c.source for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if not tagged:
        raise ChapterError("the chapter has no cell that is tagged 'parameters'")
    return dict(_parameters_in(tagged[0]))


@functools.cache  # a grid asks for each of its points
def _parameters_in(source):
    lines, found = source.splitlines(), {}
    try:
        for statement in ast.parse(source).body:
            meaning = lines[statement.end_lineno - 1][statement.end_col_offset :].lstrip(" #")
            if not isinstance(statement, ast.AnnAssign):
                raise ValueError("it takes name: type = value")
            name = ast.unparse(statement.target)
            if not name.isidentifier():
                raise ValueError(f"{name} is no name")
            found[name] = Parameter(name, ast.literal_eval(statement.value), meaning)
    except (SyntaxError, ValueError) as error:
        at = f" in line {statement.lineno}" if found else ""
        raise ChapterError(
            f"the parameters cell of the chapter cannot be read{at}: {one_line(error)}"
        ) from None
    return found


def named(known: Mapping[str, Parameter], name: str) -> Parameter:
    """The parameter of that name.

    Raises:
        ParameterError: there is none; names the nearest one.
    """
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
    raise ParameterError(f"{name!r} is not a parameter of this chapter{hint}")


def allowed(parameter: Parameter) -> str:
    """What values a parameter may have, in words."""
    return PARAMETERS[parameter.name].allowed()


def claims_among(outputs: Iterable[Mapping]) -> dict[str, dict]:
    """The records of all claims among outputs of cells, by id."""
    found = [output.get("metadata", {}).get("claim") for output in outputs]
    return {record["id"]: record for record in found if record}


def claims_of(notebook, *, stored: bool = False, again: bool = False) -> dict[str, dict]:
    """The records of the claims that a notebook shows, by id.

    Args:
        notebook: with its outputs.
        stored: also those that it reads from a table instead of measuring them.
        again: of claims that it shows as all confirmation seeds have found them, what the run's own
            seeds have.
    """
    found = claims_among(output for cell in notebook.cells for output in cell.get("outputs", []))
    shown = {name: r for name, r in found.items() if stored or not r.get("source")}
    return {name: r.get("again", r) for name, r in shown.items()} if again else shown
