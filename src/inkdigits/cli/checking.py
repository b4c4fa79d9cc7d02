"""`inkdigits data check --labels`: images whose labels are probably wrong, to look at and to decide on."""

import contextlib
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from inkdigits import data, files
from inkdigits.cli.output import command, print_json
from inkdigits.cli.training import Bar, new_folder
from inkdigits.data import decisions, known, own, sheet, source
from inkdigits.data.own import Survey
from inkdigits.errors import ArgumentError, UserError
from inkdigits.evaluate import label_errors
from inkdigits.evaluate.label_errors import Suspect
from inkdigits.evaluate.table import percent
from inkdigits.learn import cross_validation, options
from inkdigits.learn.train import Watch
from inkdigits.types import Dataset

SHOWN = 20
"""Suspects of each split that are printed; the table and the pictures hold more."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How to look for wrong labels: folds, times and training of cross-validation, and how many to list."""

    folds: int
    times: int
    preset: str
    seed: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A suspect of a split: its row there, and the file it is from, empty where it is from none."""

    row: int
    file: str
    label: str
    suggested: str
    quality: float
    confidence: float
    likely: bool


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One split of n images: of how many the label is doubtful, and the first of those.

    `n_likely` is what confident learning takes for wrong among all of them; it tends to be too few.
    """

    split: str
    n: int
    n_suspects: int
    n_likely: int
    suspects: tuple[Listed, ...]


def labels(name: str, asked: Asked, *, picture: Path | None, out: Path | None, as_json: bool) -> int:
    """Lists the suspects of every split, each split by itself; writes the table and the pictures."""
    if picture is not None:
        sheet.check_name(picture)
    label_errors.check()
    if asked.most < 1:
        raise ArgumentError(f"{asked.most} is no number of suspects to list; it should be 1 at least")
    recipe = options.recipe(asked.preset, {"seed": asked.seed})
    surveys = _surveys(name)
    splits = [survey.dataset for survey in surveys]
    with _places(name, picture, out) as (drawn, written):
        found = _suspects(splits, recipe, asked)
        checked = _by_split(surveys, found, most=asked.most)
        files.write(written, _csv(checked).encode())
        sheet.of_sections([_section(*pair) for pair in zip(splits, checked, strict=True)], drawn)
    if as_json:
        print_json(
            {"splits": [asdict(each) for each in checked], "table": str(written), "picture": str(drawn)}
        )
    else:
        _tell(name, checked, written, drawn)
    return 0


def correct(name: str, table_of_decisions: Path, out: Path) -> int:
    """Writes the set as it is with the decisions in effect."""
    decisions.check_name(out)
    decided = decisions.read(table_of_decisions)
    surveys = _surveys(name)
    splits = [survey.dataset for survey in surveys]
    strange = {each.split for each in decided} - {each.split for each in splits}
    if strange:
        names = ", ".join(each.split for each in splits)
        raise UserError(f"{table_of_decisions} names the split {min(strange)!r}; {name} has {names}")
    decisions.write(
        [decisions.apply(survey.dataset, decided, pictures=survey.names) for survey in surveys], out
    )
    n_removed = sum(each.right is None for each in decided)
    print(f"{len(decided) - n_removed} labels decided and {n_removed} images removed; the set is {out}")
    return 0


def _surveys(name: str) -> list[Survey]:
    """All splits, the test split first: wrong labels there make every figure wrong."""
    names = sorted(data.splits(name), key=lambda split: split != "test")
    if known.find(name) is not None:
        return [Survey(dataset=data.load(name, split), names=(), broken=()) for split in names]
    found = [own.survey(source.path(name), split) for split in names]
    n_broken = sum(len(survey.broken) for survey in found)
    if n_broken:
        print(f"{n_broken} broken pictures are left out: see inkdigits data info {name}", file=sys.stderr)
    return found


