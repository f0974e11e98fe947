"""What the helpers make public: every name in an ``__all__``, and where a reader finds it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A public thing: the full name that readers write, the module that defines it, the thing itself."""

    path: str
    home: str
    thing: Any

    @property
    def name(self) -> str:
        """Return the last part of the name."""
        return self.path.rpartition(".")[2]


def modules(root: str) -> list[ModuleType]:
    """Return a module by its name; behind a package, those inside it."""
    module = importlib.import_module(root)
    inside = pkgutil.walk_packages(getattr(module, "__path__", ()), f"{root}.")
    return [module, *(importlib.import_module(m.name) for m in inside)]


def definer(module: ModuleType, thing: Any) -> str:
    """Return the module of the helpers that defines a thing which `module` offers."""
    named = inspect.isclass(thing) or inspect.isroutine(thing)
    return thing.__module__ if named and thing.__module__.startswith("helpers.") else module.__name__


@cache
def entries() -> tuple[Entry, ...]:
    """Return everything public once, under the shortest name: a package goes before what is inside it."""
    catalog = {}
    for module in modules("helpers"):
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            home = definer(module, thing)
            facade = hasattr(module, "__path__") and home.startswith(f"{module.__name__}.")
            if facade or home == module.__name__:
                catalog.setdefault((home, name), Entry(f"{module.__name__}.{name}", home, thing))
    return tuple(catalog.values())
