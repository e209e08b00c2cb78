"""The site as browsers show it, in a system's Chromium, from a local server in a subfolder.

Chromium is taken from the environment variable CHROME_PATH or from the path.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import os
import re
import shutil
import threading

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from utils import atlas

SUBFOLDER = "course"
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
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium; CHROME_PATH names one")
LIGHT_KB, CHAPTER_KB = 200, 350


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site(built_book, tmp_path_factory):
    """Address of the built site."""
    root = tmp_path_factory.mktemp("server")
    shutil.copytree(built_book / "_build" / "html", root / SUBFOLDER)
    handler = functools.partial(Quiet, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{SUBFOLDER}/"
    server.shutdown()


@pytest.fixture(scope="module")
def addresses(built_book):
    html = built_book / "_build" / "html"
    found = [path.relative_to(html).as_posix() for path in sorted(html.rglob("*.html"))]
    # The first page only leads to the home page; that of missing addresses has absolute ones.
    left_out = ("404.html", "index.html", "_static")
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
        self.context = browser.new_context(reduced_motion="reduce", **settings)
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_load_without_faults_and_axe_finds_nothing(site, addresses, browser, scheme):
    assert len(addresses) >= 15
    found = {}
    for name in addresses:
        with Visit(browser, site + name, color_scheme=scheme) as visit:
            assert not visit.faults, (name, visit.faults)
            elsewhere = [url for url in visit.asked if not url.startswith((site, "data:"))]
            assert not elsewhere, name
            violations = Axe().run(visit.page).response["violations"]
            if violations:
                found[name] = [(v["id"], v["nodes"][0]["html"][:200]) for v in violations]
    assert not found


@pytest.mark.parametrize("width", [360, 390])
def test_nothing_is_wider_than_a_phone(site, addresses, browser, width):
    wide = {}
    for name in addresses:
        with Visit(browser, site + name, viewport={"width": width, "height": 800}) as visit:
            there = visit.page.evaluate("document.documentElement.scrollWidth")
            if there > width:
                wide[name] = there
    assert not wide


def weight(visit, root):
    """Bytes of a page and all that it asks for, each compressed as a server sends it."""
    pictures = visit.page.eval_on_selector_all("img", "all => all.map(image => image.src)")
    total = 0
    for url in {*visit.asked, *pictures}:
        content = (root / url.split(f"/{SUBFOLDER}/")[1].split("?")[0].split("#")[0]).read_bytes()
        packed = url.split("?")[0].endswith((".woff2", ".png"))
        total += len(content if packed else gzip.compress(content))
    return total / 1000


def test_pages_are_light(site, built_book, addresses, browser):
    """With all their pictures, those further down as well."""
    heavy = {}
    for name in addresses:
        allowed = CHAPTER_KB if name.startswith("notebooks/") else LIGHT_KB
        with Visit(browser, site + name) as visit:
            kilobytes = weight(visit, built_book / "_build" / "html")
            if kilobytes > allowed:
                heavy[name] = round(kilobytes)
    assert not heavy


def test_icons_stand_in_the_pages_and_no_page_loads_the_script_of_all_icons(site, browser):
    with Visit(browser, f"{site}notebooks/02_dropout.html") as visit:
        assert not [url for url in visit.asked if "fontawesome" in url]
        assert len([url for url in visit.asked if url.split("?")[0].endswith(".css")]) == 1
        assert visit.page.locator("svg.course-icon").count() > 5
        assert visit.page.locator("i[class*=fa-]").count() == 0
        height = visit.page.locator(".article-header-buttons svg").first.bounding_box()["height"]
        assert 10 < height < 40


def test_search_finds_a_term_and_the_name_of_a_formula(site, browser):
    for words in ("inverted dropout", "cross-entropy"):
        with Visit(browser, f"{site}search.html?q={words}") as visit:
            visit.page.wait_for_selector("#search-results li")
            assert not visit.faults


def test_the_dark_switch_changes_the_page(site, browser):
    with Visit(browser, f"{site}book/home.html", color_scheme="light") as visit:
        theme = "document.documentElement.dataset.theme"
        before = visit.page.evaluate(theme)
        while visit.page.evaluate(theme) == before:
            visit.page.locator(".theme-switch-button").first.click()
        assert visit.page.evaluate(theme) == "dark"


# The explorer


def rows_of(page):
    texts = page.locator(".explorer tbody tr").all_inner_texts()
    return {re.split(r"\t|\n", text.strip())[0]: text for text in texts}


def test_the_explorer_shows_what_the_atlas_holds_by_keyboard_and_in_the_address(site, browser):
    table = atlas.effects(atlas.load())
    with Visit(browser, f"{site}book/how_to_choose.html") as visit:
        page = visit.page
        page.locator(".explorer select").first.focus()
        for keys in (["2"], ["4"], ["6"]):  # 200 rows, 40 % wrong, 64 units
            page.keyboard.type("".join(keys))
            page.keyboard.press("Tab")
        shown = rows_of(page)
        chosen = table.query("train_rows == 200 and label_noise == 0.4 and units == 64")
        chosen = chosen[chosen["technique"] != "none"].set_index("technique")
        assert set(shown) == set(chosen.index)
        for technique, row in chosen.iterrows():
            effect = f"{row['effect']:+.3f}".replace("-", "\N{MINUS SIGN}")
            assert effect in shown[technique]
            assert row["verdict"] in shown[technique]
        best = chosen.loc[chosen["verdict"] == "supported", "effect"].idxmax()
        assert page.locator(".explorer [role=status]").inner_text().startswith(best)
        shared = page.url
        assert "rows=200" in shared
        # Each bar is as far from the line of no effect as its effect says.
        drawn = page.locator(".effect-bar rect").evaluate_all(
            "all => all.map(bar => bar.x.baseVal.value + bar.width.baseVal.value / 2 - 50)"
        )
        ratios = [x / effect for x, effect in zip(drawn, chosen["effect"], strict=True)]
        assert min(ratios) == pytest.approx(max(ratios), rel=0.02)
        assert max(map(abs, drawn)) > 20
        assert not visit.faults
    with Visit(browser, shared) as visit:
        assert rows_of(visit.page) == shown


def test_the_explorer_gives_the_code_of_the_winner(site, browser):
    with Visit(browser, f"{site}book/how_to_choose.html#rows=500&noise=0.4&units=64") as visit:
        visit.page.locator(".explorer summary").click()
        code = visit.page.locator(".explorer pre").inner_text()
        best = visit.page.locator(".explorer [role=status]").inner_text().split(" was shown")[0]
        assert code.strip() == atlas.keras_code(best).replace("UNITS", "64").strip()


def test_without_scripts_the_tables_show_and_the_form_does_not(site, browser):
    settings = {"java_script_enabled": False}
    with Visit(browser, f"{site}book/how_to_choose.html", **settings) as visit:
        assert not visit.page.locator(".explorer form").is_visible()
        assert visit.page.locator(".explorer-without").is_visible()
    with Visit(browser, f"{site}book/atlas.html", **settings) as visit:
        assert visit.page.locator(".atlas-table tbody tr").count() == 45 * 7
