"""What pages say about claims comes from the chapters, and a wrong verdict fails the build."""

# Pages show real minus signs.
# ruff: noqa: RUF001

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser

import course_claims
import nbformat
import numpy as np
import pytest

from tests.conftest import build_book, copy_course
from tests.notebook_runs import ROOT
from tests.test_book import HOME, Loads, keep_only, tiny
from utils.claims import BADGES, VERDICTS, Claim, confidence_interval

pytestmark = pytest.mark.slow

CONTROL = 0.9
WAVERING = [0.01, -0.01] * 10
UNSURE = [0.05, -0.035] * 10
# For each chapter its claims: id, differences of the seeds, and those after half of 40 epochs, or
# None where the claim has no budget.
FIRST = [("helps", [0.038] * 20, None), ("does-nothing", WAVERING, WAVERING)]
SECOND = [("hurts", [-0.25] * 24, [0.04] * 24), ("unsure", UNSURE, None)]

# Not the home page: Sphinx writes that one again with each chapter that it lists.
PAGE = f"""{HOME}
- A: {{supported}}`helps`
- B: {{no-difference}}`does-nothing`
- C: {{opposite}}`the sentence is wrong <hurts>` after {{epochs}}`hurts` epochs
- D: {{claim}}`hurts`
- E: {{claim}}`see there <helps>`
- F: {{effect}}`helps`
- G: {{effect}}`does-nothing`
- H: {{effect-only}}`hurts` at epoch 40, {{at-half}}`hurts` before
- I: {{treatment}}`helps` and {{control}}`helps`
- J: {{claim-count}}`all`, {{claim-count}}`supported`, {{claim-count}}`opposite found`,
  {{claim-count}}`no difference`, {{claim-count}}`undecided`, {{claim-count}}`seeds`
- K: {{claim-count}}`lasts`, {{claim-count}}`depends on the epochs`, {{claim-count}}`no budget`
- L: {{undecided}}`unsure`

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

```{{all-effects}}
```

```{{chapter-card}} notebooks/12_second
:question: Does it hurt?
:effects: with help = helps; with <harm> = hurts
Yes, {{opposite}}`hurts` after 40 epochs.
```
"""


def guess(chapter, under, claim):
    effect = {"claim": claim, "label": "x", "reach": 1}
    return {"chapter": chapter, "under": under, "ask": "x", "effects": [effect]}


GUESSES = {
    "gone": guess("11_first", "First chapter", "helped"),
    "homeless": guess("12_second", "Second", "hurts"),
}


def chapter(title, claims, seconds):
    cells = [
        f"""
import numpy as np
from utils.claims import Claim
from utils.measures import Measurement
last, half = {differences!r}, {half!r}
columns = [last] if half is None else [half, last]
epochs = (1,) if half is None else (20, 40)
Claim(
    {name!r}, {name!r}, "accuracy <b>of</b> nets", metric="accuracy", direction="higher",
    treatment=Measurement({CONTROL} + np.array(columns).T, epochs), control={CONTROL},
    seeds=range(len(last)), comparisons=2,
)"""
        for name, differences, half in claims
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
        "B: no difference",
        "C: the sentence is wrong after 40 epochs",
        "D: After 40 epochs, hurts lowered the accuracy <b>of</b> nets.",
        "E: see there",
        "F: +0.038 (95 % interval +0.038 to +0.038; 20 seeds)",
        f"G: 0.0000 (95 % interval −{-low:.4f} to +{high:.4f}; 20 seeds)",
        "H: −0.250 at epoch 40, +0.040 before",
        "I: 0.938 and 0.900",
        "J: 4, 1, 1, 1, 1, 20",
        "K: 1, 1, 2",
        "L: undecided",
    ):
        assert page.row(expected[:2]) == expected


def test_verdicts_and_claims_are_links_to_the_boxes_in_chapters(book):
    links = [link for link in Page(built_page(book)).links if "#claim-" in link.get("href", "")]
    in_prose = [(link["href"], link["class"].split()[:-2], link["title"]) for link in links[:5]]
    chapters = "../notebooks/11_first.html", "../notebooks/12_second.html"
    helps, hurts = f"{chapters[0]}#claim-helps", f"{chapters[1]}#claim-hurts"
    raised = "Helps raised the accuracy <b>of</b> nets."
    lowered = "After 40 epochs, hurts lowered the accuracy <b>of</b> nets."
    same = "Does-nothing changed the accuracy <b>of</b> nets by less than 0.01."
    assert in_prose == [
        (helps, ["verdict", "verdict-supported"], raised),
        (f"{chapters[0]}#claim-does-nothing", ["verdict", "verdict-no-difference"], same),
        (hurts, ["verdict", "verdict-opposite"], lowered),
        (hurts, ["claim-link"], lowered),
        (helps, ["claim-link"], raised),
    ]
    for link in links:
        target, _, anchor = link["href"].partition("#")
        assert f'id="{anchor}"' in (built_page(book).parent / target).read_text()


def test_the_table_of_evidence_has_a_row_for_each_claim_in_reading_order(book):
    data = "".join(rf' data-{name}="(.*?)"' for name in ("verdict", "lasts", "chapter"))
    rows = re.findall(f'<tr role="row"{data}>', read(book))
    assert rows == [
        ("supported", "no budget", "11_first"),
        ("no difference", "lasts", "11_first"),
        ("opposite found", "depends on the epochs", "12_second"),
        ("undecided", "no budget", "12_second"),
    ]
    page = Page(built_page(book))
    row = page.row("After 40 epochs, hurts lowered the accuracy <b>of</b> nets.")
    for part in (
        "✗ opposite found −0.250 depends on the epochs Second chapter: hurts",
        "accuracy −0.250 (95 % interval −0.250 to −0.250; 24 seeds); ",
        "−0.250 to −0.250 allowing for all 2 claims made together; ",
        "no more than 0.01 counts as none. ",
        "Expected: Hurts raises the accuracy <b>of</b> nets.",
        "Budget: 40 epochs; +0.040 after 20: supported. ",
        "papermill notebooks/12_second.ipynb out.ipynb",
    ):
        assert part in row
    assert "Budget: 40 epochs; 0.0000 after 20: no difference." in page.row("Does-nothing changed")
    assert "no budget" in page.row("Helps raised")


def test_the_plot_of_all_effects_sorts_marks_of_claims_by_multiples_of_what_counts(book):
    panels = re.findall(r'<svg [^>]*role="group".*?</svg>', read(book), flags=re.S)
    mark = (
        r'#claim-([\w-]+)" class="verdict-([\w-]+)".*?<title>(.*?)</title>'
        r'.*?class="mark" d="M([\d.]+)'
    )
    first, second = (re.findall(mark, panel, flags=re.S) for panel in panels)
    assert [one[:2] for one in first] == [
        ("helps", "supported"), ("does-nothing", "no-difference"),
    ]  # fmt: skip
    assert [one[:2] for one in second] == [("unsure", "undecided"), ("hurts", "opposite")]
    helps, nothing, unsure, hurts = (float(one[3]) for one in first + second)
    unit = (helps - nothing) / (1 + math.log10(3.8))
    assert unsure - nothing == pytest.approx(0.75 * unit, abs=0.1)
    assert nothing - hurts == pytest.approx((1 + math.log10(25)) * unit, abs=0.1)
    assert second[1][2] == (
        "After 40 epochs, hurts lowered the accuracy &lt;b&gt;of&lt;/b&gt; nets. "
        "−0.250 (95 % interval −0.250 to −0.250; 24 seeds)"
    )


