"""`inkdigits form new`: a spec proposed for a blank page."""

import json
from pathlib import Path

import cv2

from inkdigits import files, image
from inkdigits.cli.output import print_json
from inkdigits.errors import ArgumentError, UserError
from inkdigits.read import form_proposal, form_spec, registration
from inkdigits.read.form_spec import FormSpec
from inkdigits.types import Gray

A4_MM = (210.0, 297.0)
"""Width and height."""

NARROWEST_MM, WIDEST_MM = 10.0, 10_000.0
LEAST_SIDE = 100
"""Pixels along each side of a picture of a form."""


def new(blank: Path, *, out: Path | None, width: float | None, as_json: bool) -> int:
    """Writes the spec, the picture that pages are registered on, and a drawing of the proposal."""
    if out is not None and out.suffix != ".json":
        raise ArgumentError(f"{out} is no name for a spec; it should end in .json")
    if width is not None and not NARROWEST_MM <= width <= WIDEST_MM:
        raise ArgumentError(
            f"width is {width:g}, but has to lie between {NARROWEST_MM:g} and {WIDEST_MM:g} millimetres"
        )
    page = next(image.pages(blank))
    if isinstance(page, UserError):
        raise page
    if min(page.shape) < LEAST_SIDE:
        height, width_of = page.shape
        raise UserError(f"{blank} has {width_of}×{height} pixels; a form has {LEAST_SIDE} along each side")
    out = out or blank.with_suffix(".json")
    across = width or A4_MM[page.shape[1] > page.shape[0]]
    template, check = out.with_suffix(".template.png"), out.with_suffix(".check.png")
    for path in (out, template, check):
        if path.exists():
            raise UserError(f"{path} is there already: name another spec with --out, or delete it")
    spec = form_proposal.propose(
        page,
        name=out.stem,
        width=across,
        height=round(across * page.shape[0] / page.shape[1], 2),
        unit="mm",
        template=Path(template.name),
    )
    _try(spec, page, out)
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


def _try(spec: FormSpec, page: Gray, out: Path) -> None:
    """Raises UserError where the spec can't be read back, or doesn't find its own blank page."""
    form_spec.parse(form_spec.text(spec), name=str(out), folder=out.parent)
    try:
        registration.register(page, registration.prepare(spec, page))
    except UserError as error:
        raise UserError(
            f"the page can't be found again by what is printed on it ({error}): it needs corner marks,"
            " or more print"
        ) from error
