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
import subprocess
import sys
import time
import types
import warnings

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
    modules = sorted(_imported("\n".join(code)))
    return _hash("\n".join(map(_bare, code)), *(_bare(m.read_text(encoding="utf-8")) for m in modules))


def own_digest(path):
    """Return a digest of a lesson's code alone."""
    return _hash("\n".join(map(_bare, _code(path))))


def _hash(*texts):
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]


def _cells(path):
    import nbformat

    return [c for c in nbformat.read(path, nbformat.NO_CONVERT).cells if c.cell_type == "code"]


def _code(path):
    return [cell.source for cell in _cells(path) if cell.id != "bootstrap"]


def _bare(source):
    """Return Python without docstrings, lines of comment and empty lines."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _imported(source, files=None):
    """Return the files of the helpers that a source imports, directly or not; figures only look."""
    files = set() if files is None else files
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
            if file.is_file() and file not in files:
                files.add(file)
                _imported(file.read_text(encoding="utf-8"), files)
    return files


# ---- one repetition ----


def run(path):
    """Run a lesson in this process, and return what happened to its cells.

    A cell that fails ends the repetition no more than it does in JupyterLab's *Run All* with errors allowed:
    the next one is tried. Figures are not drawn.
    """
    os.chdir(path.parent)
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    start, failed, printed = time.perf_counter(), {}, []
    for i, cell in enumerate(_cells(path)):
        name, output = f"<cell {i}>", io.StringIO()
        linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(keepends=True), name)
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
                exec(compile(cell.source, name, "exec"), main.__dict__)
        except Exception as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            failed[cell.id] = {"error": words, "output": output.getvalue()[-2000:]}
        printed.append(output.getvalue())
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
    return {"seconds": round(time.perf_counter() - start, 1), "failed": failed, "printed": _hash(*printed)}


def work(path, target):
    """Run a lesson in the environment of this process, and write what happened."""
    warnings.simplefilter("ignore")
    result = run(path)
    unfinished = target.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(result), encoding="utf-8")
    os.replace(unfinished, target)


# ---- all of them ----


def plan(paths, seeds, rounding, kernels):
    """Yield ``(path, kernel, kind, n)`` for every repetition, what tells most first."""
    for path in paths:
        yield from ((path, "AVX-512", "seeds", n) for n in range(1, seeds + 1))
        yield from ((path, name, "kernels", name) for name in [*KERNELS][::-1][:kernels])
        yield from ((path, "AVX-512", "rounding", n) for n in range(1, rounding + 1))


def _target(path, kind, n):
    return RUNS / path.stem / digest(path) / f"{kind}-{n}.json"


def replicate(tasks, jobs):
    """Run what is missing of the repetitions, `jobs` at a time; return how many could not be run."""
    from tqdm import tqdm

    tasks = [(*task, _target(task[0], *task[2:])) for task in tasks]
    missing = [task for task in tasks if not task[4].exists()]
    print(f"{len(tasks)} repetitions, {len(tasks) - len(missing)} of them run before", flush=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(_repeat, *task) for task in missing]
        for _ in tqdm(concurrent.futures.as_completed(futures), total=len(missing), disable=None):
            pass
    return sum(not target.exists() for *_, target in missing)


def _repeat(path, kernel, kind, n, target):
    """Run a repetition in a process of its own, and say what came out."""
    target.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | THREADS | KERNELS[kernel] | {"MPLBACKEND": "agg"}
    if kind != "kernels":
        environment["CNN_BOOK_REPLICATION"] = f"{kind}:{n}"
    command = [sys.executable, "-m", "tools.replication", "--work", str(path), str(target)]
    subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, cwd=ROOT)
    words = "could not be run"
    if target.exists():
        result = json.loads(target.read_text(encoding="utf-8"))
        words = f"{len(result['failed'])} failed, {result['seconds']} s"
    print(f"{path.stem}, {kind} {n}: {words}", flush=True)


# ---- the record ----


def circumstances():
    """Return the machine and the versions with which a lesson prints the same each time."""
    from helpers.training import records

    return {"hardware": records.hardware(), "versions": records.versions()}


def recorded():
    """Return the record of each lesson, by its name."""
    return json.loads(RECORD.read_text(encoding="utf-8"))["lessons"] if RECORD.exists() else {}


def printed(path):
    """Return a digest of what a lesson prints with this processor's own kernels, running it if need be."""
    plain = path, "AVX-512", "kernels", "AVX-512"
    target = _target(path, *plain[2:])
    if not target.exists():
        replicate([plain], 1)
    return json.loads(target.read_text(encoding="utf-8"))["printed"] if target.exists() else None


