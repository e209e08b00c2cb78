"""Files that come with the course, each read whole or told by name.

An interrupted copy, a full disk or a merge can leave a notebook, a table or a register that is
damaged. Whoever reads one gets its name and what is wrong, on one line.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .parameters import OneLineError, one_line

ROOT = Path(__file__).resolve().parents[1]
CONFLICT = re.compile(rb"^(<{7} |>{7} )", re.MULTILINE)


class DamagedFile(OneLineError):
    """A file of the course that is not whole."""


def _damaged(path, reason):
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return DamagedFile(
        f"{name} is damaged: {one_line(reason)[:160]}; get it again, for instance with "
        f"git checkout HEAD -- {name}"
    )


def record(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        DamagedFile: it is no JSON, or holds a merge conflict.
        FileNotFoundError: it is not there.
    """
    content = path.read_bytes()
    if conflict := CONFLICT.search(content):
        line = content[: conflict.start()].count(b"\n") + 1
        raise _damaged(path, f"a merge conflict begins in line {line}")
    try:
        return json.loads(content.decode("utf-8"))
    except ValueError as error:
        raise _damaged(path, f"it is no JSON ({error})") from None


def notebook(path: Path):
    """A notebook with its outputs.

    Raises:
        DamagedFile, FileNotFoundError: as `record`.
    """
    import nbformat

    record(path)
    try:
        found = nbformat.read(path, as_version=4)
        nbformat.validate(found)
        return found
    except Exception as error:  # what is missing decides what fails in there
        raise _damaged(path, f"it is no notebook ({type(error).__name__}: {error})") from None


def table(path: Path):
    """A Parquet file as a pandas table.

    Raises:
        DamagedFile: it cannot be read to its end.
        FileNotFoundError: it is not there.
    """
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # pyarrow raises what the damaged place happens to lead to
        raise _damaged(path, f"it is no Parquet table ({error})") from None


def damage(root: Path) -> list[DamagedFile]:
    """Which notebooks, tables and records of a course are damaged.

    Args:
        root: the course's folder.
    """
    patterns = ("notebooks/**/*.ipynb", "book/data/**/*.parquet", "book/data/**/*.json")
    found = []
    for path in (path for pattern in patterns for path in sorted(root.glob(pattern))):
        try:
            _require_whole(path)
        except DamagedFile as error:
            found.append(error)
    return found


def _require_whole(path):
    """As much as can be looked at quickly."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        try:
            parquet.ParquetFile(path).read()
        except Exception as error:
            raise _damaged(path, f"it is no Parquet table ({error})") from None
        return
    found = record(path)
    if path.suffix == ".ipynb" and not (isinstance(found, dict) and "cells" in found):
        raise _damaged(path, "it is no notebook (it has no cells)")
