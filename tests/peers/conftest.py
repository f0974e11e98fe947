"""These tests need the libraries of requirements-peers.txt: ``make test-peers`` installs and runs them."""

from importlib.util import find_spec

PEERS = ("keras", "optax", "timm")
# With one of them here, the others must be here too; with none, this is another run of tests.
collect_ignore_glob = [] if any(map(find_spec, PEERS)) else ["*.py"]
