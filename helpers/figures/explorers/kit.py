"""What every explorer is: a state, what is traced from the code, and one view for page, notebook, print.

In JupyterLab, Colab and the like an explorer is an `anywidget <https://anywidget.dev>`_, whose traits follow
the reader's hand. Its ``text/html`` carries the same ES module and the same state, so that a page of the
built book needs no kernel, no network and no other file; what its explorers share, it has once. ``README.md``
beside this file says how to make one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Collection
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from helpers.core import checks
from helpers.core.hyperparameters import Hyperparameter, hyperparameters
from helpers.figures.explorers.facts import Facts

__all__ = ["Explorer", "as_javascript", "plain"]

HERE = Path(__file__).parent
KINDS = {bool: traitlets.Bool, int: traitlets.Int, float: traitlets.Float, str: traitlets.Unicode}
#: The names that a line of JavaScript declares in the scope of its file.
DECLARED = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) \[?([\w$, ]+)", re.M)
KINDS |= {tuple: traitlets.List, list: traitlets.List, dict: traitlets.Dict}


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    """The files of the kit that a JavaScript file imports, and itself, in an order that works."""
    files: list[Path] = []
    for name in re.findall(r'from "\./(\w+\.js)"', _text(path)):
        files += [file for file in _imported(HERE / name) if file not in files]
    return (*files, path)


#: The files that all families share.
KIT = _imported(HERE / "marks.js")


@cache
def _require_own_names(files: tuple[Path, ...]) -> None:
    """Require that no two files give one name to two things, for all stand in one scope."""
    places: dict[str, Path] = {}
    for file in files:
        for name in re.findall(r"[\w$]+", ", ".join(DECLARED.findall(_text(file)))):
            if name in places:
                raise ValueError(f"{file.name} must not name {name}, which {places[name].name} has already")
            places[name] = file


def as_javascript(value: Any) -> str:
    """Return a value as JSON in a fixed order, which is JavaScript too."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _members(texts: dict[str, Any]) -> str:
    """An object of JavaScript whose members are texts of JavaScript, or such objects."""
    members = ((name, _members(text) if isinstance(text, dict) else text) for name, text in texts.items())
    return f"{{{','.join(f'{as_javascript(name)}: {text}' for name, text in members)}}}"


@cache
def _compact(path: Path) -> str:
    """JavaScript without indentation, whole-line comments, imports, and exports other than the default."""
    source = re.sub(r"^import [^;]*;\n", "", _text(path), flags=re.MULTILINE)
    source = re.sub(r"^export (?!default)", "", source, flags=re.MULTILINE)
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@cache
def _kit() -> tuple[str, str, str, str]:
    """What all explorers share: style, module and host, and a name for just these."""
    parts = (_text(HERE / "explorer.css"), "\n".join(map(_compact, KIT)), _compact(HERE / "host.js"))
    return *parts, hashlib.sha256("".join(parts).encode()).hexdigest()[:8]


def _shared() -> str:
    """The lines with which every explorer's module begins."""
    style, module, *_ = _kit()
    return f"const css = {as_javascript(style)};\n{module}\n"


def _in_script(text: str) -> str:
    """JSON that cannot end, or hide, the script element in which it stands."""
    text = text.replace("</", "<\\/")
    return re.sub("<(?=!--|script)", "\\\\u003c", text, flags=re.IGNORECASE)


