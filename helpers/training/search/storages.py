"""Where trials are kept: in memory, in a SQLite file, or in a journal file on a shared folder.

A SQLite file wants a disk of its own machine. A journal is a text file that is only appended to, under
a lock that network file systems keep too, so that workers on many machines can share it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.core import checks

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

__all__ = ["JOURNAL", "SQLITE", "StudyError", "check_storage", "open_study"]

JOURNAL = (".journal", ".log")
SQLITE = (".db", ".sqlite", ".sqlite3")
#: Seconds after which a lock is taken from a worker that died with it; writing a line takes milliseconds.
LOCK_SECONDS = 10
#: Seconds that a worker waits for the others to be done with the SQLite file.
SQLITE_SECONDS = 60


class StudyError(ValueError):
    """There is no such study, or it is not the one that was asked for."""


def check_storage(name: str, storage: object) -> None:
    """Require nothing, or a path in an existing folder whose ending names a kind of storage."""
    if storage is None:
        return
    if not isinstance(storage, str | os.PathLike):
        raise TypeError(f"{name} must be a path or None, got {name}={storage!r}")
    path = Path(storage)
    checks.require(path.suffix in JOURNAL + SQLITE, f"end in one of {JOURNAL + SQLITE}", name, str(path))
    checks.require(path.absolute().parent.is_dir(), "lie in a folder that is there", name, str(path))


def open_study(
    storage: str | os.PathLike | None, name: str, maximize: bool, settings: dict[str, Any], create: bool
) -> Study:
    """Return the study of a name in a storage, begun if it is new and `create` says so.

    Parameters
    ----------
    storage : path or None
        None is the memory of this process.
    name : str
        Its name within the storage.
    maximize : bool
        Whether the best value is the largest.
    settings : dict
        What the study is about, ready for JSON; it is kept with the study, and must not change.
    create : bool
        Whether to begin the study if it is not there.

    Raises
    ------
    StudyError
        If the study is not there, if it is about something else, or if the file is none of a search.
    """
    import optuna

    if not create and not (storage is not None and Path(storage).exists()):
        raise StudyError(f"a study must have been begun by a worker, got no file {str(storage)!r}")
    direction = "maximize" if maximize else "minimize"
    with _quiet():
        with _readable(storage):
            kept = _open(storage)
        if not create and name not in optuna.get_all_study_names(kept):
            known = optuna.get_all_study_names(kept)
            raise StudyError(f"name must be a study of {str(storage)!r}, {known}, got name={name!r}")
        study = optuna.create_study(
            storage=kept,
            study_name=name,
            direction=direction,
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(),
        )
    _compare(study, settings)
    return study


def _open(storage: str | os.PathLike | None) -> BaseStorage:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    if storage is None:
        return optuna.storages.InMemoryStorage()
    path = Path(storage).absolute()
    if path.suffix in JOURNAL:
        return optuna.storages.JournalStorage(JournalFileBackend(str(path), _lock(path)))
    return _open_sqlite(path)


def _open_sqlite(path: Path) -> BaseStorage:
    """Open the file, and make its tables; where another worker makes them at this moment, try again."""
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import IntegrityError, OperationalError
    from sqlalchemy.pool import NullPool

    # No pool: a connection is closed after each use, and no worker leaves one open when it ends.
    settings = {"connect_args": {"timeout": SQLITE_SECONDS}, "poolclass": NullPool}
    for pause in (0.1, 0.3, 1.0, 3.0):
        with contextlib.suppress(IntegrityError, OperationalError):
            return RDBStorage(f"sqlite:///{path}", engine_kwargs=settings)
        time.sleep(pause)
    return RDBStorage(f"sqlite:///{path}", engine_kwargs=settings)


def _lock(path: Path) -> Any:
    """Return the journal's lock. Who gets it drops a last line that its writer did not live to complete."""
    from optuna.storages.journal import JournalFileOpenLock

    class MendingLock(JournalFileOpenLock):
        def acquire(self) -> bool:
            super().acquire()
            try:
                _drop_torn_line(path)
            except BaseException:
                self.release()
                raise
            return True

    return MendingLock(str(path), grace_period=LOCK_SECONDS)


def _drop_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def _compare(study: Study, settings: dict[str, Any]) -> None:
    """Write the settings into a new study; require the same of an old one."""
    wanted = json.loads(json.dumps(settings))
    if "settings" not in study.user_attrs:
        study.set_user_attr("settings", wanted)
    kept = study.user_attrs["settings"]
    changed = [key for key in {**kept, **wanted} if kept.get(key) != wanted.get(key)]
    if changed:
        words = "; ".join(f"{key} was {kept.get(key)}, now {wanted.get(key)}" for key in changed)
        raise StudyError(
            f"a study must stay what it was begun as, got {words};"
            f" give the new search another name than {study.study_name!r}"
        )


@contextlib.contextmanager
def _readable(storage: object) -> Iterator[None]:
    """Say of a file that cannot be read that it is none of a search."""
    from sqlalchemy.exc import DatabaseError, OperationalError

    try:
        yield
    except OperationalError:
        raise
    except (DatabaseError, ValueError, TypeError, KeyError, AssertionError) as error:
        raise StudyError(
            f"storage must hold the trials of a search, got {str(storage)!r}: {error}"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from announcing on stderr what it does; leave its setting as it was."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
