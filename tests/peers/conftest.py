"""``make test`` compares with what is written down; only ``make test-peers`` calls the libraries."""

collect_ignore = ["libraries.py"]
