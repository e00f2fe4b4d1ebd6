# Everything that people and CI run. `make run` is all that a fresh machine needs.
PYTHON ?= python3
PY := .venv/bin/python
# Processes of the tests; 0 is one after the other in this one.
PYTEST_PROCESSES ?= 2
# A model that the run generates candidates with: a name on the Hugging Face hub, a folder, or `demo`.
MODEL ?=

.PHONY: help run test bench gpu-check venv venv-test venv-gpu
.DEFAULT_GOAL := help

help:  ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: .venv/base.stamp $(if $(MODEL),.venv/gpu.stamp)  ## Start everything on this machine; Ctrl-C stops it (MODEL=demo: generate, too)
	@exec $(PY) manage.py up $(if $(MODEL),--model "$(MODEL)")

test: .venv/test.stamp  ## Lint, types, contracts, migrations and all tests
	@$(PY) -m pytest -n $(PYTEST_PROCESSES) --dist loadgroup $(PYTEST_ARGS)

bench: .venv/test.stamp  ## One benchmark: make bench BENCH=serving (QUICK=1 for a minute's worth)
	@test -n "$(BENCH)" || { echo "Name one: make bench BENCH=serving"; exit 2; }
	@$(PY) -m tests.bench.$(BENCH)

gpu-check: .venv/test.stamp .venv/gpu.stamp  ## Tests and benchmarks of generating, on this machine's GPU
	@TESTS_DEVICE=auto $(PY) -m pytest -q -m "torch or gpu"
	@$(PY) -m tests.bench.generation
	@$(PY) -m tests.bench.gpu

venv: .venv/base.stamp  ## The environment that a run needs
venv-test: .venv/test.stamp  ## The environment that tests need too
venv-gpu: .venv/gpu.stamp  ## What models in a worker of our own need too: torch and transformers

# Dependencies alone are installed, and only when pyproject.toml has changed: the code runs from the checkout.
# Byte code is written when a module is first used, which is faster than writing all of it now.
REQUIREMENTS = $(PY) -c 'import sys, tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*p["dependencies"], *(d for e in sys.argv[1:] for d in p["optional-dependencies"][e]), sep="\n")'
INSTALL = $(PY) -m pip install --quiet --disable-pip-version-check --no-compile --requirement

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Chorus needs Python 3.11 or newer, and $(PYTHON) is " \
		+ sys.version.split()[0] + ". Name another: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@$(PYTHON) -m venv .venv || { echo "The environment could not be made. On Debian: apt-get install python3-venv"; exit 1; }

.venv/base.stamp: pyproject.toml | .venv/bin/python
	@echo "Installing what Chorus needs (once)."
	@$(REQUIREMENTS) > .venv/requirements.txt
	@$(INSTALL) .venv/requirements.txt
	@touch $@

.venv/gpu.stamp: pyproject.toml .venv/base.stamp | .venv/bin/python
	@echo "Installing torch and transformers (once; with CUDA this is some gigabytes)."
	@$(REQUIREMENTS) gpu > .venv/requirements.txt
	@$(INSTALL) .venv/requirements.txt
	@touch $@

.venv/test.stamp: pyproject.toml .venv/base.stamp | .venv/bin/python
	@echo "Installing what the tests need (once)."
	@$(REQUIREMENTS) test > .venv/requirements.txt
	@$(INSTALL) .venv/requirements.txt
	@touch $@
