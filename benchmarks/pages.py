"""How soon a page is there: Lighthouse's phone, a server that compresses, the median of three visits.

It visits the landing page and the five heaviest lessons of the built book (``make book`` comes first). The
goals: performance 95, everything else 100, 250 kB for the landing page and 300 kB for a lesson, no shift of
the layout beyond 0.02.
"""

import functools
import gzip
import http.server
import io
import json
import pathlib
import subprocess
import sys
import threading

from playwright.sync_api import sync_playwright

from benchmarks._timing import table
from tests.browser import candidates

HTML = pathlib.Path("_build/html")
PACKAGE = "lighthouse@12.8.2"
FOLDER = pathlib.Path(".cache/lighthouse")
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
CHROME = "--headless=new --no-sandbox --disable-gpu"


class Compressed(http.server.SimpleHTTPRequestHandler):
    """Serves files as every public server does: compressed, and for good where they are static."""

    def send_head(self):
        path = pathlib.Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            return super().send_head()
        small = path.suffix in {".html", ".css", ".js", ".svg", ".json"}
        content = path.read_bytes()
        content = gzip.compress(content) if small else content
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=31536000" if "_static" in path.parts else "no-cache")
        if small:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        return io.BytesIO(content)

    def log_message(self, *words):
        """Say nothing of every request."""


def lighthouse():
    """Return the command that runs Lighthouse, which npm brings once."""
    program = FOLDER / "node_modules/.bin/lighthouse"
    if not program.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--silent", "--no-fund", "--no-audit", PACKAGE], cwd=FOLDER, check=True
        )
    return str(program)


def visit(url, chrome):
    """Return what Lighthouse sees in one visit."""
    flags = [url, "--quiet", "--output=json", f"--chrome-flags={CHROME}"]
    environment = {
        "CHROME_PATH": chrome,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(FOLDER.resolve()),
    }
    done = subprocess.run([lighthouse(), *flags], capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout)


def row(name, visits):
    """Return a line of the table: scores, kilobytes, seconds, shift, and what failed."""
    median = sorted(visits, key=lambda seen: seen["categories"]["performance"]["score"])[len(visits) // 2]
    audits = median["audits"]
    scores = [round(100 * median["categories"][kind]["score"]) for kind in CATEGORIES]
    weight = audits["total-byte-weight"]["numericValue"] / 1000
    seconds = [
        audits[kind]["numericValue"] / 1000 for kind in ("largest-contentful-paint", "total-blocking-time")
    ]
    shift = audits["cumulative-layout-shift"]["numericValue"]
    failed = [
        audit["id"]
        for kind in CATEGORIES[1:]
        for audit in (audits[ref["id"]] for ref in median["categories"][kind]["auditRefs"] if ref["weight"])
        if audit["score"] not in (None, 1)
    ]
    return (
        name,
        *map(str, scores),
        f"{weight:.0f}",
        *(f"{s:.2f}" for s in seconds),
        f"{shift:.3f}",
        " ".join(failed),
    )


def main(html=HTML, visits=3):
    """Print the table."""
    lessons = sorted(html.glob("lessons/**/*.html"), key=lambda p: len(gzip.compress(p.read_bytes())))[-5:]
    with sync_playwright() as playwright:
        chrome = next(candidates(playwright))
    handler = functools.partial(Compressed, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        rows = [("page", *CATEGORIES, "kB", "LCP s", "TBT s", "shift", "below 100")]
        for page in [html / "book/intro.html", *lessons]:
            url = f"http://127.0.0.1:{server.server_port}/{page.relative_to(html)}"
            rows.append(row(page.stem, [visit(url, chrome) for _ in range(visits)]))
            print(rows[-1], file=sys.stderr)
        server.shutdown()
    table("Lighthouse, phone, median of three", rows)


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:2]))
