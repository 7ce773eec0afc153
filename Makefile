# make            what can be made
# make run        train both models side by side   (make run ARGS="--quick --state carried")
# make test       the test suite                   (make test ARGS="-k parity -x")
#
# The first target that needs it makes .venv from PYTHON and installs the project there.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
LOWEST := .venv-lowest
# Arguments of pip install, and of rnn-parity or pytest; test processes (a number; auto: the cores + 1).
PIP_ARGS ?=
ARGS     ?=
WORKERS  ?= auto
# What `make mutants` changes, and the tests that can notice it: docs/trust/mutants.md.
FILES ?= scratch_rnn/plain/[a-z]*.py
TESTS ?= tests/scratch_rnn/test_plain.py tests/scratch_rnn/test_optim.py tests/scratch_rnn/test_loss.py
# The tests that need a library of the extra `adapters`.
ADAPTERS := tests/compare/check/test_adapters.py tests/compare/pairs/test_each_pair.py \
    tests/compare/pairs/test_convert.py tests/compare/pairs/test_keras_files.py tests/compare/pairs/test_onnx_files.py \
    tests/compare/forms/test_jax.py tests/compare/recurrences/test_jax_recurrences.py

# Containers often set this. Then each process that a test starts compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# Of pip's output: the large downloads, and the installation.
SHORT := awk '/\.whl.*[0-9] MB\)$$/ { sub(".*/", "", $$2); print "  " $$0 } /^Installing/ { print "  Installing" } { fflush() }'

.DEFAULT_GOAL := help
.PHONY: help setup run test lowest adapters site commands figures check javascript deep mutants format clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv and install the project there (once; one to three minutes)
	@echo "Ready: source $(BIN)/activate"

run: $(STAMP)  ## train the NumPy and the PyTorch model side by side, and compare them (ARGS=--quick: under a minute)
	@$(BIN)/rnn-parity run $(ARGS)

test: $(STAMP)  ## the test suite
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope $(ARGS)

lowest:  ## the test suite with the lowest versions that pyproject.toml allows, in a .venv-lowest of its own
	@$(PYTHON) -m venv $(LOWEST)
	@$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST) --resolution lowest-direct --editable '.[dev]'
	@$(LOWEST)/bin/python -m pytest -n $(WORKERS) $(ARGS)

adapters: $(STAMP)  ## install Keras, Flax, Equinox and ONNX Runtime, and test their adapters (KERAS_BACKEND=jax: another backend)
	@KERAS_BACKEND=torch $(BIN)/python -c 'import equinox, flax, keras, onnx, onnxruntime' 2>/dev/null || \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --editable '.[adapters]'
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope $(ADAPTERS) $(ARGS)

site: $(STAMP)  ## README.md and docs/ as a site in site/, with every link checked
	@$(BIN)/python -c 'import mkdocs, material, latex2mathml' 2>/dev/null || \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --editable '.[docs]'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

commands: $(STAMP)  ## every command that README.md and docs/ show, as it stands there (some minutes)
	@RNN_PARITY_COMMANDS=all $(BIN)/python -m pytest -n 0 tests/test_documents.py --timeout=0 $(ARGS)

figures: $(STAMP)  ## measure what README.md and docs/ state, and write it there (hours; ARGS="runs bench": a part)
	@$(BIN)/python docs/scripts/figures.py $(ARGS)

check: $(STAMP)  ## style, types, import contracts, the budget of each package, how long a file may be, JavaScript
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.budget
	$(BIN)/python -m pytest -q -n 0 tests/test_house.py
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory javascript; \
	    else echo "The JavaScript is not checked: expected npm, got none"; fi

javascript: node_modules/.installed  ## types (tsc) and style (Biome) of the JavaScript; a part of make check
	npm run --silent check

deep: $(STAMP)  ## the test suite with 10,000 random cases a property (hours; ARGS=tests/compare/runs: a folder)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --hypothesis-profile=deep --timeout=0 $(ARGS)

# mutmut runs in a folder of its own: it keeps changed copies of the code beside its settings.
mutants: $(STAMP)  ## change the code of FILES in all simple ways, and list the changes that no test of TESTS notices
	@mkdir -p mutants && ln -sfn ../scratch_rnn ../concise_rnn ../compare ../tests ../docs mutants/
	@set -f; { cat pyproject.toml; \
	    printf 'only_mutate = ['; printf '"%s", ' $(FILES); \
	    printf ']\npytest_add_cli_args_test_selection = ['; printf '"%s", ' $(TESTS); echo ']'; } > mutants/pyproject.toml
	@cd mutants && ../$(BIN)/mutmut run --max-children $(if $(filter-out auto 0,$(WORKERS)),$(WORKERS),2) $(ARGS)
	@cd mutants && ../$(BIN)/mutmut results

format: $(STAMP)  ## let ruff and Biome put the code in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node_modules/.installed && npm run --silent format; fi

clean:  ## remove the virtual environments and all caches; runs/ stays
	rm -rf $(VENV) $(LOWEST) *.egg-info build site node_modules mutants .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "expected Python 3.11 or newer as PYTHON, got $$($(PYTHON) --version 2>&1 | head -n 1)" \
	           "(try: make PYTHON=python3.12 $(MAKECMDGOALS))" >&2; exit 1; }
	@echo "Setting up $(VENV) (once; one to three minutes, most of it for PyTorch)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) --editable '.[dev]' | $(SHORT)
	@$(BIN)/python -c 'import compare'
	@touch $@

node_modules/.installed: package-lock.json
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
