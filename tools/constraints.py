"""Write ``constraints.txt``: the versions that are installed in the environment which runs this script.

``make constraints`` runs it in a fresh one. Every patch release of the tested Python holds to them; a package
that some of those releases cannot have is left free there.
"""

import pathlib
import sys
from importlib import metadata

from packaging.specifiers import SpecifierSet

HEAD = """\
# Every version that the tested environment resolved to, written by `make constraints`: a fresh install next
# year is the one that passed today. Another Python than {python}, for which some of these do not exist, takes
# what the exact pins of requirements.txt allow. torch is left out: its build is pip's choice.
"""
FREE = ("pip", "setuptools", "torch", "triton", "wheel")


def lines(python):
    """Yield a line for each installed package, in the order of their names."""
    for package in sorted(metadata.distributions(), key=lambda d: d.name.lower()):
        if package.name.lower() in FREE or package.name.startswith("nvidia"):
            continue
        needs = package.metadata["Requires-Python"] or ""
        if f"{python}.0" not in SpecifierSet(needs):
            marker = f'python_full_version >= "{sys.version.split()[0]}" and python_version == "{python}"'
        else:
            marker = f'python_version == "{python}"'
        yield f"{package.name}=={package.version}; {marker}\n"


if __name__ == "__main__":
    python = "{}.{}".format(*sys.version_info)
    text = HEAD.format(python=python) + "".join(lines(python))
    (pathlib.Path(__file__).parents[1] / "constraints.txt").write_text(text, encoding="utf-8")
