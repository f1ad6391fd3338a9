# make run      install into .venv and run the extremity scenario
# make test     everything that must hold before a change goes in
# make study    the long statistical studies, whole
# make fuzz     20,000 spoilt inputs, each of which must be taken whole or refused by one message
# make bench    speed beside hand-written code, written to bench/ratios.csv and the pages
# make bench-peers  other simulators beside the same code, installed into .bench
# make clean    remove what was made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INPUTS := pyproject.toml constraints.txt
# in the virtual environment if it has pip, else from outside
PIP = $(shell $(BIN)/python -m pip --version >/dev/null 2>&1 && echo $(BIN)/python -m pip || echo $(PYTHON) -m pip --python $(BIN)/python)
INSTALL = PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt $(PIP) install --quiet --disable-pip-version-check

.PHONY: run test study fuzz bench bench-peers clean
.DELETE_ON_ERROR:

run: $(VENV)/.installed
	$(BIN)/lmssim run extremity

test: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check lmssim tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -n 2 --dist loadfile

study: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m study

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.fuzz.run

bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench.run --save

bench-peers:
	$(PYTHON) -m bench.peers

clean:
	rm -rf $(VENV) .bench dist lmssim-out fuzz-out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV) || $(PYTHON) -m venv --clear --without-pip $(VENV)

$(VENV)/.installed: $(INPUTS) | $(BIN)/python
	$(INSTALL) --editable .
	touch $@

$(VENV)/.installed-dev: $(INPUTS) | $(BIN)/python
	$(INSTALL) --editable '.[dev]'
	touch $@ $(VENV)/.installed
