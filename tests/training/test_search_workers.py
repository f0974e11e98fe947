"""Workers in processes of their own, on each storage that they can share: joined, killed, made good."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from helpers.core import checks
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.training.search import Search
from helpers.training.search.__main__ import main
from helpers.training.search.files import load
from helpers.training.search.storages import JOURNAL, SQLITE, StudyError, check_storage, open_study
from helpers.training.search.workers import RETRIES, Pulse, work
from tests.conftest import ROOT


@dataclass(frozen=True)
class P(Hyperparameters):
    """One number."""

    x: float = hyperparameter("x", "place", checks.positive, low=0.1, high=1.0, example=0.5)


SPACE = {"p": P}
ENDINGS = (JOURNAL[0], SQLITE[0])
TRIALS = 8

STUDY = '''
"""A study of which one trial never ends in its first worker."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from helpers.core import checks
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
from helpers.training.search import Search

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Point(Hyperparameters):
    x: float = hyperparameter("x", "place", checks.positive, low=1e-3, high=1.0, log=True, example=0.1)


def objective(trial, point):
    again = list(HERE.glob(f"*.{trial.number}"))
    (HERE / f"{os.getpid()}.{trial.number}").touch()
    if trial.number == 2 and not again:
        time.sleep(600)
    time.sleep(0.1)
    return point.x


