import subprocess
import sys
from pathlib import Path

import pytest

from inkdigits import lock
from inkdigits.errors import UserError

HOLD = """
import sys, time
from pathlib import Path
from inkdigits import lock
with lock.held(Path(sys.argv[1]), busy="searching"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "new" / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=r"^busy$"):
            lock.held(path, busy="busy").__enter__()
        first.kill()
        first.wait()
    with lock.held(path, busy="busy"):
        pass


def test_it_is_free_again_after_a_failure(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lock.held(tmp_path / ".lock", busy="busy"):
            raise ZeroDivisionError


def test_a_directory_that_cant_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match=r"cannot write in .*file: .*; name another directory"),
        lock.held(tmp_path / "file" / ".lock", busy="busy"),
    ):
        pass
