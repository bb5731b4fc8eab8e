# Two commands on a fresh machine: `make sweep` and `make test`. Needs Python 3.11 or newer, and make.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# two processes share the tests, a class or a module at a time; clusters take all cores, so theirs come one by one after
SHARED := --numprocesses 2 --dist loadscope --no-loadscope-reorder
# where no quick test is, and a plugin that none needs: collecting all that takes as long as half of the tests
NOT_QUICK := $(addprefix --ignore=tests/,nn runners faults) -p no:hypothesispytest
READY := $(VENV)/ready-$(shell cksum < requirements.lock | cut -d' ' -f1)

.PHONY: help setup sweep test quick faults lint lock clean

help:  ## Say what can be made.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

setup: $(READY)  ## Create .venv and install the pinned dependencies (once, and again when the lock file changes).

$(READY): requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"sweepkit needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@echo "installing the pinned dependencies into $(VENV) (about 2.8 GB on disk, a few minutes)"
	$(RUN) -m pip install --quiet --require-hashes --requirement requirements.lock
	$(RUN) -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

sweep: setup  ## Run the example sweep on the shipped sample.
	$(RUN) -m sweepkit run sweeps/imdb_cells.yaml --data sample

test: setup lint  ## Check style and types and run all tests but the benchmarks.
	$(RUN) -m pytest $(SHARED) -m "not ray and not faults"
	$(RUN) -m pytest -m "ray and not faults"

quick: setup  ## Run the tests that need neither TensorFlow nor Ray nor MLflow.
	$(RUN) -m pytest $(SHARED) $(NOT_QUICK) -m "not tf and not ray and not mlflow and not slow and not faults"

faults: setup  ## Kill sweeps at any instant and damage their files; minutes. Prints which cases survived.
	$(RUN) -m pytest -m faults

lint: setup  ## Check style and types.
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

lock: setup  ## Renew requirements.lock from requirements.in.
	$(RUN) -m pip install --quiet uv
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements.in --output-file requirements.lock

clean:  ## Remove what was installed; runs and MLflow's store stay.
	rm -rf $(VENV)
