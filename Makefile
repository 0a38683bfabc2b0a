# The commands of the course. `make help` lists them.
PYTHON ?= python3
PORT ?= 8888
ARGS ?=
LESSON ?= 00_first_minute.ipynb
LANGUAGE ?=
BIN := .venv/bin
READY := .venv/.ready
DEMO := .venv/.ready-demo

# JupyterLab's own question about news, which lies over the first lesson; without it nothing is asked of the network.
NEWS := @jupyterlab/apputils-extension:announcements

# Jupyter refuses to run as root, which in a container everybody is.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
ROOT_NOTE := You are root, as in a container, so JupyterLab gets $(AS_ROOT). On your own machine, better be a user.

# The tests on the versions of Colab: which Python (the newest found), which unit tests, which lessons (00 02).
FOUND = $(foreach v,3.13 3.12 3.11,python$(v) $(wildcard $(HOME)/.pyenv/versions/$(v).*/bin/python))
PYTHON_COLAB ?= $(firstword $(foreach p,$(FOUND),$(shell $(p) -c "print('$(p)')" 2>/dev/null)))
COLAB_TESTS ?= tests
COLAB_LESSONS ?= [0-9][0-9]
COLAB_BIN := .venv-colab/bin
COLAB_READY := .venv-colab/.ready

.PHONY: help lab demo rehearse html test test-faults test-browser test-colab bench lint exercises translations costs pictures map map-costs map-photos pretrain sources clean
.DEFAULT_GOAL := help

# In the order in which they stand here.
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | \
		awk -F '\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'
	@echo "  Options: PYTHON=python3.12  PORT=9999  ARGS=\"--no-browser\"  LESSON=02_cnn_codes.ipynb  LANGUAGE=vi"

# Runs again only when what is to be installed has changed.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("The course needs Python 3.10 or newer; try: make lab PYTHON=python3.12" if sys.version_info < (3, 10) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing PyTorch, JupyterLab and the course into .venv, once; this takes some minutes."
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	$(BIN)/jupyter labextension disable $(NEWS)
	@touch $@

lab: $(READY)  ## open JupyterLab on the first lesson
	@$(if $(AS_ROOT),echo "$(ROOT_NOTE)")
	cd lessons && ../$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/$(if $(LANGUAGE),$(LANGUAGE)/)$(LESSON) --port=$(PORT) $(AS_ROOT) $(ARGS)

# First the example pictures, if the cache has not got them: every page reads them there. The settings: lessons/demo/voila.py.
demo: DEMO_PAGE = $(if $(LANGUAGE),../$(LANGUAGE)/demo/)decision_map.ipynb
demo: $(DEMO)  ## the decision map as a page for a projector, by keyboard (other machines: ARGS="--Voila.ip=0.0.0.0")
	@$(BIN)/python -c "import tlkit; tlkit.demo_page()"
	cd lessons/demo && JUPYTER_PATH="$(CURDIR)/lessons/demo:$$JUPYTER_PATH" ../../$(BIN)/voila $(DEMO_PAGE) \
		--template=projector --port=$(PORT) $(ARGS)

$(DEMO): $(READY) requirements-demo.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-demo.txt
	@touch $@

rehearse: $(READY)  ## the evening before class: is everything here? Runs every lesson without network
	$(BIN)/python -m tools rehearse --port $(PORT) $(ARGS)

html: $(READY)  ## run the lessons and write them, and the map, as static pages to site/ (ARGS="03 --out pages")
	$(BIN)/python -m tools html $(ARGS)

# Two files at a time, each on one core; the lessons first, since a long one that begins last keeps a core waiting.
test: $(READY)  ## run the unit tests and every lesson (the widgets on the ipywidgets of Colab: make test-colab)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		--ignore tests/browser --ignore tests/faults --ignore tests/benchmarks $(ARGS)

test-faults: $(READY)  ## damage every kind of file at random, kill runs and kernels, try the benchmarks (ARGS="--trials 300" for longer)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/faults tests/benchmarks $(ARGS)

test-browser: $(READY)  ## play the student in a real browser (a system's Chromium or Chrome, or TLKIT_BROWSER=/path)
	$(BIN)/python -m pip install --disable-pip-version-check -q -r tests/browser/requirements.txt -r requirements-demo.txt
	$(BIN)/python -m pytest tests/browser $(ARGS)

test-colab: $(COLAB_READY)  ## run the tests on the versions of Colab (COLAB_LESSONS="00 02" COLAB_TESTS=tests/test_panels.py)
	$(COLAB_BIN)/python -m pytest $(COLAB_TESTS) $(COLAB_LESSONS:%=lessons/%_*.ipynb) $(ARGS)

$(COLAB_READY): tests/colab-constraints.txt pyproject.toml
	test -x $(COLAB_BIN)/python || $(or $(PYTHON_COLAB),$(error Python 3.11 to 3.13 is needed; try: make test-colab PYTHON_COLAB=/path/to/python3.13)) -m venv .venv-colab
	$(COLAB_BIN)/python -m pip install --disable-pip-version-check -q -c $< -e . pytest nbval distributed
	@touch $@

bench: $(READY)  ## the course beside what people use now, and against its limits (ARGS="codes --runs 5"; see tests/benchmarks)
	$(BIN)/python -m pip install --disable-pip-version-check -q -r tests/benchmarks/requirements.txt || echo "Going on without the peers."
	$(BIN)/python tests/benchmarks $(ARGS)

lint: $(READY)  ## check the style of code and notebooks
	$(BIN)/ruff check .

exercises: $(READY)  ## make the exercises of every lesson from lessons/solutions (ARGS=--check only compares)
	$(BIN)/python -m tools exercises $(ARGS)

translations: $(READY)  ## make the lessons and pages of other languages from their tables (ARGS=--check only compares)
	$(BIN)/python -m tools translations $(ARGS)

costs: $(READY)  ## measure the seconds and the memory of every lesson, and write them where they are shown
	$(BIN)/python -m tools costs $(ARGS)

pictures: $(READY)  ## draw the contact sheets and the README's pictures again
	$(BIN)/python -m tools pictures

map: $(READY)  ## measure the decision map again, or go on with it (hours on a laptop; ARGS="--jobs 2 --out my_map.csv")
	$(BIN)/python -m tlkit map --out datasets/decision_map.csv $(ARGS)

map-costs: $(READY)  ## measure the seconds of that map alone, on one core (an hour or less; ARGS="--seeds 3 --ways probe")
	OMP_NUM_THREADS=1 $(BIN)/python -m tools map-costs $(ARGS)

map-photos: $(READY)  ## measure the map on photo sets that were fetched (many hours; ARGS="--backbone squeezenet1_1 --jobs 2")
	$(BIN)/python -m tlkit map --backbone efficientnet_lite0 --out real_map.csv $(ARGS)

pretrain: $(READY)  ## train the backbone on atlas again (within an hour on two cores)
	$(BIN)/python -m tools pretrain --out tlkit/weights $(ARGS)

sources: $(READY)  ## pretrain and probe the networks of lesson 15 again (under an hour on one core)
	$(BIN)/python -m tools sources $(ARGS)

clean:  ## remove .venv, .venv-colab and site/ (the cache folder stays)
	rm -rf .venv .venv-colab site
