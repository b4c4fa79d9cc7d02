"""`inkdigits read`: the digits in pictures, scans and PDFs, with confidence, and accepted or not."""

import csv
import hashlib
import io
import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inkdigits import __version__, files, weights
from inkdigits.cli.journal import Entry, Journal
from inkdigits.cli.output import print_json
from inkdigits.cli.status import INTERRUPTED
from inkdigits.errors import ArgumentError, UserError
from inkdigits.read import assignment, batch, form_spec, reader
from inkdigits.read.batch import Job, Part
from inkdigits.read.checks import Checks, parse
from inkdigits.types import Document, Page

COLUMNS = (
    "file", "page", "line", "field", "text", "confidence", "accepted", "reason", "x", "y", "width", "height"
)  # fmt: skip
"""The header of a CSV; a file or page that couldn't be read is a row with the reason alone."""

_FIRST, _VERSION = "first_page", "version"
"""Beside a part in the journal: where it begins, and how large its file was and when it was changed."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where results go: standard output as lines, JSON or CSV, or a file, which can be gone on with.

    With `once`, what is read waits until all is, and then every allowed number is given to one line at most.
    """

    as_json: bool = False
    as_csv: bool = False
    file: Path | None = None
    resume: bool = False
    once: bool = False

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


def checks(asked: Mapping[str, object], allowed: Path | None) -> Checks | None:
    """What is known of every number, as given on the command line; None where nothing is."""
    values = {name: value for name, value in asked.items() if value is not None}
    if allowed is not None:
        values["allowed"] = _listed(allowed)
    return parse(values) if values else None


