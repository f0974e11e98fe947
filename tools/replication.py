"""How often the measured statements of the lessons hold, when everything but the idea changes.

``make replicate`` runs each lesson again and again: with other **kernels** (the instruction sets of this
processor), with another **rounding**, and with other **seeds** (both by ``helpers/core/seeds.py``). It counts
for every cell tagged ``check`` how often it held, and once all repetitions of a lesson are there keeps the
counts in ``lessons/results/replications.json``. One that was run already, for this code and these helpers, is
not run again: what was ended goes on. Where helpers were rewritten and a lesson prints the same to the last
digit, on the same machine with the same versions, nothing that it computes has changed: its counts stay.

    python -m tools.replication [LESSON ...] [--seeds 10] [--rounding 10] [--kernels 3] [--jobs 2]
"""

import argparse
import ast
import concurrent.futures
import contextlib
import datetime
import hashlib
import io
import json
import linecache
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import types

from tools.execution import REPLICATIONS, ROOT, notebooks, statement

FORMAT = "How CNNs Learn, replications 1"
RECORD = ROOT / REPLICATIONS
RUNS = ROOT / "_build" / "replications"
KERNELS = {  # name of an instruction set to the settings of torch, MKL, oneDNN and OpenBLAS that select it
    "AVX-512": {},
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "SSE4": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
}
MINIMUM = {"kernels": len(KERNELS), "rounding": 10, "seeds": 10}  # repetitions before a count is kept
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


# ---- what a count belongs to ----


def digest(path):
    """Return a digest of a lesson's code and of the helpers that it computes with; figures only look."""
    code = _code(path)
    total = hashlib.sha256("\n".join(map(_bare, code)).encode())
    for module in sorted(_imported("\n".join(code))):
        total.update(_bare(module.read_text(encoding="utf-8")).encode())
    return total.hexdigest()[:16]


def own_digest(path):
    """Return a digest of a lesson's code alone."""
    return hashlib.sha256("\n".join(map(_bare, _code(path))).encode()).hexdigest()[:16]


def _code(path):
    import nbformat

    cells = nbformat.read(path, nbformat.NO_CONVERT).cells
    return [cell.source for cell in cells if cell.cell_type == "code" and cell.id != "bootstrap"]


def _bare(source):
    """Return Python without docstrings, lines of comment and empty lines."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _imported(source, found=None):
    """Return the files of the helpers that a source imports, directly or not; figures only look."""
    found = set() if found is None else found
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    for name in names:
        if not name.startswith("helpers.") or name.startswith("helpers.figures"):
            continue
        base = ROOT.joinpath(*name.split("."))
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file() and file not in found:
                found.add(file)
                _imported(file.read_text(encoding="utf-8"), found)
    return found


# ---- one repetition ----


def run(path):
    """Run a lesson in this process, and return what happened to its cells.

    A cell that fails ends the repetition no more than it does in JupyterLab's *Run All* with errors allowed:
    the next one is tried. Figures are not drawn.
    """
    import nbformat

    os.chdir(path.parent)
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    start, failed, printed = time.perf_counter(), {}, hashlib.sha256()
    code = [cell for cell in nbformat.read(path, nbformat.NO_CONVERT).cells if cell.cell_type == "code"]
    for i, cell in enumerate(code):
        name, output = f"<cell {i}>", io.StringIO()
        linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(keepends=True), name)
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
                exec(compile(cell.source, name, "exec"), main.__dict__)
        except Exception as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            failed[cell.id] = {"error": words, "output": output.getvalue()[-2000:]}
        printed.update(output.getvalue().encode())
        _forget_figures()
    seconds = round(time.perf_counter() - start, 1)
    return {"seconds": seconds, "failed": failed, "printed": printed.hexdigest()[:16]}


def _forget_figures():
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def _fork(path, kind, n, target):
    """Run a repetition in a child that has all imports already, and write what happened."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if kind != "kernels":
            os.environ["CNN_BOOK_REPLICATION"] = f"{kind}:{n}"
        found = run(path)
        unfinished = target.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(found), encoding="utf-8")
        os.replace(unfinished, target)
        os._exit(0)
    except BaseException as error:
        sys.stderr.write(f"{path.name}, {kind} {n}: {type(error).__name__}: {error}\n")
        os._exit(1)


