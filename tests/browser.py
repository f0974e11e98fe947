"""The browser of the tests: found on this machine, or got once by ``python tests/browser.py``."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys

from playwright.sync_api import Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
# Closed: no name but the loopback's has an address. Quiet: what a browser does on its own is not to be taken
# for a request of a page.
ARGS = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = (
    "no browser for the tests: install Chromium or Google Chrome (on Debian, as root: "
    "apt-get install chromium libatomic1), or name one in the environment variable CHROMIUM"
)


def candidates(playwright):
    """Yield the browsers that may be here: the named one, the system's, Playwright's own."""
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [*map(shutil.which, NAMES), *PLACES, playwright.chromium.executable_path]
    yield from (path for path in found if path and pathlib.Path(path).exists())


def launch(playwright, environment=None):
    """Start the first browser that starts; a ``RuntimeError`` says what to install when none does."""
    for path in candidates(playwright):
        try:
            return playwright.chromium.launch(executable_path=path, args=ARGS, env=environment)
        except Error as error:  # such as Ubuntu's `chromium`, which is there and only points at a snap
            print(f"{path} does not start: {str(error).splitlines()[0]}", file=sys.stderr)
    raise RuntimeError(MISSING)


def working():
    """Return the version of the browser that starts here, or None."""
    try:
        with sync_playwright() as playwright, launch(playwright) as browser:
            return browser.version
    except RuntimeError:
        return None
    except Exception as error:  # Playwright raises no more than that when a library of its own is missing
        print(str(error).splitlines()[0], file=sys.stderr)
        return None


def installs():
    """Yield the commands that get a browser on this machine, the likeliest first."""
    own = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    # Playwright's driver needs libatomic, which a bare Debian lacks.
    system = [["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "chromium", "libatomic1"]]
    debian = root and shutil.which("apt-get") and pathlib.Path("/etc/debian_version").exists()
    yield from [system, own] if debian else [own]


def get():
    """Return the version of a browser that starts, getting one when there is none."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run = functools.partial(subprocess.run, stdout=sys.stderr, env=quiet)
    version = working()
    for commands in installs():
        if version:
            break
        print("no browser yet, getting one:", " && ".join(map(" ".join, commands)), file=sys.stderr)
        if all(run(command).returncode == 0 for command in commands):
            version = working()
    return version


if __name__ == "__main__":
    version = get()
    sys.exit(None if version and not print(f"browser for the tests: Chromium {version}") else MISSING)
