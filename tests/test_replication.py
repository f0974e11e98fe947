"""Repetitions of a small lesson whose checks fail by one kind of change each, and nothing else."""

import json

import nbformat
import pytest

from tests.conftest import ROOT
from tools import replication

IMPORTS = "import os\nfrom helpers.core import seeds\nfrom helpers.training import data"
CELLS = {
    "imports": (IMPORTS, []),
    "always": ("# Checked: one is one.\nassert 1 == 1", ["check"]),
    "seeds": (
        "# Measured: the seed is 7.\nprint('seed', seeds.shifted(7))\nassert seeds.shifted(7) == 7",
        ["check"],
    ),
    "kernels": ("# Measured: no SSE4.\nassert os.environ.get('ATEN_CPU_CAPABILITY') != 'default'", ["check"]),
    "rounding": (
        "# Measured: digits are whole numbers.\nimages = 255 * data.digits().train.tensors([0], [1])[0]\n"
        "assert (images - images.round()).abs().max() < 1e-4",
        ["check"],
    ),
    "plain": ("assert seeds.shifted(7) != 20007", []),
}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A lesson, and empty places for its repetitions and their record."""
    notebook = nbformat.v4.new_notebook()
    for name, (source, tags) in CELLS.items():
        notebook.cells.append(nbformat.v4.new_code_cell(source, id=name, metadata={"tags": tags}))
    path = tmp_path / "07-small.ipynb"
    nbformat.write(notebook, path)
    monkeypatch.setattr(replication, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(replication, "RECORD", tmp_path / "replications.json")
    monkeypatch.setattr(replication, "notebooks", lambda: [path])
    return path


def rewrite(path, name, source):
    notebook = nbformat.read(path, 4)
    next(cell for cell in notebook.cells if cell.id == name).source = source
    nbformat.write(notebook, path)


def test_each_check_fails_by_what_it_depends_on_and_what_was_run_is_not_run_again(small, capsys, monkeypatch):
    asked = [*replication.plan([small], seeds=2, rounding=1, kernels=1)]
    assert len(asked) == 4
    assert replication.replicate([task for task in asked if task[2] != "kernels"], jobs=1) == 0
    capsys.readouterr()
    assert replication.replicate(asked, jobs=1) == 0
    assert "4 repetitions, 3 of them run before" in capsys.readouterr().out
    known = replication.counts(small)
    assert known["repetitions"] == {"kernels": 1, "rounding": 1, "seeds": 2}
    assert known["held"] == {
        "always": {"kernels": 1, "rounding": 1, "seeds": 2},
        "seeds": {"kernels": 1, "rounding": 1, "seeds": 0},
        "kernels": {"kernels": 0, "rounding": 1, "seeds": 2},
        "rounding": {"kernels": 1, "rounding": 0, "seeds": 2},
    }
    replication.report([small])
    said = capsys.readouterr().out
    assert "seeds 1, seeds: Measured: the seed is 7.\n    AssertionError:\n    seed 10007" in said
    assert "seeds 2, plain: not a check" in said and "always" not in said
    replication.record([small])
    assert json.loads(replication.RECORD.read_text())["lessons"] == {}, "too few repetitions to be kept"
    monkeypatch.setattr(replication, "MINIMUM", {"kernels": 1, "rounding": 1, "seeds": 2})
    replication.record([small])
    record = json.loads(replication.RECORD.read_text())
    assert record["format"] == replication.FORMAT and record["lessons"]["07-small"]["held"] == known["held"]
    assert record["lessons"]["07-small"]["digest"] == replication.digest(small)


def test_counts_stay_where_helpers_were_rewritten_and_nothing_else_is_printed(small, monkeypatch):
    monkeypatch.setattr(replication, "MINIMUM", {"kernels": 1, "rounding": 0, "seeds": 0})
    for digest in (replication.digest(small), "rewritten"):  # what a repetition writes
        monkeypatch.setattr(replication, "digest", lambda path, digest=digest: digest)
        target = replication._target(small, "kernels", "AVX-512")
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps({"failed": {}, "printed": "alike"}))
        if digest != "rewritten":
            replication.record([small])
    before = replication.recorded()["07-small"]
    assert replication.stays(small)
    for printed, stays in (("another", False), ("alike", True)):
        replication._write({"07-small": before | {"printed": printed}})
        assert replication.carried(small) == stays
        assert (replication.recorded()["07-small"] == before | {"digest": "rewritten"}) == stays
    rewrite(small, "always", "# Checked: one is one.\nassert 1 == 1.0")
    replication._write({"07-small": before})
    assert not replication.stays(small), "a lesson that was rewritten itself is counted anew"


def test_the_digest_is_of_what_computes(small):
    digest = replication.digest(small)
    rewrite(small, "always", "# Checked: in other words.\n\nassert 1 == 1")
    assert replication.digest(small) == digest
    rewrite(small, "always", "# Checked: one is one.\nassert 1 == 1.0")
    assert replication.digest(small) != digest


def test_the_digest_follows_the_imports_down_and_leaves_figures_out():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in replication._imported("from helpers.training import fit")
    }
    assert {"helpers/training/loop.py", "helpers/core/checks.py", "helpers/training/__init__.py"} <= found
    assert replication._imported("from helpers.figures import plots\nimport torch") == set()


def test_what_is_no_code_does_not_count():
    source = '"""Words."""\n\n# More.\ndef f():\n    """Say."""\n    return 1  # one\n'
    assert replication._bare(source) == "def f():\n    return 1  # one"


def test_lessons_are_chosen_by_their_numbers():
    assert [path.name[:2] for path in replication._lessons(["5", "17"])] == ["05", "17"]
    with pytest.raises(SystemExit, match="no lesson has the number 99"):
        replication._lessons(["99"])
