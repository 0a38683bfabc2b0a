"""Progress bars in a notebook: seen while they run, and then gone, however they end."""

import os
import re
import subprocess
import sys
import threading

import nbformat
import pytest
from nbclient import NotebookClient

from tlkit import bars, course

VIEW = "application/vnd.jupyter.widget-view+json"
CELLS = {
    "whole": "for _ in tqdm(range(3), 'whole', leave=False): pass",
    "late": "for _ in tqdm(range(2), 'late', leave=False, delay=0.1): time.sleep(0.15)",
    "never shown": "bar = tqdm(total=9, delay=9, leave=False); bar.update(); bar.close()\n"
    "assert not hasattr(bar.container, 'model_id'), 'widgets that nobody saw'",
    "stopped": "bar = tqdm(total=9, leave=False); bar.update(); bar.close()",
    "broken off": "for _ in tqdm(range(9), 'broken off', leave=False): break",
    "failed": "try:\n    for _ in tqdm(range(9), leave=False): 1 / 0\nexcept ZeroDivisionError: pass",
    "of unknown length": "for _ in tqdm(iter('ab'), leave=False): pass",
}


@pytest.fixture(scope="module")
def outputs():
    """What each cell leaves, and what it showed on the way."""
    setup = "import time\nfrom tlkit.bars import tqdm"
    cells = [nbformat.v4.new_code_cell(source) for source in (setup, *CELLS.values(), "bar = tqdm(range(9))")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells[1:]]


@pytest.mark.parametrize("name", CELLS)
def test_a_bar_that_has_ended_is_gone(outputs, name):
    left = outputs[list(CELLS).index(name)]
    assert not any(output.get("data", {}).get(VIEW) for output in left), "it would come back as an error"
    assert not any("".join(output.get("data", {}).values()) for output in left), left
    assert len(left) == (name != "never shown"), "it was there"


def test_a_bar_that_runs_is_a_widget(outputs):
    assert VIEW in outputs[-1][0]["data"]


def test_every_bar_in_a_lesson_is_one_of_these():
    own = {"bars", "pages", "publish", "rehearsal", "survey", "transferability"}  # commands, for a terminal
    for path in sorted((course.COURSE / "tlkit").glob("**/*.py")):
        if path.stem not in own:
            assert not re.search(r"^from tqdm", path.read_text(encoding="utf-8"), flags=re.M), path.name


def test_in_a_terminal_a_bar_is_text():
    assert issubclass(bars.tqdm, bars._Bar) and not issubclass(bars.tqdm, bars._InNotebook)


def test_tqdms_own_switch_silences_every_bar():
    tell = "from tlkit.bars import tqdm; print([tqdm(range(3), disable=disable).disable for disable in (False, True)])"
    for switch, expected in {None: "[False, True]", "1": "[True, True]"}.items():
        environment = os.environ | ({"TQDM_DISABLE": switch} if switch else {})
        told = subprocess.run([sys.executable, "-c", tell], env=environment, capture_output=True, text=True, check=True)
        assert told.stdout.strip() == expected


def test_a_bar_takes_no_semaphore_that_a_stopped_worker_would_leave():
    assert type(bars.tqdm.get_lock()) is type(threading.RLock())
