"""Equations, figures, tables and exercises are numbered within their page: 17.3 is the third of lesson 17."""

import re


def numbered(docname, kinds):
    """Return the numbers of a page, in their order and within each kind, after the number of its lesson.

    >>> numbered("lessons/part5/17-why", {"displaymath": {"equation-a": (91,), "equation-b": (92,)}})
    {'displaymath': {'equation-a': (17, 1), 'equation-b': (17, 2)}}
    >>> numbered("book/conventions", {"figure": {"map": (7,)}})
    {'figure': {'map': (1,)}}
    """
    lesson = re.search(r"(?:^|/)(\d+)-[^/]*$", docname)
    first = (int(lesson[1]),) if lesson else ()
    return {kind: {one: (*first, i) for i, one in enumerate(ids, 1)} for kind, ids in kinds.items()}


def through_the_book(app, env, *documents):
    """Give back the numbers that Sphinx compares, to find the pages whose numbers have changed."""
    env.toc_fignumbers = getattr(env, "numbers_through_the_book", env.toc_fignumbers)
    return []


def within_the_page(app, env):
    """Number every page from one."""
    env.numbers_through_the_book = env.toc_fignumbers
    env.toc_fignumbers = {name: numbered(name, kinds) for name, kinds in env.toc_fignumbers.items()}
    return []


def setup(app):
    """Connect around Sphinx's own numbering."""
    app.connect("env-get-outdated", through_the_book)
    app.connect("env-get-updated", within_the_page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
