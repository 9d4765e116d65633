# The words of this house: run test check bench clean.
.DEFAULT_GOAL := run
.PHONY: run test check bench clean

PYTHON ?= python3
BIN := .venv/bin

# The environment, made anew whenever what it is made of changes.
.venv/.installed: requirements.lock requirements-clients.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/.clients: .venv/.installed requirements-clients.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-clients.lock
	touch $@

check: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check .venv/.clients
	$(BIN)/pytest -n 2

clean:
	rm -rf .venv frontend/node_modules frontend/dist
