"""What pages say about claims comes from the chapters, and a wrong verdict fails the build."""

# Pages show real minus signs.
# ruff: noqa: RUF001

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import course_claims
import nbformat
import pytest

from tests.conftest import build_book, copy_course
from tests.test_book import HOME, Loads, keep_only, tiny
from utils.claims import VERDICTS, confidence_interval

CONTROL = 0.9
WAVERING = [0.01, -0.01] * 10
# For each chapter its claims: id, differences of the seeds, direction.
FIRST = [("helps", [0.038] * 20, "higher"), ("does-nothing", WAVERING, "higher")]
SECOND = [("hurts", [-0.25] * 24, "higher")]

# Not the home page: Sphinx writes that one again with each chapter that it lists.
PAGE = f"""{HOME}
- A: {{supported}}`helps`
- B: {{no-difference}}`does-nothing`
- C: {{not-supported}}`the sentence is wrong <hurts>`
- D: {{claim}}`hurts`
- E: {{claim}}`see there <helps>`
- F: {{effect}}`helps`
- G: {{effect}}`does-nothing`
- H: {{effect-only}}`hurts`
- I: {{treatment}}`helps` and {{control}}`helps`
- J: {{claim-count}}`all`, {{claim-count}}`supported`, {{claim-count}}`not supported`,
  {{claim-count}}`no difference found`, {{claim-count}}`seeds`

```{{evidence-table}}
```

```{{effects-figure}}
:title: Effects of two recipes
:xlabel: accuracy
:alt: One interval lies above zero, the other one below.
helps: with help
hurts: with harm
```

```{{run-cost-table}}
```
"""


def chapter(title, claims, seconds):
    cells = [
        "from utils.claims import Claim\n"
        f"differences = {differences!r}\n"
        f"Claim({name!r}, 'A sentence <b>on</b> {name}.', [{CONTROL} + d for d in differences], "
        f"[{CONTROL}] * len(differences), 'accuracy', {direction!r}, "
        "range(len(differences)), smallest_effect=0.005, comparisons=2)"
        for name, differences, direction in claims
    ]
    return tiny(title, *cells, f"from utils.cost import Cost; Cost({seconds}, 512)")


def write(book, name, *content):
    nbformat.write(chapter(*content), book / "notebooks" / f"{name}.ipynb")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    book = copy_course(tmp_path_factory.mktemp("claims"))
    write(book, "11_first", "First chapter", FIRST, 61.4)
    write(book, "12_second", "Second chapter", SECOND, 20.2)
    keep_only(book, "book/verdicts", "notebooks/11_first", "notebooks/12_second")
    (book / "book" / "verdicts.md").write_text(PAGE)
    built = build_book(book)
    assert built.returncode == 0, (built.stdout + built.stderr)[-4000:]
    return book


