"""The chapters on other machines: other arithmetic, threads, Pythons, oldest and newest packages.

    python -m tests.machines
    python -m tests.machines "oneDNN off"
    python -m tests.machines "one thread" --chapters 01_overfitting,05_practical_tips

runs every chapter under nbval as `make test` does, once for each machine, and writes
`book/data/machines.json`: what passed, how many claims gave the stored numbers to the last bit, and
how many another verdict. Another Python gets an environment of its own below `_build/machines`,
which needs uv. A machine or a chapter that was not named keeps what was found there before.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import nbformat
from tqdm import tqdm

from tests.notebook_runs import ROOT, chapters
from utils import intact
from utils.chapters import claims_of
from utils.jobs import exit_status, write_whole
from utils.parameters import OneLineError, one_line

PATH = ROOT / "book" / "data" / "machines.json"
ENVIRONMENTS = ROOT / "_build" / "machines"
PACKAGES = ("tensorflow", "keras", "numpy")
PROPERTY = "claim"  # what notebooks/conftest.py tells of each claim


class NotTried(OneLineError):
    """A machine that cannot be had here."""


@dataclasses.dataclass(frozen=True)
class Machine:
    """One way in which a reader's computer may differ from this one.

    Attributes:
        variables: environment variables.
        python: version of another Python, such as "3.12"; None for this one.
        resolution: which packages it gets, in uv's words: "lowest-direct" for the oldest that
            `pyproject.toml` allows, "highest" for the newest.
    """

    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    python: str | None = None
    resolution: str = "highest"


# Seeds trained side by side, operations of one training, and those of the libraries below NumPy;
# within an operation the course always has one thread.
THREADS = (
    "LOKY_MAX_CPU_COUNT", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
)  # fmt: skip

MACHINES = {
    "oneDNN off": Machine({"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "AVX2 only": Machine({"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "one thread": Machine(dict.fromkeys(THREADS, "1")),
    "two threads": Machine(dict.fromkeys(THREADS, "2")),
    "oldest packages": Machine(python="3.12", resolution="lowest-direct"),
    "newest packages": Machine(python="3.13"),
    "Python 3.11": Machine(python="3.11"),
}


def interpreter(name: str) -> Path:
    """The Python of a machine; makes its environment if it is not there.

    Raises:
        NotTried: uv or that version of Python is missing, or packages cannot be had.
    """
    machine = MACHINES[name]
    if machine.python is None:
        return Path(sys.executable)
    environment = ENVIRONMENTS / name.replace(" ", "_")
    ready = environment / "ready"
    uv = shutil.which("uv")
    if not ready.is_file():
        if uv is None:
            raise NotTried(f"{name} needs uv to get Python {machine.python} its packages")
        install = ["pip", "install", "--resolution", machine.resolution, "-r", "pyproject.toml"]
        for command in (["venv", "--clear", "--python", machine.python, str(environment)], install):
            done = subprocess.run(
                [uv, *command, "--quiet"],
                cwd=ROOT,
                env={**os.environ, "VIRTUAL_ENV": str(environment)},
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise NotTried(f"{name}: {one_line(done.stderr)}")
        ready.touch()
    return environment / "bin" / "python"


def try_chapters(name: str, folder: Path, some: Sequence[str] = ()) -> dict:
    """Run the chapters on a machine and say what came out.

    Args:
        name: one of `MACHINES`.
        folder: for pytest's report.
        some: stems of chapters; none for all notebooks.
    """
    python, machine = interpreter(name), MACHINES[name]
    report = folder / f"{name.replace(' ', '_')}.xml"
    spread = "1" if name == "one thread" else "2"
    command = [python, "-m", "pytest", "-q", "-n", spread, "--dist", "loadfile"]
    command += [f"notebooks/{stem}.ipynb" for stem in some] or ["notebooks"]
    done = subprocess.run(
        [*command, f"--junitxml={report}"],
        cwd=ROOT,
        env={**os.environ, **machine.variables},
        capture_output=True,
        text=True,
    )
    if not report.is_file():
        raise NotTried(f"{name}: {one_line(done.stdout + done.stderr)[-500:]}")
    names = ", ".join(map(repr, PACKAGES))
    versions = subprocess.run(
        [python, "-c", f"import sys, json; from importlib.metadata import version; "
         f"print(json.dumps({{n: version(n) for n in ({names})}}))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    said = subprocess.run([python, "--version"], check=True, capture_output=True, text=True)
    stored = {}
    for path in chapters():
        stored |= claims_of(nbformat.read(path, as_version=4))
    told = {
        "python": said.stdout.split()[-1],
        **json.loads(versions.stdout),
        "date": datetime.date.today().isoformat(),
    }
    return told | compared(report, stored) | ({"chapters": sorted(some)} if some else {})


def merged(before: dict | None, now: dict) -> dict:
    """What is known of a machine after some of its chapters were run.

    Args:
        before: what was known, or None.
        now: a result of `try_chapters`; where it is of all chapters, it stands alone.

    Raises:
        NotTried: both are of the same chapters in part, so that they cannot be counted together.
    """
    if before is None or "chapters" not in now or before.get("chapters") == now["chapters"]:
        return now
    shared = set(now["chapters"]) & set(before.get("chapters", now["chapters"]))
    if shared:
        raise NotTried(
            f"{', '.join(sorted(shared))} was tried there with others; name all of those, or none"
        )
    sums = ("cells", "failed", "claims", "same_to_the_bit", "other_verdicts")
    both = {name: before[name] + now[name] for name in sums}
    whole = sorted(before["chapters"] + now["chapters"])
    return now | both | {"other_verdicts": sorted(both["other_verdicts"]), "chapters": whole}


def compared(report: Path, stored: dict) -> dict:
    """What a report of pytest says of the chapters' cells and claims.

    Args:
        report: junit XML, in which `notebooks/conftest.py` told of each claim.
        stored: records of the claims by id.
    """
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None]
    fresh = {}
    for told in (p for case in cases for p in case.iter("property") if p.get("name") == PROPERTY):
        name, verdict, effect = json.loads(told.get("value"))
        fresh[name] = verdict, effect
    return {
        "cells": len(cases),
        "failed": [one_line(f"{case.get('classname')} {case.get('name')}") for case in failed],
        "claims": len(fresh),
        "same_to_the_bit": sum(stored[name]["again"]["effect"] == fresh[name][1] for name in fresh),
        "other_verdicts": sorted(
            name for name, (verdict, _) in fresh.items() if verdict != stored[name]["verdict"]
        ),
    }


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.machines", description=__doc__.splitlines()[0]
    )
    parser.add_argument("machines", nargs="*", help=f"some of: {', '.join(MACHINES)}")
    parser.add_argument("--chapters", default="", help="such as 01_overfitting,02_dropout")
    given = parser.parse_args(arguments)
    unknown = set(given.machines) - set(MACHINES)
    if unknown:
        parser.error(f"no machine is called {min(unknown)!r}; there are {', '.join(MACHINES)}")
    names, some = [path.stem for path in chapters()], list(filter(None, given.chapters.split(",")))
    if unknown := set(some) - set(names):
        parser.error(f"no chapter is called {min(unknown)!r}; there are {', '.join(names)}")
    found = intact.record(PATH) if PATH.is_file() else {}
    red = 0
    folder = ENVIRONMENTS.parent / "machine_reports"
    folder.mkdir(parents=True, exist_ok=True)
    for name in tqdm(given.machines or MACHINES, unit="machine", disable=None):
        try:
            result = try_chapters(name, folder, some)
            together = merged(found.get(name), result)
        except NotTried as error:
            print(f"not tried  {error}", file=sys.stderr)
            red += 1
            continue
        red += bool(result["failed"])
        found[name] = together
        ordered = {one: found[one] for one in MACHINES if one in found}
        write_whole(PATH, (json.dumps(ordered, indent=1, ensure_ascii=False) + "\n").encode())
        print(
            f"{'red  ' if result['failed'] else 'green'}  {name}: {len(result['failed'])} of "
            f"{result['cells']} cells failed, {result['same_to_the_bit']} of {result['claims']} "
            f"claims to the bit, {len(result['other_verdicts'])} other verdicts"
        )
    return int(red > 0)


if __name__ == "__main__":
    sys.exit(exit_status(main))
