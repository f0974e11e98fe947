# Everything that people and CI call. `make` alone lists it.

PYTHON ?= python3
PORT ?= 8000
SECONDS ?= 600

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install -q
HTML := _build/html
TORCH := $(shell sed -n 's/^\(torch==[^ ;]*\).*/\1/p' requirements.txt)
key = $(shell cat $(1) constraints.txt 2> /dev/null | cksum | cut -d' ' -f1)
INSTALLED := $(VENV)/.installed-$(call key,requirements.txt)
LAB := $(VENV)/.lab-$(call key,requirements-lab.txt)
PEERS := .cache/peers/.installed-$(call key,requirements-peers.txt)
RIVALS := .cache/rivals/.installed-$(call key,requirements-bench.txt)

PYTEST := $(PY) -m pytest -q
WORKERS := -n auto --maxprocesses 4
LINT := $(PY) -m ruff check . && $(VENV)/bin/oxlint
# One notebook stays on one worker.
NBVAL := $(PYTEST) -p tools.execution --nbval-lax --nbval-current-env --nbval-cell-timeout 300 $(WORKERS) --dist loadfile
BUILD := $(VENV)/bin/jupyter-book build . -q -n --keep-going
# A page that is up to date is not read again, so its warning would be gone from a second run: start afresh then.
STRICT := $(BUILD) -W || { rm -rf _build/.doctrees; false; }

# $(call stage,NAME,COMMAND): run a command, print its seconds, fail as it fails.
stage = @printf '\n== %s\n' '$(1)'; start=$$(date +%s); $(2); status=$$?; \
	printf '== %s: %s s\n' '$(1)' $$(($$(date +%s) - start)); exit $$status

.PHONY: help install book test fuzz test-fonts test-peers lint replicate lessons serve bench results offline address clean distclean constraints browser
.DEFAULT_GOAL := help

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

# A reader never loses the book: what did not hold here stands in its place on the page, and is listed at the end.
book: $(INSTALLED) ## Build the book: runs the lessons that changed, then renders the pages
	$(call stage,lessons,set -e; list=$$($(PY) -m tools.execution); test -z "$$list" || $(NBVAL) --tb=no -rN $$list || test $$? = 1)
	$(call stage,book,$(BUILD))
	@$(PY) -m tools.execution --failures
	@printf '\nThe book: file://%s/index.html (or `make serve`)\n' '$(CURDIR)/$(HTML)'

test: install browser ## Run everything that guards the project
	$(call stage,lint,$(LINT))
	$(call stage,unit tests and doctests,OMP_NUM_THREADS=1 $(PYTEST) -m 'not pages' $(WORKERS) --dist loadfile)
	@rm -rf $(HTML) _build/.doctrees
	$(call stage,lessons,set -e; list=$$($(PY) -m tools.execution --all); test -z "$$list" || $(NBVAL) $$list)
	$(call stage,book,$(STRICT))
	@printf '\n== pages in a browser\n'
	@$(PYTEST) -m pages $(WORKERS) tests

fuzz: $(INSTALLED) ## Try new examples on every property for ten minutes (SECONDS=600), or until Ctrl-C
	@OMP_NUM_THREADS=1 $(PY) -m tests.fuzz $(SECONDS)

test-fonts: browser book ## Run the tests in a browser with the fonts of one family alone, three times
	@failed=0; for fonts in dejavu liberation noto; do printf '\n== %s\n' $$fonts; \
		FONTS=$$fonts $(PYTEST) -m browser $(WORKERS) tests || failed=1; done; exit $$failed

test-peers: $(PEERS) ## Renew the numbers of Keras, optax, timm and Paddle, and compare the formulas with them
	@PYTHONPATH=.:.cache/peers $(PY) -m tests.peers.libraries
	@$(PYTEST) tests/peers

lint: $(INSTALLED) ## Check the style of the code, notebooks and JavaScript included
	@$(LINT)

replicate: $(INSTALLED) ## Count how often every checked statement holds with other kernels, roundings, seeds (LESSON=17)
	@$(PY) -m tools.replication $(LESSON)

lessons: $(LAB) ## Open the lessons in JupyterLab
	@cd lessons && ../$(PY) -m jupyter lab

serve: book ## Serve the built book on localhost (PORT=8000)
	@$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory $(HTML)

bench: $(RIVALS) ## Measure what the project claims to be fast, against whom; prints tables
	@set -e; for file in $(wildcard benchmarks/[a-z]*.py); do PYTHONPATH=.:.cache/rivals $(PY) $$file; done

results: $(INSTALLED) ## Run the recipes that this machine can run, and renew their records in lessons/results
	@$(PY) -m helpers.recipes lessons/results

offline: book ## Pack the built book into one zip to carry away
	@cd _build && rm -f how-cnns-learn.zip && ../$(PY) -m zipfile -c how-cnns-learn.zip html
	@echo 'The packed book: $(CURDIR)/_build/how-cnns-learn.zip'

address: $(INSTALLED) ## Move the book or a fork to another address: make address URL=https://github.com/me/book
	@$(PY) -m tools.address $(URL)

clean: ## Remove what was built; the environment and downloads stay
	rm -rf _build .pytest_cache .ruff_cache .hypothesis .cache/pytest

distclean: clean ## Remove the environment and downloads too
	rm -rf $(VENV) .cache

constraints: ## Renew constraints.txt from a fresh environment
	@rm -rf _build/fresh && $(PYTHON) -m venv _build/fresh && : > constraints.txt
	@for what in '$(TORCH)' '-r requirements.txt' '-r requirements-lab.txt'; do \
		_build/fresh/bin/python -m pip install -q $$what || exit; done
	@_build/fresh/bin/python tools/constraints.py && rm -rf _build/fresh

install: $(INSTALLED)
	@$(PY) -c 'import sys, importlib.metadata as m; print("Python %d.%d.%d, torch %s" % (*sys.version_info[:3], m.version("torch")))'

browser: $(INSTALLED)
	$(call stage,browser,$(PY) -m tests.browser)

$(INSTALLED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "The book needs Python 3.10 or newer, and $(PYTHON) is %d.%d: name another with PYTHON=..." % sys.version_info[:2])'
	$(call stage,virtual environment,$(PYTHON) -m venv $(VENV))
	@printf '\n%s comes first: pip takes the CPU build where it knows one; requirements.txt says how.\n' '$(TORCH)'
	$(call stage,install torch,$(PIP) $(TORCH))
	$(call stage,install the rest,$(PIP) -r requirements.txt)
	@$(PY) -c 'import sys, importlib.metadata as m; got = m.version("torch"); sys.exit("torch==" + got.split("+")[0] != "$(TORCH)" and "wanted $(TORCH), pip installed " + got)'
	@rm -f $(VENV)/.installed-* && touch $@

$(PEERS): $(INSTALLED)
	@rm -rf .cache/peers
	$(call stage,install the peers,$(PIP) --no-deps --target .cache/peers -r requirements-peers.txt)
	@touch $@

$(RIVALS): $(INSTALLED)
	@rm -rf .cache/rivals
	$(call stage,install the rivals,$(PIP) --no-deps --target .cache/rivals -r requirements-bench.txt)
	@touch $@

$(LAB): $(INSTALLED)
	$(call stage,install JupyterLab,$(PIP) -r requirements-lab.txt)
	@rm -f $(VENV)/.lab-* && touch $@
