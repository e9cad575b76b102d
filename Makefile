# Everything a newcomer needs is a target here; `make help` lists them.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check format bench soak clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## make the virtual environment with the pinned dependencies

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

demo: $(STAMP) ## load the demo utility once and serve it on http://127.0.0.1:8080
	$(RUN)/currant demo

serve: $(STAMP) ## serve the database of CURRANT_HOME or CURRANT_DATABASE_URL
	$(RUN)/currant serve

test: check ## run every check and every test
	$(RUN)/python -m pytest -n 2 --dist loadfile

check: $(STAMP) ## ruff, mypy --strict, import rules, sqlfluff
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/sqlfluff lint src migrations

format: $(STAMP) ## let the formatters have their way
	$(RUN)/ruff check --fix-only --quiet .
	$(RUN)/ruff format --quiet .

bench: $(STAMP) ## measure, each figure beside its limit
	$(RUN)/python bench/run.py

soak: $(STAMP) ## the long tests: a year of real load
	$(RUN)/python -m pytest -n 2 --dist loadfile -m soak

clean: ## remove the virtual environment and the test database
	rm -rf $(VENV) .home
