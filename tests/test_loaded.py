"""What a call loads: modules that take long to import are not for those who need nothing of them."""

import json
import subprocess
import sys

import pytest

from tlkit.widgets import tiles

HEAVY = "IPython ipywidgets PIL matplotlib torch joblib sklearn scipy.stats torchvision pandas"
# What is called, one after another in one fresh Python, and what it may load besides all that came before.
WITHOUT_PYTORCH = {
    "import tlkit; tlkit.quadrant('flowers', 5); tlkit.accuracy_interval([0.7, 0.8, 0.9])": "",
    "tlkit.check('00.1', lambda train_rows, rows: rows)": "",
    "tlkit.load_map('photos'); tlkit.Guess('Which?', ['this', 'that'])": "IPython ipywidgets",
    "board = tlkit.decision_map(); board.controls.stops.value = 'tissue'": "PIL matplotlib",
    "board.votes['probe'].value = 2; board.controls.worlds.value = 'photos'": "",
    "tlkit.stage_picker().stage.value = 'fc6'": "",
}
WITH_PYTORCH = {
    "import tlkit; tlkit.check_environment()": "torch IPython ipywidgets",
    "split = tlkit.load_dataset('flowers', per_class=5)": "PIL joblib",
    "tlkit.load_backbone('efficientnet_lite0', pretrained=False); tlkit.linear_probe(split)": "sklearn scipy.stats",
    "tlkit.two_phase, tlkit.train_network, tlkit.Augmentation(flip_vertical=True)(split.val.images)": "",
    "tlkit.show(tlkit.plot_split(split)); tlkit.dataset_picker('flowers', 5)": "matplotlib",
    "tlkit.advise, tlkit.compare, tlkit.name_photo, tlkit.load_folder": "",
}
PLAYED = """
import contextlib, io, json, sys
for calls in {calls}:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(calls)
    print(json.dumps([name for name in {heavy} if name in sys.modules]))
"""


@pytest.mark.parametrize("loads", [WITHOUT_PYTORCH, WITH_PYTORCH], ids=["without PyTorch", "with PyTorch"])
def test_a_call_loads_nothing_heavy_that_it_does_not_need(loads, flowers):
    for dataset in ("flowers", "tissue", "digits"):
        tiles.strip_of(dataset)  # drawn once, by whoever first looks at the map, and kept
    code = PLAYED.format(calls=list(loads), heavy=HEAVY.split())
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    allowed = set()
    for (calls, may), line in zip(loads.items(), ran.stdout.splitlines(), strict=True):
        loaded, allowed = set(json.loads(line)), allowed | set(may.split())
        assert loaded <= allowed, f"{calls} loads {loaded - allowed}"
    assert len(loaded) > 3, "else nothing would be seen here"
