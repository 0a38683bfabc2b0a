# The commands of the course. `make help` lists them.
PYTHON ?= python3
PORT ?= 8888
ARGS ?=
LESSON ?= 00_first_minute.ipynb
BIN := .venv/bin
READY := .venv/.ready

# The widgets must work on the ipywidgets of Colab as well as on the newest.
OLD_WIDGETS := .venv/ipywidgets-7.7.1

.PHONY: help lab test lint map pretrain pictures costs clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | \
		awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'
	@echo "  Options: PYTHON=python3.12  PORT=9999  ARGS=\"--no-browser\"  LESSON=02_cnn_codes.ipynb"

# Runs again only when what is to be installed has changed.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("The course needs Python 3.10 or newer; try: make lab PYTHON=python3.12" if sys.version_info < (3, 10) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt -e .
	@touch $@

lab: $(READY)  ## open JupyterLab on the first lesson
	cd lessons && ../$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/$(LESSON) --port=$(PORT) $(ARGS)

test: $(READY) $(OLD_WIDGETS)  ## run the unit tests and every lesson, and the widgets on the ipywidgets of Colab too
	$(BIN)/python -m pytest $(ARGS)
	PYTHONPATH=$(OLD_WIDGETS) $(BIN)/python -m pytest tests/test_panels.py tests/test_figures_and_widgets.py

$(OLD_WIDGETS): $(READY)
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --target $@ ipywidgets==7.7.1 ipython_genutils
	@touch $@

lint: $(READY)  ## check the style of code and notebooks
	$(BIN)/ruff check .

map: $(READY)  ## measure the decision map again, or go on with it (hours on a laptop; ARGS="--jobs 2 --out my_map.csv")
	$(BIN)/python -m tlkit map $(ARGS)

pretrain: $(READY)  ## train the backbone on atlas again (within an hour on two cores)
	$(BIN)/python -m tlkit pretrain $(ARGS)

pictures: $(READY)  ## draw the contact sheets and the README's pictures again
	$(BIN)/python -m tlkit pictures

costs: $(READY)  ## measure the seconds and the memory of every lesson, and write them where they are shown
	$(BIN)/python -m tlkit costs $(ARGS)

clean:  ## remove .venv (the cache folder stays)
	rm -rf .venv
