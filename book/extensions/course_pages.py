"""Makes the finished pages light: one style sheet without unused rules, icons in the page itself.

The theme loads eleven style sheets, of which a page uses a tenth, and a script of 1.5 MB for a
dozen icons. After the build each page gets

- one sheet with the rules that some page of the book can use,
- its icons as inline SVG, taken from that very script,
- scripts that wait until the page is read (`defer`), and that look at all blocks before they
  change one: the theme's does both in turn, and has the page laid out anew for each block.

What is done to a page can be done again, so pages that were not built anew are brought up to date.
"""

from __future__ import annotations

import functools
import hashlib
import html
import posixpath
import re
from pathlib import Path
from urllib.parse import urlsplit

import tinycss2
from sphinx.util import logging

logger = logging.getLogger(__name__)

ICONS = "_static/scripts/fontawesome.js"
# Scripts that put class names on pages; names in them count as used.
SCRIPTS = ("_static/*.js", "_static/scripts/*.js", "_static/playground/*.js")

LINK = re.compile(r'[ \t]*<link [^>]*rel="stylesheet"[^>]*>\n?')
LANDMARK = 'role="navigation" aria-label="Course"'
SIDEBAR = '<div id="pst-primary-sidebar" class='
THEME = 'document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";'
OUR_THEME = (
    "((root, dark) => (root.theme = root.mode !== 'auto' ? root.mode : dark ? 'dark' : 'light'))"
    "(document.documentElement.dataset, matchMedia('(prefers-color-scheme: dark)').matches);"
)
THEME_SCRIPT = "_static/scripts/pydata-sphinx-theme.js"
# What the theme does to blocks that can be scrolled, and what it shall do: see `_read_first`.
BLOCKS_IN_TURN = re.compile(
    r'document\.querySelectorAll\((\[[^\]]*\]\.join\(", "\))\)'
    r"\.forEach\(\(e=>\{e\.tabIndex=([^?{}]+)\?0:-1\}\)\)"
    r'(.*?)window\.addEventListener\("resize",t\)'
)
READ_FIRST = (
    r"Array.from(document.querySelectorAll(\1),"
    r"(e=>[e,!e.checkVisibility({contentVisibilityAuto:!0})||\2]))"
    r".forEach((([e,t])=>{e.tabIndex=t?0:-1}))"
    r'\3["resize","toggle","contentvisibilityautostatechange"]'
    r".forEach((e=>window.addEventListener(e,t,!0)))"
)
SCRIPT = re.compile(r'<script src="([^"]+)"></script>')
ICON = re.compile(r'<(i|span) class="(?P<classes>[^"]*\bfa-[^"]*)"(?P<others>[^>]*)></\1>')
IMPORT = re.compile(r"""@import (?:url\()?["']([^"']+)["']\)?;""")
ADDRESS = re.compile(r"""url\(["']?(?!data:|[#/])([^"')]+)["']?\)""")
WORD = re.compile(r"[\w-]+")


def share_the_address(app, config):
    """Give extensions the site's address, which stands in one place: html.baseurl."""
    config.ogp_site_url = config.html_baseurl
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path


def finish_pages(app, exception):
    """Bring all pages of the output up to date."""
    if exception or app.builder.name != "html":
        return
    root, prefix = Path(app.outdir), app.config.notfound_urls_prefix
    pages = {path: path.read_text(encoding="utf-8") for path in root.rglob("*.html")}
    pages = {path: text for path, text in pages.items() if "</head>" in text}
    finished = {path: _with_icons(root, path, text) for path, text in pages.items()}
    used = _words(root, finished.values())
    sheets = {}
    for path, text in finished.items():
        names = tuple(_sheets(root, path, text, prefix))
        if names not in sheets:
            sheets[names] = _bundle(root, names, used)
        finished[path] = _deferred(_with_sheet(root, path, text, names, sheets[names], prefix))
    for path, text in finished.items():
        if text != pages[path]:
            path.write_text(text, encoding="utf-8")
    _read_first(root / THEME_SCRIPT)


