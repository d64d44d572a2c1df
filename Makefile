# Each target does all of its own set-up: it starts from nothing but Python (>= 3.11) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed

.PHONY: help demo test check bench clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 14

demo: $(SETUP)  ## fit on real data, 10 labelled digits per class, and say whether transfer helped
	@echo "Ten labelled digits per class, and a backbone that has only ever seen photos: transfer should lose here, and headstart should say so."
	@echo "A tool that always finds a gain cannot be believed when there is one; this is the case in which it has to say no."
	$(BIN)/headstart fit sklearn:digits --per-class 10 --strategy probe --seed 0

test: $(SETUP)  ## the tests
	$(BIN)/pytest

check: $(SETUP)  ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(SETUP)  ## speed, memory and quality on this machine, written to benchmarks/RESULTS.md (needs HEADSTART_TEST_DATA)
	$(BIN)/python -m benchmarks

clean:  ## remove what these targets made here (runs/ stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(SETUP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "headstart needs Python 3.11 or newer, and $(PYTHON) is older; name another one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
