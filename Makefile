# Assent. `make run` starts it, `make test` checks all of it; both begin from nothing and work offline once installed.
# The server's settings (ASSENT_PORT, ASSENT_DATA, ...) are environment variables: see docs/configuration.md.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run install test test-fast lint format bench clean

VENV := .venv
BIN := $(VENV)/bin
# Which Pythons to look for, best first; `make run PYTHON=/path/to/python` names one.
PYTHON ?=
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.11 python3.13 python3.12 python3)
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

help: ## List what make can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: install ## Start Assent (http://127.0.0.1:8080/fhir unless ASSENT_HOST, ASSENT_PORT say otherwise)
	@exec $(BIN)/assent serve

install: ## Make the virtual environment and install Assent into it
	@$(call ensure,run,.)

test: dev ## Check everything: style, types, and the whole test suite with its coverage
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term

test-fast: dev ## Only the tests that take no more than a few seconds
	$(BIN)/python -m pytest -m "not slow"

lint: dev ## Style and types: ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: dev ## Put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: dev ## Measure (see benchmarks/README.md)
	$(BIN)/python -m benchmarks

clean: ## Remove the virtual environment and caches; the data folder stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov

.PHONY: dev
dev:
	@$(call ensure,dev,.[dev])

# $(call ensure,NAME,REQUIREMENT): a virtual environment that holds REQUIREMENT.
# $(VENV)/installed-NAME remembers the checkout's path and its pyproject.toml; while both are the same there is nothing to
# do, and nothing is asked of the network.
define ensure
set -eu; \
state() { pwd -P; cat pyproject.toml; }; \
if $(BIN)/python -c '$(FITS)' 2>/dev/null; then \
  for done in $(VENV)/installed-$(1) $(VENV)/installed-dev; do \
    if state | cmp -s - "$$done" 2>/dev/null; then exit 0; fi; \
  done; \
else \
  found=; seen=; \
  for candidate in $(CANDIDATES); do \
    if "$$candidate" -c '$(FITS)' 2>/dev/null; then found=$$candidate; break; fi; \
    if version=$$("$$candidate" --version 2>/dev/null); then seen="$$seen; $$candidate is $$version"; fi; \
  done; \
  if [ -z "$$found" ]; then \
    echo "Assent needs Python 3.11, 3.12 or 3.13, and none was found under the names $(CANDIDATES)$$seen." >&2; exit 2; \
  fi; \
  if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
    echo "$$found cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)." >&2; \
    exit 2; \
  fi; \
  echo "Making $(VENV) with $$("$$found" --version) ..."; \
  rm -rf $(VENV); "$$found" -m venv $(VENV); \
fi; \
echo "Installing Assent ($(1)) into $(VENV) ..."; \
if ! $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --editable '$(2)'; then \
  echo "Assent could not be installed: the first installation needs a package index it can reach; see the lines above." >&2; \
  exit 2; \
fi; \
state > $(VENV)/installed-$(1)
endef