def _read_first(script):
    """Let the theme measure all blocks before it takes those from Tab's way that need no scrolling,
    and those in a fold or a section far away when they are shown.

    Otherwise it has the page laid out anew for each of them.
    """
    before = script.read_text(encoding="utf-8")
    after = BLOCKS_IN_TURN.sub(READ_FIRST, before)
    if "checkVisibility" not in after:
        logger.warning("%s measures blocks in another way", THEME_SCRIPT, type="theme")
    if after != before:
        script.write_text(after, encoding="utf-8")


# Icons


@functools.cache
def _drawings(script: str) -> dict[str, tuple[str, str, str]]:
    """Width, height and path of each icon in the theme's script; solid ones win."""
    form = r'[{,]"?([a-z][\w-]*)"?:\[(\d+),(\d+),\[[^\]]*\],"\w+","([^"]+)"\]'
    return {name: drawing for name, *drawing in re.findall(form, script)}


def _with_icons(root, page, text):
    if not ICON.search(text):
        return text
    drawings = _drawings((root / ICONS).read_text(encoding="utf-8"))

    def drawn(match):
        classes = match["classes"].split()
        names = [c.removeprefix("fa-") for c in classes if c.removeprefix("fa-") in drawings]
        if not names:
            logger.warning("no icon is known for %r", match[0], location=page.name, type="icon")
            return match[0]
        width, height, path = drawings[names[-1]]
        attributes = match["others"]
        if "aria-" not in attributes:
            attributes += ' aria-hidden="true"'
        return (
            f'<svg class="{" ".join(classes)} course-icon"{attributes} '
            f'viewBox="0 0 {width} {height}"><path d="{path}"/></svg>'
        )

    script = re.compile(
        r'\s*(<!--[^>]*custom icons -->)?\s*<script src="[^"]*fontawesome\.js[^>]*>\s*</script>'
    )
    return script.sub("", ICON.sub(drawn, text))


# Style sheets


def _sheets(root, page, text, prefix):
    """Files of the style sheets that a page uses, whether it is finished already or not."""
    for link in LINK.findall(text):
        if kept := re.search(r'data-sheets="([^"]+)"', link):
            yield from html.unescape(kept[1]).split()
        else:
            address = urlsplit(re.search(r'href="([^"]+)"', link)[1]).path
            if address.startswith(prefix):  # as in the page for addresses that are not found
                file = (root / address.removeprefix(prefix)).resolve()
            else:
                file = (page.parent / address).resolve()
            yield file.relative_to(root.resolve()).as_posix()


def _with_sheet(root, page, text, names, bundle, prefix):
    name, version = bundle
    address = posixpath.join(*[".."] * (len(page.relative_to(root).parts) - 1), name)
    if page.name == "404.html":
        address = prefix + name
    link = (
        f'<link rel="stylesheet" href="{address}?v={version}" '
        f'data-sheets="{html.escape(" ".join(names))}" />\n'
    )
    first = LINK.search(text)
    return text[: first.start()] + link + LINK.sub("", text[first.start() :])


def _bundle(root, names, used):
    """Write one sheet with what the pages use of these; its name and version."""
    rules = []
    for name in names:
        rules += _kept(_rules(root, name), used)
    text = "".join(rules)
    # Icons stand in the pages; a font family counts only where a rule names it.
    text = re.sub(r"@font-face{[^}]*Font Awesome[^}]*}", "", text)
    fonts = set(re.findall(r"font(?:-family)?:([^;}]+)", re.sub(r"@font-face{[^}]*}", "", text)))
    text = re.sub(
        r"@font-face{[^}]*}",
        lambda face: face[0] if any(_family(face[0]) in used_font for used_font in fonts) else "",
        text,
    )
    stem = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
    name = f"_static/site-{stem}.css"
    (root / name).write_text(text, encoding="utf-8")
    return name, hashlib.sha256(text.encode()).hexdigest()[:8]


