# `make book` and `make test` need Python 3.11 to 3.13 and nothing else that is not here.
# Another interpreter: make book PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A virtual environment that finished its set-up, for these very requirements.
READY := $(VENV)/ready

.PHONY: book test check lint notebooks exercises engine machines faults sabotage benchmark lock clean

book: $(READY)
	$(BIN)/jb build .

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

# What tells most within three minutes, for work in between.
check: lint
	$(BIN)/python -m pytest -n 2 -m "not slow" -p no:nbval --override-ini addopts=--strict-markers tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Run the chapters and store their outputs, which the tests compare with.
notebooks: $(READY)
	$(BIN)/python -m tests.notebook_runs

# The student and the solution set of each source, stored and handed out in _build/exercises.
exercises: $(READY)
	$(BIN)/python -m utils.exercises

# Compare all models of the table with plain `fit`.
engine: $(READY)
	$(BIN)/python -m tests.engine_models

# The chapters with other arithmetic, other Pythons, oldest and newest packages; needs uv.
machines: $(READY)
	$(BIN)/python -m tests.machines

# Break the course's own code in many ways, one at a time, and see which test goes red.
sabotage: $(READY)
	$(BIN)/python -m tests.sabotage

# The commands interrupted at fifty random moments; twenty minutes on two quiet cores.
faults: $(READY)
	$(BIN)/python -m tests.faults

benchmark: $(READY)
	$(BIN)/python -m benchmarks.replicates

# Resolve pyproject.toml into requirements.txt, for all platforms and Pythons; needs uv.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --custom-compile-command "make lock" --upgrade --output-file requirements.txt

clean:
	rm -rf _build $(VENV)

$(READY): requirements.txt
	@test -w . || { echo "the folder $(CURDIR) cannot be written: copy the course to one of your own" >&2; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11, 3.12 or 3.13, or name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "Python %d.%d does not fit: install Python 3.11, 3.12 or 3.13, or name one with PYTHON=..." % v)'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "this Python has no venv: install the package python3-venv (Debian, Ubuntu) or a Python that has it" >&2; exit 1; }
	@echo "setting up $(VENV), once"
	@$(PYTHON) -m venv --clear $(VENV)
	@if [ -t 1 ]; then quiet=; else quiet=--quiet; fi; \
	  $(BIN)/python -m pip install $$quiet --disable-pip-version-check -r requirements.txt
	@touch $@