class Page(HTMLParser):
    """Collects the texts of list items and table rows, links, pictures and scripts."""

    def __init__(self, path):
        super().__init__()
        self.texts, self.links, self.pictures, self.scripts = [], [], [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("li", "tr"):
            self.texts.append("")
        kept = {"a": self.links, "img": self.pictures, "script": self.scripts}.get(tag)
        if kept is not None:
            kept.append(attributes)

    def handle_endtag(self, tag):
        if tag in ("li", "tr"):
            self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data

    def row(self, start):
        texts = [" ".join(text.split()) for text in self.texts]
        return next(text for text in texts if text.startswith(start))


def built_page(book):
    return book / "_build" / "html" / "book" / "verdicts.html"


def read(book):
    return built_page(book).read_text()


def test_the_roles_verdicts_are_those_of_claims():
    assert set(course_claims.ROLES) == set(course_claims.SIGNS) == set(VERDICTS)


@pytest.mark.parametrize(
    ("effect", "interval", "text"),
    [
        (0.03777, (0.0304, 0.0466), "+0.038 (95 % interval +0.030 to +0.047; 2 seeds)"),
        (-0.2774, (-0.3063, -0.2595), "−0.277 (95 % interval −0.306 to −0.260; 2 seeds)"),
        (-0.0000032, (-0.00177, 0.00189), "0.0000 (95 % interval −0.0018 to +0.0019; 2 seeds)"),
        (12.345, (11.1, 13.2), "+12.3 (95 % interval +11.1 to +13.2; 2 seeds)"),
        (0.0, (0.0, 0.0), "0.000 (95 % interval 0.000 to 0.000; 2 seeds)"),
        (None, (None, None), "not measured"),
    ],
)
def test_numbers_have_as_many_digits_as_they_need(effect, interval, text):
    record = {"effect": effect, "interval": interval, "seeds": [1, 2]}
    assert course_claims.effect_and_interval_text(record) == text


def test_roles_show_verdicts_and_numbers(book):
    page = Page(built_page(book))
    low, high = confidence_interval(WAVERING)
    for expected in (
        "A: supported",
        "B: no difference found",
        "C: the sentence is wrong",
        "D: A sentence <b>on</b> hurts.",
        "E: see there",
        "F: +0.038 (95 % interval +0.038 to +0.038; 20 seeds)",
        f"G: 0.0000 (95 % interval −{-low:.4f} to +{high:.4f}; 20 seeds)",
        "H: −0.250",
        "I: 0.938 and 0.900",
        "J: 3, 1, 1, 1, 20",
    ):
        assert page.row(expected[:2]) == expected


def test_verdicts_and_claims_are_links_to_the_boxes_in_chapters(book):
    links = [link for link in Page(built_page(book)).links if "#claim-" in link.get("href", "")]
    in_prose = [(link["href"], link["class"].split()[:-2], link["title"]) for link in links[:5]]
    chapters = "../notebooks/11_first.html", "../notebooks/12_second.html"
    helps, hurts = f"{chapters[0]}#claim-helps", f"{chapters[1]}#claim-hurts"
    assert in_prose == [
        (helps, ["verdict", "verdict-supported"], "A sentence <b>on</b> helps."),
        (
            f"{chapters[0]}#claim-does-nothing",
            ["verdict", "verdict-no-difference"],
            "A sentence <b>on</b> does-nothing.",
        ),
        (hurts, ["verdict", "verdict-not-supported"], "A sentence <b>on</b> hurts."),
        (hurts, ["claim-link"], "A sentence <b>on</b> hurts."),
        (helps, ["claim-link"], "A sentence <b>on</b> helps."),
    ]
    for link in links:
        target, _, anchor = link["href"].partition("#")
        assert f'id="{anchor}"' in (built_page(book).parent / target).read_text()


def test_the_table_of_evidence_has_a_row_for_each_claim_in_reading_order(book):
    rows = re.findall(r'<tr role="row" data-verdict="(.*?)" data-chapter="(.*?)">', read(book))
    assert rows == [
        ("supported", "11_first"),
        ("no difference found", "11_first"),
        ("not supported", "12_second"),
    ]
    page = Page(built_page(book))
    row = page.row("A sentence <b>on</b> hurts.")
    for part in (
        "✗ not supported",
        "accuracy−0.250 (95 % interval −0.250 to −0.250)",
        "−0.250 to −0.250 allowing for all 2 claims of the chapter",
        "no more than 0.005 counts as none",
        " 24 ",
        "Second chapter",
        "papermill notebooks/12_second.ipynb out.ipynb",
    ):
        assert part in row


def test_only_pages_with_the_table_load_its_script(book):
    def loads(page):
        return [s["src"] for s in Page(page).scripts if "claims_table" in s.get("src", "")]

    (script,) = loads(built_page(book))
    assert (built_page(book).parent / script.partition("?")[0]).is_file()
    assert loads(built_page(book).parents[1] / "notebooks" / "11_first.html") == []


def test_the_figure_of_effects_says_its_numbers_and_its_size(book):
    (figure,) = [
        p for p in Page(built_page(book)).pictures if "course-figure" in p.get("class", "")
    ]
    assert figure["alt"] == (
        "One interval lies above zero, the other one below. "
        "with help: +0.038, 95 % interval +0.038 to +0.038, supported. "
        "with harm: −0.250, 95 % interval −0.250 to −0.250, not supported."
    )
    assert figure["loading"] == "lazy"
    assert int(figure["width"]) > int(figure["height"]) > 0
    drawn = (built_page(book).parent / figure["src"]).read_text()
    assert "Effects of two recipes" in drawn
    assert "with harm" in drawn


def test_the_table_of_costs_adds_up(book):
    page = Page(built_page(book))
    assert page.row("Second chapter 20") == "Second chapter 20 512"
    assert page.row("all chapters") == "all chapters 82"


def test_the_page_loads_nothing_from_another_host(book):
    parser = Loads()
    parser.feed(read(book))
    assert not [a for a in parser.addresses if re.match(r"(https?:)?//", a)]


def test_the_search_index_knows_the_claims(book):
    index = (built_page(book).parents[1] / "searchindex.js").read_text()
    index = json.loads(index[index.index("{") : index.rindex("}") + 1])
    found = index["terms"]["papermil"]  # the stem
    assert index["docnames"].index("book/verdicts") in (
        found if isinstance(found, list) else [found]
    )


CHROME = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)


