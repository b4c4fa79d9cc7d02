"""`inkdigits read`: the digits in pictures, scans and PDFs, with confidence, and accepted or not."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from inkdigits import files
from inkdigits.cli.output import print_json
from inkdigits.cli.status import INTERRUPTED
from inkdigits.errors import ArgumentError, UserError
from inkdigits.read import batch
from inkdigits.read.batch import Job
from inkdigits.read.checks import Checks, parse

COLUMNS = (
    "file", "page", "line", "text", "confidence", "accepted", "reason", "x", "y", "width", "height"
)  # fmt: skip
"""The header of a CSV; a file or page that couldn't be read is a row with the reason alone."""

_Plain = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where results go: standard output as lines, JSON or CSV, or a file, which can be gone on with."""

    as_json: bool = False
    as_csv: bool = False
    file: Path | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        if self.as_json and self.as_csv:
            raise ArgumentError("--json and --csv are two forms of the same: give one of them")
        if self.resume and self.file is None:
            raise ArgumentError("--resume goes on with a file: name it with --out")
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
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the list {path} ({error})") from error
    if not lines:
        raise UserError(f"the list {path} is empty; it should hold a number a line")
    return lines


def read(paths: Sequence[Path], job: Job, output: Output, *, workers: int) -> int:
    """Reads every file and says what is in it; 1 where one couldn't be read."""
    if workers < 1:
        raise ArgumentError(f"workers is {workers}, but has to be 1 or more")
    wanted = list(_files(paths))
    if output.file is not None:
        return _to_file(wanted, job, output.file, resume=output.resume, workers=workers)
    return _to_console(_documents(wanted, job, workers=workers), output)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and those in folders named, by name."""
    for path in paths:
        if path.is_dir():
            found = sorted(each for each in path.iterdir() if each.is_file() and each.name[:1] != ".")
            if not found:
                raise UserError(f"{path} is an empty folder; it should hold pictures")
            yield from found
        else:
            yield path


def _documents(wanted: Sequence[Path], job: Job, *, workers: int) -> Iterator[_Plain]:
    with _bar(len(wanted)) as advance:
        for document in batch.read(wanted, job, workers=workers):
            yield asdict(document)
            advance()


def _bar(n: int) -> AbstractContextManager[Any]:
    """A bar on standard error, where there is somebody to look at it and more than one file to wait for."""
    if n < 2 or not sys.stderr.isatty() or sys.stdout.isatty():
        return nullcontext(lambda: None)
    from inkdigits.cli.bars import files_read  # noqa: PLC0415

    return files_read(n)


def _to_console(documents: Iterator[_Plain], output: Output) -> int:
    found: list[_Plain] = []
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
    return _status(found)


def _to_file(wanted: Sequence[Path], job: Job, out: Path, *, resume: bool, workers: int) -> int:
    """Results into a file; what is done is kept beside it until all is, so that --resume can go on."""
    beside = out.with_name(f"{out.name}.unfinished")
    done = {document["file"]: document for document in _done(beside)} if resume else {}
    left = [path for path in wanted if str(path) not in done]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("a" if resume else "w", encoding="utf-8") as journal:
            for document in _documents(left, job, workers=workers):
                _note(journal, document)
                done[document["file"]] = document
    except OSError as error:
        raise UserError(f"cannot write {beside}: {error.strerror}") from error
    except KeyboardInterrupt:
        print(
            f"inkdigits: {len(done):,} of {len(wanted):,} files are read; go on with --resume",
            file=sys.stderr,
        )
        return INTERRUPTED
    found = [done[str(path)] for path in wanted]
    files.write(out, (_csv(found) if out.suffix == ".csv" else json.dumps(found, indent=2)).encode())
    beside.unlink()
    return _status(found)


def _note(journal: TextIO, document: _Plain) -> None:
    journal.write(json.dumps(document) + "\n")
    journal.flush()


def _done(journal: Path) -> list[_Plain]:
    """The documents that an unfinished batch had read; a torn last line is read again."""
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot go on with {journal} ({error})") from error
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def _csv(documents: Iterable[_Plain]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for document in documents:
        rows.writerows(_rows(document))
    return text.getvalue()


def _rows(document: _Plain) -> list[list[object]]:
    """A row for each line; for a file or page without any, one that says why."""
    if not document["pages"]:
        return [[document["file"], "", "", "", "", "", document["error"], "", "", "", ""]]
    found: list[list[object]] = []
    for number, page in enumerate(document["pages"], 1):
        for at, line in enumerate(page["lines"], 1):
            box = line["box"]
            found.append(
                [
                    document["file"], number, at, line["text"], f"{line['confidence']:.6f}",
                    str(line["accepted"]).lower(), line["reason"] or "",
                    box["x"], box["y"], box["width"], box["height"],
                ]
            )  # fmt: skip
        if not page["lines"]:
            reason = page["error"] or "no digits"
            found.append([document["file"], number, "", "", "", "", reason, "", "", "", ""])
    return found


def _status(documents: Iterable[_Plain]) -> int:
    failed = (document["error"] or any(page["error"] for page in document["pages"]) for document in documents)
    return 1 if any(failed) else 0


def _told(document: _Plain) -> str:
    if document["error"] is not None:
        return str(document["error"]).removeprefix(f"{document['file']} ")
    pages = document["pages"]
    told = [_page(page) for page in pages]
    if len(pages) == 1:
        return told[0]
    return "".join(f"\n  page {number}: {text}" for number, text in enumerate(told, 1))


def _page(page: _Plain) -> str:
    if page["error"] is not None:
        return str(page["error"])
    if page["grid"] is not None:
        return "".join("\n  " + " ".join(cell or "." for cell in row) for row in page["grid"])
    return "; ".join(_line(line) for line in page["lines"]) or "no digits"


def _line(line: _Plain) -> str:
    if not line["text"]:
        return f"refused: {line['reason']}"
    doubt = "" if line["accepted"] else f", not accepted: {line['reason']}"
    return f"{line['text']}  {100 * line['confidence']:.1f} %{doubt}"
