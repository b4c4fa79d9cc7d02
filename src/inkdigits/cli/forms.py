"""`inkdigits form new`: a spec proposed for a blank page."""

import json
from pathlib import Path

import cv2

from inkdigits import files, image
from inkdigits.cli.output import print_json
from inkdigits.errors import ArgumentError, UserError
from inkdigits.read import form_proposal, form_spec

A4_MM = (210.0, 297.0)
"""Width and height."""

_WIDEST_MM = 10_000.0


def new(blank: Path, *, out: Path | None, width: float | None, as_json: bool) -> int:
    """Writes the spec, the picture that pages are registered on, and a drawing of the proposal."""
    if out is not None and out.suffix != ".json":
        raise ArgumentError(f"{out} is no name for a spec; it should end in .json")
    if width is not None and not 0 < width < _WIDEST_MM:
        raise ArgumentError(f"width is {width:g}, but has to be above 0 and below {_WIDEST_MM:g} millimetres")
    page = next(image.pages(blank))
    if isinstance(page, UserError):
        raise page
    out = out or blank.with_suffix(".json")
    if out.exists():
        raise UserError(f"{out} is there already: name another with --out, or delete it")
    across = width or A4_MM[page.shape[1] > page.shape[0]]
    template, check = out.with_suffix(".template.png"), out.with_suffix(".check.png")
    spec = form_proposal.propose(
        page,
        name=out.stem,
        width=across,
        height=round(across * page.shape[0] / page.shape[1], 2),
        unit="mm",
        template=Path(template.name),
    )
    files.write(template, bytes(cv2.imencode(".png", page)[1]))
    files.write(check, bytes(cv2.imencode(".png", form_proposal.drawn(page, spec))[1]))
    files.write(out, form_spec.text(spec).encode())
    if as_json:
        print_json(json.loads(form_spec.text(spec)))
    else:
        kinds = [f"{field.name} ({field.kind}, {len(field.boxes)})" for field in spec.fields]
        print(f"{out}: {len(spec.fields)} fields: {', '.join(kinds)}")
        print(f"look at {check}, name the fields in {out}, and read filled pages with")
        print(f"  inkdigits read PAGES --as form --form {out}")
    return 0
