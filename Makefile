# The environment is `.venv`, made once from pyproject.toml and constraints.txt; only Python 3.11 or newer is needed.
# `make demo PYTHON=/path/to/python3.12` chooses another interpreter.

BIN := .venv/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
AXE_CORE := axe-core@4.14.1

STUDIES := scaling-laws weight-sharing permutation-bias abstract-symbols level-by-level grammar-sizes one-pass \
	zipf-rules all-positions masked-token corpus-forecast
SHAPES := $(patsubst %,tests/test_%.py,annotations exchangeable tasks hidden_markov entropies frequencies ngrams \
	interventions theory_hierarchy theory_prediction theory_reading curves activations kernel_regression)
INTEROP := $(patsubst %,tests/test_%.py,scoring foreign_learner datasets onnx search pages)
WITH_TEXT := permutation-bias abstract-symbols corpus-forecast
NEEDS_TEXT := corpus-forecast

.DEFAULT_GOAL := help
.PHONY: help demo test shapes slow interop browser lint types gallery bench clean $(addprefix gallery/,$(STUDIES))

help:
	@echo "make demo     the main result at its quick size: a report page and a figure"
	@echo "make test     the tests"
	@echo "make shapes   quick tests, with every call checked against its annotations, shapes of arrays included"
	@echo "make slow     the tests that train for longer"
	@echo "make interop  tests with the real PyTorch, datasets, ONNX Runtime and Optuna, which it installs"
	@echo "make browser  the tests of the page in Chromium"
	@echo "make lint     ruff        make types  pyright"
	@echo "make gallery  the laptop-size results shown in docs/gallery (hours); make gallery/STUDY for one of them;"
	@echo "              TEXT=FILE names a text for the studies that look at one; corpus-forecast needs it"
	@echo "make bench    speed of training, kernels, theory and sampling; training beside PyTorch where TORCH_PYTHON names"
	@echo "              a Python that has it"

demo: .venv/installed
	$(BIN)/syntagma run scaling-laws --preset quick --out results/demo

test: .venv/installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile

shapes: .venv/installed-dev
	$(BIN)/python -m pytest -n auto --shapes $(SHAPES)

slow: .venv/installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile -m slow || test $$? -eq 5  # 5: there are none

interop: .venv/installed-interop
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not browser" $(INTEROP)

browser: .venv/installed-browser .venv/axe.min.js
	@test -n "$(CHROMIUM)" || { echo "error: no Chromium was found; install it (Debian, Ubuntu: apt-get install chromium)," \
		"or name it: make browser CHROMIUM=/path/to/chromium" >&2; exit 2; }
	CHROMIUM="$(CHROMIUM)" AXE=.venv/axe.min.js $(BIN)/python -m pytest -n 0 -m browser tests/browser

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/pyright

gallery: $(addprefix gallery/,$(filter-out $(if $(TEXT),,$(NEEDS_TEXT)),$(STUDIES)))

$(addprefix gallery/,$(STUDIES)): gallery/%: .venv/installed
	$(BIN)/syntagma run $* --preset laptop --out results/$*-laptop $(if $(filter $*,$(WITH_TEXT)),$(if $(TEXT),--set text=$(TEXT)))
	$(BIN)/syntagma report results/$*-laptop --to docs/gallery/$*
	$(BIN)/syntagma results results/$*-laptop --csv docs/gallery/$*/runs.csv

bench: .venv/installed
	$(BIN)/python benchmarks/training.py $(if $(TORCH_PYTHON),--torch-python $(TORCH_PYTHON))
	$(BIN)/python benchmarks/kernels.py --quick
	$(BIN)/python benchmarks/theory.py
	$(BIN)/python benchmarks/templates.py
	$(BIN)/python benchmarks/sampling.py
	$(BIN)/python benchmarks/oracle.py

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis

.venv/bin/python:
	@"$(or $(PYTHON),python3)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
		"error: Python 3.11 or newer is needed and was not found; install it, or name it: make PYTHON=/path/to/python3.11" \
		>&2; exit 2; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo \
		"error: $(PYTHON) cannot make environments; install its venv package (Debian, Ubuntu: apt install python3-venv)" \
		>&2; exit 2; }
	"$(PYTHON)" -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,ray]'
	@touch $@

.venv/installed-interop: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[interop]'
	@touch $@

.venv/installed-browser: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[browser]'
	@touch $@

# The checks of accessibility, under MPL-2.0: fetched, not part of this project.
.venv/axe.min.js:
	@command -v npm >/dev/null || { echo "error: npm fetches $(AXE_CORE), which checks accessibility, and was not found;" \
		"install it (Debian, Ubuntu: apt-get install npm), or put axe.min.js at $@" >&2; exit 2; }
	cd .venv && file=$$(npm pack --silent $(AXE_CORE)) && tar xzf "$$file" --strip-components 1 package/axe.min.js \
		&& rm "$$file" && touch axe.min.js
