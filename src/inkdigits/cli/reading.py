"""`inkdigits read`: the digits in pictures, scans and PDFs, with confidence, and accepted or not."""

import csv
import hashlib
import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from inkdigits import __version__, files, weights
from inkdigits.cli import told
from inkdigits.cli.journal import FIRST, VERSION, Entry, Journal
from inkdigits.cli.output import print_json
from inkdigits.cli.status import INTERRUPTED
from inkdigits.errors import ArgumentError, UserError
from inkdigits.read import assignment, batch, form_spec, reader
from inkdigits.read.batch import Job, Part
from inkdigits.read.checks import Checks, parse
from inkdigits.types import Document, Page

MOST_WORKERS = 60
"""Processes, at most: more than the system can wait for at once on Windows, and of use to nobody."""

MOST_THREADS = 4
"""Threads of a process that reads alone: more have nothing to do."""

MOST_ERROR = 0.5
"""The largest share of wrong answers that can be asked for."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where results go: standard output as lines, JSON or CSV, or a file, which can be gone on with.

    With `once`, what is read waits until all is, and then every allowed number is given to one line at most.
    `needed` are files that are read from, and that the results must not replace.
    """

    as_json: bool = False
    as_csv: bool = False
    file: Path | None = None
    resume: bool = False
    once: bool = False
    needed: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.as_json and self.as_csv:
            raise ArgumentError("--json and --csv are two forms of the same: give one of them")
        if self.resume and self.file is None:
            raise ArgumentError("--resume goes on with a file: name it with --out")
        if self.file is not None and (self.as_json or self.as_csv):
            raise ArgumentError("--out takes its form from the file's name: leave out --json and --csv")
        if self.file is not None and self.file.is_dir():
            raise ArgumentError(f"{self.file} is a folder, where a file of results was expected")
        if self.resume and self.once:
            raise ArgumentError(
                "--once weighs all files together, so that --resume has nothing to go on with"
            )
        if self.file is not None and self.file.suffix not in (".json", ".csv"):
            raise ArgumentError(f"{self.file} is no name for results; it should end in .json or .csv")
        for path in self.needed:
            if self.file is not None and self.file.resolve() == path.resolve():
                raise ArgumentError(
                    f"{path} is read from, so that results can't replace it: name another file"
                )


def checks(asked: Mapping[str, object], allowed: Path | None) -> Checks | None:
    """What is known of every number, as given on the command line; None where nothing is."""
    values = {name: value for name, value in asked.items() if value is not None}
    if allowed is not None:
        values["allowed"] = _listed(allowed)
    return parse(values) if values else None


