"""Chapters as others run them: with papermill, from a clone, and alone in Colab."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tomllib

import nbformat
import papermill
import pytest
from nbclient.exceptions import CellExecutionError
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from papermill.exceptions import PapermillExecutionError

from tests.conftest import needs_git
from tests.notebook_runs import ROOT, chapters, execute
from tests.offline import BLOCK_NETWORK
from utils.backend import keras
from utils.chapters import claims_of
from utils.datasets import load
from utils.models import with_dropout
from utils.training import replicate

pytestmark = pytest.mark.slow

FAST = {"seeds": 2, "epochs": 2}


def papermill_command(*options, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "papermill", *map(str, options)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


def test_papermill_reruns_a_chapter_with_another_rate(tmp_path):
    rerun = tmp_path / "out.ipynb"
    done = papermill_command(
        "notebooks/02_dropout.ipynb", rerun, "-p", "dropout_rate", 0.3, "-p", "seeds", 3,
        "-p", "epochs", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    notebook = nbformat.read(rerun, as_version=4)
    records = claims_of(notebook)
    stored = claims_of(nbformat.read(ROOT / "notebooks" / "02_dropout.ipynb", as_version=4))
    assert records.keys() == stored.keys()
    assert all(record["seeds"] == [5000, 5001, 5002] for record in records.values())
    expected = replicate(
        lambda: with_dropout(20, 10, dropout_rate=0.3),
        lambda seed: load("noise", seed=seed),
        seeds=range(5000, 5003),
        epochs=2,
        optimizer=keras.optimizers.Adam(0.001),
    )
    measured = records["dropout-memorizes-less-noise"]["treatment"]
    assert measured == pytest.approx(expected.final("train_accuracy"), abs=1e-6)


@pytest.mark.parametrize(
    ("chapter", "parameter", "value", "allowed"),
    [
        ("02_dropout", "dropout_rate", 1.5, "a number from 0 up to, but not, 1"),
        ("02_dropout", "dropout_rate", -1, "a number from 0 up to, but not, 1"),
        ("02_dropout", "dropout_rate", "abc", "a number from 0 up to, but not, 1"),
        ("01_overfitting", "label_noise", float("nan"), "a number from 0 to 1"),
        ("01_overfitting", "epochs", 0, "a whole number from 1 to 1000"),
        ("01_overfitting", "dataset", "cifar", "one of 'digits', 'fashion'"),
    ],
)
def test_a_bad_value_stops_in_the_first_cell_with_one_sentence(
    tmp_path, chapter, parameter, value, allowed
):
    rerun = tmp_path / "out.ipynb"
    with pytest.raises(PapermillExecutionError) as stopped:
        papermill.execute_notebook(
            str(ROOT / "notebooks" / f"{chapter}.ipynb"),
            str(rerun),
            parameters={parameter: value},
            cwd=str(ROOT),
            progress_bar=False,
        )
    sentence = stopped.value.evalue
    assert stopped.value.ename == "ParameterError"
    assert sentence.startswith(f"{parameter} is {value!r}; allowed is {allowed}")
    assert "\n" not in sentence
    # papermill puts its parameters and the message about the failure in cells of their own
    run = [c for c in nbformat.read(rerun, as_version=4).cells if c.get("execution_count")]
    assert "parameters" in run[0].metadata.tags
    assert "check(" in run[-1].source
    shown = "".join(o["traceback"][0] for o in run[-1].outputs if o.output_type == "error")
    assert shown == f"ParameterError: {sentence}"


def test_a_misspelt_parameter_stops_papermill_in_the_first_cell(tmp_path):
    with pytest.raises(PapermillExecutionError) as stopped:
        papermill.execute_notebook(
            str(ROOT / "notebooks" / "02_dropout.ipynb"),
            str(tmp_path / "out.ipynb"),
            parameters={"dropout_rat": 0.3},
            cwd=str(ROOT),
            progress_bar=False,
        )
    assert stopped.value.evalue == (
        "'dropout_rat' is not a parameter of this chapter; did you mean 'dropout_rate'?"
    )


# Two corners of what is allowed; no chapter may stop there. Each is run in one of them, the first
# in both: small on Binder, extreme in Colab.
SMALL = {"dataset": "noise", "dropout_rate": 0, "label_noise": 0.0, "units": 4, "batch_size": 7}
EXTREME = {"label_noise": 1.0, "train_rows": 20, "learning_rate": 0.5, "first_seed": 1000}
CORNERS = {
    "01_overfitting": EXTREME,
    "02_dropout": EXTREME | {"dataset": "fashion"},
    "03_batch_normalization": SMALL,
    "04_combining": EXTREME | {"dataset": "table"},
    "05_practical_tips": EXTREME,
}


COLAB_HAS = {
    "tensorflow",
    "keras",
    "scikit-learn",
    "scipy",
    "matplotlib",
    "tqdm",
    "psutil",
    "joblib",
    "pandas",
    "pyarrow",
    "ipykernel",
}


def colab(repository, clone_from):
    """A cell that leaves a kernel with what Colab has, git with a copy to clone, and no network."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {requirement.split(">")[0].split("=")[0] for requirement in project["dependencies"]}
    absent = ["sphinx", "myst_nb"] + [
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if {owner.lower().replace("_", "-") for owner in owners} & (named - COLAB_HAS)
    ]
    assert {"papermill", "distributed", "pytest"} <= set(absent)
    return f"""{BLOCK_NETWORK}
import os, sys
from pathlib import Path
assert not list(Path.cwd().iterdir()), "the notebook is alone"
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {[*absent, "pip"]!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path({str(ROOT)!r})]
os.environ |= {{
    "GIT_ALLOW_PROTOCOL": "file",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "url.file://{clone_from}.insteadOf",
    "GIT_CONFIG_VALUE_0": "{repository}",
}}
"""


