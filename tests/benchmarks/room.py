"""The page of ``make demo`` in a room: seconds until each visitor's page stands, and memory of each.

A visitor asks for the page as a browser does, and then its kernel for what the widgets show. All come at the same
moment, to a server that is ready for them, and stay. What the browser itself needs is not in it. Memory is the
proportional share: what kernels have in common counts once for all. Seconds of computing hardly change on a busy
machine.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median

import psutil  # comes with ipykernel
from side_by_side import Options, Row, skipped
from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tlkit.course import COURSE

DEMO = COURSE / "lessons" / "demo"
SIZES = (1, 30)
READY = 5  # seconds from kernels that run to pages that wait in them
PATIENCE = 300  # seconds, until a room that does not fill is a failure


def measure(options: Options) -> Iterator[Row]:
    if not find_spec("voila"):
        yield skipped("room", "all", "no Voila: pip install -r requirements-demo.txt")
        return
    with tempfile.TemporaryDirectory(prefix="tlkit-room-") as folder:
        about = os.environ | {"TLKIT_CACHE": os.environ.get("TLKIT_CACHE", folder)}
        about |= {"JUPYTER_PATH": str(DEMO), "JUPYTER_CONFIG_DIR": folder, "JUPYTER_RUNTIME_DIR": folder}
        subprocess.run([sys.executable, "-c", "import tlkit; tlkit.demo_page()"], env=about, check=True)
        for count in (1, 2) if options.quick else SIZES:
            rooms = [_room(count, about) for _ in range(options.runs)]
            yield from _rows(f"{count} at once", rooms)


@dataclass
class Room:
    """What visitors of a fresh server found.

    The seconds until the first and the last page stood; the bytes of a kernel while all are there, and the seconds that
    it has computed; and the seconds that the server computed for each visitor.
    """

    first: float
    last: float
    memory: float
    computing: float
    serving: float
    kernels: int


def _rows(visitors: str, rooms: list[Room]) -> Iterator[Row]:
    note = f"the first after {median(room.first for room in rooms):.2f} s"
    yield _row(f"{visitors}, until the last page stands", [room.last for room in rooms], "s", note)
    note = f"and {median(room.serving for room in rooms):.2f} s of the server for each visitor"
    yield _row(f"{visitors}, computing of each kernel", [room.computing for room in rooms], "s", note)
    note = f"{max(room.kernels for room in rooms)} kernels, with those that wait"
    yield _row(f"{visitors}, memory of each kernel", [room.memory / 1e6 for room in rooms], "MB", note)


def _row(contestant: str, values: list[float], unit: str, note: str = "") -> Row:
    return Row("room", contestant, median(values), unit, spread=(min(values), max(values)), note=note)


def _room(count: int, about: dict[str, str]) -> Room:
    with _served(about) as (server, address):
        return asyncio.run(_visit(count, server, address))


@contextmanager
def _served(about: dict[str, str]) -> Iterator[tuple[psutil.Process, str]]:
    """The page as `make demo` serves it, at a free port, with as many pages ready as it keeps."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("voila")
    command = [program, "decision_map.ipynb", "--template=projector", "--no-browser", f"--port={port}"]
    log = Path(about["JUPYTER_RUNTIME_DIR"], f"{port}.log")
    with log.open("w") as file, subprocess.Popen(command, cwd=DEMO, env=about, stderr=file) as voila:
        try:
            until = time.monotonic() + PATIENCE
            while "kernel(s)" not in log.read_text():  # "is filled with 3 kernel(s)"
                assert voila.poll() is None and time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            time.sleep(READY)
            yield psutil.Process(voila.pid), f"127.0.0.1:{port}"
        finally:
            voila.terminate()


async def _visit(count: int, server: psutil.Process, address: str) -> Room:
    AsyncHTTPClient.configure(None, max_clients=count)
    before = sum(server.cpu_times()[:2])
    visitors = await asyncio.wait_for(asyncio.gather(*(_visitor(address) for _ in range(count))), PATIENCE)
    seconds, serving = [taken for taken, _ in visitors], (sum(server.cpu_times()[:2]) - before) / count
    kernels = server.children(recursive=True)
    memory = mean(kernel.memory_full_info().pss for kernel in kernels)
    computing = mean(sum(kernel.cpu_times()[:2]) for kernel in kernels)
    for _, line in visitors:
        line.close()
    return Room(min(seconds), max(seconds), memory, computing, serving, len(kernels))


async def _visitor(address: str) -> tuple[float, WebSocketClientConnection]:
    """Open the page and ask for its widgets, as Voila's script does; the line to the kernel stays open."""
    start = time.perf_counter()
    page = await AsyncHTTPClient().fetch(f"http://{address}/", request_timeout=PATIENCE, connect_timeout=PATIENCE)
    kernel = re.search(rb'kernelId": "([\w-]+)"', page.body)[1].decode()
    assert b'"model_id"' in page.body, "the page came without its widgets"
    line = await websocket_connect(f"ws://{address}/api/kernels/{kernel}/channels")
    comm = {"comm_id": uuid.uuid4().hex}
    for kind, content in (
        ("comm_open", {"target_name": "jupyter.widget.control", "data": {}}),
        ("comm_msg", {"data": {"method": "request_states"}}),
    ):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": comm["comm_id"], "username": ""}
        said = {"header": header, "parent_header": {}, "metadata": {"version": "1.0.0"}, "content": comm | content}
        await line.write_message(json.dumps(said | {"channel": "shell", "buffers": []}))
    while (told := await line.read_message()) is not None:
        if "Which way wins here?" in (told if isinstance(told, str) else told.decode(errors="replace")):
            return time.perf_counter() - start, line
    raise ConnectionError("the line to the kernel was cut")