def _listed(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except OSError as error:
        raise UserError(f"cannot read the list {path} ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read the list {path}: it should be a text in UTF-8") from error
    if not lines:
        raise UserError(f"the list {path} is empty; it should hold a number a line")
    return lines


def read(paths: Sequence[Path], job: Job, output: Output, *, workers: int) -> int:
    """Reads every file and says what is in it; 1 where one couldn't be read, or a page not be drawn."""
    _refuse(paths, job, output, workers=workers)
    if not reader.knows_thresholds(job.order):
        warnings.warn(
            f"{job.order.model} knows no thresholds: nothing is accepted", UserWarning, stacklevel=2
        )
    if output.file is not None:
        reader.build(job.order)  # what can't be read with is said before anything is written
    found = list(_files(paths))
    takes_parts = workers > 1 or output.file is not None or sys.stderr.isatty()
    wanted = batch.parts(found) if takes_parts else [Part(path=path) for path in found]

    def entries(left: Sequence[Part]) -> Iterator[Entry]:
        return _entries(left, job, output, workers=workers)

    if output.file is not None:
        return _to_file(wanted, entries, output, job)
    return _to_console(_joined(wanted, entries(wanted)), output, job)


def _refuse(paths: Sequence[Path], job: Job, output: Output, *, workers: int) -> None:
    """Raises ArgumentError for what can't be asked."""
    if not 1 <= workers <= MOST_WORKERS:
        raise ArgumentError(f"workers is {workers}, but has to lie between 1 and {MOST_WORKERS}")
    if not 0 < job.order.max_error <= MOST_ERROR:
        raise ArgumentError(
            f"max-error is {job.order.max_error:g}, but is a share above 0 and up to {MOST_ERROR}:"
            " 0.01 for one answer in a hundred"
        )
    if job.pictures is not None and job.pictures.exists() and not job.pictures.is_dir():
        raise ArgumentError(f"{job.pictures} is a file, where a folder for annotated pages was expected")
    if output.once and (job.order.checks is None or not job.order.checks.allowed):
        raise ArgumentError("--once gives each allowed number to one line: name them with --allowed")
    for path in paths:
        if job.pictures is not None and _is_folder(path) and path.resolve() == job.pictures.resolve():
            raise ArgumentError(
                f"{path} is read, so that its pages can't be drawn into it: name another folder"
            )


def _described(job: Job) -> str:
    """What decides how files are read: the options, the models, a form's spec and template, the version."""
    template = None if job.order.form is None else form_spec.load(job.order.form).template
    named = (path for path in (job.order.model, job.order.form, template) if path is not None)
    contents = [*(path.read_bytes() for path in named), *map(weights.content, weights.NAMES)]
    job = replace(job, order=replace(job.order, threads=1))  # that changes no answer
    return " ".join([repr(job), *(hashlib.sha256(each).hexdigest() for each in contents), __version__])


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and those in folders named, by name; of a folder without pictures, itself."""
    for path in paths:
        try:
            inside = sorted(each for each in path.iterdir() if _is_picture(each)) if path.is_dir() else []
        except OSError:  # said where it is read
            inside = []
        yield from inside or [path]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # said where it is read
        return False


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in reader.SUFFIXES and not path.name.startswith(".") and not path.is_dir()


def _entries(wanted: Sequence[Part], job: Job, output: Output, *, workers: int) -> Iterator[Entry]:
    """What each part says, with a bar."""
    is_printing = sys.stdout.isatty() and output.file is None
    with _bar(wanted, is_printing=is_printing) as advance:
        found = _advancing(wanted, batch.read(wanted, job, workers=workers), advance)
        if output.once and job.order.checks is not None:
            found = iter(assignment.settled(list(found), job.order.checks.allowed))
        yield from map(asdict, found)


def _advancing(
    wanted: Sequence[Part], documents: Iterator[Document], advance: Callable[[float], None]
) -> Iterator[Document]:
    for part, document in zip(wanted, documents, strict=True):
        yield document
        advance(part.share)


def _joined(wanted: Iterable[Part], entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries of parts as those of whole files."""
    pages: list[Entry] = []
    for part, entry in zip(wanted, entries, strict=True):
        if part.end is None:
            yield entry
            continue
        unread = asdict(Page(lines=(), error=entry["error"]))
        pages += entry["pages"] or [unread] * (part.end - part.first)  # those behind keep their numbers
        if part.is_last:
            errors = [page["error"] for page in pages]
            yield {**entry, "error": errors[0] if all(errors) else None, "pages": pages}
            pages = []


def _bar(wanted: Sequence[Part], *, is_printing: bool) -> AbstractContextManager[Any]:
    """A bar on standard error, where somebody looks at it, and answers aren't printed to the same screen."""
    if len(wanted) < 2 or not sys.stderr.isatty() or is_printing:
        return nullcontext(lambda _share: None)
    from inkdigits.cli.bars import files_read  # noqa: PLC0415

    return files_read(sum(part.is_last for part in wanted))


def _to_console(documents: Iterator[Entry], output: Output, job: Job) -> int:
    found: list[Entry] = []
    rows = csv.writer(sys.stdout, lineterminator="\n")
    if output.as_csv:
        rows.writerow(told.COLUMNS)
    try:
        for document in documents:
            found.append(document)
            if output.as_csv:
                rows.writerows(told.rows(document))
            elif not output.as_json:
                print(f"{document['file']}: {told.sentence(document)}")
            sys.stdout.flush()  # at once: what was read before a Ctrl-C stays
    except KeyboardInterrupt:
        if output.as_json:
            print_json(found)
        raise
    if output.as_json:
        print_json(found)
    return _status(found, job)


def _to_file(
    wanted: Sequence[Part], read_rest: Callable[[Sequence[Part]], Iterator[Entry]], output: Output, job: Job
) -> int:
    """Results into a file; what is done is kept beside it until all is, so that --resume can go on."""
    assert output.file is not None
    journal = Journal(output.file, _described(job))
    with journal.held():
        if journal.path.exists() and not output.resume:
            raise UserError(
                f"{journal.path} holds what a stopped batch had read: give --resume, or delete it"
            )
        done: dict[tuple[str, int], Entry] = {}
        try:
            if output.once:
                done = {_place(part): entry for part, entry in zip(wanted, read_rest(wanted), strict=True)}
            else:
                had = _had(journal, wanted, job) if output.resume else []
                done = {(entry["file"], entry[FIRST]): _plain(entry) for entry in had}
                left = [part for part in wanted if _place(part) not in done]
                with journal.writing(had) as note:
                    for part, entry in zip(left, read_rest(left), strict=True):
                        note({**entry, FIRST: part.first, VERSION: _version(part.path)})
                        done[_place(part)] = entry
        except KeyboardInterrupt:
            n_done = sum(part.is_last and _place(part) in done for part in wanted)
            n_files = sum(part.is_last for part in wanted)
            further = "" if output.once else "; go on with --resume"
            print(f"inkdigits: {n_done:,} of {n_files:,} files are read{further}", file=sys.stderr)
            return INTERRUPTED
        found = list(_joined(wanted, [done[_place(part)] for part in wanted]))
        text = (
            told.table(found)
            if output.file.suffix == ".csv"
            else json.dumps(found, indent=2, ensure_ascii=False)
        )
        files.write(output.file, text.encode(errors="replace"))
        journal.remove()
    n_failed = sum(_has_failed(document, job.pictures) for document in found)
    if n_failed:
        more = "" if job.pictures is None else ", or not drawn"
        print(
            f"inkdigits: {n_failed:,} of {len(found):,} files couldn't be read{more}, or not whole:"
            f" {output.file} says why",
            file=sys.stderr,
        )
    return 1 if n_failed else 0


def _had(journal: Journal, wanted: Sequence[Part], job: Job) -> list[Entry]:
    """What was read before and still holds. Raises UserError where files were named that now aren't."""
    places = {_place(part) for part in wanted}
    named = {file for file, _ in places}
    entries = journal.entries()
    for entry in entries:
        if entry["file"] not in named and Path(entry["file"]).exists():
            raise UserError(
                f"{journal.path} was begun with other files, such as {entry['file']}: name them too,"
                " or delete it"
            )
    return [
        entry for entry in entries if (entry["file"], entry[FIRST]) in places and _still_holds(entry, job)
    ]


def _still_holds(entry: Entry, job: Job) -> bool:
    """Whether a file was read, hasn't been changed since, and is drawn where it should be."""
    is_drawn = job.pictures is None or _are_drawn(entry, job.pictures, first=entry[FIRST])
    return is_drawn and not entry["error"] and entry[VERSION] == _version(Path(entry["file"]))


def _version(path: Path) -> str:
    try:
        seen = path.stat()
    except OSError:
        return ""
    return f"{seen.st_size} bytes at {seen.st_mtime_ns}"


def _place(part: Part) -> tuple[str, int]:
    return str(part.path), part.first


def _plain(entry: Entry) -> Entry:
    """A document without what the journal keeps beside it."""
    return {name: value for name, value in entry.items() if name not in (FIRST, VERSION)}


def _status(documents: Iterable[Entry], job: Job) -> int:
    return 1 if any(_has_failed(document, job.pictures) for document in documents) else 0


def _has_failed(document: Entry, pictures: Path | None) -> bool:
    """Whether a file or a page of it couldn't be read, or not be drawn where it should be."""
    if document["error"] or any(page["error"] for page in document["pages"]):
        return True
    return pictures is not None and not _are_drawn(document, pictures)


def _are_drawn(document: Entry, pictures: Path, *, first: int = 0) -> bool:
    """Whether every page that was read is drawn; the first of them is counted from 0."""
    pages = [number for number, page in enumerate(document["pages"], first + 1) if not page["error"]]
    return all(batch.picture(pictures, Path(document["file"]), number).is_file() for number in pages)
