"""Fine-tunings as processes: one at a time, outliving their starter, seen when they are cut off."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inkdigits.errors import UserError
from inkdigits.serve import jobs
from inkdigits.serve.jobs import Job, Jobs, RunningError

WORK = """
import sys, time, os
from pathlib import Path
from inkdigits.serve import jobs
folder = Path(sys.argv[-1])
with jobs.at_work(folder):
    jobs.tell_progress(folder, 0.5)
    try:
        time.sleep(float(os.environ["SECONDS"]))
    except KeyboardInterrupt:
        jobs.tell_result(folder, state=jobs.STOPPED)
        sys.exit()
    jobs.tell_result(folder, state=jobs.PROMOTED, model="mine")
"""


def work(folder: Path, *, seconds: float) -> Jobs:
    return Jobs(folder, (sys.executable, "-c", WORK), {"SECONDS": str(seconds)})


def until(found: Jobs, *, progress: float = 0.0, state: str = jobs.RUNNING) -> Job:
    deadline = time.monotonic() + 30
    while True:
        (job,) = found.all()
        if job.progress >= progress and job.state == state:
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.02)


def test_a_job_runs_tells_how_far_it_is_and_ends(tmp_path: Path) -> None:
    found = work(tmp_path, seconds=0.3)
    started = found.start(n_images=50)
    assert (started.state, started.n_images) == (jobs.RUNNING, 50)
    until(found, progress=0.5)
    assert until(found, state=jobs.PROMOTED).model == "mine"


def test_there_is_one_at_a_time(tmp_path: Path) -> None:
    found = work(tmp_path, seconds=30)
    found.start(n_images=1)
    with pytest.raises(RunningError, match="runs already"):
        found.start(n_images=1)
    until(found, progress=0.5)
    with pytest.raises(RunningError, match="runs already"):
        found.start(n_images=1)
    found.stop(found.all()[0].id)
    until(found, state=jobs.STOPPED)


def test_it_outlives_the_process_that_started_it(tmp_path: Path) -> None:
    start = (
        "import sys; from pathlib import Path; from inkdigits.serve.jobs import Jobs;"
        "Jobs(Path(sys.argv[1]), (sys.executable, '-c', sys.argv[2]), {'SECONDS': '1'}).start(n_images=1)"
    )
    subprocess.run([sys.executable, "-c", start, str(tmp_path), WORK], check=True)
    until(work(tmp_path, seconds=0), state=jobs.PROMOTED)


def test_one_that_was_killed_is_known_to_be_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = work(tmp_path, seconds=30)
    job = found.start(n_images=1)
    until(found, progress=0.5)
    os.kill(int((tmp_path / job.id / "pid").read_text()), signal.SIGKILL)
    monkeypatch.setattr(jobs, "_STARTING_SECONDS", 0.0)
    assert until(found, progress=0.5, state=jobs.FAILED).error == "it was cut off"


def test_what_does_not_run_cannot_be_stopped(tmp_path: Path) -> None:
    for name in ("nobody", "../x", ""):
        with pytest.raises(UserError, match="no such fine-tuning runs"):
            work(tmp_path, seconds=0).stop(name)


def test_a_torn_file_of_a_job_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "job.json").write_text("{")
    (tmp_path / "1" / "result.json").write_text(json.dumps({"state": "refused", "verdict": None}))
    (job,) = work(tmp_path, seconds=0).all()
    assert job.state == "refused"
