"""A playground: small networks that train in the reader's browser, in pairs of seeds.

The directive `{playground}` writes its controls and the places that its scripts fill, which are the
modules in `book/static/playground/`. Options:
    :start:     settings to begin with, as an address has them: `data=moons&dropout=0.3`
    :small:     for a page about something else: its figures are the networks of one seed and the
                effect over the epochs, all settings are folded below them, it leaves the page's
                address alone and leads to the whole playground with the same settings. Its scripts
                are loaded when it comes near

What a setting may be stands in `FIELDS` and nowhere else: the scripts read it off the form. Without
scripts, an explanation is shown, and where dropout is tested a still picture. The digits are
written beside the scripts and fetched when a reader chooses them.
"""

from __future__ import annotations

import dataclasses
import functools
import html
import json
from pathlib import Path
from urllib.parse import parse_qsl

import course_playground_still
from course_figures import folded_table
from docutils import nodes
from docutils.parsers.rst import directives
from sklearn.datasets import load_digits
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

FOLDER = "_static/playground"
DIGITS = (
    1600  # as many as are ever used at a time: 400 held out, 200 for validation, 1000 to train on
)
WHOLE = "book/playground"  # the page of the whole playground
# Class of what the directive writes, by the script that the page then loads.
SCRIPTS = {"playground-on-page": "page.js", "playground-on-page-small": "near.js"}


