"""The file that a search is written in."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from helpers.training.search.searches import Search
from helpers.training.search.storages import StudyError

__all__ = ["load"]


def load(study: str) -> Search:
    """Return the search that a file defines.

    Parameters
    ----------
    study : str
        ``"FILE.py"``, or ``"FILE.py:NAME"`` where the file defines several.

    Raises
    ------
    StudyError
        If there is no such file, if it does not define one such search, or if that one keeps its trials
        in memory, where no other worker finds them.
    """
    path, _, name = (study, "", "") if study.endswith(".py") else study.rpartition(":")
    if not (path.endswith(".py") and Path(path).is_file()):
        raise StudyError(f"STUDY must be a Python file, or FILE.py:NAME, got STUDY={study!r}")
    found = {key: value for key, value in vars(_module(Path(path))).items() if isinstance(value, Search)}
    if name not in found and (name or len(found) != 1):
        wanted = f"the search {name}" if name else "one search, or STUDY name one as FILE.py:NAME"
        raise StudyError(f"{path} must define {wanted}, got {sorted(found)}")
    search = found[name] if name else next(iter(found.values()))
    if search.storage is None:
        raise StudyError(f"storage must be a file that workers share, got storage=None in {path}")
    return search


def _module(path: Path) -> object:
    """Run a file as a module that can import its neighbors, as Python does with a script."""
    path = path.resolve()
    spec = importlib.util.spec_from_file_location(f"search_in_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(module)
    return module
