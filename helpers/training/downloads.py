"""Published files on this machine: downloaded once, from the first host that delivers, and always checked.

A file is used only when its size and SHA-256 are those that were published. What arrives lies in a folder
``*.part`` inside the data folder and is moved to its place in one step, so that neither an interrupted
download nor two at once can leave half a file. Nothing is extracted by path, and nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import io
import logging
import os
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pooch
import requests
import urllib3

from helpers.training.progress import progress_bar

__all__ = ["RemoteArchive", "RemoteFile", "data_folder", "read_files"]

#: The one environment variable of the book: the folder of its data sets.
FOLDER_VARIABLE = "CNN_BOOK_DATA"

#: Seconds after which a host is given up that says nothing, or sends fewer than `SLOWEST` bytes a second.
TIMEOUT = 20.0
SLOWEST = 1024

# Seconds after which a folder *.part was surely left by a process that was killed: no download takes a day.
_STALE = 86_400
# Bytes that a tar may hold besides the wanted members: headers, and small files that travel with the data.
_TAR_SLACK = 1 << 20
# Faults of a host, after which the next one is tried. A full disk or a read-only folder is none of them.
_HOST_FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError, ValueError)

# pooch tells of every download on stderr, which would land in the pages of the book.
pooch.get_logger().setLevel(logging.WARNING)


@dataclass(frozen=True)
class RemoteFile:
    """One published file, known by its size and checksum.

    Parameters
    ----------
    name : str
        Path below the data folder, with ``/`` on every system.
    size : int
        Bytes.
    sha256 : str
        Checksum in hexadecimal.
    urls : tuple of str
        Where it is published, in the order to try; none for a member of an archive.
    """

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[RemoteFile, ...]:
        """The files that a download of this brings: itself."""
        return (self,)

    def read_from(self, stream: io.BufferedIOBase, where: str) -> bytes:
        """Read the file from an open stream, never more than one byte past its size, and check it.

        Parameters
        ----------
        stream : binary stream
            Open at the file's first byte.
        where : str
            What the error calls the thing that was read.

        Returns
        -------
        bytes
            The content.

        Raises
        ------
        ValueError
            If the size or the checksum is not the published one.
        """
        raw = stream.read(self.size + 1)
        sha256 = hashlib.sha256(raw).hexdigest()
        if len(raw) == self.size and sha256 == self.sha256:
            return raw
        got = f"{len(raw)} bytes with sha256 {sha256}" if len(raw) <= self.size else "more bytes"
        raise ValueError(f"{where} must have {self.size} bytes with sha256 {self.sha256}, got {got}")

    def is_called(self, name: str) -> bool:
        """Return whether a member of an archive has this file's name, or the last part of it."""
        return name.removeprefix("./") in (self.name, PurePosixPath(self.name).name)

    def install(self, path: Path, root: Path) -> None:
        """Move a checked download from ``path`` to its place below ``root``, in one step."""
        target = root / self.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o644)  # a temporary file is its owner's alone, but a data folder may be shared
        os.replace(path, target)


@dataclass(frozen=True)
class RemoteArchive:
    """A published ``tar.gz`` of which the named members alone are wanted.

    Hosts pack the same members differently, so the members' checksums decide and not the archive's.

    Parameters
    ----------
    name : str
        File name of the archive.
    size : int
        The most bytes that it may have.
    members : tuple of RemoteFile
        What is wanted; found in the archive under its whole name or the last part of that.
    urls : tuple of str
        Where the archive is published, in the order to try.
    """

    name: str
    size: int
    members: tuple[RemoteFile, ...]
    urls: tuple[str, ...]
    sha256 = None  # not a field: no checksum of the archive itself is known to hold on every host

    @property
    def files(self) -> tuple[RemoteFile, ...]:
        """The files that a download of this brings: the wanted members."""
        return self.members

    def install(self, path: Path, root: Path) -> None:
        """Write the wanted members of the archive at ``path`` to their places below ``root``.

        Everything else in it is read over. A member's name decides only which known file it may be; where
        that file goes does not come from the archive.

        Raises
        ------
        ValueError
            If the archive is damaged, unpacks to too much, or has a wanted member wrong or not at all.
        """
        try:
            missing = self._unpack(path, root)
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{self.name} must be a whole tar.gz, got an unreadable one: {error}") from error
        if missing:
            raise ValueError(f"{self.name} must hold {', '.join(missing)}, got an archive without")

    def _unpack(self, path: Path, root: Path) -> dict[str, RemoteFile]:
        """Install the members that are not there yet, and return by name those that the archive lacks."""
        missing = {file.name: file for file in self.members if not (root / file.name).exists()}
        limit = sum(file.size for file in self.members) + _TAR_SLACK
        with gzip.open(path) as stream, tarfile.open(fileobj=_Bounded(stream, limit), mode="r|") as tar:
            for member in filter(tarfile.TarInfo.isreg, tar):
                file = next((file for file in missing.values() if file.is_called(member.name)), None)
                if file is not None:
                    raw = file.read_from(tar.extractfile(member), f"{member.name} in {self.name}")
                    _write(raw, file, root)
                    del missing[file.name]
                if not missing:
                    break
        return missing


