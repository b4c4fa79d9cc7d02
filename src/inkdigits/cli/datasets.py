"""The commands around data sets: which are known, what is in one, whether its labels are right."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from inkdigits.cli.flags import Whole
from inkdigits.errors import ArgumentError

data_app = App(name="data", help="What sets are known; fetch one; look at one; find and correct its labels.")

_AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")]


@data_app.command(name="list")
def list_sets(*, as_json: _AsJson = False) -> int:
    """List the known sets: what they hold, their splits, licence and source."""
    from inkdigits.cli import sets  # noqa: PLC0415

    return sets.list_sets(as_json=as_json)


@data_app.command
def fetch(name: str, /) -> int:
    """Bring a known set into the cache, verified, so that it can be used offline.

    Parameters
    ----------
    name
        A known set: see `inkdigits data list`.

    """
    from inkdigits.cli import sets  # noqa: PLC0415

    return sets.fetch(name)


@data_app.command
def info(data: str, /, *, picture: Path | None = None, as_json: _AsJson = False) -> int:
    """Show what a set holds: counts per class, broken files, exact and near duplicates.

    Parameters
    ----------
    data
        A known set, or a path to your own.
    picture
        Draw a contact sheet into this PNG file.

    """
    from inkdigits.cli import sets  # noqa: PLC0415

    return sets.info(data, picture=picture, as_json=as_json)


@data_app.command
def check(  # noqa: PLR0913 (a list of flags)
    data: str,
    /,
    *,
    labels: Annotated[bool, Parameter(negative="")] = False,
    folds: Whole = 5,
    times: Whole = 3,
    preset: str = "fast",
    seed: Whole = 0,
    most: Whole = 50,
    picture: Path | None = None,
    out: Path | None = None,
    as_json: _AsJson = False,
) -> int:
    """List the images whose labels are probably wrong, with a table to decide in and their pictures.

    Parameters
    ----------
    data
        A known set, or a path to your own.
    labels
        Look for wrong labels: networks that each leave out a part of the images say what they make of it.
    folds
        So many parts, and networks.
    times
        Do it so many times, divided anew each time, and take the mean: it takes so many times as long.
    preset
        The recipe of each network: see `inkdigits train --help`. On MNIST strong finds no more than fast,
        and takes ten times as long.
    seed
        Decides the parts and the networks; every further time counts on from it.
    most
        List at most so many images of each split.
    picture
        The PNG file for the pictures; by default suspects.png in a new folder under runs-out.
    out
        The CSV file for the table; by default suspects.csv in that folder.

    """
    if not labels:
        raise ArgumentError(
            "say what to check: --labels looks for wrong labels; broken files and duplicates are what"
            f" inkdigits data info {data} tells"
        )
    from inkdigits.cli import checking  # noqa: PLC0415

    asked = checking.Asked(folds=folds, times=times, preset=preset, seed=seed, most=most)
    return checking.labels(data, asked, picture=picture, out=out, as_json=as_json)


@data_app.command
def correct(data: str, decisions: Path, /, *, out: Path) -> int:
    """Write a copy of a set in which the decisions about its labels are in effect.

    Parameters
    ----------
    data
        A known set, or a path to your own.
    decisions
        The table of `inkdigits data check --labels`, with the right label, or remove, in its last column.
    out
        The file to write, ending in .npz.

    """
    from inkdigits.cli import checking  # noqa: PLC0415

    return checking.correct(data, decisions, out)
