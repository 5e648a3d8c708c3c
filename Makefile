# One virtual environment, .venv, from pinned and hashed requirements. Stamps make every target repeatable.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
KILLS ?= 60
# One process for each core, a file stays in one; tests/conftest.py lets the longest begin, xdist would keep them for the end.
PARALLEL ?= --numprocesses auto --dist loadfile --no-loadscope-reorder
LOCK_UV := uv==0.13.9

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_USER := 0
export PIP_NO_INPUT := 1
# Without byte code each of the hundreds of processes that a test run starts compiles every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

# --- set-up --------------------------------------------------------------------------------------------------------

$(VENV)/.stamp-venv:
	@if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
	  echo "lpwatch needs Python 3.11 or newer. On Debian, as root: apt-get install python3 python3-venv; elsewhere: make PYTHON=/path/to/python3.11 …" >&2
	  exit 3
	fi
	if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then
	  package="$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	    echo "installing $$package"
	    export DEBIAN_FRONTEND=noninteractive
	    apt-get update --quiet=2 || true
	    apt-get install --yes --no-install-recommends --quiet=2 "$$package" || true
	  fi
	  if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then
	    echo "$(PYTHON) cannot make virtual environments. On Debian, as root: apt-get install $$package" >&2
	    exit 3
	  fi
	fi
	[ -x $(BIN)/python ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	touch $@

$(VENV)/.stamp-run: requirements/run.txt $(VENV)/.stamp-venv
	@echo "installing requirements/run.txt"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/run.txt
	touch $@

$(VENV)/.stamp-test: requirements/test.txt $(VENV)/.stamp-venv
	@echo "installing requirements/test.txt"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/test.txt
	touch $@

# The project itself, editable; needs the pinned build tools that both requirement files hold.
define install_project
@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
touch $@
endef

$(VENV)/.stamp-project-run: pyproject.toml worker/__init__.py $(VENV)/.stamp-run
	$(install_project)

$(VENV)/.stamp-project-test: pyproject.toml worker/__init__.py $(VENV)/.stamp-test
	$(install_project)

.PHONY: setup
setup: $(VENV)/.stamp-project-run ## make .venv with the lpwatch command

.PHONY: setup-test
setup-test: $(VENV)/.stamp-project-test ## the same .venv with the tools for checks and tests

# --- run -----------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: setup ## a simulated ward in the terminal; options: ARGS="--seconds 20"
	@exec $(BIN)/lpwatch demo $(ARGS)

.PHONY: check
check: setup-test ## format, lint, types, import contracts and the fast tests
	@set -x
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/mypy worker & types=$$!
	failed=0
	$(BIN)/pytest $(PARALLEL) -m "not integration and not slow" $(ARGS) || failed=$$?
	wait $$types
	exit $$failed

.PHONY: servers
servers: setup-test ## the programs that test servers need: JDK, Maven, PostgreSQL, Node; Kafka's jars
	@exec $(BIN)/python -m tools.server_programs

.PHONY: test
test: setup-test servers ## every test
	@$(BIN)/python -m tools.server_programs later >/dev/null 2>&1 &
	$(BIN)/pytest $(PARALLEL) $(ARGS)

.PHONY: test-long
test-long: setup-test servers ## the laws of arrival: 10,000 examples of each, a hospital of 100,000 messages; hours
	@LPWATCH_TEST_LONG=1 $(BIN)/pytest $(PARALLEL) tests/laws $(ARGS)

.PHONY: mutate-rules
mutate-rules: setup-test ## change the rules one place at a time: do the vignettes notice? ARGS="--rule fever-single"
	@$(BIN)/lpwatch mutate mappings/tests --notes extract --survivors tests/scenarios/survivors.yaml $(ARGS)

.PHONY: kill-test
kill-test: setup-test servers ## kill everything of an installation on the bus while a feed flows; KILLS=500
	@LPWATCH_TEST_BUS_KILLS=$(KILLS) $(BIN)/pytest tests/faults/test_bus_kills.py $(ARGS)

.PHONY: fhir-validate
fhir-validate: setup-test servers ## HAPI's validator on every alert, not one of each kind
	@LPWATCH_TEST_EVERY_ALERT=1 $(BIN)/pytest tests/integration/test_fhir_validator.py $(ARGS)

.PHONY: alarm-burden
alarm-burden: setup-test ## write docs/alarm-burden.md: 2,000 simulated LPs, replayed; takes a while
	@exec $(BIN)/python -m tools.alarm_burden $(ARGS)

.PHONY: fmt
fmt: setup-test ## format, and fix what ruff can fix
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: bench
bench: setup-test ## every benchmark
	@$(BIN)/python -m bench $(ARGS)

.PHONY: bench-quick
bench-quick: setup-test ## the benchmarks in at most 15 minutes
	@$(BIN)/python -m bench --quick $(ARGS)

# --- servers for trying things -------------------------------------------------------------------------------------

.PHONY: kafka
kafka: servers ## a Kafka on 127.0.0.1:9092; ARGS="--brokers 3"
	@exec $(BIN)/python -m tools.kafka_local start --port 9092 $(ARGS)

.PHONY: kafka-stop
kafka-stop: ## stop it; its data stays
	@exec $(BIN)/python -m tools.kafka_local stop $(ARGS)

.PHONY: postgres
postgres: servers ## a PostgreSQL on 127.0.0.1:5433
	@exec $(BIN)/python -m tools.postgres_local start --port 5433 $(ARGS)

.PHONY: postgres-stop
postgres-stop: ## stop it; its data stays unless ARGS=--remove
	@exec $(BIN)/python -m tools.postgres_local stop $(ARGS)

# --- upkeep --------------------------------------------------------------------------------------------------------

.PHONY: lock
lock: ## pin requirements/*.in and those of benchmarks again; newer versions: ARGS=--upgrade
	@[ -x .venv-lock/bin/python ] || $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet $(LOCK_UV)
	for name in requirements/run requirements/test bench/notes/requirements; do
	  env -u PIP_FIND_LINKS -u UV_FIND_LINKS .venv-lock/bin/uv pip compile --quiet --no-config --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 $(ARGS) \
	    -o $$name.txt $$name.in
	done

.PHONY: clean
clean: ## remove everything that is made
	rm -rf $(VENV) .venv-lock build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find worker tests -name __pycache__ -type d -prune -exec rm -rf {} +