def data_folder() -> Path:
    """Return the folder of the data sets: ``CNN_BOOK_DATA`` where that is set, else one in the user's cache.

    Returns
    -------
    Path
        The folder, which need not exist yet.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("how-cnns-learn"))


def read_files(
    remotes: Sequence[RemoteFile | RemoteArchive], root: Path, timeout: float = TIMEOUT
) -> Iterator[bytes]:
    """Yield the content of every file, one at a time, after downloading the missing ones.

    A file that is there is neither downloaded again nor replaced: if it is wrong, the error names it. The
    very bytes that were checked are returned, so nothing can change between the check and the use.

    Parameters
    ----------
    remotes : sequence of RemoteFile or RemoteArchive
        What to read.
    root : Path
        The data folder.
    timeout : float
        Seconds after which a silent host is given up.

    Yields
    ------
    bytes
        One file's content.

    Raises
    ------
    ValueError
        If a file on disk is not the published one.
    ConnectionError
        If no host delivered a missing file; says why each did not, and where to put it by hand.
    OSError
        If the folder cannot be read or written.
    """
    missing = [remote for remote in remotes if not all((root / file.name).exists() for file in remote.files)]
    for done, remote in enumerate(missing):
        faults = _obtain(remote, root, timeout)
        if faults:
            raise ConnectionError(_advice(remote, faults, missing[done:], root))
    for file in (file for remote in remotes for file in remote.files):
        path = root / file.name
        with open(path, "rb") as stream, _named(path):
            raw = file.read_from(stream, str(path))
        yield raw


def _obtain(remote: RemoteFile | RemoteArchive, root: Path, timeout: float) -> list[str]:
    """Bring what is missing, and return no faults; or return the fault of every host."""
    by_hand = root / remote.name
    if by_hand.exists():  # an archive that the reader has put there
        with _named(by_hand):
            remote.install(by_hand, root)
        return []
    faults = []
    for url in remote.urls:
        try:
            _download(url, remote, root, timeout)
            return []
        except _HOST_FAULTS as error:
            faults.append(f"{url}: {error}")
    return faults


def _download(url: str, remote: RemoteFile | RemoteArchive, root: Path, timeout: float) -> None:
    """Bring what is missing from one host, whole and checked, or leave nothing behind."""
    transfer = functools.partial(_transfer, remote=remote, timeout=timeout)
    with _part(root) as part:
        name = PurePosixPath(remote.name).name
        pooch.retrieve(url, remote.sha256, fname=name, path=part, downloader=transfer)
        remote.install(part / name, root)


def _transfer(
    url: str, path: str, _pooch: None, *, remote: RemoteFile | RemoteArchive, timeout: float
) -> None:
    """Write what a host sends to a file; pooch's own downloader bounds neither its size nor its slowness."""
    as_it_is = {"Accept-Encoding": "identity"}
    with (
        requests.get(url, stream=True, timeout=timeout, headers=as_it_is) as response,
        open(path, "wb") as part,
        progress_bar(remote.size, desc=remote.name, unit="B", unit_scale=True) as bar,
    ):
        response.raise_for_status()
        for piece in _pieces(response.raw, remote.size, timeout):
            part.write(piece)
            bar.update(len(piece))


def _pieces(body: urllib3.BaseHTTPResponse, limit: int, timeout: float) -> Iterator[bytes]:
    """Yield a body in pieces, and give up a host that sends too much, or next to nothing for too long."""
    total, mark, since = 0, 0, time.monotonic()
    while piece := body.read1(1 << 16, decode_content=False):
        total += len(piece)
        if total > limit:
            raise ValueError(f"the body must have at most {limit} bytes, got more")
        yield piece
        waited = time.monotonic() - since
        if waited >= timeout:
            if total - mark < SLOWEST * waited:
                got = f"{total - mark} in {waited:.1f} s"
                raise TimeoutError(f"the host must send {SLOWEST} bytes a second, got {got}")
            mark, since = total, time.monotonic()


def _write(raw: bytes, file: RemoteFile, root: Path) -> None:
    """Put a file's checked content in its place below ``root``, in one step."""
    with _part(root) as part:
        path = part / "member"
        path.write_bytes(raw)
        file.install(path, root)


class _Bounded:
    """A stream that gives at most ``limit`` bytes, however much a bomb unpacks to, and does not end quietly.

    Past the end tarfile would go on reading nothing for as long as a forged header says: ages.
    """

    def __init__(self, stream: io.BufferedIOBase, limit: int) -> None:
        self.stream, self.limit, self.left = stream, limit, limit

    def read(self, size: int) -> bytes:
        raw = self.stream.read(min(size, self.left + 1))
        self.left -= len(raw)
        if not raw:
            raise EOFError("it ends too soon")
        if self.left < 0:
            raise ValueError(f"the archive must unpack to at most {self.limit} bytes, got more")
        return raw


@contextlib.contextmanager
def _part(root: Path) -> Iterator[Path]:
    """Give a folder inside ``root`` for what is not whole yet, and remove it however the work ends."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        part = tempfile.TemporaryDirectory(suffix=".part", dir=root, ignore_cleanup_errors=True)
    except OSError as error:
        raise OSError(
            f"the data folder must be writable to complete it, got {root}: {error}; "
            f"set {FOLDER_VARIABLE} to another folder"
        ) from error
    with part:
        _sweep(root)
        yield Path(part.name)


def _sweep(root: Path) -> None:
    """Remove the folders of downloads whose process was killed long ago."""
    for left in root.glob("*.part"):
        with contextlib.suppress(FileNotFoundError):  # another process may sweep at the same time
            if time.time() - left.stat().st_mtime > _STALE:
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say of a wrong file on disk what to do about it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{error}; delete or replace {path}") from error


def _advice(remote: RemoteFile | RemoteArchive, faults: list[str], missing: Sequence, root: Path) -> str:
    """Say why no host delivered, and where to put the missing files by hand."""
    hosts = "".join(f"\n  {fault}" for fault in faults)
    paths = "".join(f"\n  {root / other.name}" for other in missing)
    return (
        f"{remote.name} must come from one of its hosts, got it from none:{hosts}\n"
        f"Save what is missing by hand as{paths}\nor set {FOLDER_VARIABLE} to a folder that holds it."
    )
