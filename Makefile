# Everything runs in .venv, which is made on first use and remade when the lock file changes.
# From another directory: make -C DIRECTORY demo ARGS=--json

BIN := .venv/bin
WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help venv demo test check lock clean

help:
	@echo 'make demo     a whole market on this machine: three real jobs, then the audit (ARGS=--json)'
	@echo 'make test     the checks and all tests (WORKERS=2 test processes)'
	@echo 'make check    lint, format, types and import rules'
	@echo 'make venv     the virtual environment in .venv'
	@echo 'make lock     renew requirements/dev.lock'
	@echo 'make clean    remove .venv, caches and build outputs'

venv:
	@scripts/make_venv.sh

demo: venv
	@$(BIN)/newral demo $(ARGS)

test: check
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# uv resolves for every platform at once; it is needed here only, so it is not in the lock itself.
lock: venv
	$(BIN)/python -m venv --clear build/lock
	build/lock/bin/python -m pip install -q --disable-pip-version-check uv
	build/lock/bin/uv pip compile pyproject.toml --extra all --group dev \
	    --group bench --group build --universal --generate-hashes --no-emit-index-url --no-header --quiet \
	    -o requirements/dev.lock

clean:
	rm -rf .venv build dist .cache .mypy_cache .ruff_cache .pytest_cache \
	    .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