def test_the_card_of_a_chapter_asks_answers_and_shows_effects(book):
    card = re.search(r'<div class="[^"]*chapter-card .*?</svg>', read(book), flags=re.S)[0]
    assert re.search(r'href="../notebooks/12_second.html"><span[^>]*>Does it hurt\?', card)
    assert '<p class="chapter-card-name">Second chapter</p>' in card
    assert (
        'aria-label="Effects on accuracy with their intervals. with help: +0.038, supported; '
        in (card)
    )
    assert 'with &lt;harm&gt;: −0.250, opposite found."' in card
    places = dict(re.findall(r'class="verdict-(\w+)"><text.*?class="mark" d="M([\d.]+)', card))
    zero = float(re.search(r'class="zero" d="M([\d.]+)', card)[1])
    away = {verdict: float(place) - zero for verdict, place in places.items()}
    assert away["opposite"] == pytest.approx(away["supported"] * -250 / 38, rel=0.02)


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
        "with harm: −0.250, 95 % interval −0.250 to −0.250, opposite found."
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
        ("", ["helps", "does-nothing", "hurts", "unsure"]),
        ("?verdict=opposite+found", ["hurts"]),
        ("?lasts=lasts", ["does-nothing"]),
        ("?lasts=no+budget&chapter=12_second", ["unsure"]),
        ("?chapter=11_first&verdict=supported", ["helps"]),
        ("?words=ACCURACY+nothing", ["does-nothing"]),
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
    assert f"{len(shown)} of 4 claims</p>" in page


# The tests below change the book; each leaves it as it was, but not built again.


def test_changed_evidence_is_shown_on_a_page_that_was_not_edited(book):
    before = built_page(book).stat().st_mtime_ns
    assert build_book(book).returncode == 0
    assert built_page(book).stat().st_mtime_ns == before, "nothing changed, so nothing is written"

    write(book, "11_first", "Renamed chapter", [("helps", [0.05] * 20, None), FIRST[1]], 90)
    built = build_book(book)
    write(book, "11_first", "First chapter", FIRST, 61.4)
    assert built.returncode == 0, (built.stdout + built.stderr)[-4000:]
    page = Page(built_page(book))
    assert page.row("F:") == "F: +0.050 (95 % interval +0.050 to +0.050; 20 seeds)"
    assert "+0.050" in page.row("Helps raised")
    assert page.row("Renamed chapter 90") == "Renamed chapter 90 512"
    assert "with help: +0.050" in read(book)
    assert "+0.038" not in read(book)


def test_wrong_verdicts_and_unknown_names_fail_every_build(book):
    """Only the chapter changes first: the page that states its verdict is not edited."""
    write(book, "11_first", "First chapter", [("helps", WAVERING, None), *FIRST[1:]], 61.4)
    write(book, "12_second", "Second chapter", [*SECOND, *FIRST[1:]], 20.2)
    said = [build_book(book) for _ in range(2)]
    for built in said:
        assert built.returncode != 0
        assert (
            'claim helps is written as "supported" here, '
            'but the evidence says "no difference": 0.0000'
        ) in built.stderr
        assert re.search(r"verdicts\.md:\d+: WARNING: claim helps is written as", built.stderr)
        assert "does-nothing is shown twice: in notebooks/11_first and in" in built.stderr
        assert built.stderr.count("is written as") == 1

    write(book, "11_first", "First chapter", FIRST, 61.4)
    write(book, "12_second", "Second chapter", SECOND, 20.2)
    wrong = (
        "{opposite}`helps` {effect}`hurst` {claim-count}`most` {epochs}`helps` {at-half}`unsure`\n"
        "\n## {control}`helps`\n"
        "```{effects-figure}\n:title: x\nhelps: label\n```\n"
        "```{guess} goon\n```\n"
        "```{chapter-card} notebooks/12_second\n:question: x\n:effects: a = hepls\n```\n"
        "```{chapter-card} notebooks/12_second\n:question: x\n:effects: a helps\n```\n"
    )
    (book / "book" / "verdicts.md").write_text(PAGE + wrong)
    (book / "book" / "guesses.yml").write_text(json.dumps(GUESSES))
    built = build_book(book)
    (book / "book" / "verdicts.md").write_text(PAGE)
    (book / "book" / "guesses.yml").write_text("{}")
    assert built.returncode != 0
    for said in (
        'claim helps is written as "opposite found" here, but the evidence says "supported"',
        "there is no claim hurst; the nearest is hurts",
        "claim-count takes one of: all, supported, opposite found, no difference, undecided, "
        "seeds, lasts, depends on the epochs, no budget",
        "claim helps has no budget: it was measured once",
        "claim unsure has no budget",
        "a heading cannot hold evidence",
        "effects-figure needs the option xlabel",
        "WARNING: guess gone: there is no claim helped; the nearest is helps",
        "guess homeless: the chapter has no heading 'Second'; the nearest is Second chapter",
        "there is no guess goon; the nearest is gone",
        "there is no claim hepls",
        "effects are `label = id; label = id`, each with a label of its own",
    ):
        assert said in built.stderr, said


