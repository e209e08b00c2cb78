"""Files of finished measurements: arrays, and what they were made by.

A file is taken for finished only where it is whole and was made by the same code with the same
versions.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .cost import versions


def packed(code: str, arrays: Mapping[str, np.ndarray], **told) -> bytes:
    """The content of a file.

    Args:
        code: a digest of all code on which the arrays depend.
        arrays: what was measured, by name.
        told: what else the file says of itself; numbers, strings and lists of them.
    """
    file = io.BytesIO()
    made = json.dumps({"code": code, "versions": versions()} | told)
    np.savez_compressed(file, made=made, **arrays)
    return file.getvalue()


def told_by(path: Path) -> dict:
    """What a file says of itself; nothing if it is not whole."""
    try:
        with np.load(path) as file:
            return json.loads(str(file["made"]))
    except Exception:  # a damaged file can fail anywhere in zip, zlib or json
        return {}


def is_of(path: Path, code: str) -> bool:
    """Whether a file was made by this code, with today's versions."""
    made = told_by(path)
    return made.get("code") == code and made.get("versions") == versions()
