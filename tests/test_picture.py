"""The book's picture shows the code as it is."""

import pytest

from tools import picture


@pytest.mark.pinned
def test_the_picture_is_what_the_code_draws_now(tmp_path):
    """Byte for byte, for the matplotlib that the book is pinned to."""
    picture.write(tmp_path / "now.svg")
    same = (tmp_path / "now.svg").read_bytes() == picture.PICTURE.read_bytes()
    assert same, "the formula or its drawing has changed: run `python -m tools.picture`"
