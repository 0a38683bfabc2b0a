"""The page of ``make demo`` in a room: seconds until each visitor's page stands, and memory of each.

A visitor asks for the page as a browser does, and then its kernel for what the widgets show. All come at the same
moment, and stay. The drawn examples are at hand, as ``make demo`` leaves them. What the browser itself needs is not in
it. Memory is the proportional share: what kernels have in common counts once for all.
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
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import psutil  # comes with ipykernel
from side_by_side import Options, Row, skipped
from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tlkit.course import COURSE

DEMO = COURSE / "lessons" / "demo"
SIZES = (1, 30)
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
            runs = [_room(count, about) for _ in range(1 if count > 1 else options.runs)]
            yield from _rows(count, *zip(*runs))


def _rows(count: int, seconds: tuple[list[float], ...], memory: tuple[list[int], ...]) -> Iterator[Row]:
    """When the last page stood, and what a kernel had in memory then."""
    last = [max(each) for each in seconds]
    first = f"the first page after {median(min(each) for each in seconds):.1f} s"
    yield Row("room", f"{count} at once, until the last page stands", median(last), "s", None, "", _ends(last), first)
    each = [sum(kernels) / count / 1e6 for kernels in memory]
    together = f"together {median(map(sum, memory)) / 1e9:.2f} GB, without the server"
    yield Row("room", f"{count} at once, memory of each", median(each), "MB", None, "", _ends(each), together)


def _ends(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def _room(count: int, about: dict[str, str]) -> tuple[list[float], list[int]]:
    """The seconds of each visitor of a fresh server, and the bytes of each kernel while all are there."""
    with _served(about) as (server, address):
        return asyncio.run(_visit(count, server, address))


@contextmanager
def _served(about: dict[str, str]) -> Iterator[tuple[psutil.Process, str]]:
    """The page as `make demo` serves it, at a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("voila")
    command = [program, "decision_map.ipynb", "--template=projector", "--no-browser", f"--port={port}"]
    with subprocess.Popen(command, cwd=DEMO, env=about, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as voila:
        try:
            while b"is running" not in (line := voila.stderr.readline()):
                assert line, "Voila ended before it was ready"
            yield psutil.Process(voila.pid), f"127.0.0.1:{port}"
        finally:
            voila.terminate()
            voila.communicate(timeout=PATIENCE)


async def _visit(count: int, server: psutil.Process, address: str) -> tuple[list[float], list[int]]:
    AsyncHTTPClient.configure(None, max_clients=count)
    visitors = await asyncio.wait_for(asyncio.gather(*(_visitor(address) for _ in range(count))), PATIENCE)
    kernels = server.children(recursive=True)
    memory = [kernel.memory_full_info().pss for kernel in kernels]
    for _, line in visitors:
        line.close()
    return [seconds for seconds, _ in visitors], memory


async def _visitor(address: str) -> tuple[float, WebSocketClientConnection]:
    """Open the page and ask for its widgets, as Voila's script does; the line to the kernel stays open."""
    start = time.perf_counter()
    page = await AsyncHTTPClient().fetch(f"http://{address}/", request_timeout=PATIENCE, connect_timeout=PATIENCE)
    kernel = re.search(rb'kernelId": "([\w-]+)"', page.body)[1].decode()
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
