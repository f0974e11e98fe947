"""One style sheet of the rules that the book's pages can meet."""

import itertools
import posixpath
import re

import tinycss2

NESTED = ("media", "supports", "container", "layer")
WORD = re.compile(r"[A-Za-z_][\w-]*")
# What stands in brackets, strings and :not(), :is() is taken for true: a rule too many does no harm.
CONDITION = re.compile(r"\"[^\"]*\"|'[^']*'|\[[^\]]*\]|:(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")
NAMES = re.compile(r"(?<![\w-])\.(-?[A-Za-z_][\w-]*)|#([A-Za-z_][\w-]*)|(?:^|[\s>+~])([A-Za-z][\w-]*)")


def names(selector):
    r"""Return the classes, ids and elements without which a selector meets nothing.

    >>> sorted(names("html[data-theme=dark] .btn:not(.big)>a#top"))
    ['a', 'btn', 'html', 'top']
    """
    plain = re.sub(r"\\(.)", "_", CONDITION.sub("", selector))
    return {name for match in NAMES.findall(plain) for name in match if name}


def selectors(prelude):
    """Return the selectors of a rule: split at the commas that stand in no parentheses."""
    groups = itertools.groupby(prelude, key=lambda token: token.type == "literal" and token.value == ",")
    return [tinycss2.serialize(tokens).strip() for comma, tokens in groups if not comma]


def used(css, words):
    """Return a sheet without the rules that need a name that is not among `words`.

    >>> used("a, .b { color: red } @media print { .b { top: 0 } }", {"a"})
    'a{color: red}'
    """
    return _kept(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), words)


def _kept(rules, words):
    text = ""
    for rule in rules:
        if rule.type == "qualified-rule":
            met = [one for one in selectors(rule.prelude) if names(one) <= words]
            text += f"{','.join(met)}{{{_body(rule.content)}}}" if met else ""
        elif rule.type == "at-rule" and rule.content and rule.lower_at_keyword in NESTED:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            met = _kept(inner, words)
            text += f"{_head(rule)}{{{met}}}" if met else ""
        elif rule.type == "at-rule" and rule.content and rule.lower_at_keyword != "import":
            text += f"{_head(rule)}{{{_body(rule.content)}}}"
    return text


def _head(rule):
    return f"@{rule.at_keyword} {tinycss2.serialize(rule.prelude).strip()}".strip()


def _body(tokens):
    return " ".join(tinycss2.serialize([t for t in tokens if t.type != "comment"]).split()).strip("; ")


def sheet_text(static, name):
    """Return a style sheet, with the addresses in it as from the folder of all."""
    folder = posixpath.dirname(name)

    def moved(match):
        return f"url({posixpath.normpath(posixpath.join(folder, match[1]))})"

    text = (static / name).read_text(encoding="utf-8")
    text = re.sub(r",url\([^)]*\.(?:woff|ttf)\) format\(\"\w+\"\)", "", text)  # every browser takes woff2
    return re.sub(r"""url\(["']?((?!data:|["'])[^)"']+)["']?\)""", moved, text)


def write(out, sheets):
    """Write ``_static/book.css`` for the built pages below `out`, from sheets below its ``_static``."""
    static = out / "_static"
    words = {"html", "body"}
    for page in out.rglob("*.html"):
        markup = page.read_text(encoding="utf-8")
        for text in re.findall(r'\b(?:class|id)="([^"]*)"', markup):
            words.update(text.split())
        words.update(tag.lower() for tag in re.findall(r"<([a-zA-Z][\w-]*)", markup))
        for script in re.findall(r"<script\b[^>]*>(.*?)</script>", markup, re.S):
            words.update(WORD.findall(script))
    for script in static.rglob("*.js"):
        words.update(WORD.findall(script.read_text(encoding="utf-8")))
    css = f"/*{' '.join(sheets)}*/" + "".join(used(sheet_text(static, name), words) for name in sheets)
    (static / "book.css").write_text(css, encoding="utf-8")
