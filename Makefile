# Everything from a bare machine: Python 3.10 or later and make are all it takes. `make help` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help build check test test-all proof lint bench up down psql deps docs clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# the engine to build on: postgres, duckdb or spark
TARGET ?= $(or $(RETAIL_TARGET),postgres)
export RETAIL_TARGET := $(TARGET)
ENGINE_postgres := up
ENGINE_spark := $(VENV)/spark_installed
# two tests at a time, of two files
PYTEST := pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Spark is tried where it can run
SPARK_HERE := $(if $(shell command -v java),$(shell $(PYTHON) -c 'import sys; print("yes"[:3 * (sys.version_info >= (3, 11))])' 2>/dev/null))
# dbt, psql and the rest are those of the environment, whichever shell this is
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(ENGINE_$(TARGET)) deps  ## from the seeds to customer_details, with a summary; TARGET=duckdb or spark: there
	@echo "loading the seeds"
	@dbt --quiet seed
	@echo "building and testing the tables"
	@dbt --quiet build
	@retail summary

check: lint  ## before a commit, in 90 seconds: lint, types and the tests that need no database
	@$(PYTEST) tests/unit

test: deps  ## before a merge, in 6 minutes: nothing is lost, and a second run changes nothing
	@$(PYTEST) -m 'not extended and not proof' tests/pipeline

test-all: deps $(VENV)/docs_installed $(if $(SPARK_HERE),$(ENGINE_spark))  ## what make test leaves out, in 20 minutes: Spark, browser, documents, more worlds
	@$(PYTEST) -m extended

proof: deps  ## the large proofs, for hours: hundreds of worlds, samples and deliveries, with a table at the end
	@$(PYTEST) -m proof

lint: up dbt_packages $(VENV)/docs_installed  ## style of Python and SQL, a parse that forgives nothing, the conventions
	@ruff check .
	@ruff format --check .
	@mypy
	@sqlfluff lint models tests/data analyses
	@python -m tools.strict_parse
	@if [ -x $(BIN)/dbt-bouncer ]; then dbt-bouncer run --show-all-failures; \
		else echo "dbt-bouncer needs Python 3.11 or later: the conventions in dbt-bouncer.yml are not checked"; fi

bench: up deps $(VENV)/bench_installed  ## measure it against a hand-written script and pandas: an hour; BENCH=--help
	@python -m benchmarks.bench $(BENCH)

up: $(VENV)/installed  ## start the embedded PostgreSQL
	@retail up

down: $(VENV)/installed  ## stop the embedded PostgreSQL; its data stay
	@retail down

psql: up  ## open psql on the database
	@retail psql

deps: $(VENV)/installed  ## install the dbt packages, from the dbt Hub or the stand-ins
	@retail deps

dbt_packages: $(VENV)/installed
	@retail deps

docs: up deps $(VENV)/docs_installed  ## describe the tables, their lineage and their rules: a site, and one file of it
	@echo "writing the rule books and the settings, drawing the pictures"
	@mkdir -p target && dbt --quiet run-operation print_settings > target/settings.json
	@dbt --quiet compile -s 'dq_*'  # last, because the manifest has to show it; of a model by its name dbt would print the SQL
	@python -m tools.docs write target
	@echo "describing what is built"
	@dbt --quiet docs generate --static
	@python -m tools.docs static target

clean:  ## delete all that was made here: the database, the environment, dbt's files
	@if [ -x $(BIN)/retail ]; then $(BIN)/retail down; $(BIN)/retail cluster down; fi
	@rm -rf $(VENV) .postgres .spark warehouse.duckdb dbt_packages target logs

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
		|| { echo "Python 3.10 or later is needed as $(PYTHON): install it, or name it (make PYTHON=python3.12)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "$(VENV) can't be made: is the folder yours, and is Python's venv module installed?" >&2; exit 1; }
	@echo "installing the pinned packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/bench_installed: requirements-bench.lock $(VENV)/installed
	@python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "the benchmark's pandas needs Python 3.11 or later: make clean, then make bench PYTHON=python3.12" >&2; exit 1; }
	@echo "installing what the benchmark compares with into $(VENV)"
	@python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/spark_installed: requirements-spark.lock $(VENV)/installed
	@command -v java >/dev/null || { echo "Spark needs Java 17 or later: install it, on Debian as openjdk-17-jre-headless" >&2; exit 1; }
	@python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Spark needs Python 3.11 or later: make clean, then make build TARGET=spark PYTHON=python3.12" >&2; exit 1; }
	@echo "installing Spark into $(VENV)"
	@python -m pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes -r $<
	@touch $@

$(VENV)/docs_installed: requirements-docs.lock $(VENV)/installed
	@echo "installing what draws, checks and opens the documentation into $(VENV)"
	@python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
