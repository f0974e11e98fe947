"""What the pages on using the book tell to run does run."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT


def program(page):
    """Return the Python of a page, in one."""
    text = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("how-to")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", program("how-to-train")]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return ran, folder


def test_the_program_on_training_runs_as_it_stands(done):
    ran, folder = done
    assert ran.returncode == 0, ran.stderr
    assert "half of" in ran.stdout  # the range test's reason
    assert re.search(r"^search: .*8 trials\ntrial", ran.stdout, re.M)
    assert list((folder / "runs" / "digits").glob("step-*.pt"))
    loss, accuracy = map(float, re.search(r"test loss and accuracy: \((\S+), (\S+)\)", ran.stdout).groups())
    assert loss < 0.15
    assert accuracy > 0.96


def test_the_search_of_the_page_is_a_worker_that_finds_all_done(done):
    _, folder = done
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "rates.py"]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert re.match("search: .*8 trials\ntrial", ran.stdout)
