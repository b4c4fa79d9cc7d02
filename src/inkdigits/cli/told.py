"""What was read, as people see it: a sentence for each file, or the rows of a table."""

import csv
import io
from collections.abc import Iterable

from inkdigits.cli.journal import Entry

COLUMNS = (
    "file", "page", "line", "field", "text", "confidence", "accepted", "reason", "x", "y", "width", "height"
)  # fmt: skip
"""The header of a CSV; a file or page that couldn't be read is a row with the reason alone."""


def table(documents: Iterable[Entry]) -> str:
    """All of them as CSV, with its header."""
    text = io.StringIO()
    written = csv.writer(text, lineterminator="\n")
    written.writerow(COLUMNS)
    for document in documents:
        written.writerows(rows(document))
    return text.getvalue()


def rows(document: Entry) -> list[list[object]]:
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


def sentence(document: Entry) -> str:
    """What a file says, without its name: a line, or one for each page, field or row of cells."""
    if document["error"] is not None:
        return str(document["error"]).removeprefix(f"{document['file']} ")
    pages = document["pages"]
    told = [_page(page) for page in pages]
    if len(pages) == 1:
        return told[0]
    return "".join(f"\n  page {number}: {text}" for number, text in enumerate(told, 1))


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
