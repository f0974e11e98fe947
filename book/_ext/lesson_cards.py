"""The map on the first page: what can be read stands with its picture and its minutes."""

from docutils import nodes
from lesson_map import lessons
from minutes import minutes

MAP = "book/intro"


def picture(env, document):
    """Return the first figure that a lesson's code draws, as a picture without words of its own."""
    drawn = (image for image in document.findall(nodes.image) if "alt" in image)
    found = next((image for image in drawn if image["uri"] in env.images), None)
    return [found.deepcopy()] if found else []


def fill(app, doctree, docname):
    """Put picture and minutes to the entries of the map that name a page."""
    if docname != MAP:
        return
    written = {lesson.document: number for number, lesson in lessons().items() if lesson.document}
    for entry in doctree.findall(nodes.list_item):
        addresses = [link.get("refuri", "") for link in entry.findall(nodes.reference)]
        name = addresses[0].removeprefix("../").partition(".html")[0] if addresses else ""
        if name in written:
            document = app.env.get_doctree(name)
            entry["classes"].append("written")
            entry[0] += nodes.inline("", f"{minutes(document)} minutes", classes=["minutes"])
            entry.insert(0, nodes.container("", *picture(app.env, document), classes=["picture"]))


def setup(app):
    """Connect once references are links; the map is written anew whenever a page has changed."""
    app.connect("doctree-resolved", fill)
    app.connect("env-updated", lambda app, env: [MAP] if MAP in env.found_docs else [])
    return {"parallel_read_safe": True, "parallel_write_safe": True}
