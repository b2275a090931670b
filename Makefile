# The two commands are `make demo` and `make test`. They need make and a Python 3.11–3.13 only;
# everything goes into .venv, which is made anew when pyproject.toml or the pins change.
#
#   make test ARGS="-k digest"           arguments for the tool behind the target
#   make demo PYTHON=/path/to/python3    the Python to make .venv with

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: demo test check lint types layers docs lock clean help

BIN := .venv/bin
LOCK_TOOL := uv==0.13.9

# A .venv that was moved here, or whose Python is gone, loses its stamps and is made anew.
_ := $(shell sh tools/venv check)

demo: .venv/.runtime .venv/.compiled  ## back up, damage, verify, restore: the whole story on an embedded PostgreSQL
	@$(BIN)/kulti-ops demo $(ARGS)

test: .venv/.dev .venv/.compiled  ## run the tests
	@$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal $(ARGS)

check: lint types layers  ## run ruff, mypy and the layer test

lint: .venv/.dev
	@$(BIN)/python -m ruff check
	@$(BIN)/python -m ruff format --check

types: .venv/.dev
	@$(BIN)/python -m mypy

layers: .venv/.dev
	@$(BIN)/python -m pytest --quiet tests/unit/test_layers.py

.venv/.runtime: pyproject.toml requirements.txt
	@sh tools/venv install runtime

.venv/.dev: pyproject.toml requirements.txt requirements-dev.txt
	@sh tools/venv install dev

# pip compiles what it installs; our own modules are compiled here, also where
# PYTHONDONTWRITEBYTECODE would leave every start to compile them again.
.venv/.compiled: $(shell find kulti_ops -name '*.py') | .venv/.runtime
	@$(BIN)/python -m compileall -q kulti_ops && touch $@

docs: .venv/.runtime  ## write the reference pages that follow from the code, and .env.example
	@$(BIN)/python tools/reference.py

lock:  ## pin what pyproject.toml asks for; `make lock ARGS=--upgrade` takes the newest
	@sh tools/lock "$(LOCK_TOOL)" $(ARGS)

clean:  ## remove .venv and everything generated
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find kulti_ops tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile
