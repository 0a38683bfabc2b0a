# The commands of the course. `make help` lists them.
PYTHON ?= python3
PORT ?= 8888
ARGS ?=
LESSON ?= 00_first_minute.ipynb
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help lab test lint pretrain pictures costs clean
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

test: $(READY)  ## run the unit tests and every lesson
	$(BIN)/python -m pytest $(ARGS)

lint: $(READY)  ## check the style of code and notebooks
	$(BIN)/ruff check .

pretrain: $(READY)  ## train the backbone on atlas again (within an hour on two cores)
	$(BIN)/python -m tlkit pretrain $(ARGS)

pictures: $(READY)  ## draw the contact sheets and the README's pictures again
	$(BIN)/python -m tlkit pictures

costs: $(READY)  ## measure the seconds and the memory of every lesson, and write them where they are shown
	$(BIN)/python -m tlkit costs

clean:  ## remove .venv (the cache folder stays)
	rm -rf .venv