class Explorer(anywidget.AnyWidget):
    """A figure that answers "what if?", in a notebook and in a page without a kernel.

    Parameters
    ----------
    state : dataclass instance
        Its fields are the traits that page and kernel share; its hyperparameters have sliders.

    Attributes
    ----------
    initial : dataclass instance
        The state at the start.

    Raises
    ------
    ValueError
        If a field of `limited` is not in the range of its slider.
    """

    #: The name of the JavaScript file beside the module of the class.
    family: ClassVar[str]
    #: What the explorer is, for those who cannot see it.
    alt: ClassVar[str]
    #: Questions to try: the words, and how the state that answers them differs from the first.
    questions: ClassVar[Collection[tuple[str, dict[str, Any]]]] = ()
    #: Fields whose values end where their sliders end, as the picture does.
    limited: ClassVar[Collection[str]] = ()

    def __init__(self, state: Any) -> None:
        fields = dataclasses.fields(state)
        self._names = [field.name for field in fields]
        self.initial = state
        self._require_names()
        for name, field in hyperparameters(state).items():
            if name in self.limited:
                _require_range(field, name, getattr(state, name))
        values = {field.name: plain(getattr(state, field.name)) for field in fields}
        kinds = {f.name: float if f.type == "float" else type(values[f.name]) for f in fields}  # of 1 too
        self.add_traits(**{name: KINDS[kinds[name]](value).tag(sync=True) for name, value in values.items()})
        self.add_traits(_esm=traitlets.Unicode(self._module()).tag(sync=True))  # before anywidget asks for it
        super().__init__()

    def _require_names(self) -> None:
        """Require that questions and limits are about fields of the state."""
        names = set(self._names)
        for name in (*self.limited, *(name for _, changes in self.questions for name in changes)):
            checks.require(name in names, f"be about the fields {self._names}", "questions and limited", name)

    def state(self) -> dict[str, Any]:
        """Return the traits that the page and the kernel share."""
        return {name: getattr(self, name) for name in self._names}

    def rows(self, facts: Facts) -> list[dict]:
        """Return a row for each slider, once `facts` has what is known of it; a family may add to both."""
        return facts.rows(self.initial)

    def catalog(self) -> dict[str, Any]:
        """Return what the view has to know besides sliders and questions, as JSON."""
        return {}

    def formulas(self) -> dict[str, Any]:
        """Return what is traced from the book's code: names to JavaScript, or to more such names."""
        return {}

    def _module(self) -> str:
        facts = Facts()
        rows = self.rows(facts)
        first = self.state()
        prompts = [{"text": text, "state": first | plain(changes)} for text, changes in self.questions]
        catalog = {"names": self._names, "rows": rows, "facts": facts.entries, "prompts": prompts}
        catalog |= self.catalog()
        for row in rows:
            facts.entries[row["fact"]]["hard"] = row["path"][0] in self.limited
        formulas = _members(self.formulas())
        lines = [f"const catalog = {as_javascript(catalog)};", f"const formulas = {formulas};"]
        owner = next(kind for kind in type(self).__mro__ if "family" in vars(kind))
        files = _imported(Path(sys.modules[owner.__module__].__file__).with_name(f"{self.family}.js"))
        own = tuple(file for file in files if file not in KIT)
        _require_own_names(KIT + own)
        return _shared() + "\n".join([*lines, *map(_compact, own)])

    def evaluate(self, expression: str) -> Any:
        """Return what a JavaScript expression of the module's own names is, by QuickJS.

        Raises
        ------
        ImportError
            If the package quickjs-ng is missing.
        """
        import quickjs

        context = quickjs.Context()
        context.eval("const structuredClone = (x) => JSON.parse(JSON.stringify(x));")
        context.eval(self._esm.replace("\nexport default ", "\nconst family = ", 1))
        return json.loads(context.eval(f"JSON.stringify({expression})"))

    def still(self) -> str:
        """Return the HTML that stands there before the script runs, without it, and in print."""
        return self.evaluate(f"still(family.family, {as_javascript(self.state())})")

    def html(self) -> str:
        """Return the explorer as HTML that needs no other file.

        What is marked ``data-kit`` is the same in each explorer: a page that has it may leave it out.
        """
        still = self.still() if importlib.util.find_spec("quickjs") else ""  # a notebook shows none
        style, module, host, kit = _kit()
        own = self._esm.removeprefix(_shared())
        payload = _in_script(as_javascript({"kit": kit, "esm": own, "state": self.state()}))
        return (
            f'<style data-kit="{kit}">{style}</style>'
            f'<script type="application/json" data-kit="{kit}">{_in_script(as_javascript(module))}</script>'
            f'<div class="explorer" role="group" aria-label="{escape(self.alt)}">'
            f'<div class="ex still">{still}'
            "<noscript><p>Without JavaScript this is a still picture.</p></noscript></div>"
            f'<script type="application/json">{payload}</script></div>'
            f'<script data-kit="{kit}">{host}</script>'
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs)
        words = f"{type(self).__name__}: {self.alt}"
        return {**data, "text/plain": words, "text/html": self.html()}, metadata


def plain(value: Any) -> Any:
    """Return what JSON has of a value: lists for tuples, numbers of Python for NumPy's.

    >>> plain({"milestones": (30, 60)})
    {'milestones': [30, 60]}
    """
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(entry) for entry in value]
    return value.item() if hasattr(value, "item") else value


def _require_range(field: Hyperparameter, name: str, value: Any) -> None:
    within = checks.Interval(field.low, field.high, "[]")
    (checks.Each(within) if isinstance(value, tuple) else within)(name, value)