TABLE = "\n| a | b |\n| --- | --- |\n"


def test_what_depends_on_the_epochs_is_said_with_them_or_fails_the_build(book):
    silent = [
        "The sentence is {opposite}`hurts`.",
        "Epochs are in another paragraph.\n\nIt was {effect}`hurts`.",
        "- item {effect-only}`hurts`\n- epochs are in another item",
        "- item {at-half}`hurts`\n  - epochs are in an item below",
        f"{TABLE}| {{treatment}}`hurts` | epochs are in another cell |",
        "Not of this claim: epochal {control}`hurts`.",
    ]
    named = [
        "After 40 epochs it was {opposite}`hurts`.",
        "{effect}`hurts` after an Epoch",
        "It was {opposite}`worse after 40 epochs <hurts>`.",
        "It was {opposite}`hurts` ({epochs}`hurts` passes).",
        "{claim}`hurts` That is {effect-only}`hurts`.",
        "- {at-half}`hurts`, of the same item\n\n  whose second paragraph says epochs",
        f"{TABLE}| {{treatment}}`hurts` after 40 epochs | x |",
        "These do not depend on it: {claim}`x <hurts>`, {supported}`helps`, {effect}`helps`.",
    ]
    page = book / "book" / "verdicts.md"

    def said(texts):
        page.write_text(HOME + "\n\n%\n\n".join(texts) + "\n")
        built = build_book(book)
        return built.returncode, re.findall(r"WARNING: (claim .*)", built.stderr), built.stderr

    try:
        status, warnings, _ = said(named)
        assert (status, warnings) == (0, [])
        status, warnings, stderr = said([*silent, *named])
    finally:
        page.write_text(PAGE)
    assert status != 0
    assert len(warnings) == len(silent), stderr
    assert warnings[0].startswith(
        "claim hurts depends on the epochs (−0.250 after 40, +0.040 after 20): say for how many it "
        "holds in the same paragraph, list item or table cell, such as after {epochs}`hurts` epochs"
    )


def test_claims_in_chapters_have_the_colours_of_their_verdicts():
    style = (ROOT / "book" / "static" / "claims.css").read_text()
    for verdict, role in course_claims.ROLES.items():
        selectors = f':is(.verdict-{role}, div.claim[style*="{BADGES[verdict]}"])'
        assert f"{selectors} {{\n  --verdict: var(--verdict-{role});" in style
        assert style.count(f"  --verdict-{role}: ") == 2  # for light and for dark pages


def test_a_run_that_does_not_agree_with_all_seeds_fails_the_build(book, tmp_path):
    other = tmp_path / "book"
    shutil.copytree(book, other)
    record = Claim(
        "unsure", "unsure", "accuracy", metric="accuracy", direction="higher",
        treatment=CONTROL + np.array(UNSURE), control=CONTROL, seeds=range(20), comparisons=2,
    ).record()  # fmt: skip
    notebook = chapter("Second chapter", SECOND, 20.2)
    cell = nbformat.v4.new_code_cell("None")
    shown = {"claim": record | {"again": record}}
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": "x"}, metadata=shown)]
    notebook.cells.append(cell)
    nbformat.write(notebook, other / "notebooks" / "12_second.ipynb")
    built = build_book(other)
    assert built.returncode != 0
    assert "claim unsure was found otherwise by the 20 seeds of this run" in built.stderr
