"""A server on this machine that cuts, lies or is busy, and the archives that it sends."""

import hashlib
import io
import random
import tarfile
import threading
import zipfile
from collections import namedtuple
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tlkit.disk import download

CONTENT = random.Random(0).randbytes(600_000)  # more than two of the blocks that a download is read in
HALF = len(CONTENT) // 2
CHECKSUM = f"md5:{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append((self.path, self.headers.get("Range")))
        self.server.answers.get(self.path, fails(404))(self)

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in ({"Content_Length": len(body)} | headers).items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)


def fails(code):
    return lambda handler: handler.reply(code)


def sends(content, kind="application/octet-stream"):
    """A server that knows Range."""

    def answer(handler):
        asked = handler.headers.get("Range")
        if asked is None:
            return handler.reply(200, content, Content_Type=kind)
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return handler.reply(416)
        whole = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return handler.reply(206, content[start:], Content_Type=kind, Content_Range=whole)

    return answer


def ignores_range(content):
    return lambda handler: handler.reply(200, content)


def cuts(content, after):
    """A server that promises everything and closes the connection in the middle."""
    return lambda handler: handler.reply(200, content[:after], Content_Length=len(content))


def in_turn(*answers):
    """One answer a request, the last for ever."""
    left = list(answers)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


@contextmanager
def running_server(monkeypatch):
    """A server on this machine: a test sets ``answers`` by path, and reads ``requests``."""
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("TLKIT_OFFLINE", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.answers, running.requests = {}, []
        running.at = lambda path: f"http://127.0.0.1:{running.server_port}{path}"
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


def zip_of(files, compression=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return made.getvalue()


def tar_of(files, mode="w:gz", links=()):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as file:
        for name, target in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            file.addfile(link)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return made.getvalue()


def leave_free(monkeypatch, free):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(10**9, 10**9 - free, free))


def is_short(error, name, cause=True):
    """An error that a student reads to its end: three lines, which file, and what lay below for a teacher."""
    return str(error).count("\n") <= 2 and name in str(error) and (error.__cause__ is not None) == cause


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
