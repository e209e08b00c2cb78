"""The site as browsers show it, in a system's Chromium, from a local server in a subfolder.

Chromium is taken from the environment variable CHROME_PATH or from the path.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import json
import os
import random
import re
import shutil
import threading
from urllib.parse import quote, urlencode

import course_chapter_playgrounds
import nbformat
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from course_claims import effect_text, interval_text
from playwright.sync_api import expect, sync_playwright

from benchmarks.lighthouse import CHAPTER_KB, PAGE_KB, SHIFT
from tests.notebook_runs import ROOT, chapters
from utils import atlas
from utils.chapters import claims_of

# As on the site's own host, so that the page for missing addresses finds its sheets, too.
SUBFOLDER = "deep-learning-regularization-techniques"
CHROMIUM = next(
    filter(
        None,
        [
            os.environ.get("CHROME_PATH"),
            *map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome")),
        ],
    ),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium; CHROME_PATH names one"),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def served(root):
    """Address at which a folder is served."""
    handler = functools.partial(Quiet, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def site(built_book, tmp_path_factory):
    """Address of the built site."""
    root = tmp_path_factory.mktemp("server")
    shutil.copytree(built_book / "_build" / "html", root / SUBFOLDER)
    with served(root) as address:
        yield f"{address}{SUBFOLDER}/"


@pytest.fixture(scope="module")
def addresses(built_book):
    html = built_book / "_build" / "html"
    found = [path.relative_to(html).as_posix() for path in sorted(html.rglob("*.html"))]
    left_out = ("index.html", "_static")  # the first page only leads to the home page
    return [name for name in found if not name.startswith(left_out)]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


class Visit:
    """A page with what went wrong on it and what it asked for."""

    def __init__(self, browser, address, **settings):
        # Colours that still change while axe looks would be faults at random.
        self.context = browser.new_context(**{"reduced_motion": "reduce"} | settings)
        self.page = self.context.new_page()
        self.faults, self.asked = [], []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("requestfailed", lambda request: self.faults.append(request.url))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address, wait_until="load")

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


def lay_out_everything(page):
    """Sections far away as well, which axe passes over and no width counts otherwise."""
    page.evaluate(
        "document.querySelectorAll('section').forEach((one) => {"
        " one.style.contentVisibility = 'visible'; })"
    )


def open_everything(page):
    """Question all figures, and unfold what is folded."""
    lay_out_everything(page)
    for button in page.locator(".figure-live-button").all():
        button.click()
    # Not `wait_for_function`: the pages' policy does not let it evaluate text.
    live = page.locator(".figure-live-button").count()
    expect(page.locator(".figure-questioned")).to_have_count(live)
    page.evaluate("document.querySelectorAll('details').forEach((all) => { all.open = true; })")


# A dark page differs in its colours only.
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
# What looks like what came before, and takes axe longer than all that remains: rows of a figure's
# table, and all but the first words of code, rows of the evidence and cells of the atlas that have
# the same classes in surroundings of the same classes.
THIN_OUT = """() => {
  const seen = new Map();
  for (const one of document.querySelectorAll(
    ".figure-data tr:nth-child(n+4), .highlight pre > span, .evidence-table tr, .bd-article td")) {
    const within = [...one.querySelectorAll("[class]")].map((part) => part.getAttribute("class"));
    const around = [one.cellIndex, one.closest("tr")?.dataset.verdict, ...within];
    for (let up = one; up; up = up.parentElement) around.push(up.getAttribute("class"));
    const look = around.join();
    seen.set(look, (seen.get(look) || 0) + 1);
    if (seen.get(look) <= 6 && !one.matches(".figure-data tr")) continue;
    if (one.matches("td")) one.replaceChildren();
    else one.remove();
  }
}"""


def violations(page, scheme):
    page.evaluate(THIN_OUT)
    options = {"resultTypes": ["violations"]} | RULES[scheme]
    return Axe().run(page, options=options).response["violations"]


def test_pages_load_without_faults_and_axe_finds_nothing(site, addresses, browser):
    assert len(addresses) >= 15
    found = {}
    for name in addresses:
        with Visit(browser, site + name, color_scheme="light") as visit:
            open_everything(visit.page)
            for scheme in RULES:
                visit.page.emulate_media(color_scheme=scheme)
                expect(visit.page.locator("html")).to_have_attribute("data-theme", scheme)
                if wrong := violations(visit.page, scheme):
                    found[name, scheme] = [(v["id"], v["nodes"][0]["html"][:200]) for v in wrong]
            assert not visit.faults, (name, visit.faults)
            elsewhere = [url for url in visit.asked if not url.startswith((site, "data:"))]
            assert not elsewhere, name
    assert not found


def test_nothing_is_wider_than_a_phone_or_cut_off(site, addresses, browser):
    wide, width = {}, 360
    for name in addresses:
        with Visit(browser, site + name, viewport={"width": width, "height": 800}) as visit:
            lay_out_everything(visit.page)
            edges = visit.page.eval_on_selector_all(
                ".bd-article img, .figure-data button",
                "all => all.map((one) => one.getBoundingClientRect().right)",
            )
            open_everything(visit.page)
            there = visit.page.evaluate("document.documentElement.scrollWidth")
            if max([there, *edges]) > width:
                wide[name] = max([there, *edges])
    assert not wide


# As pages come to a slow phone: how far they shift, signs of fonts for icons, what they asked for.
PHONE = {"viewport": {"width": 412, "height": 823}, "is_mobile": True, "has_touch": True}
SLOW = {"offline": False, "latency": 100, "downloadThroughput": 4e5, "uploadThroughput": 2e5}
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
GLYPHS = """() => [...document.querySelectorAll("*")].flatMap((element) =>
  ["::before", "::after"].filter((part) =>
    /[\\ue000-\\uf8ff]/.test(getComputedStyle(element, part).content)).map(
      (part) => element.outerHTML.slice(0, 100) + part))"""
AT_ONCE = 3  # pages on their way; most of the time is the slow line's


def weight(visit, root):
    """Bytes of a page and all that it asks for, each compressed as a server sends it."""
    pictures = visit.page.eval_on_selector_all("img", "all => all.map(image => image.src)")
    total = 0
    for url in {*visit.asked, *pictures} - {"about:blank"}:
        content = (root / url.split(f"/{SUBFOLDER}/")[1].split("?")[0].split("#")[0]).read_bytes()
        packed = url.split("?")[0].endswith((".woff2", ".png"))
        total += len(content if packed else gzip.compress(content))
    return total / 1000


@pytest.fixture(scope="module")
def on_a_slow_phone(site, built_book, addresses, browser):
    """For each page its shift, its weight in kilobytes, and what shows a sign of its own font."""
    found = {}
    for start in range(0, len(addresses), AT_ONCE):
        with contextlib.ExitStack() as visits:
            coming = {}
            for name in addresses[start : start + AT_ONCE]:
                visit = visits.enter_context(Visit(browser, "about:blank", **PHONE))
                visit.page.add_init_script(SHIFTS)
                line = visit.context.new_cdp_session(visit.page)
                line.send("Network.enable")
                line.send("Network.emulateNetworkConditions", SLOW)
                visit.page.goto(site + name, wait_until="commit")
                coming[name] = visit
            for name, visit in coming.items():
                visit.page.wait_for_load_state("load", timeout=120_000)
                visit.page.wait_for_timeout(300)
                found[name] = {
                    "shift": visit.page.evaluate("window.shifted"),
                    "kilobytes": weight(visit, built_book / "_build" / "html"),
                    "signs": visit.page.evaluate(GLYPHS),
                }
    return found


def test_pages_are_light(on_a_slow_phone):
    """With all their pictures, those further down as well."""
    heavy = {}
    for name, page in on_a_slow_phone.items():
        allowed = CHAPTER_KB if name.startswith("notebooks/") else PAGE_KB
        if page["kilobytes"] > allowed:
            heavy[name] = round(page["kilobytes"])
    assert not heavy


def test_nothing_shifts_while_a_page_loads_on_a_slow_phone(on_a_slow_phone):
    found = {name: page["shift"] for name, page in on_a_slow_phone.items()}
    assert not {name: round(shift, 3) for name, shift in found.items() if shift >= SHIFT}


def test_no_page_shows_a_sign_of_a_font_that_is_not_loaded(on_a_slow_phone):
    for name, page in on_a_slow_phone.items():
        assert not [text for text in page["signs"] if not text.startswith("<svg")], name


@pytest.mark.parametrize("waiting", [False, True], ids=["as it is", "sections wait on"])
@pytest.mark.parametrize("by", ["address", "click"])
def test_an_address_within_a_page_leads_there(site, browser, by, waiting):
    """Past sections that are not laid out, for a reader who has nothing against movement."""
    name, last = f"{site}notebooks/03_batch_normalization.html", "two-accidents"
    context = browser.new_context(reduced_motion="no-preference")
    if waiting:
        context.route("**/sections.js*", lambda route: route.abort())
    page = context.new_page()
    page.goto(name + (f"#{last}" if by == "address" else ""))
    if by == "click":
        far = "one => one.lastElementChild.checkVisibility({contentVisibilityAuto: true})"
        assert not (waiting and page.eval_on_selector(f"#{last}", far))
        page.locator(f"#pst-secondary-sidebar a[href='#{last}']").click()
    page.wait_for_timeout(2500)
    top = page.eval_on_selector(f"#{last}", "one => one.getBoundingClientRect().top")
    context.close()
    assert 0 <= top < 200


def test_a_block_that_fits_is_no_stop_of_the_tab_key_once_its_section_is_there(site, browser):
    with Visit(browser, f"{site}notebooks/03_batch_normalization.html") as visit:
        sections = visit.page.locator(".bd-article > section > section")
        expect(sections.last).to_have_css("content-visibility", "auto")
        visit.page.keyboard.press("Tab")
        expect(sections.last).to_have_css("content-visibility", "visible")
        visit.page.wait_for_timeout(1000)  # the theme takes its time
        stops = visit.page.eval_on_selector_all(
            "article pre:not(details:not([open]) pre)",
            "all => all.filter((one) => one.tabIndex === 0 && one.scrollWidth <= one.clientWidth"
            " && one.scrollHeight <= one.clientHeight).length",
        )
        assert stops == 0


def test_the_page_s_contents_mark_where_the_reader_is(site, browser):
    with Visit(browser, f"{site}notebooks/03_batch_normalization.html") as visit:
        expect(visit.page.locator("[data-bs-spy]")).to_have_count(0)  # nothing is asked on load
        visit.page.keyboard.press("Tab")
        sections = visit.page.locator(".bd-article > section > section")
        expect(sections.last).to_have_css("content-visibility", "visible")
        visit.page.locator("#two-accidents").evaluate("one => one.scrollIntoView()")
        here = visit.page.locator("#pst-secondary-sidebar a[href='#two-accidents']")
        expect(here).to_have_class(re.compile(r"\bactive\b"))


def test_icons_stand_in_the_pages_and_no_page_loads_the_script_of_all_icons(site, browser):
    with Visit(browser, f"{site}notebooks/02_dropout.html") as visit:
        assert not [url for url in visit.asked if "fontawesome" in url]
        assert len([url for url in visit.asked if url.split("?")[0].endswith(".css")]) == 1
        assert visit.page.locator("svg.course-icon").count() > 5
        assert visit.page.locator("[class*=fa-]:not(svg)").count() == 0
        height = visit.page.locator(".article-header-buttons svg").first.bounding_box()["height"]
        assert 10 < height < 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_their_colours_before_any_script_is_loaded(site, browser, scheme):
    border = "getComputedStyle(document.documentElement).getPropertyValue('--pst-color-border')"
    with Visit(browser, f"{site}book/home.html", color_scheme=scheme) as visit:
        visit.page.route("**/*.js*", lambda route: route.abort())
        visit.page.reload(wait_until="domcontentloaded")
        assert visit.page.evaluate("document.documentElement.dataset.theme") == scheme
        assert visit.page.evaluate(border)


def test_the_dark_switch_changes_the_page(site, browser):
    with Visit(browser, f"{site}book/home.html", color_scheme="light") as visit:
        theme = "document.documentElement.dataset.theme"
        before = visit.page.evaluate(theme)
        while visit.page.evaluate(theme) == before:
            visit.page.locator(".theme-switch-button").first.click()
        assert visit.page.evaluate(theme) == "dark"


# Figures that a reader can question


def still(page, k):
    return page.locator("img.course-figure").nth(k)


def buttons(page, kind):
    return page.locator(".figure-live-button", has_text=kind)


def question(page, kind, k=0):
    """Press the button of a figure; what is drawn then."""
    button = buttons(page, kind).nth(k)
    button.focus()
    page.keyboard.press("Enter")
    live = page.locator(".figure-questioned:not([hidden])").first
    live.wait_for()
    return live


def shown_numbers(live):
    rows = live.locator(".figure-values tr").all()
    texts = [(r.locator("th").inner_text(), r.locator("td").inner_text()) for r in rows]
    return {name.strip(): float(re.match(r"[\d.]+", value)[0]) for name, value in texts}


def stored_numbers(name, title):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    held = [o["metadata"]["figure"] for o in outputs if "figure" in o.get("metadata", {})]
    (found,) = [figure for figure in held if figure["title"] == title]
    return json.loads(found["numbers"])


CENTRAL = {
    "01_overfitting": "With wrong labels the test loss turns early, and steeply",
    "02_dropout": "With dropout the network takes over the wrong labels later and less",
    "03_batch_normalization": "Batch normalization learns the wrong labels first",
    "04_combining": "With right labels they meet; with wrong ones dropout keeps them up",
}


@pytest.mark.parametrize("name", CENTRAL)
def test_the_central_learning_curves_of_a_chapter_are_questioned_by_keyboard(site, browser, name):
    numbers = stored_numbers(name, CENTRAL[name])
    with Visit(browser, f"{site}notebooks/{name}.html") as visit:
        page = visit.page
        all_titles = page.locator("section", has=page.locator(".figure-live-button"))
        assert all_titles.count() >= 3
        found = None
        for k in range(buttons(page, "bands").count()):
            live = question(page, "bands", k)
            if live.get_attribute("aria-label") == CENTRAL[name]:
                found = live
                break
            page.keyboard.press("Enter")  # back to the still picture
        assert found is not None
        curves = [(p["heading"], c) for p in numbers["panels"] for c in p["curves"]]
        labels = list(dict.fromkeys(c["label"] for _, c in curves))

        # Values are read with the arrow keys.
        live.locator("input[type=range]").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        for heading, curve in curves:
            key = ", ".join(filter(None, [heading, curve["label"]]))
            assert shown_numbers(live)[key] == pytest.approx(curve["band"][0][1], rel=6e-3)
        said = live.locator("input[type=range]").get_attribute("aria-valuetext")
        assert said.startswith(f"At epoch {numbers['x'][1]:g}: ")

        # Bands, seeds and curves are switched with the space bar.
        seeds = sum(len(curve["replicates"]) for _, curve in curves)
        for part, before, after in [("band", len(curves), 0), ("seeds", 0, seeds)]:
            drawn = live.locator(f"path.figure-{part.removesuffix('s')}")
            assert drawn.count() == before
            live.locator(f"input[name={part}]").focus()
            page.keyboard.press("Space")
            assert drawn.count() == after
        live.locator("input[name=curve-0]").focus()
        page.keyboard.press("Space")
        left = [c for _, c in curves if c["label"] != labels[0]]
        assert len(shown_numbers(live)) == len(left)
        assert live.locator(".figure-panels path.figure-mean").count() == len(left)
        assert not visit.faults


def test_a_strip_shows_every_seed_of_an_arrangement(site, browser):
    title = "Four arrangements of the layers, with wrong labels"
    groups = stored_numbers("04_combining", title)["groups"]
    with Visit(browser, f"{site}notebooks/04_combining.html") as visit:
        live = question(visit.page, "seeds and")
        assert live.get_attribute("aria-label") == title
        assert live.locator("circle").count() == sum(len(g["replicates"]) for g in groups)
        live.locator("input[type=range]").focus()
        for _ in range(3):
            visit.page.keyboard.press("ArrowRight")
        assert shown_numbers(live) == {
            g["label"]: pytest.approx(g["replicates"][2], rel=6e-3) for g in groups
        }
        assert live.locator("circle.figure-chosen").count() == len(groups)
        live.locator("input[name=seeds]").uncheck()
        assert live.locator("circle").count() == len(groups)


def test_a_finger_reads_values_and_picks_seeds(site, browser):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True}
    with Visit(browser, f"{site}notebooks/02_dropout.html", **phone) as visit:
        for kind, part in (("bands", ".figure-panels svg"), ("seeds and", "circle")):
            live = question(visit.page, kind)
            before = live.locator(".figure-slider span").inner_text()
            live.locator(part).first.tap(force=True)  # dots overlap
            assert live.locator(".figure-slider span").inner_text() != before
            live.locator("input[name^=curve-]").first.uncheck()
            for box in live.locator("input[name^=curve-]").all():
                box.uncheck()
            assert live.locator(".figure-panels").inner_text() == "Nothing is chosen."
            buttons(visit.page, "Back to the still").click()
        assert not visit.faults


def test_numbers_that_cannot_be_loaded_are_reported(site, browser):
    with Visit(browser, f"{site}notebooks/02_dropout.html") as visit:
        visit.page.route("**/_static/figures/*", lambda route: route.abort())
        button = buttons(visit.page, "bands").first
        button.click()
        visit.page.get_by_text("The numbers could not be loaded").wait_for()
        visit.page.unroute("**/_static/figures/*")
        visit.page.get_by_text("The numbers could not be loaded").click()
        visit.page.locator(".figure-questioned").wait_for()


@pytest.mark.parametrize(
    ("name", "stages"),
    [("01_overfitting", 6), ("02_dropout", 6), ("03_batch_normalization", 4)],
)
def test_pictures_in_steps_move_only_when_the_reader_says_so(site, browser, name, stages):
    with Visit(browser, f"{site}notebooks/{name}.html") as visit:
        page = visit.page
        live = question(page, "Step through")
        status, picture = live.locator("[role=status]"), live.locator("img")
        places = set()
        for k in range(stages):
            assert status.inner_text().startswith(f"{k + 1} of {stages}: ")
            window, whole = live.locator(".figure-window").bounding_box(), picture.bounding_box()
            places.add((round(whole["x"] - window["x"]), round(whole["y"] - window["y"])))
            live.locator(".figure-next").focus()
            page.keyboard.press("Enter")
        assert len(places) == stages
        assert status.inner_text().startswith("1 of"), "after the last comes the first"
        live.locator(".figure-back").click()
        assert status.inner_text().startswith(f"{stages} of")
        # The reader of these tests wants reduced motion: nothing plays.
        assert live.locator(".figure-play").count() == 0
        buttons(page, "Back to the still").click()
        assert still(page, 0).is_visible()
        assert not visit.faults


def test_steps_play_on_request_and_stop(site, browser):
    settings = {"reduced_motion": "no-preference"}
    with Visit(browser, f"{site}notebooks/02_dropout.html", **settings) as visit:
        live = question(visit.page, "Step through")
        status = live.locator("[role=status]")
        visit.page.wait_for_timeout(1700)
        assert status.inner_text().startswith("1 of")
        live.locator(".figure-play").click()
        live.get_by_text(re.compile(r"^2 of 6: ")).wait_for()
        live.locator(".figure-play").click()
        stopped = status.inner_text()
        visit.page.wait_for_timeout(1700)
        assert status.inner_text() == stopped

        # It stops with the picture that it plays in.
        live.locator(".figure-play").click()
        buttons(visit.page, "Back to the still").click()
        visit.page.wait_for_timeout(1700)
        buttons(visit.page, "Step through").click()
        assert live.locator(".figure-play").inner_text() == "Play"


def test_every_figure_has_its_data_as_a_table_also_without_scripts(site, addresses, browser):
    figures = 0
    for name in addresses:
        with Visit(browser, site + name, java_script_enabled=False) as visit:
            pictures = visit.page.locator(".bd-article img.course-figure").count()
            tables = visit.page.locator(".figure-table table")
            assert tables.count() == pictures, name
            figures += pictures
            for button in visit.page.locator(".figure-live-button").all():
                assert not button.is_visible()
            if pictures:
                visit.page.locator(".figure-data summary").first.click()
                assert tables.first.is_visible()
    assert figures >= 30


# What a page may load and run


INJECTED = """
<script>document.title = "run"</script>
<img src="https://example.org/x.png" alt="">
<img src="data:," onerror="document.title = 'run'" alt="">
<iframe src="https://example.org/"></iframe><style>body { color: rgb(1, 2, 3) }</style>
"""


def looked_at(browser, address, text):
    """Whether a script ran, another host was asked, and a style held, where this text is served."""
    asked = []

    def refuse(route):
        asked.append(route.request.url)
        route.abort()

    context = browser.new_context()
    page = context.new_page()
    page.route(address, lambda route: route.fulfill(body=text, content_type="text/html"))
    page.route("https://example.org/**", refuse)
    page.goto(address, wait_until="load")
    colour = page.evaluate("getComputedStyle(document.body).color")
    seen = page.title() == "run", bool(asked), colour == "rgb(1, 2, 3)"
    context.close()
    return seen


def test_text_that_got_into_a_page_runs_nothing_and_loads_nothing(site, built_book, browser):
    """The policy of a page that is built, on that page with markup of a stranger in it."""
    built = (built_book / "_build" / "html" / "book" / "about.html").read_text(encoding="utf-8")
    attacked = built.replace("</article>", f"{INJECTED}</article>")
    naked = re.sub(r"<meta http-equiv=.Content-Security-Policy[^>]*>", "", attacked)
    assert naked != attacked != built
    assert looked_at(browser, f"{site}book/about.html", attacked) == (False, False, False)
    assert looked_at(browser, f"{site}book/about.html", naked) == (True, True, True)


def test_every_page_has_a_policy_that_allows_only_the_site_itself(built_book):
    html = built_book / "_build" / "html"
    for path in html.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        if "<head>" not in page:
            continue  # the first page leads to the home page and holds nothing
        before, policy = re.split(r'<meta http-equiv="Content-Security-Policy" content="', page)
        assert not re.search(r"<(script|link|style|img)\b", before), path
        allowed = dict(part.split(" ", 1) for part in policy.split('"/>')[0].split("; "))
        assert allowed.pop("style-src-attr") == "'unsafe-inline'"
        assert allowed["default-src"] == "'none'"
        for directive, sources in allowed.items():
            others = set(sources.split()) - {"'self'", "'none'", "'unsafe-hashes'"}
            assert all(one.startswith("'sha256-") or one == "data:" for one in others), directive


# Guesses


def said_of_guess(page, k, keys):
    """What is announced after a guess by keyboard: for each point the keys that move it."""
    guess = page.locator(".guess").nth(k)
    handles = guess.locator("[role=slider]")
    assert handles.count() == len(keys)
    for at, pressed in enumerate(keys):
        handles.nth(at).focus()
        for key in pressed:
            page.keyboard.press(key)
    guess.locator("button").focus()
    page.keyboard.press("Enter")
    assert guess.locator(".guess-truth").first.is_visible()
    return guess.locator("[role=status]").inner_text()


def test_a_guess_by_keyboard_is_answered_in_words_and_leaves_nothing_behind(site, browser):
    notebook = nbformat.read(ROOT / "notebooks" / "02_dropout.ipynb", as_version=4)
    records = claims_of(notebook, stored=True)
    wide, narrow = records["dropout-helps-wide-noisy"], records["dropout-narrow"]
    with Visit(browser, f"{site}notebooks/02_dropout.html") as visit:
        page = visit.page
        lay_out_everything(page)
        page.evaluate("document.fonts.ready.then(() => null)")  # of formulas further down
        asked = len(visit.asked)
        kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
        truth = page.locator(".guess-truth")
        assert not [one for one in truth.all() if one.is_visible()]

        said = said_of_guess(page, 1, [["PageUp", "PageUp"], [], ["End", "ArrowLeft"]])
        lines = said.splitlines()
        assert lines[0] == "1 of 3 guesses fits what was measured."
        (first,) = [line for line in lines if "wide network, wrong labels" in line]
        assert f"you expected +0.10, measured {effect_text(wide)} ({interval_text(wide)})" in first
        assert first.endswith("The sign was right, the size two times too large.")
        (last,) = [line for line in lines if "narrow network" in line]
        assert f"you expected +0.19, measured {effect_text(narrow)}" in last
        assert last.endswith("The sign was the other way round.")
        assert "Next to nothing, as you expected." in said

        said = said_of_guess(page, 0, [["Home"], *[["ArrowUp"] * 5] * 7])
        assert "goes from below to above zero between epochs" in said
        assert "yours goes from below to above zero between epochs 1 and 2" in said
        assert "after 200 epochs you expected +0.05" in said.lower()
        assert "Your guess lies in the interval." in said
        violations = Axe().run(page, context=".guess").response["violations"]
        assert not [(v["id"], v["nodes"][0]["html"][:200]) for v in violations]

        # The answer with its claim can be unfolded; a new guess begins where the first one did.
        guess = page.locator(".guess").nth(0)
        guess.locator("summary").click()
        assert guess.locator("a[href='#claim-dropout-helps-wide-noisy']").is_visible()
        guess.locator("summary").click()
        guess.locator("button").click()
        assert not truth.first.is_visible()
        assert guess.locator("[role=status]").inner_text() == ""
        values = guess.locator("[role=slider]").evaluate_all("all => all.map(x => x.ariaValueNow)")
        assert set(values) == {"0"}
        # Pictures are loaded when they come into view.
        assert not [url for url in visit.asked[asked:] if not url.endswith(".svg")]
        stored = "JSON.stringify([localStorage, sessionStorage, document.cookie])"
        assert page.evaluate(stored) == kept
        assert not visit.faults


def test_a_curve_is_drawn_with_the_pointer_and_an_effect_keeps_its_row(site, browser):
    with Visit(browser, f"{site}notebooks/02_dropout.html") as visit:
        page = visit.page

        def drag(k, start, end):
            guess = page.locator(".guess").nth(k)
            guess.scroll_into_view_if_needed()
            box = guess.locator(".guess-picture").bounding_box()
            handles = guess.locator("[role=slider]")
            for act, (x, y) in (("down", start), ("up", end)):
                page.mouse.move(box["x"] + x * box["width"], box["y"] + y)
                getattr(page.mouse, act)()
            return [float(h.get_attribute("aria-valuenow")) for h in handles.all()]

        # A jump from one corner to the other draws all that lies between.
        drawn = drag(0, (0, 220), (1, 0))
        assert drawn[0] == -0.2
        assert drawn[-1] == 0.2
        assert drawn == sorted(drawn)
        assert len(set(drawn)) == len(drawn)
        assert drag(1, (0.5, 27), (0.75, 107)) == [0.1, 0, 0]


def test_without_scripts_a_guess_is_a_question_with_a_folded_answer(site, browser):
    with Visit(browser, f"{site}notebooks/02_dropout.html", java_script_enabled=False) as visit:
        guess = visit.page.locator(".guess").nth(1)
        assert guess.locator(".guess-ask").is_visible()
        for part in ("button", "[role=slider] circle", ".guess-truth", "li"):
            assert not guess.locator(part).first.is_visible(), part
        guess.locator("summary").click()
        assert guess.locator("li a").count() == 3
        assert guess.locator("li a").first.is_visible()
        assert guess.locator(".guess-truth").first.is_visible()


HEIGHTS = """() => {
  const kinds = {
    figure: "img.course-figure, .figure-data, .guess",
    code: "div.cell_input, details.hide, div.cell_output",
    prose: "p, ul, ol, dl, table, h1, h2, h3, div.math",
    claim: "div.claim",
  };
  const found = { figure: 0, code: 0, prose: 0, claim: 0, first: Infinity };
  const look = (element) => {
    for (const child of element.children) {
      const box = child.getBoundingClientRect();
      const kind = Object.keys(kinds).find((one) => child.matches(kinds[one]));
      const holds = child.querySelector("img.course-figure, .claim");
      if (kind && !(kind === "code" && holds)) found[kind] += box.height;
      else look(child);
      if (kind === "figure" && box.height) found.first = Math.min(found.first, box.top + scrollY);
    }
  };
  look(document.querySelector(".bd-article"));
  return found;
}"""


@pytest.mark.parametrize("name", [path.stem for path in chapters()])
def test_a_chapter_shows_a_figure_early_and_less_code_than_prose_and_figures(site, browser, name):
    screen = {"width": 1366, "height": 768}
    with Visit(browser, f"{site}notebooks/{name}.html", viewport=screen) as visit:
        found = visit.page.evaluate(HEIGHTS)
        assert 0 < found["first"] <= 1.5 * screen["height"]
        assert 0 < found["code"] < found["prose"] + found["figure"]


# Menus, files, paper


FOCUS = """() => {
  const element = document.activeElement, box = element.getBoundingClientRect();
  const looks = getComputedStyle(element);
  const ring = looks.outlineStyle !== "none" && parseFloat(looks.outlineWidth) > 0;
  return {
    what: element.outerHTML.slice(0, 120), body: element === document.body,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
    ring: ring || looks.boxShadow !== "none",
  };
}"""


@pytest.mark.parametrize("name", ["book/home.html", "notebooks/02_dropout.html"])
def test_the_tab_key_reaches_everything_with_a_visible_focus(site, browser, name):
    with Visit(browser, site + name, viewport={"width": 1366, "height": 900}) as visit:
        stops = []
        for _ in range(60):
            visit.page.keyboard.press("Tab")
            found = visit.page.evaluate(FOCUS)
            if found["body"]:
                break
            stops.append(found)
        assert len(stops) >= 40
        assert not [stop["what"] for stop in stops if not (stop["seen"] and stop["ring"])]


@pytest.mark.parametrize("label", ["Launch interactive content", "Download this page"])
def test_a_menu_opens_and_is_left_by_keyboard(site, browser, label):
    with Visit(browser, f"{site}notebooks/02_dropout.html") as visit:
        page = visit.page
        page.locator(f"button[aria-label='{label}']").first.focus()
        page.keyboard.press("Enter")
        menu = page.locator(".dropdown-menu.show")
        assert menu.count() == 1
        page.keyboard.press("Tab")
        assert menu.locator(":focus").count() == 1
        page.keyboard.press("Escape")
        assert menu.count() == 0


def test_the_menu_of_a_phone_opens_and_closes_by_keyboard(site, browser):
    phone = {"viewport": {"width": 390, "height": 800}}
    with Visit(browser, f"{site}notebooks/02_dropout.html", **phone) as visit:
        page = visit.page
        link = page.get_by_role("link", name="Practical tips, put to the test").first
        assert not link.is_visible()
        page.locator("button.primary-toggle").first.focus()
        page.keyboard.press("Enter")
        link.wait_for(state="visible")
        page.keyboard.press("Escape")
        link.wait_for(state="hidden")


def test_pages_opened_as_files_work(built_book, browser):
    page = built_book / "_build" / "html" / "notebooks" / "02_dropout.html"
    with Visit(browser, page.as_uri()) as visit:
        assert question(visit.page, "bands").locator("path.figure-mean").count() > 0
        height = visit.page.locator(".katex").first.bounding_box()["height"]
        assert 10 < height < 60
        assert not visit.faults
    with Visit(browser, page.parents[1].joinpath("search.html").as_uri() + "?q=dropout") as visit:
        visit.page.wait_for_selector("#search-sections li")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_gets_dark_text_on_white_without_menus(site, browser, scheme):
    with Visit(browser, f"{site}notebooks/02_dropout.html", color_scheme=scheme) as visit:
        page = visit.page
        question(page, "Step through")
        page.emulate_media(media="print")
        assert not page.locator(".figure-questioned").is_visible()
        assert still(page, 0).is_visible()
        for part in (".bd-sidebar-primary", ".bd-header-article", ".figure-data", ".copybtn"):
            assert not page.locator(part).first.is_visible(), part
        colours = page.evaluate(
            """() => [...document.querySelectorAll("p, .highlight span, div.claim p, h1")].map(
              (one) => getComputedStyle(one).color.match(/\\d+/g).map(Number))"""
        )
        assert max(sum(colour[:3]) for colour in colours) < 3 * 128
        back = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(back) == "rgb(255, 255, 255)"


# All effects, cards and small playgrounds


HIGHEST = {1366: 9_000, 390: 18_000}  # pixels of the page of evidence


@pytest.mark.parametrize("width", HIGHEST)
def test_all_effects_are_read_by_pointer_and_keyboard_and_lead_to_cards(site, browser, width):
    touch = {"has_touch": True, "is_mobile": True} if width < 500 else {}
    size = {"viewport": {"width": width, "height": 800}}
    with Visit(browser, f"{site}book/evidence.html", **size, **touch) as visit:
        page = visit.page
        assert page.evaluate("document.documentElement.scrollHeight") < HIGHEST[width]
        marks, read = page.locator(".effects-panel svg a"), page.locator(".effects-read")
        rows = page.locator(".evidence-table tbody tr a")
        addresses = [all.evaluate_all("all => all.map(a => a.getAttribute('href'))")
                     for all in (marks, rows)]  # fmt: skip
        assert sorted(addresses[0]) == sorted(addresses[1])
        mark = marks.nth(3)
        height = read.bounding_box()["height"]
        mark.locator(".mark").tap(force=True) if touch else mark.locator(".mark").hover(force=True)
        words = mark.locator("title").text_content()
        assert words in read.inner_text()
        assert read.locator("a").get_attribute("href") == mark.get_attribute("href")
        assert read.bounding_box()["height"] == height
        assert "evidence.html" in page.url, "the first touch only reads"
        # One mark of each panel is a stop of the Tab key.
        assert page.locator(".effects-panel svg a[tabindex='0']").count() == 5
        marks.first.focus()
        page.keyboard.press("ArrowDown")
        assert marks.nth(1).locator("title").text_content() in read.inner_text()
        page.keyboard.press("Enter")
        page.wait_for_url("**/notebooks/*.html#claim-*")
        assert page.locator(f"[id='{page.url.split('#')[1]}']").count() == 1
        assert not visit.faults


def test_the_home_page_asks_shows_and_leads_on(site, browser):
    with Visit(browser, f"{site}book/home.html") as visit:
        page = visit.page
        assert page.locator(".chapter-card").count() == 5
        for card in page.locator(".chapter-card").all():
            assert card.locator(".chapter-card-question").inner_text().endswith("?")
            assert card.locator("a.verdict").count() >= 1
            drawn = card.locator("svg[role=img]")
            shown = drawn.locator("text.found").all_text_contents()
            assert len(shown) >= 3
            assert all(effect in drawn.get_attribute("aria-label") for effect in shown)
        start = page.locator(".home-start a")
        assert start.get_attribute("href").endswith("01_overfitting.html")
        assert page.locator(".playground-train").bounding_box()["y"] < 500
        # Pictures of the networks come without a press, and nothing is trained before one.
        page.get_by_text("12 pairs of networks").wait_for()
        assert not [url for url in visit.asked if "worker.js" in url]


@pytest.mark.parametrize("place", course_chapter_playgrounds.PLACES, ids=lambda p: p.chapter)
def test_a_small_playground_stands_in_its_section_and_is_loaded_near_it(site, browser, place):
    with Visit(browser, f"{site}{place.chapter}.html") as visit:
        page = visit.page
        page.wait_for_timeout(300)
        assert not [url for url in visit.asked if url.endswith("page.js")]
        section = page.locator(
            "section", has=page.locator(".playground"), has_not=page.locator("section .playground")
        )
        assert section.locator("h2").text_content().startswith(place.heading)
        page.locator(".playground").scroll_into_view_if_needed()
        page.get_by_text("pairs of networks").wait_for()
        asked = dict(pair.split("=") for pair in place.start.split("&"))
        for name in ("data", "rows", "width"):
            assert page.locator(f"[name={name}]").input_value() == asked[name]
        assert not visit.faults


# The explorer


def rows_of(page):
    """What each technique did, in the order in which it is shown."""
    rows = page.locator(".explorer tbody tr").evaluate_all(
        """all => all.map((row) => [...row.querySelectorAll("th, td")].map(
          (cell) => cell.textContent.trim().split(/\\s+/)))"""
    )
    return {
        " ".join(name): (effect[0], " ".join(effect[1:]), " ".join(verdict[1:]))
        for name, _, effect, verdict in rows
    }


def signed(number):
    text = f"{number:+.3f}".replace("-", "\N{MINUS SIGN}")
    return text[1:] if text[1:] == "0.000" else text


@functools.cache
def all_effects(part, end, steps):
    return atlas.effects(atlas.load(part), end, steps).dropna(subset=["effect"])


def effects_in(part, condition, end="final", steps=atlas.STEPS):
    """The same from the committed table."""
    table = all_effects(part, end, steps)
    here = (table[list(condition)] == pd.Series(condition)).all(axis=1)
    return table[here].set_index("technique").sort_values("effect", ascending=False)


WORDS = {"supported": "helped", "opposite found": "did harm", "no difference": "no difference",
         "undecided": "undecided"}  # fmt: skip


def as_shown(effects):
    return {
        technique: (
            signed(row["effect"]),
            f"{signed(row['joint_interval_low'])} to {signed(row['joint_interval_high'])}",
            WORDS[row["verdict"]],
        )
        for technique, row in effects.iterrows()
    }


def drawn(page):
    """Where the dots, the thick lines and the line of no effect are, in pixels, row by row."""
    return page.locator(".explorer tbody svg").evaluate_all(
        """all => all.map((svg) => {
          const at = (what, x) => svg.querySelector(what)[x].baseVal.value;
          return { dot: at("circle", "cx"), zero: at(".zero", "x1"),
            low: at(".interval", "x1"), high: at(".interval", "x2") };
        })"""
    )


def check_drawing(places, effects):
    """Dots and intervals are as far from the line of no effect as their numbers say."""
    marks = {"dot": "effect", "low": "interval_low", "high": "interval_high"}
    found = [
        (place[mark] - place["zero"], row[column])
        for place, (_, row) in zip(places, effects.iterrows(), strict=True)
        for mark, column in marks.items()
    ]
    farthest = max(found, key=lambda pair: abs(pair[1]))
    scale = farthest[0] / farthest[1]
    for off, number in found:
        assert off / scale == pytest.approx(number, abs=0.002)


ADDRESSED = {"train_rows": "rows", "label_noise": "noise", "units": "units", "batch_size": "batch"}


def test_the_explorer_shows_what_the_tables_hold_in_a_condition_of_every_part(site, browser):
    chance = random.Random()  # other conditions in each run
    with Visit(browser, f"{site}book/atlas.html") as visit:
        page = visit.page
        page.locator(".explorer circle").first.wait_for()
        loads = [url for url in visit.asked if "/_static/figures/" in url and url.endswith(".js")]
        assert len(loads) == 1, "the numbers of a part are loaded when it is chosen"
        for name, part in atlas.PARTS.items():
            condition = chance.choice(part.conditions())
            end, steps = chance.choice(atlas.ENDS), chance.choice([120, 240, 480, 960])
            asked = {ADDRESSED[axis]: f"{value:g}" for axis, value in condition.items()}
            query = urlencode({"part": name} | asked | {"end": end, "steps": steps})
            page.evaluate(f"location.hash = '{query}'")
            first = f"“{part.techniques[0]}” reached"
            expect(page.locator(".explorer-said p").first).to_contain_text(f"to {steps} steps")
            expect(page.locator(".explorer-said p").first).to_contain_text(first)
            effects = effects_in(name, condition, end, steps)
            expect(page.locator(".explorer tbody tr")).to_have_count(len(effects))
            assert rows_of(page) == as_shown(effects), (name, query)
            shown = [float(x[0].replace("\N{MINUS SIGN}", "-")) for x in rows_of(page).values()]
            assert shown == sorted(shown, reverse=True)
            check_drawing(drawn(page), effects.loc[list(rows_of(page))])
        assert not visit.faults


def test_the_explorer_opens_where_techniques_differ_and_some_do_harm_and_says_so(site, browser):
    with Visit(browser, f"{site}book/atlas.html") as visit:
        page = visit.page
        page.locator(".explorer circle").first.wait_for()
        assert "#" not in page.url
        verdicts = [verdict for *_, verdict in rows_of(page).values()]
        assert {"helped", "did harm"} <= set(verdicts)
        said = page.locator(".explorer-said").inner_text()
        best, *_, worst = rows_of(page)
        assert f"Shown to help: {best} (" in said
        assert f"Shown to do harm: {worst} (" in said
        effects = [float(one[0].replace("\N{MINUS SIGN}", "-")) for one in rows_of(page).values()]
        for name, part in atlas.PARTS.items():
            for condition in part.conditions():
                other = effects_in(name, condition)
                if {"supported", "opposite found"} <= set(other["verdict"]):
                    width = other["effect"].max() - other["effect"].min()
                    assert width <= effects[0] - effects[-1] + 0.002, (name, condition)


def test_the_explorer_is_worked_by_keyboard_and_its_address_can_be_shared(site, browser):
    with Visit(browser, f"{site}book/atlas.html") as visit:
        page = visit.page
        page.locator(".explorer circle").first.wait_for()
        for name, keys in (
            ("data", "photo"),
            ("part", "two hidden"),
            ("rows", "2"),
            ("noise", "4"),
        ):
            page.locator(f".explorer select[name={name}]").focus()
            page.keyboard.type(keys)
            page.keyboard.press("Tab")
        page.locator(".explorer [name=steps]").focus()
        page.keyboard.press("ArrowLeft")
        said = page.locator(".explorer [name=steps]").get_attribute("aria-valuetext")
        assert said == "up to 480 steps (96 epochs)"
        condition = {"train_rows": 200, "label_noise": 0.4, "units": 256}
        expected = as_shown(effects_in("fashion-dense", condition, steps=480))
        expect(page.locator(".explorer-said p").first).to_contain_text("Photographs of clothes")
        assert rows_of(page) == expected
        assert not visit.faults
        shared = page.url
    with Visit(browser, shared) as visit:
        visit.page.locator(".explorer circle").first.wait_for()
        assert rows_of(visit.page) == expected


def test_an_address_from_before_there_were_parts_shows_digits_and_gives_their_code(site, browser):
    with Visit(browser, f"{site}book/atlas.html#rows=800&noise=0.4&units=256") as visit:
        page = visit.page
        page.locator(".explorer circle").first.wait_for()
        condition = {"train_rows": 800, "label_noise": 0.4, "units": 256}
        effects = effects_in("digits-dense", condition)
        assert rows_of(page) == as_shown(effects)
        page.locator(".explorer summary").click()
        code = page.locator(".explorer pre").inner_text()
        best = effects[effects["verdict"] == "supported"].index[0]
        assert code.strip() == atlas.keras_code(best).replace("UNITS", "256").strip()


TINY = """(root) => [...root.querySelectorAll("*")].filter((one) =>
  [...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()) &&
  one.checkVisibility() && !one.closest("script, .visually-hidden")
).map((one) => [parseFloat(getComputedStyle(one).fontSize), one.outerHTML.slice(0, 80)])"""


def test_on_a_phone_the_explorer_can_be_read(site, browser):
    with Visit(browser, f"{site}book/atlas.html", viewport={"width": 390, "height": 800}) as visit:
        page = visit.page
        page.locator(".explorer circle").first.wait_for()
        sizes = page.locator(".explorer").evaluate(TINY)
        assert len(sizes) > 40
        assert not [one for one in sizes if one[0] < 11]
        svg = page.locator(".explorer tbody svg").first.bounding_box()
        assert svg["width"] > 300
        assert svg["x"] + svg["width"] <= 390
        assert page.locator(".effect-axis text").count() >= 3


@pytest.mark.parametrize("name", ["atlas", "carries_over"])
def test_tables_of_the_atlas_are_not_cut_off_on_a_small_laptop(site, browser, name):
    laptop = {"viewport": {"width": 1366, "height": 768}}
    with Visit(browser, f"{site}book/{name}.html", **laptop) as visit:
        hidden = visit.page.locator(".atlas-table, .atlas-map").evaluate_all(
            "all => all.filter((one) => one.scrollWidth > one.clientWidth + 1)"
            ".map((one) => one.getAttribute('aria-label'))"
        )
        # Eight widths beside each other need more than an article is wide.
        assert hidden == []


# How to choose


LEAVES = """(root) => {
  const leaves = [];
  const walk = (list, path) => [...list.children].forEach((item, k) => {
    const below = item.querySelector(":scope > ul");
    if (below) return walk(below, [...path, k + 1]);
    const links = [...item.querySelectorAll("a")].map((one) => one.href + " " + one.textContent);
    leaves.push({ path: [...path, k + 1], links, text: item.textContent,
      verdicts: item.querySelectorAll("a.verdict, a.claim-link").length });
  });
  walk(root.querySelector(":scope > ul"), []);
  return leaves;
}"""


WALK = """(root, paths) => paths.map((path) => {
  for (const k of path) root.querySelectorAll(".choose-options button")[k - 1].click();
  const links = [...root.querySelectorAll(".choose-answer a")];
  const shown = { links: links.map((one) => one.href + " " + one.textContent),
    hash: location.hash, trail: root.querySelectorAll(".choose-trail button").length };
  root.querySelector(".choose-step > button").click();
  return shown;
})"""


def test_questions_lead_to_every_answer_and_each_rests_on_evidence_or_says_what_is_missing(
    site, browser
):
    with Visit(browser, f"{site}book/how_to_choose.html") as visit:
        page = visit.page
        leaves = page.locator(".choose").evaluate(LEAVES)
        assert len(leaves) >= 25
        assert not page.locator(".choose > ul").is_visible()
        walked = page.locator(".choose").evaluate(WALK, [leaf["path"] for leaf in leaves])
        for leaf, shown in zip(leaves, walked, strict=True):
            assert len(leaf["path"]) <= 3
            assert leaf["verdicts"] or "Not measured:" in leaf["text"], leaf["text"]
            assert shown["links"] == leaf["links"]
            assert shown["hash"] == "#/" + "/".join(map(str, leaf["path"]))
            assert shown["trail"] == len(leaf["path"])
        assert not visit.faults


def test_markup_in_the_address_of_the_explorer_is_not_taken(site, browser):
    markup = quote("<img src=x onerror=document.title=1>")
    asked = "&".join(
        f"{key}={markup}" for key in ("part", "rows", "noise", "units", "end", "steps", markup)
    )
    with Visit(browser, f"{site}book/atlas.html#{asked}") as visit:
        expect(visit.page.locator(".explorer-said")).to_be_visible()
        assert visit.page.locator("img[src=x]").count() == 0
        assert visit.page.title() != "1"
        assert "img" not in visit.page.url
        assert not visit.faults


def test_answers_are_taken_back_shared_and_printed(site, browser):
    with Visit(browser, f"{site}book/how_to_choose.html#/3/1") as visit:
        page = visit.page
        options = page.locator(".choose-options button")
        assert page.locator(".choose-trail li").first.inner_text().endswith("pictures")
        options.first.focus()
        page.keyboard.press("Enter")
        assert page.locator(".choose-question").evaluate("one => one === document.activeElement")
        assert "cutout" in page.locator(".choose-answer").inner_text()
        page.go_back()
        options.first.wait_for()
        page.locator(".choose-trail button").first.click()  # the first question again
        assert options.count() == 6
        assert page.url.endswith("#/")
        page.get_by_role("button", name="Show all answers").click()
        assert page.locator(".choose > ul").is_visible()
        page.get_by_role("button", name="One question").click()
        page.emulate_media(media="print")
        assert page.locator(".choose > ul").is_visible()
        assert not page.locator(".choose-wizard").is_visible()
        assert not visit.faults


def test_without_scripts_a_phone_has_the_menu_and_no_dead_buttons(site, browser):
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True}
    settings = phone | {"java_script_enabled": False}
    with Visit(browser, f"{site}notebooks/02_dropout.html", **settings) as visit:
        assert visit.page.get_by_role("link", name="How to choose").first.is_visible()
        shown = [b for b in visit.page.locator("button").all() if b.is_visible()]
        assert 1 <= len(shown) <= 3
        for button in shown:  # menus, which open where the focus is
            button.tap()
            assert button.locator("xpath=..").locator(".dropdown-menu").is_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_a_desktop_has_text_and_menu_beside_each_other(site, browser):
    settings = {"java_script_enabled": False, "viewport": {"width": 1366, "height": 900}}
    with Visit(browser, f"{site}notebooks/02_dropout.html", **settings) as visit:
        title = visit.page.locator(".bd-article h1").bounding_box()
        menu = visit.page.locator(".bd-sidebar-primary").bounding_box()
        assert title["y"] < 300
        assert menu["x"] + menu["width"] <= title["x"]


def test_without_scripts_the_tables_show_and_the_forms_do_not(site, browser):
    settings = {"java_script_enabled": False}
    with Visit(browser, f"{site}book/evidence.html", **settings) as visit:
        assert not visit.page.locator(".evidence-controls").is_visible()
        assert visit.page.locator(".evidence-table tbody tr").count() > 40
        assert not visit.page.locator(".effects-read").is_visible()
        words = visit.page.locator(".evidence-table details p").first
        assert not words.is_visible()
        visit.page.locator(".evidence-table summary").first.click()
        assert words.is_visible()
    with Visit(browser, f"{site}book/how_to_choose.html", **settings) as visit:
        assert visit.page.locator(".choose > ul").is_visible()
        assert visit.page.locator(".choose").bounding_box()["height"] > 2000
    with Visit(browser, f"{site}book/atlas.html", **settings) as visit:
        assert not visit.page.locator(".explorer form").is_visible()
        assert visit.page.locator(".explorer-without").is_visible()
        assert visit.page.locator(".explorer tbody tr").count() > 5
        assert visit.page.locator("[aria-label='All effects'] tbody tr").count() == 36 * (7 + 1)