def _rules(root, name):
    """The rules of a sheet after those that it imports, with addresses as seen from the bundle."""
    text = (root / name).read_text(encoding="utf-8")
    folder = posixpath.dirname(name)
    found = []
    for imported in IMPORT.findall(text):
        found += _rules(root, posixpath.normpath(posixpath.join(folder, imported)))

    def moved(match):
        address = posixpath.relpath(posixpath.join(folder, match[1]), "_static")
        return f'url("{address}")'

    text = ADDRESS.sub(moved, IMPORT.sub("", text))
    return found + _parsed(text)


@functools.cache
def _parsed(text):
    return tinycss2.parse_stylesheet(text, True, True)


def _family(face):
    return re.search(r"font-family:\s*[\"']?([^\"';}]+)", face)[1]


def _kept(rules, used):
    """The rules that can apply, as text."""
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [s for s in _split(rule.prelude) if _possible(s, used)]
            if selectors:
                yield f"{','.join(selectors)}{{{_compact(rule.content)}}}"
        elif rule.type == "at-rule" and rule.at_keyword in ("media", "supports", "container"):
            inner = "".join(_kept(tinycss2.parse_rule_list(rule.content, True, True), used))
            if inner:
                yield f"@{rule.at_keyword} {tinycss2.serialize(rule.prelude).strip()}{{{inner}}}"
        elif rule.type == "at-rule":
            body = f"{{{_compact(rule.content)}}}" if rule.content is not None else ";"
            prelude = tinycss2.serialize(rule.prelude).strip()
            yield f"@{rule.at_keyword}{' ' if prelude else ''}{prelude}{body}"


def _compact(tokens):
    return re.sub(
        r"\s+", " ", re.sub(r"/\*.*?\*/", "", tinycss2.serialize(tokens), flags=re.S)
    ).strip()


def _split(prelude):
    """The selectors of a rule, as text."""
    parts = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return [tinycss2.serialize(part).strip() for part in parts]


def _possible(selector, used):
    """Whether all classes and ids of a selector occur; what stands in brackets is not looked at."""
    plain = re.sub(r"\([^()]*(\([^()]*\)[^()]*)*\)|\[[^\]]*\]", "", selector)
    return all(
        name.replace("\\", "") in used for name in re.findall(r"[.#]((?:[\w-]|\\.)+)", plain)
    )


def _words(root, pages):
    """All words that could be a class or an id on some page."""
    found = set()
    for text in pages:
        for value in re.findall(r'(?:class|id)="([^"]*)"', text):
            found.update(value.split())
    for pattern in SCRIPTS:
        for script in root.glob(pattern):
            if script.name != "fontawesome.js":
                found.update(WORD.findall(script.read_text(encoding="utf-8")))
    return found


# Scripts


def _deferred(text):
    head, rest = text.split("</head>", 1)
    # The theme decides on light or dark in a script that comes last, and has no colours before.
    head = head.replace('data-theme="auto"', 'data-theme="light"', 1)
    head = head.replace(THEME, OUR_THEME)
    # The theme's sidebar is no landmark, so that screen readers cannot skip to it.
    rest = rest.replace(SIDEBAR, SIDEBAR.replace("class=", LANDMARK + " class="))
    # Where the reader is: sections.js has it looked up when there is a reader who moves.
    rest = rest.replace('<body data-bs-spy="scroll" ', "<body ", 1)
    head = SCRIPT.sub(r'<script defer src="\1"></script>', head)
    # A module waits as well, so that it still comes after the scripts before it.
    head = head.replace(
        "<script>DOCUMENTATION_OPTIONS", '<script type="module">DOCUMENTATION_OPTIONS'
    )
    return f"{head}</head>{rest}"


def setup(app):
    app.add_js_file("sections.js", loading_method="defer")
    app.connect("config-inited", share_the_address, priority=400)
    # Only then has the theme written its colours of code.
    app.connect("build-finished", finish_pages, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