@dataclasses.dataclass(frozen=True)
class Slider:
    """A number between two ends."""

    name: str
    label: str
    ends: tuple[float, float, float]  # lowest, highest, step
    start: float
    percent: bool = False

    def drawn(self, start: str) -> str:
        low, high, step = self.ends
        percent = " data-percent" * self.percent
        return (
            f'<label class="playground-slider">{self.label} <output data-of="{self.name}"{percent}>'
            f'{start}</output><input type="range" name="{self.name}" min="{low}" max="{high}" '
            f'step="{step}" value="{html.escape(start)}"/></label>'
        )

    def allows(self, text: str) -> bool:
        try:
            return self.ends[0] <= float(text) <= self.ends[1]
        except ValueError:
            return False


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few values, by the words that are shown for them."""

    name: str
    label: str
    options: dict[str, str]
    start: str

    def drawn(self, start: str) -> str:
        options = "".join(
            f'<option value="{value}"{" selected" * (value == start)}>{words}</option>'
            for value, words in self.options.items()
        )
        return f'<label>{self.label} <select name="{self.name}">{options}</select></label>'

    def allows(self, text: str) -> bool:
        return text in self.options


@dataclasses.dataclass(frozen=True)
class Switch:
    """On (1) or off (0)."""

    name: str
    label: str
    start: int = 0

    def drawn(self, start: str) -> str:
        checked = " checked" * (start == "1")
        return (
            f'<label class="playground-switch"><input type="checkbox" name="{self.name}"'
            f"{checked}/> {self.label}</label>"
        )

    def allows(self, text: str) -> bool:
        return text in ("0", "1")


def _numbers(*values: float | str) -> dict[str, str]:
    return {str(value): str(value) for value in values}


FIELDS = {
    "Technique to test": (
        Slider("dropout", "Dropout rate", (0, 0.9, 0.05), 0.3),
        Switch("batch_normalization", "Batch normalization"),
        Choice(
            "l2", "L2 penalty", {"0": "none"} | _numbers(0.0001, 0.001, 0.003, 0.01, 0.03, 0.1), "0"
        ),
        Switch("early_stopping", "Early stopping"),
    ),
    "Data": (
        Choice(
            "data",
            "Kind",
            {
                "moons": "two moons",
                "circles": "two circles",
                "spirals": "two spirals",
                "digits": "digits",
                "drawn": "your own points",
            },
            "circles",
        ),
        Slider("rows", "Rows to train on", (20, 1000, 10), 200),
        Slider("wrong", "Wrong labels", (0, 0.5, 0.05), 0.3, percent=True),
    ),
    "Network and training": (
        Slider("width", "Units in a hidden layer", (1, 128, 1), 64),
        Choice("depth", "Hidden layers", _numbers(1, 2, 3, 4), "2"),
        Choice(
            "activation",
            "Activation",
            {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"},
            "relu",
        ),
        Choice("optimizer", "Optimizer", {"adam": "Adam", "sgd": "SGD"}, "adam"),
        Choice(
            "learning_rate",
            "Learning rate",
            _numbers(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1),
            "0.01",
        ),
        Choice("batch", "Batch size", _numbers(2, 4, 8, 16, 32, 64, 128, 256), "32"),
        Slider("epochs", "Epochs", (1, 300, 1), 120),
        Slider("seeds", "Pairs of seeds", (2, 32, 1), 8),
    ),
}
METRIC = Choice("metric", "Measure", {"accuracy": "accuracy", "loss": "loss"}, "accuracy")
OPEN = ("Technique to test", "Data")  # the rest is folded to begin with

BOARD = """
<div class="playground-board" hidden>
<canvas tabindex="0" role="application" aria-label="Board to draw points on"></canvas>
<div class="playground-classes" role="radiogroup" aria-label="Class of the points">
<label><input type="radio" name="{name}" value="0" form="{name}-board" checked/> round</label>
<label><input type="radio" name="{name}" value="1" form="{name}-board"/> square</label>
<button type="button">Clear</button></div>
<p>Draw with the pointer; or with the arrow keys, the space bar and Delete.</p>
<input type="hidden" name="points" value=""/></div>
"""
BAR = """
<div class="playground-bar">
<button type="button" class="playground-train" data-press="train" disabled>Train</button>
{step}<button type="button" data-press="more" disabled>8 more seeds</button>
<button type="button" data-press="reset" disabled>Reset</button>
<progress aria-label="Epochs trained" max="1" value="0"></progress>
<span class="playground-progress">Waiting for scripts from a web server.</span>
{reached}</div>
<p class="playground-complaints" role="alert"></p><p class="playground-problem" role="alert"></p>
"""
REACHED = '<span class="playground-reached" aria-live="polite"></span>\n'
STEP = '<button type="button" data-press="step" disabled>Step one epoch</button>\n'
FINDING = """
<section class="playground-finding" aria-label="Finding">
<p class="playground-headline">Press “Train” and watch how an effect becomes certain, or does
not.</p>
<p><span class="playground-verdict verdict-badge" hidden></span>
<span class="playground-numbers">Nothing is measured yet.</span></p>
<svg class="playground-interval" role="img" aria-label="No interval yet"></svg>
<p role="status" class="playground-said"></p>
</section>
"""
PICTURES = """
<div class="playground-pictures">
<div class="playground-surfaces">
<p class="playground-head baseline">Baseline</p>
<p class="playground-head treatment" data-says="treatment">Treatment</p>
<p class="playground-of"><label>Networks of <select data-choice="seed">
<option value="1">seed 1</option></select></label>, <span class="playground-for-points">with their
training rows; wrong labels have a ring</span><span class="playground-for-digits">on rows held
out; the bars show the probability of the right digit</span></p>
<canvas role="img" data-surface="baseline" aria-label="Decision surface, baseline"></canvas>
<canvas role="img" data-surface="treatment" aria-label="Decision surface, treatment"></canvas>
{mean}
<ol class="playground-digits" aria-label="Held-out digits: probability of the right one"></ol>
<div class="playground-dropped"{undropped}><p class="playground-of">Units that the last step dropped
(pale), for one row, by layer</p>
<canvas role="img" aria-label="Units of the hidden layers"></canvas></div>
</div>
<div class="playground-charts">
{learning}<div><p class="playground-of">Effect on the held-out rows, with its 95 % interval; the
grey field counts as none</p>
<svg class="playground-effect" role="img" aria-label="Effect over the epochs"></svg></div>
</div></div>
"""
LEARNING = """
<div><p class="playground-of">{metric} of <span class="baseline">baseline</span> and
<span class="treatment">treatment</span>, mean over seeds: held out, and dashed in training</p>
<svg class="playground-learning" role="img" aria-label="Learning curves"></svg></div>
"""
MEAN = """
<p class="playground-of">Mean over all seeds</p>
<canvas role="img" data-surface="baseline-mean" aria-label="Mean surface, baseline"></canvas>
<canvas role="img" data-surface="treatment-mean" aria-label="Mean surface, treatment"></canvas>
"""
CHALLENGES = """
<section class="playground-challenges"><p class="playground-title" role="heading" aria-level="2">
Challenges</p>
<p>The page checks them itself, on accuracy, whenever a training ends or pauses with at least 8
pairs.</p><ol></ol></section>
"""
WITHOUT = """
<noscript><div class="playground-without">{still}<p>This place trains networks in your browser,
which takes JavaScript.{about}</p></div></noscript>
"""
STILL = """<img class="course-figure" src="{address}" width="{width}" height="{height}"
loading="lazy" alt="{alt}"/><div class="figure-data">{table}</div>"""
ABOUT_STILL = """ The picture was computed while the page was built, by a few networks without and
with dropout."""
LINK = (
    '<p><a class="playground-whole" href="{}">All settings and challenges: the playground</a></p>'
)


def starting(text: str) -> dict[str, str]:
    """What every setting is to begin with.

    Args:
        text: settings that differ from those in `FIELDS`, as an address has them.

    Raises:
        ValueError: a setting that does not exist, or a value that it cannot have.
    """
    fields = {field.name: field for group in FIELDS.values() for field in group}
    fields[METRIC.name] = METRIC
    found = {name: str(field.start) for name, field in fields.items()}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in fields or not fields[name].allows(value):
            raise ValueError(f"the playground has no setting {name}={value}")
        found[name] = value
    return found


def _without(still, values):
    """What is shown without scripts; the picture is of dropout, and stands where that is tested."""
    techniques = [field.name for field in FIELDS["Technique to test"]]
    if [name for name in techniques if values[name] != "0"] != ["dropout"]:
        return WITHOUT.format(still="", about="")
    picture = course_playground_still.still()
    drawn = STILL.format(
        address=still, width=picture.width, height=picture.height, alt=html.escape(picture.alt),
        table=folded_table("Decision surfaces without and with dropout", picture.table),
    )  # fmt: skip
    return WITHOUT.format(still=drawn, about=ABOUT_STILL)


def shell(still: str, digits: str, start: str = "", whole: str = "", unfolded: str = "") -> str:
    """HTML of the playground, which works once `playground/page.js` is loaded.

    Args:
        still, digits: addresses of the still picture and of the digits.
        start: settings to begin with, as an address has them.
        whole: address of the whole playground, which makes this a small one.
        unfolded: the group of settings that is not folded in a small one.

    Raises:
        ValueError: settings that do not exist.
    """
    values = starting(start)
    form_id = "playground-settings"
    metric = METRIC.drawn(values["metric"])
    opened = {unfolded} if whole else OPEN
    groups = "".join(
        f"<details{' open' * (title in opened)}><summary>{title}</summary>"
        f'<fieldset><legend class="visually-hidden">{title}</legend>'
        + "".join(field.drawn(values[field.name]) for field in group)
        + (BOARD.format(name="playground-class") if title == "Data" else "")
        + (metric if whole and title == "Network and training" else "")
        + "</fieldset></details>"
        for title, group in FIELDS.items()
    )
    form = f'<form id="{form_id}" class="playground-settings" aria-label="Settings">{groups}</form>'
    undropped = " hidden" * (float(values["dropout"]) == 0)
    if whole:
        pictures = PICTURES.format(mean="", learning="", undropped=undropped)
        parts = BAR.format(step="", reached=""), FINDING, pictures, form, LINK.format(whole)
    else:
        elsewhere = metric.replace("<select ", f'<select form="{form_id}" ')
        pictures = PICTURES.format(
            mean=MEAN, learning=LEARNING.format(metric=elsewhere), undropped=undropped
        )
        parts = BAR.format(step=STEP, reached=REACHED), FINDING, form, pictures, CHALLENGES
    return (
        f'<div class="playground{" playground-small" * bool(whole)}" data-digits="{digits}">'
        f'{_without(still, values)}<div class="playground-live">{"".join(parts)}</div></div>'
    )


@functools.cache
def digits_json() -> str:
    """Digits of scikit-learn: a letter for each of 64 pixels of a row, "a" for 0 to "q" for 16, and
    a figure for each label."""
    digits = load_digits()
    pixels = "".join(chr(ord("a") + int(value)) for value in digits.data[:DIGITS].ravel())
    labels = "".join(str(label) for label in digits.target[:DIGITS])
    return json.dumps({"pixels": pixels, "labels": labels}, separators=(",", ":"))


def playground(
    app, docname: str, start: str = "", small: bool = False, unfolded: str = ""
) -> nodes.raw:
    """The node of a playground on a page; arguments as those of `shell`.

    Raises:
        ValueError: settings that do not exist.
    """
    page = app.builder.get_target_uri(docname)

    def address(name):
        return relative_uri(page, f"{FOLDER}/{name}")

    whole = relative_uri(page, app.builder.get_target_uri(WHOLE)) if small else ""
    text = shell(address("still.svg"), address("digits.json"), start, whole, unfolded)
    return nodes.raw("", text, format="html", classes=[[*SCRIPTS][small]])


class PlaygroundDirective(SphinxDirective):
    option_spec = {  # noqa: RUF012
        "start": directives.unchanged,
        "small": directives.flag,
    }

    def run(self):
        start, small = self.options.get("start", ""), "small" in self.options
        try:
            return [playground(self.env.app, self.env.docname, start, small)]
        except ValueError as error:
            raise self.error(str(error)) from None


def add_files(app, pagename, templatename, context, doctree):
    classes = {c for node in doctree.findall(nodes.raw) for c in node["classes"]} if doctree else ()
    for name in SCRIPTS.keys() & classes:
        # A classic script also runs in pages that are opened as files, where modules do not load.
        way = {"type": "module"} if SCRIPTS[name] == "page.js" else {"loading_method": "defer"}
        app.add_js_file(f"playground/{SCRIPTS[name]}", **way)
        app.add_css_file("playground.css")


def write_files(app, exception):
    """The still picture and the digits, beside the scripts."""
    if exception or app.builder.name != "html":
        return
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "still.svg").write_text(course_playground_still.still().svg, encoding="utf-8")
    (folder / "digits.json").write_text(digits_json(), encoding="utf-8")


def setup(app):
    app.add_directive("playground", PlaygroundDirective)
    app.connect("html-page-context", add_files)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
