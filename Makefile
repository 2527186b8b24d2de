# One command for each thing that a person wants; `make help` lists them. Each sets up what it needs, once.
#
# The environment is made anew only where pyproject.toml has changed since. torch is installed before all else and pinned,
# because a plain `torch` pulled in by another package may be another build. Where the package index serves a CUDA build (Linux
# and the public index), that one serves as well and is larger; for the small CPU build there:
#     PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make venv
# Nothing is compiled ahead: of 13,000 modules a few thousand are ever imported, and Python compiles those at their first import. It keeps
# what it has compiled, in the environment and beside the sources, also where the caller's own setting would have each process compile anew.

PYTHON ?= $(or $(shell command -v python3.11 2>/dev/null),$(shell command -v python3 2>/dev/null),python3)
TORCH  ?= torch==2.13.0
VENV   ?= .venv
ARGS   ?=
JOBS   ?= 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUN := $(VENV)/.stamp-run
DEV := $(VENV)/.stamp-dev
TESTS := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
BENCH := $(VENV)/.stamp-bench

unexport PYTHONDONTWRITEBYTECODE
.DELETE_ON_ERROR:
.PHONY: help venv demo test layers check bench families gallery mechanisms clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

venv: $(DEV)  ## the virtual environment in .venv, with all that development needs

demo: $(RUN)  ## translate a sentence and show what each word attended to; writes an HTML file too
	$(BIN)/limelight translate "The black cat ate the mouse." --look

test: $(DEV)  ## the tests (ARGS="tests/ops -k rotary" for some of them, JOBS=4 for more at once)
	$(TESTS) $(ARGS)

layers: $(DEV)  ## only the test of who may import whom
	$(BIN)/python -m pytest tests/test_layers.py

check: $(DEV)  ## all that a change must pass: ruff, pyright, the layer test, the tests
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/python -m pytest tests/test_layers.py
	$(TESTS) --ignore=tests/test_layers.py $(ARGS)

bench: $(BENCH)  ## side by side with the peers; writes JSON
	$(BIN)/python -m benchmarks $(ARGS)

families: $(BENCH)  ## measure every family beside transformers and write docs/families.md (a few minutes)
	$(BIN)/python -m benchmarks families $(ARGS)
	$(BIN)/python -m benchmarks --tables

gallery: $(RUN)  ## make docs/gallery again: what the bundled models make of the first examples of their tests
	$(BIN)/python -m gallery $(ARGS)

mechanisms: $(RUN)  ## write docs/mechanisms.md out of the table of mechanisms
	$(BIN)/limelight mechanisms --markdown > docs/mechanisms.md

clean:  ## remove the environment and everything that can be made again
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .coverage src/*.egg-info
	find src tests benchmarks gallery -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "limelight needs Python 3.11 or newer; got $$($(PYTHON) --version). Say which: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment. On Debian: apt-get install python3-venv"; exit 2; }
	$(PIP) install -q --no-compile $(TORCH)
	$(PIP) install -q --no-compile -e .
	@touch $@

$(DEV): $(RUN)
	$(PIP) install -q --no-compile -e '.[dev]'
	@touch $@

$(BENCH): $(DEV)
	$(PIP) install -q --no-compile -e '.[bench]'
	@touch $@
