# Works with GNU make 3.81, which macOS ships. `make` alone lists the commands.
PYTHON ?= python3
SHELL := /bin/bash

VENV := .venv
QUIX := .venv-quix
EVIDENTLY := .venv-evidently
ZENSICAL := .venv-zensical
SECURITY := .venv-security
BIN := $(VENV)/bin
# Stamp files: packages are reinstalled only when their lock file changes. dev and demo share an environment, and dev
# includes all of demo's packages.
DEMO := $(VENV)/.installed-demo
DEV := $(VENV)/.installed-dev
CODE := schemas stream training benchmarks deploy tests

# Many container images set this variable to stay small. Here, it would make each of the hundreds of Python processes in
# the test suite compile all its imports, which doubles the CPU time of a test with a worker.
unexport PYTHONDONTWRITEBYTECODE

# Check hashes, but resolve and compile nothing: compiling modules on import costs less.
PIP_INSTALL := install --no-deps --no-compile --require-hashes --progress-bar off --disable-pip-version-check
# The test suite's processes import the same modules at the same time, so dev compiles them first. Errors are ignored,
# because some packages contain templates that are not valid Python.
COMPILE = echo "Compiling the packages" && $(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true
# Shows the number of packages as pip processes them, on a terminal only.
COUNT = awk -v all="$$(grep -c == $<)" -v tty="$$([ -t 2 ] && echo 1)" \
	'tty && /^(Collecting|Ignoring|Requirement already)/ { printf "\r  %d of %d", ++n, all; fflush() } \
	 tty && /^Installing collected/ { printf ", unpacking"; fflush() } \
	 END { if (tty) print "" }'

.PHONY: help demo validate-model observe experiment drift-lab test test-unit coverage test-compose test-slow style \
	types lint format bench manifests release-rehearsal docs security audit wheel sbom images ci ci-programs \
	release-notes release-images release-sign release-verify release-deploy release-publish lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile

demo: $(DEMO) ## Score card transactions with ONNX models on a real Kafka, exactly once each
	@$(BIN)/python -m deploy.demo

validate-model: $(DEMO) ## Validate the demo's champion on the demo's data with every check; report in var/validation.html
	@$(BIN)/python -m deploy.demo.validate

observe: $(DEMO) ## Run worker, ledger and HTTP edge with traffic and Prometheus, until Ctrl-C
	@$(BIN)/python -m deploy.observe

experiment: $(DEMO) ## Run the gate and the rollback monitor on real card data; write a report to var/experiment
	@$(BIN)/python -m benchmarks.experiment

drift-lab: $(DEMO) $(EVIDENTLY)/.installed-drift-lab ## Measure false alarms and detection of the drift rule; write docs/drift-lab.md
	@$(BIN)/python -m benchmarks.drift_lab --out docs

test: $(DEV) $(SECURITY)/.installed-security ## Run the test suite on a local Kafka
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

test-unit: $(DEV) ## Run the unit tests: no Kafka, less than a minute
	@$(BIN)/python -m pytest --unit -n auto --dist worksteal

coverage: $(DEV) $(SECURITY)/.installed-security ## Run the test suite and list the lines of stream/ that no test runs
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n 4 --dist loadfile --no-loadscope-reorder
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

test-slow: $(DEV) $(QUIX)/.installed-bench-quix ## Run only the long soak and fault tests
	@$(BIN)/python -m pytest -m slow

test-compose: $(DEV) ## Build the images and run all services of docker-compose.yml in containers (Linux, as root)
	@$(BIN)/python -m pytest -m compose -rs tests/compose

style: $(DEV) ## Run ruff and the format check
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEV) ## Run mypy
	@$(BIN)/mypy $(CODE)

lint: style types ## Run ruff, the format check and mypy

format: $(DEV) ## Format the code and apply ruff's fixes
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: $(DEV) $(QUIX)/.installed-bench-quix ## Compare throughput and latency with other pipelines (python -m benchmarks.pipeline --help)
	@$(BIN)/python -m benchmarks.pipeline

release-rehearsal: $(DEV) ## Release a good version and five bad ones under traffic; report in var/release-rehearsal (needs haproxy, wrk)
	@$(BIN)/python -m deploy.rehearsal

manifests: $(DEV) ## Render the Kubernetes manifests into var/manifests and validate them
	@$(BIN)/python -m deploy.kubernetes

