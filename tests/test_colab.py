"""A lesson alone in an empty folder and a clean environment, as on Colab: its first cell gets the rest."""

import os
import shutil
import subprocess
import sys
import sysconfig

import nbformat
import pytest

from tests.conftest import ROOT
from tools.execution import notebooks

REPORT = """
import importlib, importlib.metadata, pkgutil, torch
for module in pkgutil.walk_packages(helpers.__path__, "helpers."):
    module.name.endswith("__main__") or importlib.import_module(module.name)
print(helpers.__file__, torch.__file__, importlib.metadata.version("how-cnns-learn"), sep="\\n")
"""


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A git repository on disk that holds the working tree as it would be committed."""
    folder = tmp_path_factory.mktemp("remote")
    names = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():  # a file that is deleted and not yet committed is still listed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    who = ("-c", "user.name=test", "-c", "user.email=test@example.invalid")
    run("git", "init", "-q", "-b", "main", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", *who, "commit", "-qm", "the working tree", cwd=folder)
    return f"git+file://{folder}@main"


@pytest.fixture(scope="module")
def clean_python(tmp_path_factory):
    """An environment that sees what Colab has, torch and all the rest, and has no ``helpers``."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    with open(f"{own}/as-on-colab.pth", "w") as file:
        file.write(sysconfig.get_path("purelib"))
    return python, own


def test_the_first_cell_of_a_lesson_gets_the_whole_package(remote, clean_python, tmp_path):
    python, own = clean_python
    assert not os.path.exists(f"{own}/helpers")
    cells = nbformat.read(notebooks()[0], 4).cells
    bootstrap = next(cell.source for cell in cells if cell.cell_type == "code")
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MATPLOTLIBRC")}
    environment |= {"CNN_BOOK_URL": remote, "OMP_NUM_THREADS": "1"}
    # No network is needed: hatchling is here, and all that the package asks for ("0" turns isolation off).
    environment |= {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}
    report = run(python, "-c", f"{bootstrap}\n{REPORT}", cwd=tmp_path, env=environment)
    helpers, torch, version = report.splitlines()
    assert helpers == f"{own}/helpers/__init__.py"
    assert not torch.startswith(own), "torch was installed again"
    assert sorted(os.listdir(own)) == ["as-on-colab.pth", "helpers", f"how_cnns_learn-{version}.dist-info"]
    names = run("git", "ls-files", "helpers", cwd=ROOT).split()
    names += ["helpers/figures/matplotlibrc", "helpers/training/results/digits.json"]
    assert [name for name in names if not os.path.exists(f"{own}/{name}")] == []