@pytest.mark.skipif(CHROME is None, reason="needs Chromium or Chrome")
@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["helps", "does-nothing", "hurts"]),
        ("?verdict=not+supported", ["hurts"]),
        ("?chapter=11_first&verdict=supported", ["helps"]),
        ("?words=SENTENCE+nothing", ["does-nothing"]),
        ("?verdict=nonsense&words=nowhere", []),
    ],
)
def test_the_filter_follows_the_address(book, query, shown):
    flags = ["--headless", "--no-sandbox", "--virtual-time-budget=5000", "--dump-dom"]
    page = subprocess.run(
        [CHROME, *flags, f"{built_page(book).as_uri()}{query}"],
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    rows = re.findall(r"<tr [^>]*data-verdict.*?</tr>", page, flags=re.S)
    names = [re.search(r"#claim-([\w-]+)", row)[1] for row in rows if "hidden=" not in row[:150]]
    assert names == shown
    assert f"{len(shown)} of 3 claims</p>" in page


# The tests below change the book; each leaves it as it was, but not built again.


def test_changed_evidence_is_shown_on_a_page_that_was_not_edited(book):
    before = built_page(book).stat().st_mtime_ns
    assert build_book(book).returncode == 0
    assert built_page(book).stat().st_mtime_ns == before, "nothing changed, so nothing is written"

    write(book, "11_first", "Renamed chapter", [("helps", [0.05] * 20, "higher"), FIRST[1]], 90)
    built = build_book(book)
    write(book, "11_first", "First chapter", FIRST, 61.4)
    assert built.returncode == 0, (built.stdout + built.stderr)[-4000:]
    page = Page(built_page(book))
    assert page.row("F:") == "F: +0.050 (95 % interval +0.050 to +0.050; 20 seeds)"
    assert "+0.050" in page.row("A sentence <b>on</b> helps.")
    assert page.row("Renamed chapter 90") == "Renamed chapter 90 512"
    assert "with help: +0.050" in read(book)
    assert "+0.038" not in read(book)


def test_wrong_verdicts_and_unknown_names_fail_every_build(book):
    """Only the chapter changes first: the page that states its verdict is not edited."""
    write(book, "11_first", "First chapter", [("helps", WAVERING, "higher"), *FIRST[1:]], 61.4)
    write(book, "12_second", "Second chapter", [*SECOND, *FIRST[1:]], 20.2)
    said = [build_book(book) for _ in range(2)]
    for built in said:
        assert built.returncode != 0
        assert (
            'claim helps is written as "supported" here, '
            'but the evidence says "no difference found": 0.0000'
        ) in built.stderr
        assert re.search(r"verdicts\.md:\d+: WARNING: claim helps is written as", built.stderr)
        assert "does-nothing is shown twice: in notebooks/11_first and in" in built.stderr
        assert built.stderr.count("is written as") == 1

    write(book, "11_first", "First chapter", FIRST, 61.4)
    write(book, "12_second", "Second chapter", SECOND, 20.2)
    wrong = (
        "{not-supported}`helps` {effect}`hurst` {claim-count}`most`\n\n## {control}`helps`\n"
        "```{effects-figure}\n:title: x\nhelps: label\n```\n"
    )
    (book / "book" / "verdicts.md").write_text(PAGE + wrong)
    built = build_book(book)
    (book / "book" / "verdicts.md").write_text(PAGE)
    assert built.returncode != 0
    for said in (
        'claim helps is written as "not supported" here, but the evidence says "supported"',
        "there is no claim hurst; the nearest is hurts",
        "claim-count takes one of: all, supported, not supported, no difference found, seeds",
        "a heading cannot hold evidence",
        "effects-figure needs the option xlabel",
    ):
        assert said in built.stderr, said