docs: $(ZENSICAL)/.installed-docs ## Build the documentation site into var/site; fail on broken links
	@$(ZENSICAL)/bin/python -m deploy.docs_site

security: $(DEV) $(SECURITY)/.installed-security ## Check code, history, images, workflows and licences; needs no internet
	@$(BIN)/python -m deploy.security

audit: $(SECURITY)/.installed-security ## Look up known vulnerabilities of the locked packages; needs the internet
	@$(SECURITY)/bin/python -m deploy.security.audit

wheel: $(DEV) ## Build the wheel into var/dist; the same commit gives the same file
	@$(BIN)/python -m deploy.wheel

sbom: wheel $(SECURITY)/.installed-security ## Write bills of materials (CycloneDX) of both images and the wheel to var/sbom
	@$(BIN)/python -m deploy.security.sbom

images: ## Build both images with docker, podman or buildah
	@deploy/docker/build.sh

ci: $(DEV) ## Run what the hosted CI runs, as far as one machine can
	@$(BIN)/python -m deploy.hosted_ci

ci-programs: ## Install the third-party programs that tests need (Debian and Ubuntu, as root or with sudo)
	@.ci/programs

release-notes: $(DEV) ## Check the tag in $TAG and write its section of CHANGELOG.md to var/release/notes.md
	@$(BIN)/python -m deploy.release.changelog "$$TAG"

release-images: $(DEV) ## Build both images for amd64 and arm64 and push them to $IMAGE_PREFIX (docker buildx)
	@$(BIN)/python -m deploy.release.images build

release-sign: $(DEV) ## Sign $SERVING_IMAGE and $TRAINING_IMAGE and their bills of materials (cosign, in the hosted workflow)
	@$(BIN)/python -m deploy.release.images sign

release-verify: $(DEV) ## Check that $SIGNER signed $SERVING_IMAGE and $TRAINING_IMAGE (cosign)
	@$(BIN)/python -m deploy.release.images verify

release-deploy: $(DEV) ## Deploy both images to $WHERE, watch them, and roll back if they break a limit
	@$(BIN)/python -m deploy.release.hosted

release-publish: ## Create the GitHub release of $TAG from var/ (gh)
	@gh release create "$$TAG" --verify-tag --title "$$TAG" --notes-file var/release/notes.md \
		var/dist/*.whl var/sbom/*.cdx.json

lock: ## Regenerate requirements/*.txt; LOCK_OPTIONS=--upgrade selects the newest versions
	@requirements/lock.sh $(PYTHON) $(LOCK_OPTIONS)

clean: ## Remove all installed, downloaded, trained and cached files
	@rm -rf $(VENV) $(QUIX) $(EVIDENTLY) $(ZENSICAL) $(SECURITY) .cache var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python $(QUIX)/bin/python $(EVIDENTLY)/bin/python $(ZENSICAL)/bin/python $(SECURITY)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || \
		{ echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13; choose one with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(@:/bin/python=) || { rm -rf $(@:/bin/python=); exit 1; }

$(DEMO) $(DEV): $(VENV)/.installed-%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing the packages of $< into $(VENV)"
	@set -o pipefail; $(BIN)/python -m pip $(PIP_INSTALL) -r $< | $(COUNT)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --disable-pip-version-check -e .
	@$(if $(filter dev,$*),$(COMPILE))
	@touch $@ $(if $(filter dev,$*),$(DEMO))

$(QUIX)/.installed-bench-quix: requirements/bench-quix.txt | $(QUIX)/bin/python
$(EVIDENTLY)/.installed-drift-lab: requirements/drift-lab.txt | $(EVIDENTLY)/bin/python
$(ZENSICAL)/.installed-docs: requirements/docs.txt | $(ZENSICAL)/bin/python
$(SECURITY)/.installed-security: requirements/security.txt | $(SECURITY)/bin/python
$(QUIX)/.installed-bench-quix $(EVIDENTLY)/.installed-drift-lab $(ZENSICAL)/.installed-docs $(SECURITY)/.installed-security:
	@echo "Installing the packages of $< into $(@D)"
	@set -o pipefail; $(@D)/bin/python -m pip $(PIP_INSTALL) -r $< | $(COUNT)
	@touch $@