def _listed(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the list {path} ({error})") from error
    if not lines:
        raise UserError(f"the list {path} is empty; it should hold a number a line")
    return lines


def read(paths: Sequence[Path], job: Job, output: Output, *, workers: int) -> int:
    """Reads every file and says what is in it; 1 where one couldn't be read, or a page not be drawn."""
    if workers < 1:
        raise ArgumentError(f"workers is {workers}, but has to be 1 or more")
    if output.once and (job.order.checks is None or not job.order.checks.allowed):
        raise ArgumentError("--once gives each allowed number to one line: name them with --allowed")
    for path in paths:
        if job.pictures is not None and path.is_dir() and path.resolve() == job.pictures.resolve():
            raise ArgumentError(
                f"{path} is read, so that its pages can't be drawn into it: name another folder"
            )
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


def _described(job: Job) -> str:
    """What decides how files are read: the options, the models, a form's spec and template, the version."""
    template = None if job.order.form is None else form_spec.load(job.order.form).template
    named = (path for path in (job.order.model, job.order.form, template) if path is not None)
    contents = [*(path.read_bytes() for path in named), *map(weights.content, weights.NAMES)]
    return " ".join([repr(job), *(hashlib.sha256(each).hexdigest() for each in contents), __version__])


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and those in folders named, by name; of a folder without pictures, itself."""
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.iterdir() if _is_picture(each)) or [path]
        else:
            yield path


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in reader.SUFFIXES and not path.name.startswith(".") and path.is_file()


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
        rows.writerow(COLUMNS)
    try:
        for document in documents:
            found.append(document)
            if output.as_csv:
                rows.writerows(_rows(document))
            elif not output.as_json:
                print(f"{document['file']}: {_told(document)}")
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
    if journal.path.exists() and not output.resume:
        raise UserError(f"{journal.path} holds what a stopped batch had read: give --resume, or delete it")
    had = [entry for entry in journal.entries() if _still_holds(entry)] if output.resume else []
    done = {(entry["file"], entry[_FIRST]): _plain(entry) for entry in had}
    left = [part for part in wanted if _place(part) not in done]
    try:
        with journal.writing(had) as note:
            for part, entry in zip(left, read_rest(left), strict=True):
                note({**entry, _FIRST: part.first, _VERSION: _version(part.path)})
                done[_place(part)] = entry
    except KeyboardInterrupt:
        n_done = sum(part.is_last and _place(part) in done for part in wanted)
        n_files = sum(part.is_last for part in wanted)
        further = "" if output.once else "; go on with --resume"
        print(f"inkdigits: {n_done:,} of {n_files:,} files are read{further}", file=sys.stderr)
        return INTERRUPTED
    found = list(_joined(wanted, [done[_place(part)] for part in wanted]))
    text = _csv(found) if output.file.suffix == ".csv" else json.dumps(found, indent=2, ensure_ascii=False)
    files.write(output.file, text.encode(errors="replace"))
    journal.remove()
    return _status(found, job)


def _still_holds(entry: Entry) -> bool:
    """Whether a file was read, and hasn't been changed since."""
    return not entry["error"] and entry.get(_VERSION) == _version(Path(entry["file"]))


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
    return {name: value for name, value in entry.items() if name not in (_FIRST, _VERSION)}


def _csv(documents: Iterable[Entry]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for document in documents:
        rows.writerows(_rows(document))
    return text.getvalue()


def _rows(document: Entry) -> list[list[object]]:
    """A row for each line; for a file or page without any, one that says why."""
    if not document["pages"]:
        return [[document["file"], *[""] * 6, document["error"], *[""] * 4]]
    found: list[list[object]] = []
    for number, page in enumerate(document["pages"], 1):
        for at, (name, line) in enumerate(zip(_names(page), page["lines"], strict=True), 1):
            box = line["box"]
            found.append(
                [
                    document["file"], number, at, name, line["text"], f"{line['confidence']:.6f}",
                    str(line["accepted"]).lower(), line["reason"] or "",
                    box["x"], box["y"], box["width"], box["height"],
                ]
            )  # fmt: skip
        if not page["lines"]:
            reason = page["error"] or "no digits"
            found.append([document["file"], number, *[""] * 5, reason, *[""] * 4])
    return found


def _names(page: Entry) -> list[str]:
    """What each line is: a form's field by its name, a grid's cell by its row and column, from 1."""
    if page["fields"] is not None:
        return [field["name"] for field in page["fields"]]
    if page["grid"] is not None:
        return [
            f"r{row}c{column}"
            for row, cells in enumerate(page["grid"], 1)
            for column in range(1, len(cells) + 1)
        ]
    return [""] * len(page["lines"])


def _status(documents: Iterable[Entry], job: Job) -> int:
    return 1 if any(_has_failed(document, job.pictures) for document in documents) else 0


def _has_failed(document: Entry, pictures: Path | None) -> bool:
    """Whether a file or a page of it couldn't be read, or not be drawn where it should be."""
    if document["error"] or any(page["error"] for page in document["pages"]):
        return True
    if pictures is None:
        return False
    pages = range(1, len(document["pages"]) + 1)
    return not all(batch.picture(pictures, Path(document["file"]), page).is_file() for page in pages)


def _told(document: Entry) -> str:
    if document["error"] is not None:
        return str(document["error"]).removeprefix(f"{document['file']} ")
    pages = document["pages"]
    told = [_page(page) for page in pages]
    if len(pages) == 1:
        return told[0]
    return "".join(f"\n  page {number}: {text}" for number, text in enumerate(told, 1))


def _page(page: Entry) -> str:
    if page["error"] is not None:
        return str(page["error"])
    if page["grid"] is not None:
        return _grid(page)
    if page["fields"] is not None:
        return "".join(f"\n  {field['name']}: {_line(field)}" for field in page["fields"])
    return "; ".join(_line(line) for line in page["lines"]) or "no digits"


def _grid(page: Entry) -> str:
    """The cells by rows: a point for a blank one, a question mark where what is written isn't accepted."""
    told = []
    for cell in page["lines"]:
        doubt = "" if cell["accepted"] or cell["reason"] == "blank" else "?"
        told.append(f"{cell['text']}{doubt}" or ".")
    n = len(page["grid"][0])
    rows = (told[at : at + n] for at in range(0, len(told), n))
    return "".join("\n  " + " ".join(f"{cell:2}" for cell in row).rstrip() for row in rows)


def _line(line: Entry) -> str:
    if not line["text"]:
        return f"refused: {line['reason']}"
    doubt = "" if line["accepted"] else f", not accepted: {line['reason']}"
    return f"{line['text']}  {100 * line['confidence']:.1f} %{doubt}"
