"""Published files on this machine: downloaded once, from the first mirror that delivers, and always checked.

pooch checks what arrives before anything is unpacked; it lies until then in a folder ``*.part`` inside the
data folder. Each file is moved to its place in one step, so that neither an interrupted download nor two at
once can leave half a file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pooch
import requests

from helpers.training.progress import progress_bar

__all__ = ["Download", "data_folder", "read_files"]

#: The one environment variable of the book: the folder of its data sets.
FOLDER_VARIABLE = "CNN_BOOK_DATA"

#: Seconds after which a silent mirror is given up.
TIMEOUT = 20.0

# pooch tells of every download on stderr, which would land in the pages of the book.
pooch.get_logger().setLevel(logging.WARNING)


@dataclass(frozen=True)
class Download:
    """Published files that arrive together: one file as it is, or the members of a tar archive.

    Parameters
    ----------
    name : str
        What is downloaded: the file's own name among ``checksums``, or the name of an archive.
    size : int
        Bytes to download.
    checksums : dict of str to str
        SHA-256 of each file, by its path below the data folder, with ``/`` on every system.
    mirrors : dict of str to str
        Addresses in the order to try, each with the hash of what it sends: SHA-256, or ``algorithm:hash``.
    """

    name: str
    size: int
    checksums: dict[str, str]
    mirrors: dict[str, str]


def data_folder() -> Path:
    """Return the folder of the data sets: ``CNN_BOOK_DATA`` where that is set, else one in the user's cache.

    Returns
    -------
    Path
        The folder, which need not exist yet.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    return Path(folder).expanduser() if folder else Path(pooch.os_cache("how-cnns-learn"))


def read_files(downloads: Sequence[Download], root: Path) -> Iterator[bytes]:
    """Yield the content of every file, one at a time, after downloading the missing ones.

    A file that is there is neither downloaded again nor replaced: if it is wrong, the error names it. The
    very bytes that were checked are returned, so nothing can change between the check and the use.

    Parameters
    ----------
    downloads : sequence of Download
        What to read.
    root : Path
        The data folder.

    Yields
    ------
    bytes
        One file's content.

    Raises
    ------
    ValueError
        If a file on disk is not the published one.
    ConnectionError
        If no mirror delivered a missing file; says why each did not, and where to put it by hand.
    OSError
        If the folder cannot be read or written.
    """
    missing = [each for each in downloads if not all((root / name).exists() for name in each.checksums)]
    for i, download in enumerate(missing):
        faults = _fetch(download, root)
        if faults:
            raise ConnectionError(_advice(faults, missing[i:], root))
    for download in downloads:
        for name, sha256 in download.checksums.items():
            yield _read(root / name, sha256)


def _read(path: Path, sha256: str) -> bytes:
    """Return the content of a file, which must be the published one."""
    raw = path.read_bytes()
    got = hashlib.sha256(raw).hexdigest()
    if got != sha256:
        raise ValueError(
            f"{path} must have sha256 {sha256}, got {len(raw)} bytes with sha256 {got}; delete or replace it"
        )
    return raw


def _fetch(download: Download, root: Path) -> list[str]:
    """Bring what is missing and return no faults, or return the fault of every mirror."""
    faults = []
    for url, known_hash in download.mirrors.items():
        try:
            _fetch_from(url, known_hash, download, root)
            return []
        except (requests.RequestException, ValueError) as error:
            faults.append(f"{url}: {error}")
        except OSError as error:
            raise OSError(
                f"the data folder must be writable and have room for {download.name}, got {root}: {error}; "
                f"set {FOLDER_VARIABLE} to another folder"
            ) from error
    return faults


def _fetch_from(url: str, known_hash: str, download: Download, root: Path) -> None:
    """Bring what is missing from one mirror, whole and checked, or leave nothing behind."""
    root.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(suffix=".part", dir=root) as part,
        progress_bar(download.size, desc=download.name, unit="B", unit_scale=True) as bar,
    ):
        fname = PurePosixPath(download.name).name
        processor = None if download.name in download.checksums else pooch.Untar()
        downloader = pooch.HTTPDownloader(progressbar=None if bar.disable else bar, timeout=TIMEOUT)
        pooch.retrieve(url, known_hash, fname, part, processor, downloader)
        for name in download.checksums:
            _install(Path(part), root / name)


def _install(part: Path, target: Path) -> None:
    """Move a file from somewhere below ``part`` to its place in one step, unless one is there."""
    if not target.exists():
        [path] = part.rglob(target.name)
        path.chmod(0o644)  # a temporary file is its owner's alone, but a data folder may be shared
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)


def _advice(faults: list[str], missing: Sequence[Download], root: Path) -> str:
    """Say why no mirror delivered, and where to put the missing files by hand."""
    hosts = "".join(f"\n  {fault}" for fault in faults)
    paths = "".join(f"\n  {root / name}" for download in missing for name in download.checksums)
    return (
        f"{missing[0].name} must come from one of its hosts, got it from none:{hosts}\n"
        f"Save what is missing by hand, unpacked if it is an archive, as{paths}\n"
        f"or set {FOLDER_VARIABLE} to a folder that holds it."
    )
