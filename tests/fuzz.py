"""New examples for every property, round after round: ``python -m tests.fuzz 600`` takes ten minutes.

It ends with the first failure, which says how to repeat it; or well, when the time is over or at Ctrl-C.
"""

import itertools
import sys
import time

import pytest

OPTIONS = ["-qx", "-m", "hypothesis", "--hypothesis-profile=fuzz", "-o", "console_output_style=classic"]


class Rounds:
    """A plugin of pytest that runs the chosen tests in turn for some seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    def pytest_runtestloop(self, session):
        if session.testsfailed or not session.items:
            return None  # pytest says what is wrong
        end = time.monotonic() + self.seconds
        try:
            for item, following in itertools.pairwise(itertools.cycle(session.items)):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.shouldfail:
                    raise session.Failed(session.shouldfail)
                if time.monotonic() > end:
                    break
        except KeyboardInterrupt:
            print(" enough")
        return True


if __name__ == "__main__":
    seconds, *others = sys.argv[1:]
    sys.exit(pytest.main([*OPTIONS, *(others or ["tests"])], plugins=[Rounds(float(seconds))]))
