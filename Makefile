# Everything from a bare machine: Python 3.10 or later and make are all it takes. `make help` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help build check test test-all proof lint lint_needs lint_sql lint_python lint_models unit bench up down psql deps page docs clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# by the interpreter: the environment's scripts start with its path, which a shell misreads where it has a $ or a quote
RUN := $(BIN)/python -m
DBT := $(BIN)/python -W ignore::RuntimeWarning:runpy -m dbt.cli.main
# the engine to build on: postgres, duckdb or spark
TARGET ?= $(or $(RETAIL_TARGET),postgres)
export RETAIL_TARGET := $(TARGET)
ENGINE_postgres := up
ENGINE_spark := $(VENV)/spark_installed
# two tests at a time, of two files
PYTEST := $(RUN) pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Spark is tried where it can run
SPARK_HERE := $(if $(shell command -v java),$(shell $(PYTHON) -c 'import sys; print("yes"[:3 * (sys.version_info >= (3, 11))])' 2>/dev/null))
# dbt, psql and the rest are those of the environment, whichever shell this is
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(ENGINE_$(TARGET)) deps  ## from the seeds to customer_details, with a summary; TARGET=duckdb or spark: there
	@echo "loading the seeds"
	@$(DBT) --quiet seed
	@echo "building and testing the tables"
	@$(DBT) --quiet build
	@$(RUN) retail summary

check: lint_needs  ## before a commit, in 90 seconds: lint, types and the tests that need no database
	@$(MAKE) --no-print-directory --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) lint_sql lint_python lint_models unit

test: deps  ## before a merge, in 6 minutes: nothing is lost, and a second run changes nothing
	@$(PYTEST) -m 'not extended and not proof' tests/pipeline

test-all: deps $(VENV)/docs_installed $(VENV)/page_installed $(if $(SPARK_HERE),$(ENGINE_spark))  ## what make test leaves out, in 20 minutes: Spark, browser, documents, more worlds
	@$(PYTEST) -m extended

proof: deps  ## the large proofs, for hours: hundreds of worlds, samples and deliveries, with a table at the end
	@$(PYTEST) -m proof

lint: lint_needs lint_python lint_models lint_sql  ## style of Python and SQL, types, a parse that forgives nothing, the conventions

lint_needs: $(ENGINE_$(TARGET)) dbt_packages $(VENV)/docs_installed

lint_python:
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

lint_sql:
	@$(BIN)/python -W ignore::UserWarning:multiprocessing.resource_tracker -m sqlfluff lint --dialect $(TARGET:spark=sparksql) --processes 0 models tests/data analyses

lint_models:
	@$(RUN) tools.strict_parse
	@if [ -x $(BIN)/dbt-bouncer ]; then dbt-bouncer run --show-all-failures; \
		else echo "dbt-bouncer needs Python 3.11 or later: the conventions in dbt-bouncer.yml are not checked"; fi

unit:
	@$(RUN) pytest tests/unit

bench: up deps $(VENV)/bench_installed  ## measure it against a hand-written script and pandas: an hour; BENCH=--help
	@$(RUN) benchmarks.bench $(BENCH)

up: $(VENV)/installed  ## start the embedded PostgreSQL
	@$(RUN) retail up

down: $(VENV)/installed  ## stop the embedded PostgreSQL; its data stay
	@$(RUN) retail down

psql: up  ## open psql on the database
	@$(RUN) retail psql

deps: $(VENV)/installed  ## install the dbt packages, from the dbt Hub or the stand-ins
	@$(RUN) retail deps

dbt_packages: $(VENV)/installed
	@$(RUN) retail deps

page: $(ENGINE_$(TARGET)) $(VENV)/page_installed  ## write the marketer's page, one HTML file; PAGE=--help
	@$(RUN) retail page $(PAGE)

docs: $(ENGINE_$(TARGET)) deps $(VENV)/docs_installed  ## describe the tables, their lineage and their rules: a site, and one file of it
	@echo "writing the rule books and the settings, drawing the pictures"
	@mkdir -p target && $(DBT) --quiet run-operation print_settings > target/settings.json
	@$(DBT) --quiet compile -s 'dq_*'  # last, because the manifest has to show it; of a model by its name dbt would print the SQL
	@$(RUN) tools.docs write target
	@echo "describing what is built"
	@$(DBT) --quiet docs generate
	@DO_NOT_TRACK=1 $(BIN)/colibri generate --light --output-dir target/lineage > target/lineage.log 2>&1 \
		|| { cat target/lineage.log >&2; exit 1; }
	@$(RUN) tools.docs static target

clean:  ## delete all that was made here: the database, the environment, dbt's files
	@if [ -x $(BIN)/retail ]; then $(RUN) retail down; $(RUN) retail cluster down; fi
	@rm -rf $(VENV) .postgres .spark warehouse.duckdb* dbt_packages target logs

# an environment's scripts and packages name the folder that it was made in
.PHONY: own_environment
own_environment:
	@[ ! -s $(VENV)/installed ] || [ "$$(cat $(VENV)/installed)" = "$$(pwd -P)" ] \
		|| { echo "$(VENV) was made in $$(cat $(VENV)/installed), and this folder is a copy of it, or was moved: type make clean," \
			"or rm -r $(VENV) to keep the database" >&2; exit 1; }

$(VENV)/installed: requirements.lock pyproject.toml | own_environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
		|| { echo "Python 3.10 or later is needed as $(PYTHON): install it, or name it (make PYTHON=python3.12)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "$(VENV) can't be made: is the folder yours, and is Python's venv module installed?" >&2; exit 1; }
	@echo "installing the pinned packages into $(VENV)"
	@$(RUN) pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(RUN) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@pwd -P > $@

$(VENV)/bench_installed: requirements-bench.lock $(VENV)/installed
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "the benchmark's pandas needs Python 3.11 or later: make clean, then make bench PYTHON=python3.12" >&2; exit 1; }
	@echo "installing what the benchmark compares with into $(VENV)"
	@$(RUN) pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/spark_installed: requirements-spark.lock $(VENV)/installed
	@command -v java >/dev/null || { echo "Spark needs Java 17 or later: install it, on Debian as openjdk-17-jre-headless" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Spark needs Python 3.11 or later: make clean, then make build TARGET=spark PYTHON=python3.12" >&2; exit 1; }
	@echo "installing Spark into $(VENV)"
	@$(RUN) pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes -r $<
	@touch $@

$(VENV)/page_installed: requirements-page.lock $(VENV)/installed
	@echo "installing what draws the page's charts into $(VENV)"
	@$(RUN) pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/docs_installed: requirements-docs.lock $(VENV)/installed
	@echo "installing what draws, checks and opens the documentation into $(VENV)"
	@$(RUN) pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
