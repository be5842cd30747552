# Works with GNU make 3.81, which macOS ships. `make` alone lists the commands.
PYTHON ?= python3
SHELL := /bin/bash

VENV := .venv
QUIX := .venv-quix
EVIDENTLY := .venv-evidently
BIN := $(VENV)/bin
# Stamps: packages are installed again only when their lock changes. dev holds all of demo, in the same environment.
DEMO := $(VENV)/.installed-demo
DEV := $(VENV)/.installed-dev
CODE := schemas stream training benchmarks deploy tests

# Set in many images to keep them small. Here every one of the hundreds of Pythons that the suite starts would compile
# all that it imports: a worker's whole test then costs twice the processor time.
unexport PYTHONDONTWRITEBYTECODE

# Hashes are checked, nothing is resolved or compiled: compiling what is imported, when it is imported, costs less.
PIP_INSTALL := install --no-deps --no-compile --require-hashes --progress-bar off --disable-pip-version-check
# But the suite's processes import the same at the same moment. Some packages hold templates that are no Python.
COMPILE = echo "Compiling them" && $(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true
# Counts the packages as pip takes them up, on a terminal only.
COUNT = awk -v all="$$(grep -c == $<)" -v tty="$$([ -t 2 ] && echo 1)" \
	'tty && /^(Collecting|Ignoring|Requirement already)/ { printf "\r  %d of %d", ++n, all; fflush() } \
	 tty && /^Installing collected/ { printf ", unpacking"; fflush() } \
	 END { if (tty) print "" }'

.PHONY: help demo observe experiment drift-lab test test-slow lint format bench lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(DEMO) ## Card transactions through a real Kafka, scored by ONNX models, each exactly once
	@$(BIN)/python -m deploy.demo

observe: $(DEMO) ## Worker, ledger and HTTP edge under Prometheus, with traffic, until Ctrl-C
	@$(BIN)/python -m deploy.observe

experiment: $(DEMO) ## The gate and the guard on real card data, with a page in var/experiment
	@$(BIN)/python -m benchmarks.experiment

drift-lab: $(DEMO) $(EVIDENTLY)/.installed-drift-lab ## When the drift rule is silent and what it finds, written to docs/drift-lab.md
	@$(BIN)/python -m benchmarks.drift_lab --out docs

test: $(DEV) ## The whole suite on a local Kafka
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

test-slow: $(DEV) $(QUIX)/.installed-bench-quix ## The long soak and fault runs besides
	@$(BIN)/python -m pytest -m slow

lint: $(DEV) ## ruff, format check, mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CODE)

format: $(DEV) ## Format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: $(DEV) $(QUIX)/.installed-bench-quix ## Throughput and latency beside other pipelines; see also python -m benchmarks.pipeline --help
	@$(BIN)/python -m benchmarks.pipeline

lock: ## Write requirements/*.txt again; LOCK_OPTIONS=--upgrade takes the newest versions
	@requirements/lock.sh $(PYTHON) $(LOCK_OPTIONS)

clean: ## Remove everything that was installed, fetched, trained or cached here
	@rm -rf $(VENV) $(QUIX) $(EVIDENTLY) var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python $(QUIX)/bin/python $(EVIDENTLY)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || \
		{ echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(@:/bin/python=) || { rm -rf $(@:/bin/python=); exit 1; }

$(DEMO) $(DEV): $(VENV)/.installed-%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing the packages of $< into $(VENV)"
	@set -o pipefail; $(BIN)/python -m pip $(PIP_INSTALL) -r $< | $(COUNT)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --disable-pip-version-check -e .
	@$(if $(filter dev,$*),$(COMPILE))
	@touch $@ $(if $(filter dev,$*),$(DEMO))

$(QUIX)/.installed-bench-quix: requirements/bench-quix.txt | $(QUIX)/bin/python
$(EVIDENTLY)/.installed-drift-lab: requirements/drift-lab.txt | $(EVIDENTLY)/bin/python
$(QUIX)/.installed-bench-quix $(EVIDENTLY)/.installed-drift-lab:
	@echo "Installing the packages of $< into $(@D)"
	@set -o pipefail; $(@D)/bin/python -m pip $(PIP_INSTALL) -r $< | $(COUNT)
	@touch $@
