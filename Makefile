# GNU make, Python and pip are all this needs. Each target first builds .venv where it is missing or
# older than pyproject.toml and constraints.txt.

PYTHON ?= python3
TORCH_INDEX ?=
RUN ?= runs-out/mnist-$(shell date +%Y%m%d-%H%M%S)

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --constraint constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.DEFAULT_GOAL := help
.PHONY: help run test check bench constraints clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

run: .venv/learn.stamp ## train on MNIST, evaluate, show the first ten predictions; RUN=FOLDER says where it goes
	$(BIN)/inkdigits train mnist --preset fast --out "$(RUN)"

test: .venv/dev.stamp ## everything a change must pass: check, then the tests with their coverage
	scripts/test

check: .venv/dev.stamp ## format, lint and types
	scripts/check

bench: .venv/dev.stamp ## measure everything side by side (takes long), then fill the tables of both READMEs
	$(BIN)/python -m bench.run

constraints: ## pin the newest versions that pyproject.toml admits
	PYTHON="$(PYTHON)" TORCH_INDEX="$(TORCH_INDEX)" scripts/constraints

clean: ## remove .venv and what the tools left behind, but no run and no data
	rm -rf .venv .venv-peer* .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	find src tests bench scripts -name __pycache__ -prune -exec rm -rf {} +

# hatchling goes in first (editables is what it needs for --editable) and then builds the package without
# isolation, so that the build is pinned too.
.venv/build.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "inkdigits needs Python 3.11 or later, and this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(INSTALL) hatchling editables
	@touch $@

.venv/learn.stamp: .venv/build.stamp
	@echo 'Installing; PyTorch makes it the longest step (no GPU? see TORCH_INDEX in README.md) …'
	$(INSTALL) --no-build-isolation --editable '.[learn,serve]'
	@touch $@

.venv/dev.stamp: .venv/learn.stamp
	$(INSTALL) --no-build-isolation --editable '.[learn,serve,dev]'
	@touch $@
