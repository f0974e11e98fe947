"""The fonts of another machine: with ``FONTS=noto`` the browser of the tests finds Noto's and no others.

On a system with fontconfig, that is Linux. ``make test-fonts`` takes one family after the other.
"""

import os
import subprocess

#: The beginning of its files' names, and the package of Debian that has it.
FAMILIES = {
    "dejavu": ("DejaVu", "fonts-dejavu-core"),
    "liberation": ("Liberation", "fonts-liberation"),
    "noto": ("Noto", "fonts-noto-core"),
}
# The system's own aliases and defaults, but of its fonts only those of one family.
CONFIGURATION = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include>/etc/fonts/fonts.conf</include>
  <selectfont>
    <rejectfont><glob>*.???</glob><glob>*.gz</glob></rejectfont>
    <acceptfont><glob>*/{beginning}*</glob></acceptfont>
  </selectfont>
</fontconfig>
"""


def alone(name, folder):
    """Return the environment of a program that finds one family of fonts only; its file is in ``folder``."""
    if name not in FAMILIES:
        raise RuntimeError(f"FONTS must be one of {', '.join(FAMILIES)}, got FONTS={name}")
    beginning, package = FAMILIES[name]
    file = folder / "fonts.conf"
    file.write_text(CONFIGURATION.format(beginning=beginning), encoding="utf-8")
    environment = {**os.environ, "FONTCONFIG_FILE": str(file)}
    if not subprocess.run(["fc-list"], env=environment, capture_output=True, check=True).stdout:
        raise RuntimeError(f"FONTS={name} must be installed, got none: on Debian, apt-get install {package}")
    return environment