# The other chapters once a week.
ALWAYS = "01_overfitting"


@needs_git
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.weekly] * (path.stem != ALWAYS))
        for path in chapters()
    ],
)
def test_a_chapter_runs_alone_in_colab_with_other_parameters(path, course_copy, tmp_path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    start = colab(project["urls"]["Repository"], course_copy)
    where = "import utils; print(utils.__file__)"
    notebook = execute(
        path, cwd=tmp_path, before=start, after=where, parameters=FAST | CORNERS[path.stem]
    )
    assert len(claims_of(notebook)) >= 6
    printed = next(c.outputs[0]["text"] for c in notebook.cells if c.source == where)
    assert printed.startswith(str(tmp_path)), "utils came from the clone"
    stderr = [o for c in notebook.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert not stderr


@needs_git
def test_the_notebook_for_own_rows_runs_alone_in_colab(course_copy, tmp_path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    start = colab(project["urls"]["Repository"], course_copy)
    path = ROOT / "notebooks" / "your_own_data.ipynb"
    small = {"seeds": 2, "units": 4, "batch_size": 64}
    notebook = execute(path, cwd=tmp_path, before=start, parameters=small)
    outputs = [o for c in notebook.cells for o in c.get("outputs", [])]
    assert not [o for o in outputs if o.get("name") == "stderr"]
    tables = [o for o in outputs if o.get("data", {}).get("text/html", "").startswith("<table>")]
    assert len(tables) == 2


def required(requirements: str) -> set[str]:
    """Names of the distributions that a list of requirements gives this Python."""
    lines = requirements.replace("\\\n", " ").splitlines()
    texts = [line.split(" --hash")[0].strip() for line in lines]
    found = [Requirement(text) for text in texts if text and not text.startswith("#")]
    return {r.name for r in found if r.marker is None or r.marker.evaluate()}


@pytest.fixture
def binder(course_copy, tmp_path, monkeypatch):
    """Makes the image that Binder builds from the requirements, as a kernel called "binder".

    Its Python sees the modules of the named distributions and nothing else that is installed here.
    """

    def build(names):
        modules, kernel = tmp_path / "modules", tmp_path / "kernels" / "binder"
        modules.mkdir()
        for name in names:
            distribution = importlib.metadata.distribution(name)
            for top in {file.parts[0] for file in distribution.files} - {".."}:
                if not (modules / top).exists():
                    (modules / top).symlink_to(distribution.locate_file(top))
        kernel.mkdir(parents=True)
        spec = {
            "argv": [sys.executable, "-S", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "binder",
            "env": {"PYTHONPATH": str(modules), "PYTHONNOUSERSITE": "1"},
        }
        (kernel / "kernel.json").write_text(json.dumps(spec))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
        return course_copy / "notebooks"

    return build


def test_a_chapter_runs_on_binder(course_copy, binder):
    """An image of `requirements.txt` and `runtime.txt` alone, with the repository in it."""
    folder = binder(required((course_copy / "requirements.txt").read_text()))
    path = folder / "01_overfitting.ipynb"
    where = "import utils; print(utils.__file__)"
    notebook = execute(path, cwd=folder, after=where, parameters=FAST | SMALL, kernel="binder")
    assert len(claims_of(notebook)) >= 6
    printed = next(c.outputs[0]["text"] for c in notebook.cells if c.source == where)
    assert printed.startswith(str(course_copy))
    version = (course_copy / "runtime.txt").read_text().strip().removeprefix("python-")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert version in SpecifierSet(project["requires-python"])


def test_a_requirement_that_is_missing_stops_a_chapter_on_binder(course_copy, binder):
    names = required((course_copy / "requirements.txt").read_text())
    folder = binder(names - {"scikit-learn"})
    with pytest.raises(CellExecutionError, match="No module named 'sklearn'"):
        execute(folder / "02_dropout.ipynb", cwd=folder, parameters=FAST, kernel="binder")


def test_utils_is_found_from_the_notebook_s_own_folder(tmp_path):
    """JupyterLab and VS Code start the kernel in the folder of the notebook."""
    path = ROOT / "notebooks" / "01_overfitting.ipynb"
    notebook = nbformat.read(path, as_version=4)
    first = next(k for k, c in enumerate(notebook.cells) if "check(" in c.source)
    notebook.cells = notebook.cells[: first + 1]
    short = tmp_path / "short.ipynb"
    nbformat.write(notebook, short)
    execute(short, cwd=ROOT / "notebooks")
