"""What `jb build .` promises, on the whole book and on a small copy that can be broken."""

from __future__ import annotations

import contextlib
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
import yaml

from tests.conftest import build_book, copy_course
from tests.copies import source_files
from tests.notebook_runs import ROOT, chapters
from utils.exercises import SETS, names, stored_at

pytestmark = pytest.mark.slow

# Attributes by which a page loads something; `href` counts on `link` only, since on `a` it waits
# for a click.
LOADING = {"src", "srcset", "data", "poster"}


class Loads(HTMLParser):
    """Collects what a page loads, and its pictures."""

    def __init__(self):
        super().__init__()
        self.addresses, self.pictures = [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            self.pictures.append(attributes)
        for name, value in attributes.items():
            linked = tag == "link" and name == "href" and attributes.get("rel") != "canonical"
            if value and (name in LOADING or linked):
                self.addresses.append(value)
            if name == "style":
                self.addresses += re.findall(r"url\(['\"]?([^'\")]+)", value or "")


def pages(book):
    return sorted((book / "_build" / "html").rglob("*.html"))


def elsewhere(address):
    return re.match(r"(https?:)?//", address)


def test_every_entry_of_the_contents_has_a_page(built_book):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    entries = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    entries += [below for entry in entries for below in entry.get("sections", [])]
    for entry in [toc["root"], *(entry["file"] for entry in entries)]:
        assert (built_book / "_build" / "html" / f"{entry}.html").is_file(), entry


def test_hints_and_checks_are_folded_and_no_solution_is_in_a_student_page(built_book):
    html = built_book / "_build" / "html" / "notebooks"
    for name in names():
        for which in SETS:
            page = (html / which / f"{name}.html").read_text()
            assert page.count("<summary>Hint</summary>") >= 5
            opened = r"<details[^>]*\bopen\b[^>]*>\s*<summary[^>]*>(?!\d+ lines of code)"
            assert not re.search(opened, page.split("<article")[1])
            assert page.count(">Show how it is checked<") >= 5
            assert ("Show a solution" in page) == (which == "solutions")
            assert ("A model answer" in page) == (which == "solutions")


def meta(page, key, value, wanted):
    tag = re.search(rf'<(?:meta|link)[^>]*{key}="{value}"[^>]*>', page)
    return re.search(rf'{wanted}="([^"]*)"', tag[0])[1]


def test_every_page_has_its_one_address_and_a_preview_that_is_there(built_book):
    base = yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["baseurl"]
    root = built_book / "_build" / "html"
    listed = set(re.findall(r"<loc>([^<]+)</loc>", (root / "sitemap.xml").read_text()))
    with_text = [p for folder in ("book", "notebooks") for p in (root / folder).rglob("*.html")]
    assert {f"{base}{page.relative_to(root).as_posix()}" for page in with_text} <= listed
    assert all((root / address.removeprefix(base)).is_file() for address in listed - {base})
    for path in with_text:
        address, page = f"{base}{path.relative_to(root).as_posix()}", path.read_text()
        assert meta(page, "rel", "canonical", "href") == address
        assert meta(page, "property", "og:url", "content") == address
        assert len(meta(page, "property", "og:title", "content")) > 3
        assert len(meta(page, "property", "og:description", "content")) > 20
        card = meta(page, "property", "og:image", "content")
        assert card.startswith(base)
        assert (root / card.removeprefix(base)).is_file()


def test_no_page_loads_anything_from_another_host(built_book):
    assert pages(built_book)
    for page in pages(built_book):
        parser = Loads()
        parser.feed(page.read_text())
        assert not [a for a in parser.addresses if elsewhere(a)], page.name
        inline = " ".join(re.findall(r"<script[^>]*>(.*?)</script>", page.read_text(), flags=re.S))
        assert not re.search(r"(import|fetch|src\s*=)\s*\(?['\"](https?:)?//", inline), page.name
    for sheet in (built_book / "_build" / "html").rglob("*.css"):
        addresses = re.findall(r"(?:url\(|@import )['\"]?([^'\")]+)", sheet.read_text())
        assert not [a for a in addresses if elsewhere(a)], sheet.name


def test_a_page_that_loads_from_another_host_would_be_noticed():
    parser = Loads()
    parser.feed('<a href="https://example.org">x</a><link rel="canonical" href="https://e.org/">')
    assert not [a for a in parser.addresses if elsewhere(a)]
    parser.feed('<script src="//example.org/x.js"></script><link href="https://example.org/x.css">')
    assert len([a for a in parser.addresses if elsewhere(a)]) == 2


def launch_links(page, config):
    """Paths in the repository that the buttons of a page name, by what they open."""
    address = config["repository"]["url"].removeprefix("https://github.com/")
    branch = config["repository"]["branch"]
    forms = {
        "colab": rf"https://colab\.research\.google\.com/github/{address}/blob/{branch}/([^\"?#]+)",
        "binder": rf"https://mybinder\.org/v2/gh/{address}/{branch}\?urlpath=lab/tree/([^\"&#]+)",
        "download": r"(?:\.\./)+_sources/([^\"?#]+)",
    }
    found = {kind: re.findall(f'href="{form}"', page) for kind, form in forms.items()}
    assert all(paths for paths in found.values()), found
    return {kind: {unquote(path) for path in paths} for kind, paths in found.items()}


WITH_BUTTONS = [*chapters(), *(stored_at(name, which) for name in names() for which in SETS)]


@pytest.mark.parametrize("path", WITH_BUTTONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_buttons_of_a_notebook_name_files_that_are_there(built_book, path):
    """In the repository's tree, as a clone has it; and the download is the notebook itself."""
    expected = path.relative_to(ROOT).as_posix()
    html = built_book / "_build" / "html"
    page = (html / expected).with_suffix(".html").read_text()
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert expected in source_files()
    for kind, paths in launch_links(page, config).items():
        assert paths == {expected}, kind
    assert (html / "_sources" / expected).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_chapter_s_head_says_what_it_takes_and_what_it_was_executed_with(built_book, path):
    page = (built_book / "_build" / "html" / "notebooks" / f"{path.stem}.html").read_text()
    head = re.search(r'<dl class="[^"]*chapter-head[^"]*">(.*?)</dl>', page, flags=re.S)[1]
    fields = re.findall(r"<dt[^>]*>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", head, flags=re.S)
    texts = {name.split("<")[0]: re.sub("<[^>]+>", "", text).strip() for name, text in fields}
    assert texts.keys() == {"Prerequisites", "Reading", "Running", "Last executed"}
    outputs = nbformat.read(path, as_version=4).cells[-1].outputs
    cost = outputs[-1].metadata["cost"]
    assert f"{cost['megabytes'] / 1000:.1f} GB" in texts["Running"]
    assert "The cells run" not in texts["Prerequisites"]
    assert f"TensorFlow {cost['versions']['tensorflow']}" in texts["Last executed"]
    assert "You need" not in page.split("A prediction first")[0]
    assert int(re.search(r"\d+", texts["Reading"])[0]) >= 3


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_figures_reach_the_page_with_their_description_and_size(built_book, path):
    parser = Loads()
    parser.feed((built_book / "_build" / "html" / "notebooks" / f"{path.stem}.html").read_text())
    figures = [p for p in parser.pictures if "course-figure" in p.get("class", "")]
    assert figures
    for figure in figures:
        assert len(figure["alt"].split()) >= 8
        assert figure["loading"] == "lazy"
        assert int(figure["width"]) > 0
        assert int(figure["height"]) > 0


def test_code_has_elements_only_where_a_colour_says_something(built_book):
    page = built_book / "_build" / "html" / "notebooks" / "02_dropout.html"
    inside = re.findall(r'<div class="highlight"><pre>(.*?)</pre>', page.read_text(), flags=re.S)
    kinds = set(re.findall(r'<span class="(\w+)">', "".join(inside)))
    assert {"k", "kn", "mi", "s2"} <= kinds
    assert not {"n", "nn", "p", "o", "w"} & kinds
    assert any("mask = rng.random(x.shape) &gt;= rate" in code for code in inside)


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_only_code_that_is_for_reading_is_unfolded(built_book, path):
    page = (built_book / "_build" / "html" / "notebooks" / f"{path.stem}.html").read_text()
    fold = r'<details class="[^"]*\bhide\b.*?</details>'
    folds, shown = re.findall(fold, page, flags=re.S), re.sub(fold, "", page, flags=re.S)
    code = r'<div class="highlight-\w+ notranslate">'
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    reading = [cell for cell in cells if "show-code" in cell.metadata.get("tags", [])]
    unfolded = re.findall(r'<div class="cell_input.*?</pre>', shown, flags=re.S)
    assert len(unfolded) == len(reading) >= 4
    assert len(re.findall(code, "".join(folds))) == len(cells) - len(reading)
    # The parameters and the set-up share one fold.
    first = re.sub(r"<[^>]+>", "", folds[0])
    assert "first_seed: int" in first
    assert "check(" in first


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_formulas_and_claims_are_drawn_without_a_script(built_book, path):
    page = (built_book / "_build" / "html" / "notebooks" / f"{path.stem}.html").read_text()
    assert 'class="katex"' in page
    assert 'class="claim"' in page
    assert not re.search(r"<script[^>]*mathjax", page, flags=re.I)


# A copy with tiny chapters, each of which leaves a mark when it is executed.

MARK = """
from pathlib import Path
with Path("../executed.log").open("a") as log:
    log.write("{name}\\n")
import utils.claims
"""


DRAWING = """
from IPython.display import SVG
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" aria-label="{label}"></svg>')
"""


def tiny(name, *cells):
    metadata = {"myst": {"html_meta": {"description": "A tiny chapter."}}}
    cost = "from utils.cost import cost_so_far; cost_so_far()"
    code = ["import sys; sys.path.insert(0, '..')", MARK.format(name=name), cost, *cells]
    text = nbformat.v4.new_markdown_cell(f"# {name}\n\nYou need nothing.")
    return nbformat.v4.new_notebook(
        metadata=metadata, cells=[text, *map(nbformat.v4.new_code_cell, code)]
    )


HOME = """---
myst:
  html_meta:
    description: A small home page.
---

# Home
"""


def keep_only(book, *files):
    """Leave these pages, the references, and a home page without content.

    The course's own pages and guesses speak of claims that small chapters do not make.
    """
    (book / "book" / "home.md").write_text(HOME)
    (book / "book" / "guesses.yml").write_text("{}")
    (book / "book" / "synonyms.yml").write_text("[]")
    entries = [{"file": file} for file in (*files, "book/references")]
    toc = {"format": "jb-book", "root": "book/home", "chapters": entries}
    (book / "_toc.yml").write_text(yaml.safe_dump(toc))


# Enough to see which are executed; not those of the course, on whose pages playgrounds stand.
SOME = Path("notebooks/11_first.ipynb"), Path("notebooks/12_second.ipynb")


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    book = copy_course(tmp_path_factory.mktemp("small"))
    for path in SOME:
        nbformat.write(tiny(path.stem), book / "notebooks" / path.name)
    keep_only(book, *(f"notebooks/{path.stem}" for path in SOME))
    return book


@contextlib.contextmanager
def broken_for_a_while(book, path, again=True):
    """Gives a file's text; afterwards the file is whole again, and the book builds."""
    whole = path.read_text()
    try:
        yield whole
    finally:
        path.write_text(whole)
    assert not again or build_book(book).returncode == 0


def executed(book):
    log = book / "executed.log"
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return sorted(names)


def test_the_build_executes_what_changed_and_nothing_else(small_book):
    names = [path.stem for path in SOME]
    assert build_book(small_book).returncode == 0
    assert executed(small_book) == names

    assert build_book(small_book).returncode == 0
    assert executed(small_book) == []

    module = small_book / "utils" / "claims.py"
    module.write_text(module.read_text() + "\n# an edit\n")
    assert build_book(small_book).returncode == 0
    assert executed(small_book) == names, "an edit of utils/ runs the chapters again"


# Each breaks the book by itself: what a warning says of one of them fails the build.
IN_CELLS = {
    "import sys; print('trouble', file=sys.stderr)": "stderr",
    DRAWING.format(label=""): "figure without a description",
    DRAWING.format(label="Two curves that meet at the end."): "figure without data",
}
IN_HEADS = {
    ("You need nothing.", "Nothing."): "chapter without prerequisites",
    ("cost_so_far()", "1"): "chapter without its cost",
}
ON_PAGES = {"{ref}`nowhere`": "undefined label", "$\\nonsense{x}$": "Undefined control sequence"}


def warned(built, words):
    said = re.sub(r"\x1b\[[0-9;]*m", "", built.stdout + built.stderr)
    return any("WARNING" in line and words in line for line in said.splitlines())


def test_a_warning_fails_every_build_until_it_is_mended_and_the_last_good_site_stays(small_book):
    """Faults in cells, in the heads of chapters and on pages are told together."""
    faulty, headless = (small_book / "notebooks" / path.name for path in SOME)
    home, site = small_book / "book" / "home.md", small_book / "_build" / "html"
    good = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert site / "book" / "home.html" in good
    with contextlib.ExitStack() as stack:
        stack.enter_context(broken_for_a_while(small_book, faulty, again=False))
        text = stack.enter_context(broken_for_a_while(small_book, headless, again=False))
        whole = stack.enter_context(broken_for_a_while(small_book, home, again=False))
        nbformat.write(tiny("faulty", *IN_CELLS), faulty)
        for change in IN_HEADS:
            text = text.replace(*change)
        headless.write_text(text)
        home.write_text("\n\n".join([whole, *ON_PAGES, ""]))
        for _ in range(2):
            built = build_book(small_book)
            assert built.returncode != 0
            for words in (*IN_CELLS.values(), *IN_HEADS.values(), *ON_PAGES.values()):
                assert warned(built, words), words
        assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == good
    assert build_book(small_book).returncode == 0


def test_one_fault_is_enough(small_book):
    """An error, or one warning; without them the book builds again."""
    path = small_book / "notebooks" / SOME[0].name
    with broken_for_a_while(small_book, path):
        for fault in ("1 / 0", next(iter(IN_CELLS))):
            nbformat.write(tiny("broken", fault), path)
            assert build_book(small_book).returncode != 0, fault


def test_damaged_files_and_a_damaged_cache_are_told_by_name(small_book):
    (database,) = (small_book / "_build" / ".jupyter_cache").rglob("global.db")
    database.write_bytes(b"garbled")
    cut = small_book / "book" / "data" / "atlas" / "table-dense.parquet"
    with broken_for_a_while(small_book, small_book / "book" / "data" / "register.json") as whole:
        cut.with_name("whole").write_bytes(cut.read_bytes())
        cut.write_bytes(cut.read_bytes()[:1000])
        (small_book / "book" / "data" / "register.json").write_text(whole[:1000])
        built = build_book(small_book)
        cut.with_name("whole").replace(cut)
    assert built.returncode == 1
    told = [line for line in built.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 2
    assert "error: book/data/atlas/table-dense.parquet is damaged: it is no Parquet" in told[0]
    assert "error: book/data/register.json is damaged: it is no JSON" in told[1]
    assert "Traceback" not in built.stderr
    assert database.read_bytes() != b"garbled", "the cache was made anew by the next build"