def stays(path):
    """Return whether helpers were rewritten since a lesson was counted, and it prints the same as then."""
    record = recorded().get(path.stem, {})
    is_rewritten = record.get("digest", digest(path)) != digest(path)
    is_alike = record == record | {"cells": own_digest(path)} | circumstances()
    return is_rewritten and is_alike and printed(path) == record["printed"]


def checks(path):
    """Return the check cells of a lesson, ``{id: (kind, statement)}``."""
    return {c.id: statement(c.source) for c in _cells(path) if "check" in c.metadata.get("tags", ())}


def failures(path):
    """Yield ``(kind, n, failed)`` for every repetition of a lesson in its present form."""
    for file in sorted((RUNS / path.stem / digest(path)).glob("*.json")):
        kind, _, n = file.stem.partition("-")
        yield kind, n, json.loads(file.read_text(encoding="utf-8"))["failed"]


def counts(path):
    """Return how many repetitions of a lesson there are, and for each check in how many it held."""
    runs = {kind: [] for kind in MINIMUM}
    for kind, _, failed in failures(path):
        runs[kind].append(failed)
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
        own = counts(path)
        if all(own["repetitions"][kind] >= least for kind, least in MINIMUM.items()):
            date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
            facts = {"digest": digest(path), "cells": own_digest(path), "printed": printed(path)}
            lessons[path.stem] = facts | {"date": date} | circumstances() | own
    _write(lessons)


def _write(lessons):
    in_order = {path.stem: lessons[path.stem] for path in notebooks() if path.stem in lessons}
    content = {"format": FORMAT, "command": "make replicate", "lessons": in_order}
    RECORD.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def report(paths):
    """Print the statements that failed, with the error and the last that the cell printed."""
    for path in paths:
        words, runs = checks(path), [*failures(path)]
        print(f"\n{path.stem}: {len(words)} checks, {len(runs)} repetitions")
        for kind, n, failed in runs:
            for i, failure in failed.items():
                output = " | ".join(failure["output"].strip().splitlines()[-6:])
                print(f"  {kind} {n}, {i}: {': '.join(words.get(i, ('not a check', '')))}")
                print(f"    {failure['error']}\n    {output}")


def _lessons(numbers):
    parts = [path for path in notebooks() if path.parent.name.startswith("part")]
    lessons = {path.name.partition("-")[0].lstrip("0"): path for path in parts}
    numbers = [number.lstrip("0") for number in numbers] or [*lessons]
    if unknown := set(numbers) - set(lessons):
        raise SystemExit(f"no lesson has the number {', '.join(sorted(unknown))}")
    return [path for number, path in lessons.items() if number in numbers]


def main(arguments=None):
    """Replicate, record and report."""
    parser = argparse.ArgumentParser(prog="python -m tools.replication", description=__doc__.split("\n")[0])
    parser.add_argument("lessons", nargs="*", help="numbers of lessons; all by default")
    for kind, least in MINIMUM.items():
        parser.add_argument(f"--{kind}", type=int, default=least)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--report", action="store_true", help="only print the record")
    parser.add_argument("--work", nargs=2, type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        return work(*options.work)
    paths, lost = _lessons(options.lessons), 0
    if not options.report:
        paths = [path for path in paths if not carried(path)]
        lost = replicate(plan(paths, options.seeds, options.rounding, options.kernels), options.jobs)
    record(paths)
    report(paths)
    return lost


if __name__ == "__main__":
    sys.exit(bool(main()))
