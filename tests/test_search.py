"""The search: the words that people type lead to the section that answers, in prose."""

from __future__ import annotations

import gzip
import json
import re

import course_search
import nbformat
import pytest
from playwright.sync_api import sync_playwright

from tests.notebook_runs import ROOT
from tests.test_site import CHROMIUM, Visit, served

pytestmark = pytest.mark.slow

KILOBYTES = 80  # of the index, compressed
QUESTIONS = ROOT / "book" / "questions.md"
ASKED = "book/questions.html#"
NAMES = (
    "01_overfitting",
    "02_dropout",
    "03_batch_normalization",
    "04_combining",
    "05_practical_tips",
)
CHAPTER = {k: f"notebooks/{name}.html#" for k, name in enumerate(NAMES, 1)}

FREEZING = [
    ASKED + "how-do-i-freeze-batch-normalization-for-fine-tuning",
    CHAPTER[3] + "fine-tuning",
]
ABOVE = [
    ASKED + "why-is-my-validation-loss-lower-than-my-training-loss-or-the-accuracy-higher",
    CHAPTER[2] + "training-accuracy-below-validation-accuracy-a-bug",
]
EVALUATED = [ASKED + "why-does-evaluate-give-another-loss-than-fit"]
TWO_MODES = [
    ASKED + "why-do-losses-differ-on-the-same-rows-with-batch-normalization",
    CHAPTER[3] + "the-same-thing-in-keras-in-two-modes",
]
RESTORED = [
    ASKED + "does-earlystopping-restore-the-best-weights-when-training-reaches-the-last-epoch"
]
PENALTY = [
    ASKED + "how-do-i-watch-the-loss-without-the-l2-penalty",
    CHAPTER[5] + "beware-of-the-penalty-in-val-loss",
]
KEPT = [
    ASKED + "is-the-rate-of-dropout-the-share-that-is-dropped-or-the-keep-probability",
    CHAPTER[2] + "a-mistake-to-unlearn",
]
MASKS = [
    ASKED + "how-do-i-use-monte-carlo-dropout-with-masks-on-at-prediction",
    CHAPTER[2] + "masks-at-test-time-in-plain-keras",
]
DECAY = [
    ASKED + "is-weight-decay-the-same-as-l2",
    CHAPTER[5] + "l2-is-weight-decay-from-scratch",
]
EXCLUDED = [ASKED + "how-do-i-exclude-biases-and-normalization-from-weight-decay"]
RECURRENT = [ASKED + "where-does-dropout-go-in-an-lstm"]
MISTYPED = [ASKED + "why-is-a-mistyped-papermill-parameter-ignored"]
INFERENCE = [CHAPTER[3] + "inference-what-the-layer-costs-and-how-to-remove-it", *TWO_MODES]

# What people type, and the sections of which one has to come first.
QUERIES = {
    "losses differ on the same rows with BN": TWO_MODES,
    "freeze": FREEZING,
    "unfreeze": FREEZING,
    "trainable": FREEZING,
    "how to freeze batchnorm": FREEZING,
    "validation above training accuracy": ABOVE,
    "val loss lower than training loss": ABOVE,
    "val_acc higher than train acc": ABOVE,
    "evaluate differs from fit": EVALUATED,
    "fit vs evaluate": EVALUATED,
    "best weights not restored at the last epoch": RESTORED,
    "restore_best_weights": RESTORED,
    "restoring the best weight": RESTORED,
    "a loss without the penalty": PENALTY,
    "val_loss without regularization loss": PENALTY,
    "keep_prob": KEPT,
    "keep rate": KEPT,
    "rate or keep probability": KEPT,
    "Monte Carlo dropout": MASKS,
    "MC dropout": MASKS,
    "dropout at prediction": MASKS,
    "weight decay against L2": DECAY,
    "AdamW vs L2": DECAY,
    "exclude biases from weight decay": EXCLUDED,
    "dropout in an LSTM": RECURRENT,
    "recurrent_dropout GRU": RECURRENT,
    "mistyped papermill parameter is ignored": MISTYPED,
    "batchnorm inference": INFERENCE,
    "EarlyStopping": [CHAPTER[1] + "early-stopping"],
    "BN before or after relu activation": [
        CHAPTER[3] + "before-or-after-the-activation",
        ASKED + "does-batch-normalization-go-before-or-after-the-activation",
    ],
    "set_random_seed": [
        ASKED + "why-does-training-change-when-i-set-a-random-seed",
        "book/how_evidence_is_made.html#a-seed-can-change-the-training",
    ],
    "is BN a regularizer": [
        ASKED + "is-batch-normalization-a-regularizer",
        CHAPTER[3] + "is-it-a-regularizer",
    ],
    "double descent": [CHAPTER[1] + "a-second-descent", "book/glossary.html#term-Double-descent"],
    "inverted dropout": ["book/glossary.html#term-Inverted-dropout"],
    "cross-entropy": [CHAPTER[1] + "a-network-in-keras"],
    "overfitting": [CHAPTER[1][:-1]],
    "batch normalisation": [CHAPTER[3][:-1]],
}


