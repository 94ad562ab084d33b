# Two commands do it all: `make demo` and `make test`. Both install what they need into .venv, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
OTHERS := 3.12 3.13
AZURITE := azurite@3.35.0
JUDGED := */lightfx/core/*,*/lightfx/plan/*,*/lightfx/codec/*,*/lightfx/engine/*

.PHONY: demo test checks lint types mypy pyright verifytypes imports pytest laws reliability reliability-nightly benchmarks format clean

demo: $(VENV)/.demo
	$(BIN)/python docs/examples/digits/digits.py demo-results --workers 2
	@echo "The results lie in $(CURDIR)/demo-results"

test: $(VENV)/.dev
	$(MAKE) --jobs 2 --output-sync=target checks
	$(MAKE) pytest

checks: lint types imports

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: mypy pyright verifytypes

mypy: $(VENV)/.dev
	$(BIN)/mypy

pyright: $(VENV)/.dev
	$(BIN)/pyright

# After the other: the first of them brings pyright in.
verifytypes: pyright
	PYTHONPATH=src $(BIN)/pyright --pythonpath $(BIN)/python --verifytypes lightfx --ignoreexternal

imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

pytest: $(VENV)/.dev $(VENV)/.others
	rm -f .coverage .coverage.*
	@# Hundreds of programs that tests start import lightfx, and where none may write bytecode each would compile it anew.
	$(BIN)/python -m compileall -q src
	$(BIN)/pytest --doctest-modules --numprocesses 3 --dist worksteal --cov --cov-report=
	$(BIN)/coverage report --fail-under=95 --include='$(JUDGED)'
	$(BIN)/coverage json --quiet -o .coverage.json --include='$(JUDGED)'
	$(BIN)/python -c "import json; t = json.load(open('.coverage.json'))['totals']; \
	  share = 100 * t['covered_branches'] / t['num_branches']; \
	  print(f'branches covered: {share:.1f} %'); raise SystemExit(share < 95)"

# Ten thousand random histories, for whoever changes the engine: a minute or two.
laws: $(VENV)/.dev
	HISTORIES=10000 $(BIN)/pytest --numprocesses 2 --dist worksteal property_tests

# Kills, power cuts, races, rot, hostility: the better part of an hour, and some hours by night. Most of it needs Linux, part of it
# root; what could not run is told in the table. `make reliability-nightly SEED=7` is the night of that seed once more.
reliability: $(VENV)/.reliability $(VENV)/.others
	$(BIN)/python tests/reliability/protocol.py --tier L --write docs/reliability.md

reliability-nightly: $(VENV)/.reliability $(VENV)/.others
	$(BIN)/python tests/reliability/protocol.py --tier N $(if $(SEED),--seed $(SEED)) --write docs/reliability.md

benchmarks: $(VENV)/.dev
	$(PIP) --editable '.[bench]'
	$(BIN)/python tests/benchmarks/overhead.py --write docs/benchmarks.md
	$(BIN)/python tests/benchmarks/engine.py --write docs/benchmarks.md

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[demo]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/.demo

# What the reliability tests take besides. A server of S3 lies apart: it takes another python-dateutil than the rest.
$(VENV)/.reliability: pyproject.toml constraints.txt tests/reliability/moto.txt | $(BIN)/python
	$(PIP) --editable '.[reliability]'
	$(BIN)/python -m venv .venv-moto
	.venv-moto/bin/python -m pip --disable-pip-version-check install --quiet --requirement tests/reliability/moto.txt
	@if command -v npm >/dev/null; then npm install --silent --no-save --prefix $(VENV)/azurite $(AZURITE); \
	  else echo "npm is not installed: nothing is tried on Azurite"; fi
	touch $@ $(VENV)/.dev $(VENV)/.demo

# Golden vectors are asked of the other Pythons too, where these are installed: a bare environment for each.
$(VENV)/.others: pyproject.toml constraints.txt | $(BIN)/python
	@for version in $(OTHERS); do \
	  for python in python$$version $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version.*/bin/python; do \
	    if $$python -c 'import venv' 2>/dev/null; then \
	      echo "a bare environment for Python $$version"; \
	      $$python -m venv .venv-$$version && \
	      .venv-$$version/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt \
	        attrs blake3 cattrs returns || exit 1; \
	      break; \
	    fi; \
	  done; \
	done
	touch $@

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* demo-results
