# MedCore from a fresh clone: `make run` starts the app, `make test` checks everything.
# Both build their own .venv on first use and find it ready the second time, without a network.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test slow lint format bench models words pins clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ADDRESS ?= 127.0.0.1
PORT ?= 8501
WORKERS ?= 2
# Empty (`make run CONSTRAINTS=`) takes any versions that requirements.txt admits.
CONSTRAINTS ?= constraints.txt
PINS := $(if $(CONSTRAINTS),-c $(CONSTRAINTS))
# One copy of each package on disk, however many clones there are.
export UV_LINK_MODE ?= hardlink
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(VENV)/ready-to-run  ## Start the app in the browser (PORT=8501, ADDRESS=127.0.0.1)
	@echo "MedCore: http://$(if $(filter 0.0.0.0,$(ADDRESS)),localhost,$(ADDRESS)):$(PORT)   (Ctrl+C stops it)"
	@exec $(BIN)/python -m streamlit run app.py --server.address $(ADDRESS) --server.port $(PORT) \
	  --server.showEmailPrompt false --browser.gatherUsageStats false

test: $(VENV)/ready-to-test  ## Lint, types, architecture and the suite but for its slow tests
	$(MAKE) --no-print-directory lint
	@if command -v node >/dev/null && compgen -G 'tests/js/*.test.*' >/dev/null; then node --test tests/js/*.test.*; \
	  else echo "node or tests/js is absent: the viewer's unit tests are left out"; fi
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup -m "not slow" $(PYTEST)

slow: $(VENV)/ready-to-test  ## The slow tests: full-size files, killed trainings, long journeys
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup -m slow $(PYTEST)

lint: $(VENV)/ready-to-test  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/ready-to-test  ## Put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Those that measure a ratio and need no files of yours; what the others want is said in their first lines.
RATIOS := batch_inference bootstrap chest_journey deidentify lung_nodules measure_lesions reading registration \
  training_loop upload viewer_scroll volume_segmentation
bench: $(VENV)/ready-to-test  ## Print the promised speed ratios (RATIOS="training_loop upload" for some)
	@for name in $(RATIOS); do echo "== $$name"; \
	  OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.$$name $$([ $$name != lung_nodules ] || echo models/lung-nodule-patches); done

DATA ?= ../shared/data
models: $(VENV)/ready-to-run  ## Train every shipped model anew from its recipe (DATA=folder of the data sets, ONLY=id,id)
	$(BIN)/python -m medcore models train --data $(DATA) $(if $(ONLY),--only $(ONLY))

LOCALES := en zh_CN
BABEL := $(BIN)/python -m babel.messages.frontend --quiet
WORDS := $(VENV)/medcore.pot

words: $(VENV)/ready-to-run  ## Collect the texts to translate into medcore/locale
	$(BABEL) extract --mapping=pyproject.toml --no-default-keywords --keywords='N_ t' --add-location=file \
	  --sort-by-file --no-wrap --project=MedCore --output-file=$(WORDS) medcore pages models docs/published
	for locale in $(LOCALES); do $(BABEL) update --input-file=$(WORDS) --domain=medcore --output-dir=medcore/locale \
	  --locale=$$locale --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date; done

pins: $(VENV)/ready-to-test  ## Write constraints.txt from what is installed
	@{ echo "# The exact versions that were tested together (CPython 3.11, Linux x86-64); \`make pins\` writes this file again."; \
	  $(BIN)/uv pip freeze --quiet --python $(BIN)/python | grep -viE '^(pip|uv)=='; } > constraints.txt

clean:  ## Remove the environment and caches; studies in data/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache test-results

$(VENV)/ready-to-run: requirements.txt $(CONSTRAINTS) | $(BIN)/uv
	@echo "Installing what MedCore needs (once; PyTorch is large, this may take some minutes) ..."
	@$(INSTALL) -r requirements.txt $(PINS)
	@touch $@

$(VENV)/ready-to-test: requirements-dev.txt $(VENV)/ready-to-run
	@$(INSTALL) -r requirements-dev.txt $(PINS)
	@touch $@

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MedCore needs Python 3.11 or newer: make PYTHON=python3.11 run")'
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing (Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
