# Two commands do everything: `make up` (the product runs) and `make test` (every test passes).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
COMPILE := $(BIN)/uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --universal --python-version 3.11 --quiet

.DEFAULT_GOAL := help
.PHONY: help up demo test check bench faults fuzz audit assets lock release clean

help:  ## what each command does
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# The environment of this machine: everything pinned with hashes, installed once for each state of the lock. Servers install
# requirements-server.lock and the wheel of `make release`, see docs/how-to/install.md.
$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=python3.12, for example."; exit 1; }
	@echo "Environment: installing into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: install it (Debian: apt-get install python3-venv)."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements-dev.lock
	@$(BIN)/python -m pip check --disable-pip-version-check >/dev/null || { $(BIN)/python -m pip check; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

up: $(READY)  ## start everything on this machine; Ctrl-C stops it; EXAMPLE=1: with examples/invoices
	@IBOK_EXAMPLE=$(or $(EXAMPLE),0) exec $(BIN)/ibok-idp local up

demo: $(READY)  ## the whole way of a customer once, narrated
	@exec $(BIN)/python -m deploy.demo

test: $(READY) assets  ## every test; starts what it needs, leaves nothing running
	@$(BIN)/python tests/run.py

check: $(READY) assets  ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) assets  ## measurements, written to bench/results/; ONLY="accounts pages" takes parts
	@exec $(BIN)/python -m tests.bench.run $(ONLY)

faults: $(READY) assets  ## fifteen minutes of faults while the product works; judged afterwards
	@exec $(BIN)/python -m faults --minutes 15 --applications 5000 --faults 500

fuzz: $(READY) assets  ## hostile input at every door, repeatable by its seed
	@exec $(BIN)/python -m tests.fuzz $(FUZZ)

audit: $(READY)  ## known weaknesses of the dependencies; says so where nobody can be asked
	@$(BIN)/python -m deploy.audit_dependencies

assets: $(READY)  ## CSS, fonts, scripts, theme, translations
	@$(BIN)/ibok-idp local assets

lock: $(READY)  ## write the three lock files anew from pyproject.toml, with the same versions in each
	$(COMPILE) --extra local --extra dev --output-file requirements-dev.lock
	$(COMPILE) --constraint requirements-dev.lock --extra local --output-file requirements-local.lock
	$(COMPILE) --constraint requirements-dev.lock --output-file requirements-server.lock

release: $(READY) assets  ## wheel, sdist, list of parts (SBOM) and checksums in dist/; built twice and compared
	@$(BIN)/python -m deploy.audit_dependencies
	@exec $(BIN)/python -m deploy.release

clean:  ## remove the environment, the state and what was built (asks nothing)
	rm -rf $(VENV) .ibok .pytest_cache dist ibok_idp/look/static ibok_idp/login_theme/ibok/login/resources/css
