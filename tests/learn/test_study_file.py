import os
import sqlite3
from pathlib import Path

import pytest
from optuna.trial import TrialState

from inkdigits.errors import UserError
from inkdigits.learn import study_file


def test_a_study_is_there_again_when_its_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "search.sqlite3"
    with study_file.opened(path) as study:
        study.set_user_attr("about", {"data": "digits"})
    with study_file.opened(path) as study:
        assert study.user_attrs == {"about": {"data": "digits"}}


def test_the_file_is_sqlite_and_the_study_has_the_name_it_should(tmp_path: Path) -> None:
    with study_file.opened(tmp_path / "search.sqlite3"):
        pass
    with sqlite3.connect(tmp_path / "search.sqlite3") as rows:
        names = rows.execute("select study_name from studies").fetchall()
    rows.close()
    assert names == [("inkdigits",)]


@pytest.mark.parametrize("name", ["a b", "why?", "{0}", "50%", "#1", "ziffern-é"])
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "search.sqlite3"
    with study_file.opened(path):
        pass
    assert path.is_file()


def test_a_trial_that_a_killed_process_left_running_is_marked_as_failed(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        with study_file.opened(tmp_path / "search.sqlite3") as study:
            study.ask()
            os._exit(9)
    os.waitpid(child, 0)
    with study_file.opened(tmp_path / "search.sqlite3") as study:
        assert [trial.state for trial in study.get_trials()] == [TrialState.FAIL]


def test_one_process_searches_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite3"
    with (
        study_file.opened(path),
        pytest.raises(UserError, match="another search is at work in"),
        study_file.opened(path),
    ):
        pass
    with study_file.opened(path):
        pass


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite3"
    path.write_bytes(b"this is no database, however long one looks at it " * 50)
    with (
        pytest.raises(UserError, match=r"search\.sqlite3: file is not a database; put that right"),
        study_file.opened(path),
    ):
        pass
    assert path.read_bytes().startswith(b"this is no database")


def test_a_search_of_another_optuna_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite3"
    with study_file.opened(path):
        pass
    with sqlite3.connect(path) as rows:
        rows.execute("update alembic_version set version_num = 'v99.0.0'")
    rows.close()
    with pytest.raises(UserError, match="another version of Optuna"), study_file.opened(path):
        pass


def test_a_directory_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with (
        pytest.raises(UserError, match=r"cannot write in .*out: .*; name another directory"),
        study_file.opened(tmp_path / "out" / "search.sqlite3"),
    ):
        pass


def lose_a_table_while_open(path: Path) -> None:
    with study_file.opened(path) as study:
        with sqlite3.connect(path) as rows:
            rows.execute("drop table trials")
        rows.close()
        study.ask()


def test_what_goes_wrong_on_the_way_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot keep the search in .*: no such table: trials;"):
        lose_a_table_while_open(tmp_path / "search.sqlite3")