def work():
    """Run the repetitions that standard input names, one a line, in the environment of this process."""
    import warnings

    warnings.simplefilter("ignore")
    import helpers.figures.explorers
    import helpers.training.records
    import helpers.training.replicas  # noqa: F401 - the children find all this imported

    for line in sys.stdin:
        path, kind, n, target = json.loads(line)
        _fork(pathlib.Path(path), kind, n, pathlib.Path(target))
        print("done", flush=True)


# ---- all of them ----


def plan(paths, seeds, rounding, kernels):
    """Yield ``(path, kernel, kind, n)`` for every repetition, what tells most first."""
    for path in paths:
        for n in range(1, seeds + 1):
            yield path, "AVX-512", "seeds", n
        for name in [*KERNELS][::-1][:kernels]:
            yield path, name, "kernels", name
        for n in range(1, rounding + 1):
            yield path, "AVX-512", "rounding", n


def _target(path, kind, n):
    return RUNS / path.stem / digest(path) / f"{kind}-{n}.json"


def replicate(asked, jobs):
    """Run what is missing of the repetitions, `jobs` at a time; return how many could not be run."""
    folders = {path: RUNS / path.stem / digest(path) for path in {task[0] for task in asked}}
    tasks = [(*task, folders[task[0]] / f"{task[2]}-{task[3]}.json") for task in asked]
    missing = [task for task in tasks if not task[4].exists()]
    for task in missing:
        task[4].parent.mkdir(parents=True, exist_ok=True)
    print(f"{len(tasks)} repetitions, {len(tasks) - len(missing)} of them run before", flush=True)
    start, lost, workers = time.perf_counter(), 0, {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_ask, workers, *task): task for task in missing}
        for done, future in enumerate(concurrent.futures.as_completed(futures), 1):
            path, _, kind, n, target = futures[future]
            lost += not target.exists()
            left = (time.perf_counter() - start) / done * (len(missing) - done) / 60
            _say(path, kind, n, target, f"{done} of {len(missing)}, {left:.0f} min left")
    for worker in workers.values():
        worker.communicate()
    return lost


