"""The SQLite file that holds a search: opened by one process at a time."""

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from inkdigits import lock
from inkdigits.errors import UserError

NAME = "inkdigits"
"""The study's name in its file."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[optuna.Study]:
    """The study in the file at `path`, a new one where there is none; it maximizes.

    Trials that a killed process left running are marked as failed. Raises UserError where the file can't
    be read or written, whenever that shows, and where another process has it open.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    alone = lock.held(
        path.with_name(f".{path.name}.lock"),
        busy=f"another search is at work in {path.parent}; name another directory",
    )
    with alone, _one_sentence(path), contextlib.closing(_Storage(path)) as storage:
        study = optuna.create_study(
            study_name=NAME, storage=storage.rows, load_if_exists=True, direction="maximize"
        )
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)
        yield study


class _Storage:
    """Optuna's tables in a file of any name, closed when they are."""

    def __init__(self, path: Path) -> None:
        # Connected to here, since a URL with a question mark or a brace would mean another file.
        connect = partial(sqlite3.connect, path, check_same_thread=False)
        try:
            self.rows = RDBStorage("sqlite:///search", engine_kwargs={"creator": connect})
        except RuntimeError as error:
            raise UserError(
                f"{path} was written by another version of Optuna, not {optuna.__version__}; install that one"
            ) from error

    def close(self) -> None:
        self.rows.remove_session()
        self.rows.engine.dispose()


@contextlib.contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        cause = error.__cause__ or error
        reason = str(getattr(cause, "orig", None) or cause).splitlines()[0]
        raise UserError(
            f"cannot keep the search in {path}: {reason}; put that right, or name another directory"
        ) from error
