# Everything a newcomer needs is a target here; `make help` lists them.

VENV := .venv
RUN := $(VENV)/bin

# A stamp is the last thing written, so a set-up that was interrupted is begun anew.
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
SPARK := $(VENV)/.spark
BENCH := $(VENV)/.bench

# The first Python that is new enough and can make a virtual environment; each is tried, for a name
# on the path may be a shim that leads nowhere.
PYTHON ?= python3
PYTHONS := $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14
FITS := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))

PIP := $(RUN)/python -m pip --quiet --disable-pip-version-check --no-input install

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-spark spark check format bench soak lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## / /' | awk '{$$1 = sprintf("%-10s", $$1); print}'

setup: $(INSTALLED) ## make the virtual environment with the pinned dependencies

$(LOCKED): requirements.lock
	@rm -rf $(VENV)
	@for python in $(PYTHONS); do \
		"$$python" -c '$(FITS)' 2>/dev/null || continue; \
		echo "Making $(VENV) with $$("$$python" --version); this takes a minute, once." >&2; \
		exec "$$python" -m venv $(VENV); \
	done; \
	echo "No Python from 3.11 to 3.14 with venv and ensurepip was found; nothing was set up." >&2; \
	echo "Install one (Debian: apt-get install python3 python3-venv), or name it:" >&2; \
	echo "make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
	exit 1
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# What only some need is heavy, and brought when it is first needed.
$(SPARK) $(BENCH): $(VENV)/.%: requirements-%.lock $(LOCKED)
	@echo "Installing what $* needs; this takes some minutes, once." >&2
	@$(PIP) --require-hashes -r $<
	@touch $@

demo: $(INSTALLED) ## load the demo utility once and serve it on http://127.0.0.1:8080
	@$(RUN)/currant demo --with-parent

serve: $(INSTALLED) ## serve the database of CURRANT_HOME or CURRANT_DATABASE_URL
	@$(RUN)/currant serve --with-parent

test: check spark ## run every check and every test
	$(RUN)/python -m pytest -n 2 --dist loadfile -rs

test-spark: spark ## run the tests of Spark alone, or say why they cannot run here
	$(RUN)/python -m pytest -rs -m spark

# Without the Java that it runs on Spark is not brought, and its tests are skipped.
spark: $(INSTALLED)
	@reason=$$($(RUN)/python -c \
		'from currant.determinants.spark import why_no_java; print(why_no_java() or "")') && \
	if [ -n "$$reason" ]; then echo "$$reason Its tests are skipped." >&2; \
	else $(MAKE) --silent --no-print-directory $(SPARK); fi

check: $(INSTALLED) ## ruff, mypy --strict, import rules, sqlfluff
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/sqlfluff lint src $(wildcard migrations)

format: $(INSTALLED) ## let the formatters have their way
	$(RUN)/ruff check --fix-only --quiet .
	$(RUN)/ruff format --quiet .

bench: $(INSTALLED) $(BENCH) ## measure, each figure beside its limit
	$(RUN)/python bench/run.py

soak: $(INSTALLED) ## the long tests: a year of real load
	$(RUN)/python -m pytest -n 2 --dist loadfile -m soak

# One version of each serves every Python.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-header --no-annotate --no-emit-index-url

lock: ## pin what pyproject.toml asks for, with the hashes of all files (needs uv)
	$(COMPILE) --extra dev --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra spark --constraint requirements.lock --output-file requirements-spark.lock \
		pyproject.toml
	$(COMPILE) --extra bench --constraint requirements.lock --output-file requirements-bench.lock \
		pyproject.toml

clean: ## remove the virtual environment and the test database
	rm -rf $(VENV) .home
