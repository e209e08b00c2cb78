"""The benchmark runs both ways, compares the same networks and counts right."""

import re
import subprocess
import sys

import pytest

from benchmarks import replicates as benchmark
from utils import models

pytestmark = pytest.mark.slow


def run(rootpath, *arguments):
    command = [sys.executable, "-m", "benchmarks.replicates", *arguments]
    return subprocess.run(command, cwd=rootpath, capture_output=True, text=True)


@pytest.mark.weekly
def test_a_tiny_run_prints_both_ways_and_says_what_was_extrapolated(request):
    done = run(request.config.rootpath, "--seeds", "2", "--loop-seeds", "1", "--epochs", "2")
    assert done.returncode == 0, done.stderr
    rows = dict(
        re.findall(
            r"^(loop|engine|engine, traced) +([\d.]+ +[\d.]+ +\d+ MB +[\d.]+ +[\d.]+%)$",
            done.stdout,
            re.M,
        )
    )
    numbers = {way: [float(n) for n in re.findall(r"[\d.]+", row)] for way, row in rows.items()}
    for seconds, ratio, memory, rate, share in numbers.values():
        assert 0.1 < seconds < 300
        assert ratio == pytest.approx(numbers["loop"][0] / seconds, rel=0.3)
        assert 100 < memory < 10_000  # megabytes: TensorFlow takes hundreds
        assert rate > 0
        assert 0 < share < 100
    assert numbers["engine, traced"][0] < numbers["engine"][0]
    reference, convolution = map(float, re.findall(r"^ratio: ([\d.]+)$", done.stdout, re.M))
    assert reference == pytest.approx(numbers["engine"][1], abs=0.06)
    assert convolution > 0
    assert re.search(
        r"^mix of twelve, 2 seeds, 2 epochs: .* not training: \d+%$", done.stdout, re.M
    )
    assert "2 seeds, 2 epochs, 500 training and 1297 validation rows" in done.stdout
    assert "extrapolated from 1 seed" in done.stdout
    assert "with building and tracing" in done.stdout
    assert int(re.search(r"multiplication: (\d+) GFLOP/s", done.stdout)[1]) > 0


@pytest.mark.parametrize(
    "arguments",
    [("--seeds", "0"), ("--epochs", "-1"), ("--loop-seeds", "x"), ("--seeds", "2")],
)
def test_bad_numbers_end_with_one_line(arguments, capsys):
    # Two seeds are fewer than the four of the loop.
    with pytest.raises(SystemExit) as caught:
        benchmark.main(list(arguments))
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--" in said


def test_a_way_that_fails_is_not_reported_as_a_time(monkeypatch):
    monkeypatch.setattr(benchmark.sys, "executable", "/bin/false")
    with pytest.raises(SystemExit, match="loop ended with status 1"):
        benchmark.measure("loop", "reference", 1, 1)


def test_the_mix_has_twelve_networks_that_differ():
    described = {
        str([layer.get_config() | {"name": None} for layer in build().layers])
        for build in benchmark.mix()
    }
    assert len(described) == 12


def test_the_reference_is_the_network_of_the_course():
    ours = benchmark.build_model()
    theirs = models.combined(64, 10, widths=(256, 256))
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        settings = [{**layer.get_config(), "name": None} for layer in (one, other)]
        assert settings[0] == settings[1]


def test_the_arithmetic_of_one_epoch_is_counted_by_hand():
    weights = 64 * 256 + 256 * 256 + 256 * 10
    assert benchmark.operations(1, 1, 0) == 500 * weights * 2 * 3  # forward and twice backward
    assert benchmark.operations(3, 2, 7) == 6 * (500 * weights * 6 + 7 * weights * 2)
