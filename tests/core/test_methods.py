"""What a table says of other libraries is read line by line, and becomes what the classes say."""

import pytest

from helpers.core.methods import LibraryName, Method, read_libraries
from helpers.formulas import rules, schedules

TABLE = """# Words

More words.

## Halving

    torch.halve({rate})

- torch `halve(x)`
- Keras `Halve`: only once: then never
"""


def test_a_class_says_what_its_section_says(tmp_path):
    (tmp_path / "libraries.md").write_text(TABLE)

    class Family(Method):
        libraries = read_libraries(tmp_path / "libraries.md")

    halving = type("Halving", (Family,), {})
    own = type("Own", (halving,), {})
    names = (LibraryName("torch", "halve(x)"), LibraryName("Keras", "Halve", "only once: then never"))
    assert all(kind.torch_code == "torch.halve({rate})" for kind in (halving, own))
    assert halving.library_names == own.library_names == names
    assert (Family.torch_code, Family.library_names) == ("", ())


@pytest.mark.parametrize("line", ["- torch halve", "- torch `halve`, once", "- `halve`", "- torch `halve`:"])
def test_a_line_that_is_no_name_is_refused(tmp_path, line):
    (tmp_path / "libraries.md").write_text(f"# Words\n\n## Halving\n\n{line}\n")
    with pytest.raises(ValueError, match=f"a line must be '- library `name`: difference', got '{line}'"):
        read_libraries(tmp_path / "libraries.md")


@pytest.mark.parametrize(
    ("family", "members"),
    [
        (rules.Rule, (*rules.METHODS, *rules.WRAPPERS)),
        (schedules.Schedule, (*schedules.METHODS, *schedules.COMPOSITIONS, schedules.ReduceOnPlateau)),
    ],
)
def test_each_member_of_a_family_has_its_section(family, members):
    assert set(family.libraries) == {member.__name__ for member in members}
