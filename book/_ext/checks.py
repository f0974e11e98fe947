"""A check on the page: one line with its statement, and for what was measured how often it held.

A cell tagged ``check`` opens with a comment, ``# Checked: ...`` for what is proved and ``# Measured: ...``
for what a training does. The page folds the cell to that line. Where the record of repetitions is up to date
for this code, a measured line ends with its counts. A cell that failed in the run that this page was made of
stands open under a note; the other pages and the rest of this one are as ever.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import re

import nbformat
from docutils import nodes
from sphinx.transforms import SphinxTransform

from tools import replication
from tools.execution import statement


def counted(name: str, cell: str, digest: str) -> str:
    """Return how often a check held, in words; nothing where that is not known of the present code."""
    lessons = json.loads(replication.RECORD.read_text(encoding="utf-8"))["lessons"]
    record = lessons.get(name, {})
    if record.get("digest") != digest or cell not in record["held"]:
        return ""
    n, of = record["held"][cell], record["repetitions"]
    repetitions = f"{n['kernels'] + n['rounding']} of {of['kernels'] + of['rounding']} repetitions"
    return f"held in {repetitions}; with other seeds in {n['seeds']} of {of['seeds']}"


def foot(name: str, digest: str) -> str:
    """Return with what and when a lesson's page was made, and how often its checks held."""
    python, torch, numpy = platform.python_version(), *map(importlib.metadata.version, ("torch", "numpy"))
    made = f"Made on {datetime.date.today()} with Python {python}, torch {torch} and NumPy {numpy}."
    record = json.loads(replication.RECORD.read_text(encoding="utf-8"))["lessons"].get(name, {})
    if record.get("digest") != digest:
        return f"{made} Its checks have not been repeated with this code yet."
    held = sum(n for counts in record["held"].values() for n in counts.values())
    total = len(record["held"]) * sum(record["repetitions"].values())
    return f"{made} Its {len(record['held'])} checks held in {held} of {total} repetitions."


def words(text: str) -> list[nodes.Node]:
    """Return a statement as nodes, what stands between backticks as code.

    >>> [type(node).__name__ for node in words("mine = `torch`")]
    ['Text', 'literal']
    """
    parts = re.split(r"`([^`]+)`", text)
    return [nodes.literal("", p) if i % 2 else nodes.Text(p) for i, p in enumerate(parts) if p]


def folded(cell: nodes.container, kind: str, text: str, counts: str) -> list[nodes.Node]:
    """Return the nodes of a cell folded to its statement, open where it failed."""
    line = nodes.inline("", "", nodes.inline("", kind, classes=["kind"]), nodes.Text(" "), *words(text))
    if counts:
        line += nodes.inline("", f" {counts}", classes=["held"])
    is_open, notes = "", []
    if failed(cell):
        is_open, notes = " open", [note("On the machine that built this page, this check did not hold.")]
    head = tag(f'<details class="check {kind.lower()}"{is_open}><summary>')
    return [head, line, tag("</summary>"), *notes, *cell.children, tag("</details>")]


def tag(text: str) -> nodes.raw:
    """Return a tag of HTML, for which docutils has no node."""
    return nodes.raw("", text, format="html")


def failed(cell: nodes.container) -> bool:
    """Return whether a cell ended with an error."""
    return any("traceback" in node["classes"] for node in cell.findall(nodes.literal_block))


def note(text: str) -> nodes.warning:
    """Return a note that stands where something failed."""
    return nodes.warning("", nodes.paragraph("", text), classes=["failed"])


class FoldChecks(SphinxTransform):
    """Fold every check cell of a notebook; mark what failed."""

    default_priority = 400

    def apply(self) -> None:
        """Go through the cells of a lesson."""
        cells = [n for n in self.document.findall(nodes.container) if n.get("nb_element") == "cell_code"]
        if not cells:
            return
        path = replication.ROOT / self.env.doc2path(self.env.docname, base=False)
        self.env.note_dependency(str(replication.RECORD))
        notebook = nbformat.read(path, nbformat.NO_CONVERT)
        digest = replication.digest(path)
        self.env.metadata[self.env.docname]["foot"] = foot(path.stem, digest)
        for cell in cells:
            source = notebook.cells[cell["cell_index"]]
            kind, text = statement(source.source)
            if "check" in source.metadata.get("tags", ()) and kind:
                counts = counted(path.stem, source.id, digest) if kind == "Measured" else ""
                cell[:] = folded(cell, kind, text, counts)
            elif failed(cell):
                cell.insert(0, note("On the machine that built this page, this cell ended with an error."))


def setup(app):
    """Add the transform (Sphinx calls this)."""
    app.add_transform(FoldChecks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