settings = dict(sampler="random", heartbeat=0.25, storage=HERE / "study%s")
search = Search(objective, {"point": Point}, trials=%d, **settings)
'''


def started(folder, command="worker"):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-m", "helpers.training.search", command, str(folder / "study.py")]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return subprocess.Popen(arguments, cwd=folder, env=environment, **pipes)


def waited_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("ending", ENDINGS)
def test_two_workers_at_once_one_of_them_killed_in_a_trial(tmp_path, capsys, ending):
    (tmp_path / "study.py").write_text(STUDY % (ending, TRIALS))
    workers = [started(tmp_path), started(tmp_path)]
    try:
        marker = waited_for(
            lambda: next(tmp_path.glob("*.2"), None)
        )  # both began on a storage that was not there
        waited_for(lambda: len(list(tmp_path.glob("*.[0-9]"))) >= 5)
        killed = next(worker for worker in workers if worker.pid == int(marker.stem))
        (other,) = (worker for worker in workers if worker is not killed)
        search = load(str(tmp_path / "study.py"))
        before = {record.number: record for record in search.result().records if record.state == "finished"}
        killed.send_signal(signal.SIGKILL)
        said, _ = other.communicate(timeout=120)
        assert (killed.wait(), other.returncode) == (-signal.SIGKILL, 0), said
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    result = search.result()
    assert len(before) >= 2 and all(result.records[number] == before[number] for number in before)
    assert result.complete and [record.number for record in result.records] == list(range(TRIALS + 1))
    states = [record.state for record in result.records]
    assert states.count("finished") == TRIALS and states[2] == "lost"
    (again,) = (record for record in result.records if record.note == "trial 2 again")
    assert again.values == result.records[2].values
    # Random proposals are those that one worker alone would have made.
    alone = Search(lambda trial, point: point.x, search.space, TRIALS, sampler="random").run()
    wanted = sorted(record.values["point.x"] for record in alone.records)
    assert sorted(r.values["point.x"] for r in result.records if r.state == "finished") == wanted
    assert f"{TRIALS} of {TRIALS} trials: {TRIALS} finished, 1 lost; best" in said
    main(["status", str(tmp_path / "study.py"), "--watch"])
    assert capsys.readouterr().out == f"{result}\n"


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_study_left_by_its_only_worker_is_finished_by_the_next(tmp_path, ending):
    search = Search(
        lambda trial, p: p.x, SPACE, 4, sampler="random", storage=tmp_path / f"a{ending}", heartbeat=0.1
    )
    left = search.study().ask()  # as a worker does that is killed before it chose a value
    result = search.run()
    assert [record.state for record in result.records] == ["lost"] + ["finished"] * 4
    assert result.records[left.number].values == {}
    assert "trial 0 again" in [record.note for record in result.records]


# --- signs of life -----------------------------------------------------------------------------------


def running(number, beat=None):
    return SimpleNamespace(number=number, user_attrs={"beat": beat}, state=TrialState.RUNNING)


def test_a_trial_is_lost_when_its_sign_stays_the_same_by_the_clock_of_who_looks():
    now = [0.0]
    pulse = Pulse(grace=60, clock=lambda: now[0])
    for now[0], beats, lost in [
        (0, {1: None, 2: 500.0}, []),  # whatever the signs say: clocks need not agree
        (50, {1: None, 2: 500.0}, []),
        (61, {1: None, 2: 510.0}, [1]),  # one that never gave a sign is noticed too
        (120, {2: 510.0, 3: 7.0}, []),
        (122, {2: 510.0, 3: 8.0}, [2]),
        (500, {3: 9.0}, []),
        (600, {3: 9.0}, [3]),
    ]:
        trials = [running(number, beat) for number, beat in beats.items()]
        assert [trial.number for trial in pulse.stale(trials)] == lost


def test_a_long_trial_gives_signs_of_life_and_is_left_alone(tmp_path):
    def trials():
        return optuna.load_study(study_name="search", storage=journal(search)).get_trials()

    def beat(number):
        return trials()[number].user_attrs.get("beat")

    def slow(trial, p):
        assert pulse.stale(trials()) == []
        before = waited_for(lambda: beat(trial.number))
        waited_for(lambda: beat(trial.number) != before)
        now[0] += 100
        assert pulse.stale(trials()) == []
        return p.x

    now = [0.0]
    pulse = Pulse(grace=60, clock=lambda: now[0])
    search = Search(slow, SPACE, 2, storage=tmp_path / "a.journal", heartbeat=0.02)
    assert [record.state for record in search.run().records] == ["finished"] * 2


def test_a_trial_that_kills_its_workers_is_given_up():
    search = Search(lambda trial, p: p.x, SPACE, 2, heartbeat=0.02)
    search.study().ask()
    for run in range(1, RETRIES + 1):
        attrs = {"origin": 0, "run": run}
        search.study().add_trial(create_trial(state=TrialState.RUNNING, user_attrs=attrs))
    result = search.run()
    assert [record.state for record in result.records] == ["lost"] * (RETRIES + 1) + ["finished"]
    assert result.complete


def test_what_a_worker_says_of_a_trial_that_was_taken_from_it_is_not_heard():
    def objective(trial, p):
        if trial.number < 2:
            search.study().tell(trial.number, state=TrialState.FAIL)
        if trial.number == 1:
            trial.report(0, 1.0)  # here it learns of it
        return p.x

    search = Search(objective, SPACE, 3)
    assert [record.state for record in search.run().records] == ["lost", "lost", "finished"]


def test_a_trial_may_be_taken_from_a_worker_before_it_has_chosen_the_values(monkeypatch):
    search = Search(lambda trial, p: p.x, SPACE, 2)
    ask = search.study().ask

    def slow():
        trial = ask()
        if trial.number == 0:
            search.study().tell(0, state=TrialState.FAIL)
        return trial

    monkeypatch.setattr(search.study(), "ask", slow)
    assert [record.state for record in search.run().records] == ["lost", "finished"]


def test_one_trial_too_many_is_not_counted():
    search = Search(lambda trial, p: p.x, SPACE, 2)

    def meanwhile(plan):
        """Another worker takes the last trial, after this one saw that there is one to take."""
        if len(plan.ranks) == 1:
            search.study().tell(search.study().ask(), 0.5)

    work(search, search.study(), meanwhile)
    assert [record.state for record in search.result().records] == ["finished"] * 2
    assert search.study().get_trials()[2].user_attrs["note"] == "one more than the search asked for"


# --- the files ---------------------------------------------------------------------------------------


def journal(search):
    backend = optuna.storages.journal.JournalFileBackend(str(search.storage))
    return optuna.storages.JournalStorage(backend)


def test_a_journal_whose_last_line_was_torn_by_a_kill_goes_on(tmp_path):
    def search(trials):
        return Search(lambda trial, p: p.x, SPACE, trials, sampler="random", storage=tmp_path / "a.journal")

    before = search(3).run()
    lines = (tmp_path / "a.journal").read_text().splitlines(keepends=True)
    (tmp_path / "a.journal").write_text("".join(lines) + lines[-1][:40])
    after = search(6).run()
    assert after.records[:3] == before.records and after.complete
    for line in (tmp_path / "a.journal").read_text().splitlines():
        json.loads(line)


@pytest.mark.filterwarnings("ignore:The existing lock file")  # said on standard error by newer ones of Optuna
def test_the_lock_of_a_dead_worker_is_taken_from_it(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("helpers.training.search.storages.LOCK_SECONDS", 3)
    search = Search(lambda trial, p: p.x, SPACE, 1, storage=tmp_path / "a.journal")
    (tmp_path / "a.journal.lock").touch()
    assert search.run().complete
    assert not (tmp_path / "a.journal.lock").exists()


def test_many_workers_begin_one_sqlite_file_at_the_same_moment(tmp_path):
    gate = threading.Barrier(6)

    def begin(i):
        gate.wait()
        return open_study(tmp_path / "a.db", "search", False, {"about": 1}, create=True).study_name

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(begin, range(6))) == ["search"] * 6


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_of_something_else_is_named_and_left_alone(tmp_path, ending):
    path = tmp_path / f"notes{ending}"
    path.write_text("these are my notes\n" * 100)
    with pytest.raises(StudyError, match="storage must hold the trials of a search, got"):
        Search(lambda trial, p: p.x, SPACE, 1, storage=path).run()
    assert path.read_text() == "these are my notes\n" * 100


def test_the_path_of_a_storage_is_checked(tmp_path):
    assert check_storage("storage", tmp_path / "a.db") is None


# --- one study ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_study_must_stay_what_it_was_begun_as(tmp_path, ending):
    def search(trials=2, **changes):
        settings = dict(sampler="random", storage=tmp_path / f"a{ending}") | changes
        return Search(lambda trial, p: p.x, SPACE, trials, **settings)

    search().run()
    with pytest.raises(
        StudyError, match=r"a study must stay what it was begun as, got space was \{'p.x': \[0.1, 1"
    ):
        search(ranges={"p.x": (0.2, 1.0)}).run()
    with pytest.raises(StudyError, match="seed was 0, now 3; give the new search another name than 'search'"):
        search(seed=3).run()
    with pytest.raises(
        StudyError, match=r"stages was 1, now 2; shrink was None, now 0\.25; trials was None, now 4"
    ):
        search(4, stages=2).run()
    assert len(search(5).run().records) == 5  # more of the same
    assert len(search(3, seed=3, name="other").run().records) == 3
    assert len(search(5).result().records) == 5


def test_a_study_that_no_worker_has_begun_is_named(tmp_path):
    search = Search(lambda trial, p: p.x, SPACE, 1, storage=tmp_path / "a.db")
    with pytest.raises(StudyError, match="a study must have been begun by a worker, got no file"):
        search.result()
    assert not (tmp_path / "a.db").exists()
    search.run()
    with pytest.raises(StudyError, match=r"name must be a study of .*, \['search'\], got name='other'"):
        Search(lambda trial, p: p.x, SPACE, 1, storage=tmp_path / "a.db", name="other").result()
    with pytest.raises(StudyError, match="got no file 'None'"):
        Search(lambda trial, p: p.x, SPACE, 1).result()


# --- the command line --------------------------------------------------------------------------------


def written(folder, text, name="study.py"):
    (folder / name).write_text("from helpers.training.search import Search\n" + text)
    return str(folder / name)


SHORT = """
from dataclasses import dataclass
from pathlib import Path
from helpers.core import checks
from helpers.core.hyperparameters import Hyperparameters, hyperparameter
@dataclass(frozen=True)
class P(Hyperparameters):
    x: float = hyperparameter("x", "x", checks.positive, low=0.1, high=1.0, example=0.5)
def objective(trial, p):
    return p.x
a = Search(objective, {"p": P}, 2, storage=Path(__file__).with_suffix(".db"), name="a")
"""


def test_a_file_of_several_searches_names_one(tmp_path, capsys):
    path = written(tmp_path, SHORT + 'b = Search(objective, {"p": P}, 3, storage=a.storage, name="b")\n')
    with pytest.raises(
        StudyError, match=r"must define one search, or STUDY name one as FILE.py:NAME, got \['a', 'b'\]"
    ):
        load(path)
    with pytest.raises(StudyError, match=r"must define the search c, got \['a', 'b'\]"):
        load(f"{path}:c")
    main(["worker", f"{path}:b"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "b: 0 of 3 trials" and lines[3].startswith("b: 3 of 3 trials: 3 finished; best ")
    main(["status", f"{path}:b"])
    assert capsys.readouterr().out.startswith("b: 3 of 3 trials: 3 finished\nbest ")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", r"must define one search, or STUDY name one as FILE.py:NAME, got \[\]"),
        (
            SHORT.replace('Path(__file__).with_suffix(".db")', "None"),
            "storage must be a file that workers share",
        ),
        (SHORT, "a study must have been begun by a worker, got no file"),
    ],
)
def test_the_command_says_what_is_wrong_without_a_traceback(tmp_path, capsys, text, message):
    with pytest.raises(SystemExit, match="2"):
        main(["status", written(tmp_path, text)])
    said = capsys.readouterr().err
    assert re.search(message, said) and "Traceback" not in said


@pytest.mark.parametrize("study", ["missing.py", "folder", "study.txt", "missing.py:search"])
def test_a_study_must_be_a_python_file(study):
    with pytest.raises(
        StudyError, match=f"STUDY must be a Python file, or FILE.py:NAME, got STUDY='{study}'"
    ):
        load(study)


def test_an_objective_is_never_missing(tmp_path):
    with pytest.raises(TypeError, match="objective must be callable"):
        load(written(tmp_path, SHORT.replace("Search(objective", "Search(None")))


def test_a_worker_that_is_interrupted_ends_quietly(tmp_path):
    path = written(tmp_path, SHORT.replace("return p.x", "raise KeyboardInterrupt"))
    with pytest.raises(SystemExit, match="130"):
        main(["worker", path])
