"""The course's fair protocol on rows of your own.

    python -m utils.compare rows.csv --label species
    python -m utils.compare rows.parquet --label species --techniques dropout,l2 --impute
    python -m utils.compare folder-of-pictures --picture-size 16

Everything is checked before anything is trained. The command says how long it will take, and goes
on after an interruption with what is missing. It leaves a page and a table of all numbers.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import inspect
import re
import sys
import tempfile
import textwrap
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from . import (
    backend,
    comparison_page,
    datasets,
    kept,
    models,
    own_rows,
    protocol,
    techniques,
    training,
)
from . import measures as measures_module
from .comparison_page import Findings
from .datasets import Dataset, with_validation_rows_of_its_own
from .jobs import (
    Job,
    OneLineParser,
    digest,
    exit_status,
    in_turn,
    require_writable,
    unfinished,
    write_whole,
)
from .measures import Measurement
from .own_rows import OwnRows
from .parameters import Number, OneLineError, check, one_line
from .protocol import ENDS, NONE, Comparison
from .techniques import LEARNING_RATES, NAMES, named

STEPS = 960
TRIAL_PART = 4  # the trial is so many times shorter than a training
PAGE, TABLE, TRAININGS = "comparison.html", "comparison.parquet", "trainings"


class CompareError(OneLineError):
    """A comparison that cannot be made; nothing was trained."""


@dataclasses.dataclass(frozen=True, eq=False)
class Question:
    """Techniques on rows, and how they are trained.

    Attributes:
        rows: checked ones.
        techniques: their names, the baseline first.
        seeds: one replicate for each.
        steps, batch_size: the ceiling, and the rows of a step.
        units: units of each hidden layer of the course's network.
        builders: for each technique, for each setting, a function that returns a Keras model; None
            where the techniques are those of `techniques`.
    """

    rows: OwnRows
    techniques: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: int
    batch_size: int = 32
    units: int = 64
    builders: Mapping[str, Mapping[str, Callable]] | None = None

    def settings(self, technique: str) -> dict[str, dict[str, Any]]:
        """What a technique may try, as `protocol.compare` takes it."""
        if self.builders is None:
            rows = self.rows
            return techniques.settings(technique, rows.features, rows.classes, self.units)
        return {
            _joined(setting, f"learning rate {rate:g}"): {
                "build_model": build,
                "optimizer": backend.keras.optimizers.Adam(rate),
            }
            for setting, build in self.builders[technique].items()
            for rate in LEARNING_RATES
        }

    def jobs(self, folder: Path) -> list[Job]:
        """One for each technique, kept in `folder`."""
        return [self.job(folder, judged, name) for name in self.techniques]

    @functools.cached_property
    def tries(self) -> dict[str, tuple[str, ...]]:
        """The names of the settings of each technique."""
        return {name: tuple(self.settings(name)) for name in self.techniques}

    @property
    def trainings(self) -> int:
        """How many trainings the comparison takes."""
        return sum(map(len, self.tries.values())) * len(self.seeds)

    @property
    def training_rows(self) -> int:
        """Rows that train, of those that a seed is given."""
        return len(self.rows.cut(self.seeds[0])[0])

    @property
    def epochs(self) -> int:
        """The ceiling in epochs, as the protocol counts them."""
        return round(self.steps / max(1, self.training_rows // self.batch_size))

    @property
    def network(self) -> str:
        """The network without any technique, in words."""
        if self.builders is None:
            return f"two hidden Dense layers of {self.units} units, trained with Adam"
        return f"your own, as its builder {NONE!r} returns it, trained with Adam"

    @functools.cached_property
    def data(self) -> Callable[[int], Dataset]:
        """A function from a seed to what it is given."""
        return functools.cache(self.rows.dataset)

    @functools.cached_property
    def unknown(self) -> tuple[str, ...]:
        """Techniques whose numbers nothing that can be seen determines; they are never kept."""
        return tuple(name for name in self.techniques if self._networks[name] is None)

    @functools.cached_property
    def _networks(self):
        """For each technique what its networks are known by, or None; names of ours tell enough."""
        if self.builders is None:
            return dict.fromkeys(self.techniques, "")
        some_rows = self.data(self.seeds[0]).x_train[:2]
        return {name: _known_by(self.builders[name].values(), some_rows) for name in self.builders}

    def key(self, *parts: Any) -> str:
        """Another name whenever the numbers may be others."""
        settings = self.seeds, self.steps, self.batch_size, self.units
        return digest(_code(), self.rows.digest, settings, *parts)

    def job(self, folder: Path, function: Callable, technique: str, *more: Any) -> Job:
        """One technique as a unit of work."""
        parts = technique, *more
        key = self.key(function.__name__, *parts, self.tries[technique], self._networks[technique])
        slug = re.sub(r"[^a-z0-9]+", "-", technique.lower()).strip("-")[:40]
        named = "learning curve" if more else "trainings"
        slug += "-curve" if more else ""
        return Job(
            f"{named} of {technique}", folder / f"{slug}-{key}.npz", function,
            (dataclasses.replace(self), *parts, key),
            lambda path: technique not in self.unknown and kept.is_of(path, key),
        )  # fmt: skip


def _known_by(builders, some_rows):
    """What networks of a reader's are known by; None where one may be another the next time.

    What the builders return is looked at, since their source may use anything. Two networks of
    each, of different seeds, have to be made of Keras's own code alone, and to differ in nothing
    but the numbers that Keras draws by the seed.
    """
    told = []
    for build in builders:
        described, fixed = [], []
        for seed in (0, 1):
            backend.keras.utils.set_random_seed(seed)
            network = training.starts.build_on_rows(build, some_rows)
            described.append(training.descriptions.description(network, inputs=[]))
            values = [np.asarray(variable) for variable in network.variables]
            drawn = training.starts.drawn_variables(network)
            fixed.append([v.tobytes() for k, v in enumerate(values) if k not in drawn])
            told.append([v.tobytes() for v in values])
        if described[0] is None or described[0] != described[1] or fixed[0] != fixed[1]:
            return None
        told.append(described[0])
    return digest(*told)


@functools.cache
def _code():
    modules = (
        backend, datasets, *models.MODULES, *training.MODULES, measures_module, protocol, own_rows,
        techniques,
    )  # fmt: skip
    return digest(*map(inspect.getsource, (*modules, judged, learned, Question.settings)))


# The work: what a job makes


def judged(question: Question, technique: str, key: str) -> bytes:
    """Train and judge one technique, as the content of a file."""
    started = time.perf_counter()
    reached = protocol.train_and_judge(
        question.data, question.settings(technique), seeds=question.seeds, steps=question.steps,
        batch_size=question.batch_size,
    )  # fmt: skip
    arrays = {
        end: np.packbits(measurement.by_row.astype(bool), axis=-1)
        for end, measurement in reached.accuracy.items()
    }
    epochs = reached.accuracy["last"].epochs
    return kept.packed(
        key, arrays, seconds=time.perf_counter() - started, epochs=list(epochs),
        chosen={str(name): count for name, count in reached.chosen.items()},
        stopped=reached.stopped,
    )  # fmt: skip


def learned(question: Question, technique: str, setting: str, key: str) -> bytes:
    """The learning curve of one setting up to the ceiling, as the content of a file."""
    started = time.perf_counter()
    data = functools.cache(lambda seed: with_validation_rows_of_its_own(question.data(seed)))
    found = training.replicate(
        data=data, seeds=question.seeds, epochs=question.epochs,
        batch_size=min(question.batch_size, question.training_rows), drop_remainder=True,
        measured=("test",), **question.settings(technique)[setting],
    )  # fmt: skip
    return kept.packed(
        key, {"accuracy": found["test_accuracy"]}, seconds=time.perf_counter() - started,
        epochs=[int(epoch) for epoch in found.epochs],
    )  # fmt: skip


def _reached(path, ids):
    told = kept.told_by(path)
    with np.load(path) as file:
        accuracy = {
            end: Measurement(correct.mean(axis=-1), tuple(told["epochs"]), correct, ids)
            for end in ENDS
            for correct in [np.unpackbits(file[end], axis=-1, count=ids.shape[1])]
        }
    return accuracy, Counter(told["chosen"]), told["stopped"], told["seconds"]


def answer(
    question: Question,
    folder: Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Findings:
    """Train what is not trained yet, and put together what was found.

    Args:
        question: techniques and rows.
        folder: where finished trainings are kept.
        workers, scheduler: as `sweeps.sweep` takes them; without either the trainings run here.

    Raises:
        CompareError: a training failed.
    """

    jobs = question.jobs(folder)
    if workers is None and scheduler is None:
        _require_done(in_turn(jobs))
    else:
        from .sweeps import sweep  # needs Dask, which not every reader has

        _require_done(sweep(jobs, workers=workers, scheduler=scheduler))
    ids = measures_module.test_ids(question.seeds, question.data)
    read = [_reached(job.path, ids) for job in jobs]
    accuracy, chosen, stopped, seconds = (
        dict(zip(question.techniques, parts, strict=True)) for parts in zip(*read, strict=True)
    )
    comparison = Comparison(
        question.seeds, accuracy[NONE]["last"].epochs, accuracy, chosen, stopped
    )
    shown = (NONE, comparison_page.best_of(comparison))
    settings = {name: chosen[name].most_common(1)[0][0] for name in shown}
    more = [question.job(folder, learned, name, settings[name]) for name in shown]
    _require_done(in_turn(more))
    curves = {}
    for name, path in zip(shown, [job.path for job in more], strict=True):
        with np.load(path) as file:
            curves[_joined(name, settings[name])] = file["accuracy"]
        seconds[path] = kept.told_by(path)["seconds"]
    winner = comparison_page.winner_of(comparison)
    return Findings(
        question.rows, comparison, question.tries, curves, tuple(kept.told_by(path)["epochs"]),
        _code_of(question, winner, chosen[winner].most_common(1)[0][0]), question.network,
        question.steps, question.batch_size, sum(seconds.values()),
    )  # fmt: skip


def _require_done(failures):
    if failures:
        raise CompareError(f"{failures[0].job.name} failed: {failures[0].reason}")


def _code_of(question, technique, setting):
    if question.builders is None:
        return techniques.code(question.settings(technique)[setting])
    build = question.settings(technique)[setting]["build_model"]
    told = []
    while isinstance(build, functools.partial):
        told += [*map(repr, build.args), *(f"{n}={v!r}" for n, v in build.keywords.items())]
        build = build.func
    try:
        source = textwrap.dedent(inspect.getsource(build))
    except (OSError, TypeError):
        source = "# The code of the builder stands in no file and no cell.\n"
    call = f"{getattr(build, '__name__', 'build_model')}({', '.join(told)})"
    return f"{source}\n# model = {call}\n# with the {one_line(setting)}\n"


def _joined(*parts):
    return ", ".join(part for part in parts if part)


# How long it takes


def seconds_needed(question: Question, names: Sequence[str]) -> float:
    """About how many seconds it will take here, by a short training of the baseline.

    Args:
        question: what is asked.
        names: the techniques that are still to be trained.
    """
    seeds = question.seeds[: max(1, joblib.cpu_count())]
    data = functools.cache(lambda seed: with_validation_rows_of_its_own(question.data(seed)))
    setting = next(iter(question.settings(NONE).values()))

    marks = training.spaced_epochs(question.epochs)

    def timed(epochs):
        """Seconds of so many epochs, measured as often as in a whole training; and of tracing."""
        started, times = time.perf_counter(), question.epochs / epochs
        found = training.replicate(
            data=data, seeds=seeds, epochs=epochs, drop_remainder=True,
            batch_size=min(question.batch_size, question.training_rows),
            measure_at={max(1, int(mark / times)) for mark in marks[:: max(1, int(times))]},
            measured=("validation", "test"), keep_rows=("validation", "test"), **setting,
        )  # fmt: skip
        return time.perf_counter() - started - found.trace_seconds, found.trace_seconds

    long = max(2, question.epochs // TRIAL_PART)
    short = max(1, long // TRIAL_PART)
    # The first training also makes what is made once: rows, threads, memory. It counts for nothing
    # but the tracing of its program, which each technique needs.
    _, tracing = timed(1)
    begun, _ = timed(short)
    an_epoch = max(0, timed(long)[0] - begun) / (long - short)
    beginning = max(0, begun - an_epoch * short)
    rounds = len(question.seeds) / len(seeds)
    curves = len(names) > 0 and 2  # of the baseline and the best, at the end
    settings = sum(len(question.tries[name]) for name in names) + curves
    # The tries of a technique mostly share one compiled program.
    return settings * (beginning + rounds * an_epoch * question.epochs) + len(names) * tracing


def in_words(seconds: float) -> str:
    """A time as one says it, such as "about 4 minutes"."""
    if seconds < 45:
        return "less than a minute"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} minute{'s' * (minutes != 1)}"
    return f"about {round(seconds / 3600)} hours"


# What a person calls


_STEPS = Number(int, 2, 1_000_000)


def _question(rows, names, builders, seeds, first_seed, steps, units, batch_size):
    check(seeds=seeds, first_seed=first_seed, units=units, batch_size=batch_size)
    if steps is None:  # ten epochs at least
        steps = max(STEPS, 10 * (len(rows.cut(first_seed)[0]) // batch_size))
    if not _STEPS.accepts(steps):
        raise CompareError(f"steps is {steps!r}; allowed is {_STEPS.allowed()}")
    every = tuple(range(first_seed, first_seed + seeds))
    question = Question(rows, names, every, steps, batch_size, units, builders)
    if question.epochs < 2:
        raise CompareError(
            f"steps is {steps}; {question.training_rows} training rows take "
            f"{question.training_rows // batch_size} steps an epoch, and two epochs are the least"
        )
    own_rows.check_seeds(rows, every)
    return question


def compare_rows(
    x: Any,
    y: Any,
    *,
    techniques: Sequence[str] = NAMES,
    seeds: int = 20,
    first_seed: int = 0,
    steps: int | None = None,
    units: int = 64,
    batch_size: int = 32,
    test_share: float = own_rows.TEST_SHARE,
    impute: bool = False,
    drop: Sequence[str] = (),
    once: bool = False,
    name: str = "your rows",
    output: Path | str | None = None,
) -> Findings:
    """Compare techniques fairly on rows that are in memory, in two hidden Dense layers.

    Args:
        x, y, test_share, impute, drop, once, name: as in `own_rows.from_arrays`.
        techniques: some of `techniques.NAMES`; the baseline is always there, and early stopping
            comes from it.
        seeds: how many replicates, each with its own test rows, at least 2.
        first_seed: the first of them, at least 0.
        steps: the ceiling of a training; 960, or ten epochs where that is more.
        units: units of each hidden layer.
        batch_size: rows per step.
        output: a folder for the page and the table, in which finished trainings are kept, too, so
            that an interrupted comparison goes on; without it, nothing is written.

    Returns:
        What was found. Its `page()` is the page as text; a notebook shows its table.

    Raises:
        OneLineError: something is not allowed, or the rows do not answer the question.
    """
    names = (NONE, *named(techniques))
    rows = own_rows.from_arrays(
        x, y, name=name, drop=drop, impute=impute, once=once, test_share=test_share
    )
    question = _question(rows, names, None, seeds, first_seed, steps, units, batch_size)
    return _answered(question, output)


def compare_builders(
    builders: Callable | Mapping[str, Any],
    x: Any,
    y: Any,
    *,
    seeds: int = 20,
    first_seed: int = 0,
    steps: int | None = None,
    batch_size: int = 32,
    test_share: float = own_rows.TEST_SHARE,
    impute: bool = False,
    drop: Sequence[str] = (),
    once: bool = False,
    name: str = "your rows",
    output: Path | str | None = None,
) -> Findings:
    """Compare networks of your own fairly.

    Each may try three learning rates of Adam, and each of its settings with each of them. They are
    trained in this process, since a function of yours may hold anything. With `output`, finished
    trainings are kept by the networks that the functions return, so that an interrupted comparison
    goes on, and a change of a network is seen. A technique whose network holds code that is not
    Keras's own, such as a layer of yours, is trained anew at each call; a warning says so.

    Args:
        builders: a function that takes `technique_on`, True or False; or for each name a function
            without arguments, or several such functions by the name of their setting, equally many
            for all. One is called "none". Each function returns an uncompiled Keras model that ends
            in a softmax over the classes and reads rows of `OwnRows.features` numbers.

    The other arguments and the result are those of `compare_rows`.

    Raises:
        OneLineError: a builder returns something else, or what `compare_rows` raises.
    """
    rows = own_rows.from_arrays(
        x, y, name=name, drop=drop, impute=impute, once=once, test_share=test_share
    )
    builders = _by_setting(builders)
    for technique, settings in builders.items():
        for build in settings.values():
            _require_classifier(technique, build, rows)
    names = (NONE, *(one for one in builders if one != NONE))
    question = _question(rows, names, builders, seeds, first_seed, steps, 1, batch_size)
    return _answered(question, output)


def _by_setting(builders):
    """For each name, for each setting, a function without arguments."""
    if callable(builders):
        builders = {
            NONE: functools.partial(builders, technique_on=False),
            "technique": functools.partial(builders, technique_on=True),
        }
    if not isinstance(builders, Mapping):
        raise CompareError(
            f"builders is a {type(builders).__name__}; it takes a function, or functions by name"
        )
    found = {
        str(name): dict(several) if isinstance(several, Mapping) else {"": several}
        for name, several in builders.items()
    }
    if NONE not in found or len(found) < 2:
        raise CompareError(
            f"builders has {', '.join(map(repr, found)) or 'nothing'}; a comparison takes "
            f"{NONE!r} and at least one technique"
        )
    counts = {name: len(several) for name, several in found.items()}
    if len(set(counts.values())) > 1 or 0 in counts.values():
        told = ", ".join(f"{count} ({name})" for name, count in counts.items())
        raise CompareError(f"builders have {told} settings; fair is the same number for all")
    return found


def _require_classifier(technique, build, rows):
    """Refuse what is no classifier of these rows."""
    where = f"the builder {technique!r}"
    if not callable(build) or isinstance(build, backend.keras.Model):
        raise CompareError(f"{where} is a {type(build).__name__}; it takes a function")
    try:
        model = build()
    except Exception as error:
        reason = one_line(f"{type(error).__name__}: {error}")
        raise CompareError(f"{where} stopped with {reason[:200]}") from None
    if not isinstance(model, backend.keras.Model):
        raise CompareError(f"{where} returns a {type(model).__name__}; it takes a keras.Model")
    if model.compiled:
        raise CompareError(f"{where} returns a compiled model; leave compile out")
    some = rows.dataset(0).x_train[:8]
    try:
        with warnings.catch_warnings(action="ignore"):  # what is odd is told below
            outputs = np.asarray(model(some))
    except Exception as error:
        reason = one_line(re.sub(r"\x1b\[\d*m", "", str(error)))[:200]
        raise CompareError(
            f"{where} does not read rows of {rows.features} numbers: {reason}"
        ) from None
    if outputs.shape != (len(some), rows.classes):
        raise CompareError(
            f"{where} answers with shape {outputs.shape[1:]}; {rows.classes} classes take as many "
            "outputs for each row"
        )
    if (outputs < 0).any() or not np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        raise CompareError(
            f"{where} does not answer with probabilities; end it in "
            'keras.layers.Dense(classes, activation="softmax")'
        )


def folder_name(name: str) -> str:
    """A name for a folder that can lead nowhere else, whatever rows are called."""
    found = re.sub(r"[^\w-]+", "-", name).strip("-") or "rows"
    is_device = re.fullmatch(r"con|prn|aux|nul|(com|lpt)\d", found, flags=re.I)  # of Windows
    return f"{found}-rows" if is_device else found


def _answered(question, output, **where) -> Findings:
    if output is None:
        with tempfile.TemporaryDirectory() as folder:
            return answer(question, Path(folder))
    output = Path(output)
    require_writable(output)
    if question.unknown:
        warnings.warn(
            f"{', '.join(map(repr, question.unknown))} will be trained anew at each call: the "
            "network holds code that is not Keras's own, or is another one each time it is built, "
            "so that nobody could see whether it has changed",
            stacklevel=3,
        )
    found = answer(question, output / TRAININGS, **where)
    write_whole(output / TABLE, found.table().to_parquet(index=False, compression="zstd"))
    write_whole(output / PAGE, found.page().encode())
    return found


# The command


def _arguments(given):
    parser = OneLineParser(
        prog="python -m utils.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("rows", type=Path, help="a .csv or .parquet file, or a folder with a folder for each class")
    add("--label", metavar="COLUMN", help="what is to be predicted; for tables")
    add("--techniques", default=",".join(NAMES), metavar="NAME,NAME", help="default: %(default)s")
    add("--seeds", type=int, default=20, metavar="N", help="replicates; default %(default)s")
    add("--first-seed", type=int, default=0, metavar="N", help="default %(default)s")
    add("--steps", type=int, metavar="N",
        help=f"ceiling of a training; default {STEPS}, or ten epochs if that is more")  # fmt: skip
    add("--units", type=int, default=64, metavar="N", help="of a hidden layer; default %(default)s")
    add("--batch-size", type=int, default=32, metavar="N", help="default %(default)s")
    add("--test-share", type=float, default=own_rows.TEST_SHARE, metavar="SHARE",
        help="of the rows, for each seed its own; default %(default)s")  # fmt: skip
    add("--impute", action="store_true", help="fill in missing values, by what training rows say")
    add("--drop", action="append", default=[], metavar="COLUMN", help="leave it out; repeatable")
    add("--once", action="store_true", help="keep only the first of rows that are the same")
    add("--picture-size", type=int, metavar="PIXELS", help="height and width; default 16")
    add("--output", type=Path, metavar="FOLDER", help="default reruns/own_rows/ and the rows' name")
    add("--workers", type=int, metavar="N", help="spread the techniques over so many processes")
    add("--scheduler", metavar="ADDRESS",
        help="or over a running Dask scheduler, such as tcp://10.0.0.5:8786")  # fmt: skip
    options = parser.parse_args(given)
    if options.workers is not None and options.workers < 1:
        parser.error(f"--workers is {options.workers}; it starts at 1")
    return options


def _read(options):
    if options.rows.is_dir():
        if options.label or options.drop or options.impute:
            raise CompareError(
                f"{options.rows} is a folder of pictures; --label, --drop and --impute are for "
                "tables"
            )
        return own_rows.read_pictures(
            options.rows, picture_size=16 if options.picture_size is None else options.picture_size,
            once=options.once, test_share=options.test_share,
        )  # fmt: skip
    if options.picture_size is not None:
        raise CompareError("--picture-size is for a folder of pictures, and this is none")
    if options.label is None:
        raise CompareError("name the column that is to be predicted, with --label COLUMN")
    return own_rows.read_table(
        options.rows, options.label, drop=options.drop, impute=options.impute, once=options.once,
        test_share=options.test_share,
    )  # fmt: skip


def _tell_what_comes(question, folder):
    rows = question.rows
    (largest, share), *_ = rows.shares.items()
    print(
        f"{rows.name}: {len(rows.y)} rows of {rows.features} numbers, {rows.classes} classes; the "
        f"largest, {largest!r}, is {share:.0%}"
    )
    todo = unfinished(question.jobs(folder))
    names = [n for n, job in zip(question.techniques, question.jobs(folder), strict=True)
             if job.path in {one.path for one in todo}]  # fmt: skip
    left = sum(len(question.tries[name]) for name in names) * len(question.seeds)
    print(
        f"{question.trainings} trainings: {len(question.techniques)} techniques, the baseline "
        f"among them, with up to {max(map(len, question.tries.values()))} settings each, on "
        f"{len(question.seeds)} seeds"
    )
    if not left:
        print("all of them are there already")
        return
    kept_ones = f"{left} are left, and they take " if left < question.trainings else "they take "
    print(f"{kept_ones}{in_words(seconds_needed(question, names))} on this machine", flush=True)


def main(given: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return exit_status(lambda: _run(given))


def _run(given) -> int:
    options = _arguments(given)
    names = (NONE, *named(one.strip() for one in options.techniques.split(",") if one.strip()))
    rows = _read(options)
    output = options.output or Path("reruns") / "own_rows" / folder_name(rows.name)
    require_writable(output)
    question = _question(
        rows, names, None, options.seeds, options.first_seed, options.steps, options.units,
        options.batch_size,
    )  # fmt: skip
    _tell_what_comes(question, output / TRAININGS)
    found = _answered(question, output, workers=options.workers, scheduler=options.scheduler)
    print(f"\n{found.sentence}\n")
    print(found.summary().to_string(index=False))
    print(f"\n{output / PAGE}\n{output / TABLE}")
    return 0


if __name__ == "__main__":
    # Workers look for functions by the module's own name, not by "__main__".
    from utils import compare

    sys.exit(compare.main())
