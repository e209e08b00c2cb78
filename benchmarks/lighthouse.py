"""Lighthouse scores and weights of all pages: `python -m benchmarks.lighthouse [page ...]`.

Needs the built site, node with npx, and a Chromium (on the path or in CHROME_PATH). The site is
served from a subfolder with gzip, as hosts of static pages do. Each page is loaded as a phone and
as a desktop, by default three times each; the median counts. Exit status 1 if a page misses a
budget.

A phone is a processor slowed down so many times that this machine is one of Lighthouse's mid-tier
phones, which depends on the machine: four times on a fast desktop, twice on a slow one, by
https://github.com/GoogleChrome/lighthouse/blob/main/docs/throttling.md#cpu-throttling.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
from pathlib import Path

from tqdm import tqdm

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
PACKAGE = "lighthouse@12"
CATEGORIES = {"performance": 97, "accessibility": 100, "best-practices": 100, "seo": 100}
PRESETS = {
    "mobile": "--throttling.cpuSlowdownMultiplier={slowdown:g}",
    "desktop": "--preset=desktop",
}
# The first page only leads on; the page for missing addresses has no address of its own.
LEFT_OUT = ("index.html", "404.html", "_static/")
CHAPTER_KB, PAGE_KB, SHIFT = 350, 200, 0.02
# Lighthouse's benchmark index of desktops from which on a phone is so many times slower.
SLOWDOWNS = {1500: 4, 1000: 2, 0: 1}


class Zipped(http.server.SimpleHTTPRequestHandler):
    """Serves the site under /course/, text compressed."""

    def send_head(self):
        self.path = self.path.removeprefix("/course")
        file = Path(self.translate_path(self.path))
        if not file.is_file() or file.suffix in (".png", ".woff2"):
            return super().send_head()
        content = gzip.compress(file.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(content)
        return None

    def log_message(self, *arguments):
        pass


def measure(address: str, preset: str, slowdown: float) -> dict:
    """Scores of one load in percent, its shift, the kilobytes that it moved, and the machine's
    benchmark index meanwhile.
    """
    done = subprocess.run(
        [
            "npx", "--prefer-offline", "--yes", PACKAGE, address,
            PRESETS[preset].format(slowdown=slowdown), "--quiet", "--output=json",
            f"--only-categories={','.join(CATEGORIES)}",
            "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage",
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"lighthouse failed on {address}: {done.stderr.strip()[-300:]}")
    report = json.loads(done.stdout)
    found = {name: round(100 * report["categories"][name]["score"]) for name in CATEGORIES}
    found["index"] = report["environment"]["benchmarkIndex"]
    found["shift"] = report["audits"]["cumulative-layout-shift"]["numericValue"]
    requests = report["audits"]["network-requests"]["details"]["items"]
    found["kilobytes"] = sum(request.get("transferSize", 0) for request in requests) / 1000
    return found


def missed(page: str, median: dict) -> list[str]:
    """The budgets that a page misses."""
    found = [name for name, least in CATEGORIES.items() if median[name] < least]
    if median["shift"] >= SHIFT:
        found.append("shift")
    if median["kilobytes"] > (CHAPTER_KB if page.startswith("notebooks/") else PAGE_KB):
        found.append("kilobytes")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lighthouse")
    parser.add_argument("pages", nargs="*", help="such as notebooks/02_dropout.html; default all")
    parser.add_argument("--loads", type=int, default=3, help="default 3")
    parser.add_argument(
        "--slowdown", type=float, help="of a phone's processor; by default what fits this machine"
    )
    options = parser.parse_args()
    if not (SITE / "index.html").is_file():
        parser.error("there is no site in _build/html: run `make book` first")
    if not shutil.which("npx"):
        parser.error("npx was not found: install node")
    if "CHROME_PATH" not in os.environ and (chromium := shutil.which("chromium")):
        os.environ["CHROME_PATH"] = chromium
    pages = options.pages or [
        name
        for name in sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html"))
        if not name.startswith(LEFT_OUT)
    ]
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Zipped, directory=str(SITE))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/course/"
    if options.slowdown is None:
        index = measure(root + pages[0], "desktop", 1)["index"]
        slowdown = next(times for least, times in SLOWDOWNS.items() if index >= least)
        print(f"Benchmark index {index:.0f}: phones are {slowdown} times slower.\n")
    else:
        slowdown = options.slowdown
    print("| page | device | performance | accessibility | best practices | SEO | CLS | KB |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    faults = 0
    for page, preset in tqdm([(p, d) for p in pages for d in PRESETS], unit="page", disable=None):
        loads = [measure(root + page, preset, slowdown) for _ in range(options.loads)]
        median = {key: statistics.median(load[key] for load in loads) for key in loads[0]}
        wrong = missed(page, median)
        faults += bool(wrong)
        scores = " | ".join(f"{median[name]:.0f}" for name in CATEGORIES)
        with tqdm.external_write_mode():
            print(f"| {page} | {preset} | {scores} | {median['shift']:.3f} | "
                  f"{median['kilobytes']:.0f} |{' missed: ' + ', '.join(wrong) if wrong else ''}",
                  flush=True)  # fmt: skip
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
