"""Fixtures for the data sets, which ``conftest.py`` hands to the tests of this folder.

``host``       a loopback web server that delivers, or truncates, stalls and lies on request
``real_data``  a data folder with the real MNIST, Fashion-MNIST and CIFAR-10, where there is one
"""

import hashlib
import http.server
import io
import os
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from tests.conftest import ROOT

UNPACK = ROOT.parent / "shared" / "data" / "unpack.py"


class Host(http.server.ThreadingHTTPServer):
    """A web server on the loopback interface whose every path behaves as it was told."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies = {}
        self.requests = []
        self.closing = threading.Event()
        self.company = threading.Barrier(2)

    def serve(self, body=b"", how="whole"):
        """Return a fresh address at which ``body`` is delivered as the handler's method ``how`` does it."""
        path = f"/{len(self.replies)}"
        self.replies[path] = (how, body)
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request, client_address):
        """Keep quiet when a client hangs up."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        how, body = self.server.replies[self.path]
        getattr(self, how)(body)

    def log_message(self, *args):
        pass

    def start(self, length):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def whole(self, body):
        self.start(len(body))
        self.wfile.write(body)

    def without_length(self, body):
        self.start(None)
        self.wfile.write(body)

    def together(self, body):
        """Send half, wait for a second client to have half as well, and send the rest."""
        self.cut_off(body)
        self.server.company.wait(timeout=60)
        self.wfile.write(body[len(body) // 2 :])

    def cut_off(self, body):
        """Promise the whole and send half."""
        self.start(len(body))
        self.wfile.write(body[: len(body) // 2])

    def cut_off_without_length(self, body):
        self.start(None)
        self.wfile.write(body[: len(body) // 2])

    def stall(self, body):
        """Send half and then nothing, without hanging up."""
        self.cut_off(body)
        self.server.closing.wait()

    def die(self, body):
        """Send half and reset the connection."""
        self.cut_off(body)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def missing(self, body):
        self.send_error(404)


def checksum(content):
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def tar(members):
    """Return the bytes of an archive of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def host():
    """Return a fresh web server."""
    with Host() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def real_data(tmp_path_factory):
    """Return a folder with the real sets: the one of CNN_BOOK_DATA, or one unpacked from ../shared/data."""
    chosen = Path(os.environ.get("CNN_BOOK_DATA", ""))
    if all((chosen / name).is_dir() for name in ("mnist", "fashion-mnist", "cifar-10-batches-bin")):
        yield chosen
        return
    if not UNPACK.is_file():
        pytest.skip(f"no real sets: CNN_BOOK_DATA names no folder with them, and there is no {UNPACK}")
    folder = tmp_path_factory.mktemp("real-data")
    subprocess.run([sys.executable, UNPACK, folder], check=True, stdout=subprocess.DEVNULL)
    yield folder
    shutil.rmtree(folder)  # 220 MB that pytest would keep for three runs