def _suspects(splits: Sequence[Dataset], recipe: options.TrainOptions, asked: Asked) -> tuple[Suspect, ...]:
    whole = cross_validation.pooled(splits)
    with Bar() as bar:
        scores = cross_validation.scores(
            whole, recipe, n_folds=asked.folds, n_times=asked.times, watch=Watch(after_step=bar.step)
        )
    return label_errors.find(scores, whole.labels, label_names=whole.label_names)


def _by_split(surveys: Sequence[Survey], found: Sequence[Suspect], *, most: int) -> list[Checked]:
    checked = []
    first = 0
    for survey in surveys:
        n = len(survey.dataset)
        inside = [each for each in found if first <= each.row < first + n]
        listed = tuple(
            Listed(**asdict(each) | {"row": each.row - first}, file=_file(survey, each.row - first))
            for each in inside[:most]
        )
        found_here = Checked(
            split=survey.dataset.split,
            n=n,
            n_suspects=len(inside),
            n_likely=sum(each.likely for each in inside),
            suspects=listed,
        )
        checked.append(found_here)
        first += n
    return checked


def _file(survey: Survey, row: int) -> str:
    """The picture that a row is from; empty where the set is arrays."""
    return survey.names[row] if survey.names and Path(survey.names[row]).is_file() else ""


@contextlib.contextmanager
def _places(name: str, picture: Path | None, out: Path | None) -> Iterator[tuple[Path, Path]]:
    """Where the pictures and the table go: as it was said, or into a new folder, gone if nothing came."""
    for each in (picture, out):
        if each is not None:
            files.check(each)
    if out is not None and out == picture:
        raise ArgumentError(f"{out} can't be both the table and the pictures")
    if picture is not None and out is not None:
        yield picture, out
        return
    folder = new_folder(f"{Path(name).resolve().name}-labels")
    try:
        yield picture or folder / "suspects.png", out or folder / "suspects.csv"
    except BaseException:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise


def _csv(checked: Sequence[Checked]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["split", "row", "file", "label", "suggested", "quality", "confidence", "decision"])
    for each in checked:
        for s in each.suspects:
            figures = (f"{s.quality:.4f}", f"{s.confidence:.4f}")
            writer.writerow([each.split, s.row, s.file, s.label, s.suggested, *figures, ""])
    return text.getvalue()


def _section(dataset: Dataset, checked: Checked) -> sheet.Section:
    return sheet.Section(
        title=f"{dataset.name}, {_headline(checked)}",
        images=dataset.images[[each.row for each in checked.suspects]],
        captions=[(f"{each.label}, or {each.suggested}?", f"row {each.row}") for each in checked.suspects],
    )


def _headline(checked: Checked) -> str:
    shown, found = len(checked.suspects), checked.n_suspects
    some = "" if shown == found else f", of which the {shown} most suspect are listed"
    return f"{checked.split}: {found:,} of {checked.n:,} labels are doubtful{some}"


def _tell(name: str, checked: Sequence[Checked], written: Path, drawn: Path) -> None:
    """Prints the first suspects of every split, and what to do about them."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for each in checked:
        console.print(_headline(each))
        if each.suspects:
            console.print(_first(each.suspects[:SHOWN]))
        if len(each.suspects) > SHOWN:
            console.print(f"  … and {len(each.suspects) - SHOWN} more in the table")
    then = ["data", "correct", name, str(written), "--out", "corrected.npz"]
    console.print(
        f"Look at {drawn}; where a label is wrong, write the right one, or {decisions.REMOVE}, into the"
        f" column decision of {written}; then: {command(then)}"
        if any(each.suspects for each in checked)
        else "No label is doubtful: there is nothing to do."
    )


def _first(suspects: Sequence[Listed]) -> Table:
    with_files = any(each.file for each in suspects)
    table = Table("row", "label", "suggested", "quality", "confidence", "likely", box=None)
    if with_files:
        table.add_column("file")
    for each in suspects:
        figures = (percent(each.quality), percent(each.confidence), "yes" if each.likely else "")
        of_file = (each.file,) if with_files else ()
        table.add_row(str(each.row), each.label, each.suggested, *figures, *of_file)
    return table
