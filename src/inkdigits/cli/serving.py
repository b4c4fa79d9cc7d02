"""`inkdigits serve`: the HTTP interface and the page."""

import importlib.util
import secrets
import sys
from pathlib import Path

import platformdirs

from inkdigits.errors import UserError
from inkdigits.serve.settings import Settings

MOST_BY_DEFAULT = 4
"""Workers, where nobody says how many."""

_TOKEN_BYTES = 18
_NEEDED = ("uvicorn", "starlette", "httptools", "prometheus_client", "sqlalchemy", "alembic")


def folder(given: Path | None) -> Path:
    """Where models, jobs and corrections lie: the one given, or one in the user's data folder."""
    return given or platformdirs.user_data_path("inkdigits", appauthor=False) / "serve"


def retraining(kept: Path) -> tuple[str, ...]:
    """The command of a fine-tuning on what was corrected; the job's folder comes behind it."""
    start = "from inkdigits.cli import main; main()"
    return (sys.executable, "-c", start, "retrain", "--folder", str(kept), "--job")


def serve(settings: Settings, *, is_token_made: bool) -> int:
    """Serves until a signal ends it."""
    from inkdigits.serve.server import Supervisor  # noqa: PLC0415

    def is_ready(address: str) -> None:
        hand_over = f"/#token={settings.token}" if is_token_made else ""
        print(f"inkdigits serves at {address}{hand_over}", flush=True)
        if settings.token is None:
            print("nobody may manage it: give --token-file to let those who have the token", file=sys.stderr)
        _try_store(settings)  # after the first can be answered, since SQLAlchemy takes a third of a second

    missing = next((each for each in _NEEDED if importlib.util.find_spec(each) is None), None)
    if missing is not None:
        raise UserError(f"{missing} is missing, which serving needs: pip install 'inkdigits[serve]'")
    if sys.platform == "win32":
        raise UserError("serving needs Linux or macOS; on Windows, start it in WSL")
    try:
        settings.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write in {settings.folder} ({error.strerror}); name another folder"
        ) from error
    Supervisor(settings, is_ready=is_ready).run()
    return 0


def _try_store(settings: Settings) -> None:
    """Raises UserError where corrections can't be kept."""
    from inkdigits.serve import store  # noqa: PLC0415

    store.open(settings.store or store.default_url(settings.folder)).close()


def made_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(_TOKEN_BYTES)
