# One command a task, the same here and in CI. Everything needs only Python 3.12 or newer, make and bash; `make` lists the tasks.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export MPLBACKEND := Agg

BIN := .venv/bin
READY := .venv/.ready
# Test processes, and extra arguments for pytest: make test JOBS=4 ARGS="-k stopping"
JOBS ?= 2
ARGS ?=

# A copied environment belongs to the folder it was made in: make it anew.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

.PHONY: help demo test long coverage lint format types contracts notebooks docs wheel check lock clean

help: ## list the tasks
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(READY): requirements.lock pyproject.toml .ci/environment
	@.ci/environment

demo: $(READY) ## simulate an experiment, fit its ratings, and say where the report is
	$(BIN)/expsim simulate summarization-prompts --out out/demo
	$(BIN)/expsim fit out/demo/ratings.csv --out out/demo-fit
	@echo "The report: $(CURDIR)/out/demo-fit/report.md"

test: $(READY) ## run every test and doctest
	$(BIN)/pytest -n $(JOBS) --dist loadfile $(ARGS)

long: $(READY) ## run the tests that fit for minutes, too: recovery and known answers of every model
	$(BIN)/pytest -n $(JOBS) --dist loadfile --long -m long $(ARGS)

coverage: $(READY) ## run the tests and show the lines that none of them reaches
	$(BIN)/pytest -n $(JOBS) --dist loadfile --cov --cov-report=term $(ARGS)

lint: $(READY) ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(READY) ## let ruff mend and format what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(READY) ## mypy, strict
	$(BIN)/mypy

contracts: $(READY) ## import-linter: the order of imports
	$(BIN)/lint-imports

notebooks: $(READY) ## execute every notebook from top to bottom; none carries stored output
	@printf '%s\0' notebooks/*.ipynb | xargs -0 -n 1 -P $(JOBS) \
	  sh -c 'echo "$$0"; $(BIN)/nbstripout --verify "$$0" && $(BIN)/jupyter-execute "$$0"'

docs: $(READY) ## write the pages of the models anew, from the models, and draw the figures of the gallery
	$(BIN)/python docs/model_pages.py
	$(BIN)/python docs/gallery.py

wheel: $(READY) ## build the sdist, and from it the wheel, into dist/
	@rm -rf dist build
	$(BIN)/python -m build --no-isolation

check: lint types contracts test notebooks wheel ## all of the above

lock: $(READY) ## write requirements.lock anew from pyproject.toml (keeps pins that still hold; needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	uv pip compile --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-header \
	  --group dev pyproject.toml -o requirements.lock

clean: ## remove the environment, builds, caches and results
	rm -rf .venv build dist out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
