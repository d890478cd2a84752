# The main job (`make reproduce`), its checks and its timings, in an environment of their own.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := derivations numeric validate paper_figures gradbound

.DEFAULT_GOAL := help
.PHONY: help reproduce test test-all lint bench docs records-gpu clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

reproduce: $(STAMP) ## derive, validate, audit, draw and report into build/
	$(BIN)/gradbound reproduce

test: $(STAMP) ## the tests, slow sweeps left out
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-all: $(STAMP) ## every test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "slow or not slow"

lint: $(STAMP) ## style, types and the layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## the benchmarks, one JSON line each, kept in benchmarks/recorded.jsonl
	$(BIN)/python benchmarks/record.py benchmarks/recorded.jsonl

docs: $(STAMP) ## the documentation as a site, into build/docs
	$(BIN)/python -m pip install -q -e '.[docs]' -c constraints.txt
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

records-gpu: $(STAMP) ## gather into build/gpu what makes the GPU's records on a machine without network
	$(BIN)/python -m validate.training.gpu_bundle build/gpu $(DATA)

clean: ## remove everything that can be made again
	rm -rf build dist $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(PACKAGES) benchmarks tests -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -e '.[test]' -c constraints.txt
	touch $@
