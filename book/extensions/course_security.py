"""Gives every page a content security policy: it may load from this site and from nowhere else.

Scripts and styles that stand in a page are allowed by their hash, so that no other text in a page
can become one. Attributes `style` are allowed as they are: KaTeX places its symbols by them, and
they can load nothing that the policy does not allow. The theme's two buttons with a script of their
own (full screen, print) are allowed by its hash, too.

The policy stands in the page, since a host of static pages sends no header of ours
(https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP).
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from pathlib import Path

MARK = '<meta http-equiv="Content-Security-Policy"'
POLICY = re.compile(rf'{MARK} content="[^"]*"/>\n?')
HEAD = re.compile(r"<head[^>]*>\s*(<meta charset[^>]*>\s*)?", flags=re.I)
# A script of another type than these is data, which no policy is asked about.
SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", flags=re.S)
RUNS = re.compile(r'\btype="(?!module"|text/javascript")')
STYLE = re.compile(r"<style[^>]*>(?P<text>.*?)</style>", flags=re.S)
HANDLER = re.compile(r'<[a-z][^>]*?\son\w+="(?P<text>[^"]*)"')


def _hashes(texts):
    """As a policy names them, each once."""
    digests = [hashlib.sha256(text.encode()).digest() for text in texts]
    return sorted({f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests})


def policy(page: str) -> str:
    """The policy under which a page, given as HTML, works as it was written."""
    scripts = [
        match["text"]
        for match in SCRIPT.finditer(page)
        if match["text"] and not RUNS.search(match["attributes"])
    ]
    handlers = _hashes(html.unescape(match["text"]) for match in HANDLER.finditer(page))
    of_handlers = ["'unsafe-hashes'", *handlers] if handlers else []
    styles = _hashes(match["text"] for match in STYLE.finditer(page))
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *_hashes(scripts), *of_handlers]),
            " ".join(["style-src 'self'", *styles]),
            "style-src-attr 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
        ]
    )


def with_policy(page: str) -> str:
    """The page with its policy before anything that it could load."""
    page = POLICY.sub("", page)
    return HEAD.sub(lambda head: f'{head[0]}{MARK} content="{policy(page)}"/>\n', page, count=1)


def secure_pages(app, exception):
    if exception or app.builder.name != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        secured = with_policy(text)
        if secured != text:
            path.write_text(secured, encoding="utf-8")


def setup(app):
    # After the last change of a page, which `course_pages` makes.
    app.connect("build-finished", secure_pages, priority=850)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
