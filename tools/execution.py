"""Every lesson is executed once, for its tests and for its page.

As a pytest plugin (``-p tools.execution``) it hands what nbval saw to the cache from which Jupyter Book takes
its outputs: errors too, so that a check that does not hold on a reader's machine costs no page. As a Sphinx
extension it keeps the pages in step with that cache. As a command it prints the notebooks that the cache
lacks (``--all``: every notebook), or what did not hold in those that it has (``--failures``).

jupyter-cache knows a notebook by its cells alone. A lesson also depends on ``helpers``, on the installed
packages and on the files beside it: a digest of those stands in the cache, which is dropped when it changes.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
REPLICATIONS = pathlib.Path("lessons", "results", "replications.json")  # pages show it; no lesson reads it
# One thread a lesson: two run at a time, and the figures of a page do not depend on the number of cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def notebooks(root=ROOT):
    """Return the lessons in reading order."""
    return sorted(p for p in root.glob("lessons/**/*.ipynb") if not _hidden(p.relative_to(root)))


def _hidden(path):
    return any(part.startswith((".", "__pycache__")) for part in path.parts)


def statement(source):
    """Return kind and words of what a check cell checks, from its first comment: ``# Checked: a = b``."""
    comment = re.match(r"(?:#.*\n?)*", source)[0]
    words = " ".join(line.lstrip("# ").strip() for line in comment.splitlines())
    match = re.match(r"(Checked|Measured): (.+)", words)
    return match.groups() if match else ("", "")


def digest(root=ROOT):
    """Return a digest of what a lesson's outputs depend on besides its own cells."""
    files = [root / "requirements.txt", root / "constraints.txt"]
    files += [path for folder in ("helpers", "lessons") for path in sorted((root / folder).rglob("*"))]
    total = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for path in files:
        name = path.relative_to(root)
        if path.is_file() and path.suffix != ".ipynb" and name != REPLICATIONS and not _hidden(name):
            total.update(name.as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


@contextlib.contextmanager
def open_cache(root=ROOT):
    """Give the book's cache of executed notebooks, emptied when it belongs to another digest."""
    from jupyter_cache import get_cache

    if os.environ.get("CNN_BOOK_REPLICATION"):
        raise RuntimeError("no page is made from a repetition: unset CNN_BOOK_REPLICATION")
    folder = root / "_build" / ".jupyter_cache"
    now, stamp = digest(root), folder / "digest"
    if folder.exists() and (not stamp.exists() or stamp.read_text() != now):
        shutil.rmtree(folder)
    if not folder.exists():
        folder.mkdir(parents=True)
        stamp.write_text(now)
    cache = get_cache(folder)
    try:
        yield cache
    finally:
        cache.db.dispose()


def missing(root=ROOT):
    """Return the notebooks whose outputs are not in the cache."""
    return sorted(set(notebooks(root)) - {path for path, _ in cached(root)})


def executed(path, cells):
    """Return the notebook at ``path`` with the outputs that nbval saw, or None if it missed a cell."""
    import nbformat

    notebook = nbformat.read(path, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if len(cells) != len(code):
        return None
    for count, (cell, number) in enumerate(zip(code, sorted(cells), strict=True), 1):
        cell.execution_count = count
        cell.outputs = [nbformat.from_dict(dict(output)) for output in cells[number]]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    return notebook


def failures(notebook):
    """Yield ``(statement, error, numbers)`` of every cell that ended with an error, in one line each."""
    for cell in notebook.cells:
        errors = [output for output in cell.get("outputs", ()) if output.output_type == "error"]
        if errors:
            kind, words = statement(cell.source)
            first = next(iter(cell.source.strip().splitlines()), "")
            printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
            error = f"{errors[0].ename}: {errors[0].evalue}".strip().rstrip(":")
            yield f"{kind}: {words}" if kind else f"the cell `{first}`", error, printed.strip()


def report(path, notebook):
    """Return what did not hold in a lesson, as lines for a terminal."""
    lines = []
    for words, error, numbers in failures(notebook):
        lines += [f"{path.stem}: did not hold here. {words}", f"    {error.splitlines()[0]}"]
        lines += [f"    {line}" for line in numbers.splitlines()[-6:]]
    return lines


def cached(root=ROOT):
    """Yield every lesson that the cache has, with its outputs."""
    import nbformat

    with open_cache(root) as cache:
        for path in notebooks(root):
            try:
                yield path, cache.merge_match_into_notebook(nbformat.read(path, nbformat.NO_CONVERT))[1]
            except KeyError:
                continue


def store(results, root=ROOT):
    """Put executed notebooks, ``{path: text}``, into the cache."""
    import nbformat
    from jupyter_cache.base import CacheBundleIn

    with open_cache(root) as cache:
        for path, text in results.items():
            bundle = CacheBundleIn(nbformat.reads(text, nbformat.NO_CONVERT), path)
            cache.cache_notebook_bundle(bundle, overwrite=True)


class Recorder:
    """Collects what nbval sees; with xdist the workers send theirs to the one process that writes."""

    def __init__(self):
        self.cells, self.seconds = {}, {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        if call.when == "call" and type(item).__name__ == "IPyNbCell":
            outputs = json.loads(json.dumps(item.test_outputs or []))
            if not report.passed and not any(output["output_type"] == "error" for output in outputs):
                error = {"ename": type(call.excinfo.value).__name__, "evalue": str(call.excinfo.value)}
                outputs.append({"output_type": "error", "traceback": [], **error})
            self.cells.setdefault(str(item.path), {})[item.cell_num] = outputs

    def pytest_runtest_logreport(self, report):
        path = report.nodeid.partition("::")[0]
        self.seconds[path] = self.seconds.get(path, 0) + report.duration

    def pytest_sessionfinish(self, session):
        import nbformat

        lessons = {path: executed(path, cells) for path, cells in self.cells.items()}
        results = {path: nbformat.writes(notebook) for path, notebook in lessons.items() if notebook}
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["executed"] = results
        else:
            store(results, session.config.rootpath)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        store(getattr(node, "workeroutput", {}).get("executed", {}), node.config.rootpath)

    def pytest_terminal_summary(self, terminalreporter, config):
        if hasattr(config, "workeroutput"):
            return  # one process looks into the cache, lest it is emptied under another's hand
        paths = {config.rootpath / path for path in self.seconds}
        lessons = ((path, notebook) for path, notebook in cached(config.rootpath) if path in paths)
        lines = [line for lesson in lessons for line in report(*lesson)]
        if lines:
            terminalreporter.section("what did not hold")
            terminalreporter.write_line("\n".join(lines))
        terminalreporter.section("seconds for each notebook, its kernel's start included")
        for path, seconds in sorted(self.seconds.items()):
            terminalreporter.write_line(f"{seconds:7.1f}  {path}")


def pytest_configure(config):
    """Record what nbval sees (pytest calls this)."""
    config.pluginmanager.register(Recorder())


def setup(app):
    """Render pages anew whenever the cache was emptied (Sphinx calls this)."""

    def remember(app, config):
        with open_cache(pathlib.Path(app.srcdir)):
            pass  # it is emptied where it has to be
        config.execution_digest = digest(pathlib.Path(app.srcdir))

    app.add_config_value("execution_digest", "", "env")
    app.connect("config-inited", remember)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__" and "--failures" in sys.argv:
    print(*(line for lesson in cached() for line in report(*lesson)), sep="\n")
elif __name__ == "__main__":
    print(*(path.relative_to(ROOT) for path in (notebooks() if "--all" in sys.argv else missing())))
