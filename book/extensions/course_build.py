"""Makes a green `jb build .` mean that every page is current and nothing was wrong.

Jupyter Book alone leaves three gaps:

- Its cache of executed notebooks looks at the notebooks only, and goes on serving old results
  after an edit to `utils/` or a new TensorFlow. Here the cache's folder is named after a digest
  of what the notebooks import, so that such a change executes them again.
- A notebook, table or register that is damaged stops it somewhere with a traceback. Here each is
  named before anything else is done, and a damaged cache is removed.
- It exits with status 0 when there were warnings, and does not repeat them in the next run, since
  the pages did not change. Here any warning fails the build, in each run until it is gone.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import platform
import shutil
import sys
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from sphinx.util import logging

logger = logging.getLogger(__name__)

# The packages whose version can change what a notebook shows.
PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "matplotlib")


def versions() -> dict[str, str]:
    """Installed versions of Python and of `PACKAGES`."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def notebook_inputs_digest(root: Path) -> str:
    """A digest of everything but the notebooks themselves that decides their outputs.

    Args:
        root: the repository's root.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(repr(versions()).encode())
    patterns = ("utils/**/*.py", "utils/data/*", "book/data/**/*.*", "requirements.txt")
    files = [file for pattern in patterns for file in sorted(root.glob(pattern))]
    for file in files:
        if file.is_file():
            content = file.read_bytes()
            name = file.relative_to(root).as_posix()
            digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _cache_root(app) -> Path:
    return Path(app.outdir).parent / ".jupyter_cache"


def outputs_shown(app, docname: str) -> list[dict]:
    """The outputs that a chapter's page shows.

    MyST-NB writes a copy of each chapter to `jupyter_execute`, but that copy has the outputs of
    this build only where the chapter was executed just now. Where they came from the cache, the
    copy holds what was stored in the source, so here the cache is asked itself.
    """
    if app.config.nb_execution_mode == "cache":
        cache = get_cache(app.config.nb_execution_cache_path)
        source = nbformat.read(app.env.doc2path(docname), as_version=4)
        notebook = cache.get_cache_bundle(cache.match_cache_notebook(source).pk).nb
    else:
        copy = Path(app.outdir).parent / "jupyter_execute" / f"{docname}.ipynb"
        notebook = nbformat.read(copy, as_version=4)
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def require_whole_files(app, config):
    """Stop before anything is executed where a file of the course is damaged."""
    if str(app.srcdir) not in sys.path:
        sys.path.insert(0, str(app.srcdir))
    intact = importlib.import_module("utils.intact")
    if damaged := intact.damage(Path(app.srcdir)):
        raise SystemExit("\n".join(f"error: {one}" for one in damaged))


def remove_damaged_cache(app, config):
    """Remove what an interrupted build has left of the cache, so that it is executed again."""
    folder = Path(config.nb_execution_cache_path)
    if not folder.is_dir():
        return
    try:
        cache = get_cache(str(folder))
        for entry in cache.list_cache_records():
            cache.get_cache_bundle(entry.pk)
    except Exception as error:  # of SQLite, of SQLAlchemy, of JSON, of files that are not there
        name = folder.relative_to(Path(app.srcdir))
        logger.info(
            f"{name} is damaged ({type(error).__name__}) and was removed; its notebooks are "
            "executed again"
        )
        shutil.rmtree(folder)


def key_the_cache(app, config):
    """Name the cache folder after the digest.

    MyST-NB declares this setting with `rebuild="env"`: a new value makes Sphinx read all pages
    again, which then find their cache empty and execute.
    """
    cache = _cache_root(app) / notebook_inputs_digest(Path(app.srcdir))
    config.nb_execution_cache_path = str(cache)


def offer_versions(app, config):
    """Let pages say `{{ versions }}` for what they were executed with."""
    names = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy"}
    names |= {"scipy": "SciPy"}
    installed = versions()
    text = ", ".join(f"{label} {installed[name]}" for name, label in names.items())
    config.myst_substitutions = {**config.myst_substitutions, "versions": text}


def remove_old_caches(app, exception):
    """After a good build, remove the results of code that is no longer there."""
    if exception is None and not app._warncount:
        for folder in _cache_root(app).glob("*"):
            if folder != Path(app.config.nb_execution_cache_path):
                shutil.rmtree(folder) if folder.is_dir() else folder.unlink()


def forget_pages_with_warnings(app, exception):
    """After warnings, make the next run read all pages again and so find them again."""
    if app._warncount:
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)


def setup(app):
    # All warnings are shown, then the exit status is 1. With -W the first one stops the build.
    if not app.warningiserror:
        app.keep_going = True
    app.connect("config-inited", require_whole_files, priority=400)
    # The cards of pages ask Matplotlib for a bold font that their extension does not bring along.
    logging.logging.getLogger("matplotlib.font_manager").setLevel("ERROR")
    app.connect("config-inited", key_the_cache)
    app.connect("config-inited", remove_damaged_cache, priority=600)
    app.connect("config-inited", offer_versions)
    app.connect("build-finished", remove_old_caches)
    app.connect("build-finished", forget_pages_with_warnings, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
