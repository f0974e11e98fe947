"""The pieces of an explorer that Python draws."""

from helpers.figures.explorers.pictures import ghost, still_code, still_row

HOSTILE = '</script><b>"&'


def test_rows_and_code_leave_room_for_their_controls():
    fact = {"symbol": "<i>s</i>", "words": HOSTILE, "unit": "steps"}
    row, code = still_row(fact, 12.0), still_code("in torch", HOSTILE)
    assert "&lt;b&gt;" in row and ">12<" in row and ghost("range") in row
    assert "&lt;b&gt;" in code and ghost("button", "copy") in code
