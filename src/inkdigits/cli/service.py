"""The commands around a service: serve, retrain, and what it keeps. `cli` has those of the other rooms."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from inkdigits.cli.flags import Whole
from inkdigits.errors import ArgumentError

models_app = App(name="models", help="The models of a service: which there are, which serves, another one.")
corrections_app = App(name="corrections", help="The corrections of a service: look, accept, reject, delete.")

_AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")]
_Folder = Annotated[Path | None, Parameter(help="The service's folder; by default in your data folder.")]
_Store = Annotated[
    str | None,
    Parameter(
        env_var="INKDIGITS_STORE",
        help="Where corrections are: sqlite:///FILE or postgresql://…; by default SQLite in the folder.",
    ),
]


def serve(  # noqa: PLR0913 (a list of flags)
    *,
    host: str = "127.0.0.1",
    port: Whole = 8000,
    workers: Whole | None = None,
    folder: _Folder = None,
    store: _Store = None,
    token_file: Path | None = None,
    images: bool = True,
    max_error: float = 0.005,
    retrain_after: Whole = 0,
) -> int:
    """Serve the HTTP interface and a page to draw on, and learn from what people correct there.

    Parameters
    ----------
    host
        The address to listen on; only this machine reaches the default.
    port
        The port; 0 takes a free one.
    workers
        Processes that answer; by default one for every core, up to four.
    token_file
        A file with the token that managing needs. On this machine one is made where none is given; elsewhere
        nobody may manage without it.
    images
        With --no-images, corrections are counted but their images aren't kept, and nothing learns from them.
    max_error
        The share of wrong answers among accepted ones that is aimed at.
    retrain_after
        Fine-tune by itself after so many newly accepted corrections; 0 waits to be told.

    """
    from inkdigits.cli import serving  # noqa: PLC0415
    from inkdigits.serve.settings import LOOPBACK, Settings, cores, token_in  # noqa: PLC0415

    is_made = token_file is None and host in LOOPBACK
    kept = serving.folder(folder)
    settings = Settings(
        folder=kept,
        host=host,
        port=port,
        workers=min(serving.MOST_BY_DEFAULT, cores()) if workers is None else workers,
        store=store,
        token=serving.made_token() if is_made else token_in(token_file) if token_file else None,
        keeps_images=images,
        max_error=max_error,
        retrain_after=retrain_after,
        retraining=serving.retraining(kept),
    )
    return serving.serve(settings, is_token_made=is_made)


def retrain(
    *,
    folder: _Folder = None,
    store: _Store = None,
    job: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    as_json: _AsJson = False,
) -> int:
    """Fine-tune the model that serves on all accepted corrections; it takes over where the gate says so.

    Exit status 1 where it did not get better: then the one before goes on serving.

    Parameters
    ----------
    job
        The folder of a job that a service has begun.
    force
        Let the new model serve whatever the gate says.

    """
    from inkdigits.cli import retraining, serving  # noqa: PLC0415

    return retraining.retrain(serving.folder(folder), store, job, force=force, as_json=as_json)


@models_app.command(name="list")
def list_models(*, folder: _Folder = None, as_json: _AsJson = False) -> int:
    """List the models, and which serves."""
    from inkdigits.cli import kept  # noqa: PLC0415

    return kept.list_models(folder, as_json=as_json)


@models_app.command
def promote(name: str, /, *, folder: _Folder = None) -> int:
    """Let a model serve; a service that runs takes it over without losing a request."""
    from inkdigits.cli import kept  # noqa: PLC0415

    return kept.promote(name, folder)


@models_app.command
def rollback(*, folder: _Folder = None) -> int:
    """Let the model serve that did before."""
    from inkdigits.cli import kept  # noqa: PLC0415

    return kept.roll_back(folder)


@corrections_app.command(name="list")
def list_corrections(
    *,
    state: Literal["waiting", "accepted", "rejected", "withdrawn"] | None = None,
    folder: _Folder = None,
    store: _Store = None,
    as_json: _AsJson = False,
) -> int:
    """List corrections.

    Parameters
    ----------
    state
        Only those that stand so.

    """
    from inkdigits.cli import kept  # noqa: PLC0415

    return kept.list_corrections(state, folder, store, as_json=as_json)


@corrections_app.command
def accept(*ids: Whole, folder: _Folder = None, store: _Store = None) -> int:
    """Accept corrections that wait, so that they are learnt from: those named, or all."""
    from inkdigits.cli import kept  # noqa: PLC0415

    return kept.review(ids, folder, store, accept=True)


@corrections_app.command
def reject(*ids: Whole, folder: _Folder = None, store: _Store = None) -> int:
    """Reject corrections that wait: those named, or all."""
    from inkdigits.cli import kept  # noqa: PLC0415

    return kept.review(ids, folder, store, accept=False)


@corrections_app.command(name="delete-images")
def delete_images(
    *hashes: str,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    folder: _Folder = None,
    store: _Store = None,
) -> int:
    """Delete images for good, by their SHA-256; what was said of them stays.

    Parameters
    ----------
    every
        All of them.

    """
    from inkdigits.cli import kept  # noqa: PLC0415

    if every == bool(hashes):
        raise ArgumentError("name the images by their SHA-256, or give --all")
    return kept.delete_images(hashes, folder, store)
