"""The page of the demo for a whole room: what it loads, what it keeps, and how Voila serves it."""

import asyncio
import json
import subprocess
import sys

import pytest
from traitlets import Unicode
from traitlets.config import Application, PyFileConfigLoader

import tlkit
from tlkit.course import COURSE
from tlkit.figures.colours import WAY_COLOURS
from tlkit.study.places import STOPS
from tlkit.widgets import tiles
from tlkit.world.catalogue import OFFLINE_DATASETS

DEMO = COURSE / "lessons" / "demo"
HEAVY = "torch torchvision sklearn matplotlib pandas joblib scipy.stats"
PLAYED = """
import sys
from threading import Event
from types import ModuleType

def loaded():
    return [name for name in {heavy!r}.split() if name in sys.modules]

{cell}
print(loaded(), "scipy" in sys.modules)
for target in page.controls.stops.options:
    page.controls.stops.value = target
    page.up["probe"].click()
    page.reveal.value = True
print(loaded(), "of the hands; measured" in page.bars["probe"].value)

class Survey(ModuleType):
    def __getattr__(self, name):  # what loads PyTorch, and takes its time
        looked.wait(60)
        return lambda *place, **settings: 1 / 0

sys.modules["tlkit.study.survey"], looked = Survey("survey"), Event()
page.train.click()
print(page.live_line.value)
looked.set()
page.live.wait()
print(page.live_line.value)
"""


def test_the_first_cell_and_every_answer_load_nothing_heavy_and_a_run_says_that_it_does():
    tlkit.demo_page()  # its examples are drawn, as `make demo` does before it serves
    (cell,) = (cell for cell in _notebook()["cells"] if cell["cell_type"] == "code")
    source = "".join(cell["source"])
    assert "\ntlkit.demo_page(" in source
    code = PLAYED.format(heavy=HEAVY, cell=source.replace("\ntlkit.demo_page(", "\npage = tlkit.demo_page("))
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    first, answers, begins, ends = told.stdout.splitlines()
    assert first == "[] False", "numbers are computed when they are shown"
    assert answers == "[] True"
    assert "◆ Live: loading PyTorch" in begins and "division by zero" in ends


def _notebook():
    return json.loads((DEMO / "decision_map.ipynb").read_text(encoding="utf-8"))


def test_what_is_written_out_twice_agrees():
    assert tuple(name for name, world in OFFLINE_DATASETS.items() if world.similarity) == STOPS
    assert list(WAY_COLOURS) == list(tlkit.WAYS)


def test_the_tiles_are_kept_and_a_damaged_file_is_drawn_again(empty_cache, monkeypatch):
    drawn = tiles.tiles_of("flowers", 2)
    (path,) = tlkit.cache_folder().glob("examples/*.json")
    whole = path.read_bytes()

    def again():
        tiles._sources.cache_clear()
        return tiles.tiles_of("flowers", 2)

    with monkeypatch.context() as patched:
        patched.setattr("tlkit.widgets.examples.pictures_of", lambda *which: pytest.fail("it is kept"))
        assert again() == drawn and drawn.count("<img") == 2
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for damaged in (whole[:middle], b"", flipped, b"[]", b'{"sources": 1, "checksum": ""}', b"\xff"):
        path.write_bytes(damaged)
        assert again() == drawn and path.read_bytes() == whole
    monkeypatch.setattr(tiles, "WORLD", 2)
    assert again() == drawn and len(list(path.parent.glob("*.json"))) == 2, "pictures of another world are not used"


@pytest.fixture
def voila():
    """What Voila makes of the shipped settings."""
    pytest.importorskip("jupyter_server.auth.identity", reason="no Jupyter Server of today: it comes with JupyterLab")
    loader = PyFileConfigLoader("voila.py", path=str(DEMO))
    return loader.load_config()


class _Server(Application):
    token, ip, root_dir = Unicode(None, allow_none=True), Unicode("localhost"), Unicode(str(DEMO))


@pytest.mark.parametrize(
    ("ip", "token", "asks"),
    [
        ("localhost", None, False),
        ("127.0.0.1", None, False),
        ("0.0.0.0", None, True),
        ("", None, True),
        ("::", None, True),
        ("192.168.0.2", None, True),
        ("0.0.0.0", "", False),  # somebody wants it open
        ("localhost", "word", True),
    ],
)
def test_whoever_listens_to_others_asks_for_a_token(voila, ip, token, asks):
    door = voila.Voila.identity_provider_class
    given = {"parent": _Server(ip=ip, token=token), "token": token or ""}  # as Voila calls it
    assert bool(door(**given).token) == asks
    assert not asks or (len(door(**given).token) > 30) == (token is None)


def test_a_full_room_refuses_in_words_and_lost_pages_end(voila):
    from tornado.web import HTTPError

    assert 0 < voila.Room.cull_idle_timeout <= 3600 and voila.Room.cull_interval < voila.Room.cull_idle_timeout
    room = voila.VoilaConfiguration.multi_kernel_manager_class(parent=_Server(config=voila))
    assert room.cull_idle_timeout == voila.Room.cull_idle_timeout and not room.cull_connected
    assert voila.VoilaConfiguration.default_pool_size < room.seats <= 60
    room.seats = 1
    room._pending_kernels["somebody"] = None
    with pytest.raises(HTTPError, match="All 1 seats are taken") as caught:
        asyncio.run(room.start_kernel())
    assert caught.value.status_code == 503
    room._pending_kernels.clear()