@pytest.fixture(scope="module")
def html(built_book):
    return built_book / "_build" / "html"


@pytest.fixture(scope="module")
def index(html):
    text = (html / course_search.FILE).read_text(encoding="utf-8")
    return json.loads(text.removeprefix("courseSearch(").removesuffix(");\n"))


@pytest.fixture(scope="module")
def page(html):
    """The search page in Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium; CHROME_PATH names one")
    with sync_playwright() as playwright, served(html) as address:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        with Visit(browser, f"{address}search.html?q=dropout") as visit:
            yield visit.page
            assert not visit.faults
            assert not [url for url in visit.asked if not url.startswith(address)]
        browser.close()


def ask(page, words):
    """Type words into the field; the addresses of what is found, in their order."""
    field = page.locator(".bd-search-container input[name=q]")
    field.fill(words)
    field.press("Enter")
    return page.eval_on_selector_all(
        "#search-sections a", "all => all.map((one) => one.getAttribute('href'))"
    )


def test_the_words_of_an_address_are_searched_for(page):
    assert page.locator(".bd-search-container input[name=q]").input_value() == "dropout"
    first = page.locator("#search-sections li").first
    assert first.locator("a").get_attribute("href") == "notebooks/02_dropout.html"
    assert first.locator("mark").count()


def test_what_people_type_finds_its_section_first(page):
    assert len(QUERIES) >= 20
    found = {words: (ask(page, words) or [None])[0] for words in QUERIES}
    assert not {words: one for words, one in found.items() if one not in QUERIES[words]}


def test_each_question_finds_itself(page, index):
    (sections,) = [all_ for address, _, all_ in index["pages"] if address == ASKED[:-1]]
    questions = [(anchor, heading) for anchor, heading, _ in sections if heading.endswith("?")]
    assert 15 <= len(questions) <= 25
    found = {anchor: ask(page, heading)[0] for anchor, heading in questions}
    right = {place for places in QUERIES.values() for place in places}  # chapters that answer
    assert not {anchor: one for anchor, one in found.items() if one not in {ASKED + anchor, *right}}


@pytest.mark.parametrize("words", ["inverted dropout", "bias variance", "fold it away"])
def test_exercises_come_after_chapters(page, words):
    kinds = [address.split("/")[1] for address in ask(page, words)]
    first = {kind: kinds.index(kind) for kind in ("exercises", "solutions") if kind in kinds}
    chapter = next(k for k, kind in enumerate(kinds) if re.match(r"\d\d_", kind))
    assert all(chapter < place for place in first.values())


def test_who_asks_for_exercises_gets_them(page):
    assert ask(page, "exercise inverted dropout")[0].startswith("notebooks/exercises/02_dropout")


def test_the_count_is_told_and_the_address_can_be_shared(page):
    count = page.locator("#search-count")
    assert count.get_attribute("role") == "status"
    found = ask(page, "keep_prob")
    assert count.inner_text() == f"{len(found)} sections found."
    assert page.url.endswith("?q=keep_prob")
    assert ask(page, "xylophone") == []
    assert count.inner_text().startswith("No section has these words")
    assert ask(page, "") == []
    assert count.inner_text() == ""


def test_results_come_while_one_types_and_the_keyboard_leads_to_the_section(page):
    field = page.locator(".bd-search-container input[name=q]")
    field.fill("")
    field.press_sequentially("unfreez")
    page.wait_for_url("**/search.html?q=unfreez")
    field.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") in FREEZING
    before = page.url
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r".*#.*"))
    anchor = page.url.split("#")[1]
    assert page.evaluate(f"document.getElementById('{anchor}').getBoundingClientRect().top") < 300
    page.goto(before)


def test_what_is_typed_never_becomes_a_tag(page):
    assert ask(page, "<img src=x onerror=alert(1)> dropout")
    assert page.locator(".bd-search-container img").count() == 0


def test_without_scripts_a_sentence_leads_on(html):
    text = (html / "search.html").read_text(encoding="utf-8")
    sentence = re.search(r"<noscript>\s*<p>(.*?)</p>\s*</noscript>", text, re.S)[1]
    assert 'href="book/questions.html"' in sentence
    main = text[text.index("<main") : text.index("</main>")]
    assert "<script" not in main, "an inline script, which a content security policy would stop"


# The index


def test_only_the_search_page_loads_the_index_and_it_is_small(html):
    loading = [p for p in html.rglob("*.html") if course_search.FILE in p.read_text("utf-8")]
    assert [path.name for path in loading] == ["search.html"]
    packed = gzip.compress((html / course_search.FILE).read_bytes())
    assert len(packed) / 1000 < KILOBYTES


def test_every_address_of_the_index_exists(html, index):
    assert len(index["pages"]) >= 25
    for address, _, sections in index["pages"]:
        text = (html / address).read_text(encoding="utf-8")
        ids = set(re.findall(r'id="([^"]+)"', text))
        assert not [anchor for anchor, _, _ in sections if anchor and anchor not in ids], address
        assert all(heading for _, heading, _ in sections), address


def test_prose_is_indexed_and_code_and_outputs_are_not(index):
    prose = {
        address: "\n".join(text for _, _, text in sections)
        for address, _, sections in index["pages"]
    }
    for name in NAMES[:3]:
        words = prose[f"notebooks/{name}.html"]
        notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        code = [c.source for c in notebook.cells if c.cell_type == "code"]
        lines = [line.strip() for source in code for line in source.splitlines()]
        assert not [line for line in lines if len(line) > 30 and line in words]
        printed = [o["text"] for c in notebook.cells for o in c.get("outputs", []) if "text" in o]
        assert printed
        assert not [text for text in printed if len(text) > 30 and text.strip() in words]
        paragraphs = [c.source.split("\n\n")[1] for c in notebook.cells[:1]]
        beginning = " ".join(paragraphs[0].replace("**", "").split()[:6])
        assert beginning in words


PAGE = """<article><section id="top"><h1>1. Title<a class="headerlink">#</a></h1><p>First.</p>
<div class="cell"><pre>x = 1</pre><p>output</p></div>
<section id="part"><h2>Part</h2><ul><li><p>One</p><ul><li><p>Two</p></li></ul></li></ul>
<dl><dt id="term-Mask">Mask</dt><dd><p>Zeros and ones.</p></dd></dl>
</section></section></article>"""


def test_sections_are_read_off_a_page():
    assert course_search.sections_of(PAGE) == [
        ["", "1. Title", "First."],
        ["part", "Part", "One\nTwo"],
        ["term-Mask", "Mask", "Zeros and ones."],
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- [BN]", "['BN'] is not a list of at least two texts"),
        ("- BN", "'BN' is not a list"),
        ("- [0.5, half]", "[0.5, 'half'] is not a list"),
        ("- [BN, batchnorm]\n- [bn, batch norm]", "'bn' stands there twice, in the lines of 'BN'"),
        ("", "None is not a list of lines"),
        ("- [BN, batchnorm", "is not YAML"),
    ],
)
def test_synonyms_that_cannot_be_read_are_told(tmp_path, text, told):
    (tmp_path / "synonyms.yml").write_text(text)
    with pytest.raises(ValueError, match=re.escape(told)) as error:
        course_search.read_synonyms(tmp_path / "synonyms.yml")
    assert "\n" not in str(error.value)


def test_synonyms_that_lead_nowhere_are_told():
    pages = [["a.html", 1, [["", "Batch normalization", "Rescales each unit."]]]]
    lines = [["batch-normalization", "BN"], ["zebra", "giraffe"]]
    assert course_search.leading_nowhere(lines, pages) == [["zebra", "giraffe"]]


def test_each_answer_has_two_sentences_and_a_link():
    parts = re.split(r"^### .+\n", QUESTIONS.read_text(encoding="utf-8"), flags=re.M)[1:]
    for part in parts:
        answer = re.split(r"^## ", part, flags=re.M)[0].strip()
        assert len(answer.splitlines()) == 2, answer  # a sentence in each line
        assert re.search(r"\]\((\.\./notebooks/|\w+\.md|home)", answer), answer
