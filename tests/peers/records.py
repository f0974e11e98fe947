"""What other libraries computed, as ``make test-peers`` wrote it down: their numbers, never ours."""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("records.json")
RECORDS = json.loads(FILE.read_text()) if FILE.exists() else {}


def numbers(library, call):
    """What a library returned to a call, in a row."""
    return np.array(RECORDS[f"{library}: {call}"])


def write(versions, found):
    """Write the numbers down, one call a line, to the 12 digits on which all processors agree."""
    lines = {"versions": versions}
    for (library, call), row in found.items():
        lines[f"{library}: {call}"] = [float(f"{number:.12g}") for number in row]
    text = ",\n".join(f"{json.dumps(key)}: {json.dumps(line)}" for key, line in lines.items())
    FILE.write_text(f"{{\n{text}\n}}\n")