def _ask(workers, path, kernel, kind, n, target):
    """Have a repetition run by this thread's process for an instruction set, which imports torch once."""
    key = threading.get_ident(), kernel
    if key not in workers:
        environment = os.environ | THREADS | KERNELS[kernel] | {"MPLBACKEND": "agg"}
        command = [sys.executable, "-m", "tools.replication", "--work"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        workers[key] = subprocess.Popen(command, **pipes, env=environment, cwd=ROOT)
    worker = workers[key]
    worker.stdin.write(json.dumps([str(path), kind, n, str(target)]) + "\n")
    worker.stdin.flush()
    worker.stdout.readline()


def _say(path, kind, n, target, progress):
    if not target.exists():
        print(f"{path.stem}, {kind} {n}: could not be run ({progress})", flush=True)
        return
    found = json.loads(target.read_text(encoding="utf-8"))
    count = len(found["failed"])
    words = "all held" if not count else f"{count} failed"
    print(f"{path.stem}, {kind} {n}: {words}, {found['seconds']} s ({progress})", flush=True)


# ---- the record ----


def circumstances():
    """Return the machine and the versions with which a lesson prints the same each time."""
    from helpers.training import records

    return {"hardware": records.hardware(), "versions": records.versions()}


def recorded():
    """Return what is kept of each lesson, by its name."""
    return json.loads(RECORD.read_text(encoding="utf-8"))["lessons"] if RECORD.exists() else {}


def printed(path):
    """Return a digest of what a lesson prints with this processor's own kernels, running it if need be."""
    plain = path, "AVX-512", "kernels", "AVX-512"
    target = _target(path, *plain[2:])
    if not target.exists() or "printed" not in json.loads(target.read_text(encoding="utf-8")):
        target.unlink(missing_ok=True)
        replicate([plain], 1)
    return json.loads(target.read_text(encoding="utf-8"))["printed"] if target.exists() else None


def stays(path):
    """Return whether helpers were rewritten since a lesson was counted, and it prints the same as then."""
    known = recorded().get(path.stem, {})
    is_rewritten = known.get("digest", digest(path)) != digest(path)
    is_alike = known == known | {"cells": own_digest(path)} | circumstances()
    return is_rewritten and is_alike and printed(path) == known["printed"]


def checks(path):
    """Return the check cells of a lesson, ``{id: (kind, statement)}``."""
    import nbformat

    cells = nbformat.read(path, nbformat.NO_CONVERT).cells
    return {cell.id: statement(cell.source) for cell in cells if "check" in cell.metadata.get("tags", ())}


def failures(path):
    """Yield ``(kind, n, failed)`` for every repetition of a lesson in its present form."""
    for file in sorted((RUNS / path.stem / digest(path)).glob("*.json")):
        kind, _, n = file.stem.partition("-")
        yield kind, n, json.loads(file.read_text(encoding="utf-8"))["failed"]


def counts(path):
    """Return how many repetitions of a lesson there are, and for each check in how many it held."""
    known = [*failures(path)]
    runs = {kind: [failed for k, _, failed in known if k == kind] for kind in MINIMUM}
    held = {i: {k: sum(i not in failed for failed in own) for k, own in runs.items()} for i in checks(path)}
    return {"repetitions": {kind: len(own) for kind, own in runs.items()}, "held": held}


def carried(path):
    """Keep the counts of a lesson that :func:`stays` as it was, and return whether it does."""
    is_same = stays(path)
    if is_same:
        lessons = recorded()
        _write(lessons | {path.stem: lessons[path.stem] | {"digest": digest(path)}})
        print(f"{path.stem}: prints the same as when it was counted, so its counts stay", flush=True)
    return is_same


def record(paths):
    """Renew the counts of those of these lessons whose repetitions are complete; keep the others."""
    lessons = recorded()
    for path in paths:
        known = counts(path)
        if all(known["repetitions"][kind] >= least for kind, least in MINIMUM.items()):
            date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
            facts = {"digest": digest(path), "cells": own_digest(path), "printed": printed(path)}
            lessons[path.stem] = facts | {"date": date} | circumstances() | known
    _write(lessons)


def _write(lessons):
    in_order = {path.stem: lessons[path.stem] for path in notebooks() if path.stem in lessons}
    content = {"format": FORMAT, "command": "make replicate", "lessons": in_order}
    RECORD.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def report(paths):
    """Print the statements that failed, with the error and the last that the cell printed."""
    for path in paths:
        words, repetitions = checks(path), sum(counts(path)["repetitions"].values())
        print(f"\n{path.stem}: {len(words)} checks, {repetitions} repetitions")
        for kind, n, failed in failures(path):
            for i, failure in failed.items():
                said = " | ".join(failure["output"].strip().splitlines()[-6:])
                print(f"  {kind} {n}, {i}: {': '.join(words.get(i, ('not a check', '')))}")
                print(f"    {failure['error']}\n    {said}")


def _lessons(words):
    paths = [path for path in notebooks() if path.parent.name.startswith("part")]
    chosen = [path for path in paths if not words or path.name.split("-")[0].lstrip("0") in words]
    unknown = set(words) - {path.name.split("-")[0].lstrip("0") for path in paths}
    if unknown:
        raise SystemExit(f"no lesson has the number {', '.join(sorted(unknown))}")
    return chosen


def main(arguments=None):
    """Replicate, record and report."""
    parser = argparse.ArgumentParser(prog="python -m tools.replication", description=__doc__.split("\n")[0])
    parser.add_argument("lessons", nargs="*", help="numbers of lessons; all by default")
    parser.add_argument("--seeds", type=int, default=MINIMUM["seeds"])
    parser.add_argument("--rounding", type=int, default=MINIMUM["rounding"])
    parser.add_argument("--kernels", type=int, default=MINIMUM["kernels"], help="the oldest first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--report", action="store_true", help="only print what is known")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    if told.work:
        return work()
    paths = _lessons([re.sub(r"^0+", "", word) for word in told.lessons])
    if not told.report:
        paths = [path for path in paths if not carried(path)]
    lost = 0 if told.report else replicate(plan(paths, told.seeds, told.rounding, told.kernels), told.jobs)
    record(paths)
    report(paths)
    return lost


if __name__ == "__main__":
    sys.exit(bool(main()))
