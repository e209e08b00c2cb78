"""One HTML page that needs nothing else: no script, no other file, no other host."""

from __future__ import annotations

import html

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 sans-serif; color: #222; background: #fff }}
body {{ max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
svg {{ max-width: 100%; height: auto }}
details, .wide {{ overflow-x: auto }}
.wide > svg {{ min-width: 36rem }}
table {{ border-collapse: collapse; font-size: 0.9rem }}
th, td {{ border-bottom: 1px solid #ccc; padding: 0.2rem 0.6rem; text-align: left }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


# Whatever a stranger's rows or file names bring along, it can load nothing and run nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def whole_page(title: str, body: str) -> str:
    """A page as text.

    Args:
        title: plain text.
        body: HTML, in which everything that came from elsewhere is escaped.
    """
    return _PAGE.format(title=html.escape(title), body=body, policy=POLICY)


def wide(name: str, content: str) -> str:
    """What scrolls in itself where the page is narrower, by touch and by keyboard.

    Args:
        name: what it is called when it is read aloud, plain text.
        content: HTML.
    """
    name = html.escape(name)
    return f'<div class="wide" role="region" tabindex="0" aria-label="{name}">{content}</div>'
