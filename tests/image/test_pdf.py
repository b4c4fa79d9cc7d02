"""Every page of a PDF comes out, in order and as it was put in, or as the sentence that says why not."""

import io
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inkdigits import image
from inkdigits.errors import UserError
from inkdigits.image import documents
from inkdigits.types import Gray


def noise(height: int, width: int, seed: int = 0) -> Gray:
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (entries, len(content), content)


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF of these objects, of which the first is the catalogue, with a table that says where they are."""
    content, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return content + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n"
        % (size, rows, size, trailer, len(content))
    )


def one_page(
    entries: bytes, *more: bytes, drawing: bytes = b"", resources: bytes = b"", catalogue: bytes = b""
) -> bytes:
    """A PDF of one page that draws so; `more` are objects 5, 6, …"""
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R%b>>" % catalogue,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<<%b>>%b>>" % (resources, entries),
        stream(drawing),
        *more,
    )


def box(name: bytes, left: float, bottom: float, right: float, top: float) -> bytes:
    return b"/%b[%.9g %.9g %.9g %.9g]" % (name, left, bottom, right, top)


def points(n_pixels: float) -> float:
    """Pixels at 300 dots per inch in the units of a page, 1/72 inch."""
    return n_pixels * 72 / 300


def pixels_of(picture: Gray) -> bytes:
    height, width = picture.shape
    entries = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8/Width %d/Height %d"
    return stream(picture.tobytes(), entries % (width, height))


def scan(picture: Gray, entries: bytes = b"") -> bytes:
    """A PDF of one page, which the picture covers at 300 dots per inch, unpacked."""
    width, height = points(picture.shape[1]), points(picture.shape[0])
    return one_page(
        box(b"MediaBox", 0, 0, width, height) + entries,
        pixels_of(picture),
        drawing=b"%.9g 0 0 %.9g 0 0 cm /Scan Do" % (width, height),
        resources=b"/XObject<</Scan 5 0 R>>",
    )


def album(pictures: Sequence[Gray]) -> bytes:
    """A PDF of so many pages, as Pillow writes it: in JPEG."""
    first, *others = (Image.fromarray(each) for each in pictures)
    out = io.BytesIO()
    first.save(out, "PDF", resolution=300, save_all=True, append_images=others, quality=95)
    return out.getvalue()


def only(content: bytes | Path) -> Gray:
    (page,) = image.pages(content)
    assert not isinstance(page, UserError)
    return page


def told(content: bytes) -> list[str]:
    """What is said of each page: its size, or why there is none."""
    found = image.pages(content, name="x.pdf")
    return [str(each if isinstance(each, UserError) else each.shape) for each in found]


A4 = box(b"MediaBox", 0, 0, 595, 842)


def test_a_scan_comes_out_as_it_went_in() -> None:
    assert (only(scan(noise(300, 200))) == noise(300, 200)).all()


def test_a_page_can_be_written_to() -> None:
    only(scan(noise(9, 9)))[0, 0] = 1


def test_a_pdf_may_begin_with_other_words() -> None:
    assert (only(b"printed by hand\n" + scan(noise(75, 50))) == noise(75, 50)).all()


@pytest.mark.parametrize("turns", range(4))
def test_a_rotated_page_is_upright(turns: int) -> None:
    rotated = scan(noise(100, 50), b"/Rotate %d" % (90 * turns))
    assert (only(rotated) == np.rot90(noise(100, 50), -turns)).all()


def test_what_is_cropped_away_is_not_there() -> None:
    crop = box(b"CropBox", points(25), points(25), points(50), points(125))
    assert (only(scan(noise(150, 75), crop)) == noise(150, 75)[25:125, 25:50]).all()


def test_pages_come_in_order_each_in_its_size() -> None:
    pictures = [np.full((60 + 10 * n, 200 - 20 * n), 40 * n, np.uint8) for n in range(6)]
    made = list(image.pages(album(pictures)))
    assert image.n_pages(album(pictures)) == 6
    for page, picture in zip(made, pictures, strict=True):
        assert not isinstance(page, UserError)
        assert page.shape == picture.shape
        assert np.abs(page.astype(int) - picture).max() <= 2


def test_colours_become_their_luma() -> None:
    red = one_page(A4, drawing=b"1 0 0 rg 0 0 595 842 re f")
    assert np.abs(only(red).astype(int) - 0.299 * 255).max() <= 2


def test_what_shines_through_is_mixed_with_the_paper() -> None:
    half = one_page(A4, drawing=b"/Half gs 0 g 0 0 595 842 re f", resources=b"/ExtGState<</Half<</ca 0.5>>>>")
    assert np.abs(only(half).astype(int) - 127.5).max() <= 2


def form(value: bytes) -> bytes:
    """A form of one field, 300 × 60 units in the middle of the page, which the program is to draw."""
    return one_page(
        A4 + b"/Annots[5 0 R]",
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(amount)/F 4/P 3 0 R/DA(/Helv 40 Tf 0 g)%b%b>>"
        % (box(b"Rect", 100, 400, 400, 460), value),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        catalogue=b"/AcroForm<</Fields[5 0 R]/NeedAppearances true/DR<</Font<</Helv 6 0 R>>>>>>",
    )


def test_the_text_in_a_form_field_is_visible() -> None:
    filled, empty = only(form(b"/V(40271)")), only(form(b""))
    rows, columns = np.nonzero(filled < 128)
    assert (empty == 255).all()
    assert len(rows) > 5000
    assert 842 - 460 <= rows.min() * 0.24 < rows.max() * 0.24 <= 842 - 400
    assert 100 <= columns.min() * 0.24 < columns.max() * 0.24 <= 400


def test_what_was_written_on_a_page_with_a_stylus_is_visible() -> None:
    note = b"<</Type/Annot/Subtype/Ink/F 4/C[0 0 0]/BS<</W 9>>/InkList[[100 450 400 450]]%b/AP<</N 6 0 R>>>>"
    line = stream(b"9 w 0 30 m 300 30 l S", b"/Type/XObject/Subtype/Form/BBox[0 0 300 60]")
    noted = one_page(A4 + b"/Annots[5 0 R]", note % box(b"Rect", 100, 420, 400, 480), line)
    assert (only(noted) < 128).sum() > 10_000


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (595.276, 841.89, (3508, 2480)),
        (14400, 14400, (4472, 4472)),
        (841.89 * 4, 1190.55 * 4, (5318, 3761)),
        (14400, 0.01, (1, 30_000)),
        (0.01, 0.01, (1, 1)),
    ],
)
def test_a_page_is_drawn_at_300_dpi_or_as_large_as_may_be(
    width: float, height: float, shape: tuple[int, int]
) -> None:
    assert only(one_page(box(b"MediaBox", 0, 0, width, height))).shape == shape


def test_an_empty_page_is_white_paper() -> None:
    assert (only(one_page(A4)) == 255).all()


ENCRYPTED = b"/ID[<00><00>]/Encrypt<</Filter/%b/V 1/R 2/P -4/O<%b>/U<%b>>>"

HOSTILE = {
    "is a PDF without pages": pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"),
    "is damaged and can't be read as a PDF": b"%PDF-1.7\nnothing else",
    "is encrypted; saved without its password it can be read": pdf(
        *[b"<<>>"] * 3, trailer=ENCRYPTED % (b"Standard", b"00" * 32, b"11" * 32)
    ),
    "is encrypted in an unknown way; saved without encryption it can be read": pdf(
        *[b"<<>>"] * 3, trailer=ENCRYPTED % (b"Acme", b"00" * 32, b"11" * 32)
    ),
    "is an XFA form, which can't be drawn; printed to a PDF it can be read": one_page(
        A4, stream(b"<xdp/>"), catalogue=b"/NeedsRendering true/AcroForm<</Fields[]/XFA 5 0 R>>"
    ),
    "is no picture or document in a known format; one of: PNG, JPEG, WebP, BMP, TIFF, PDF": b"GIF89a",
    "has more than 2,000 pages; divided into files of fewer it can be read": pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1000000>>",
        b"<</Type/Page/Parent 2 0 R%b>>" % A4,
    ),
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_what_holds_no_pages_is_refused_with_the_reason(reason: str) -> None:
    sentence = f"^{re.escape(f'x.pdf {reason}')}$"
    with pytest.raises(UserError, match=sentence):
        next(image.pages(HOSTILE[reason], name="x.pdf"))
    with pytest.raises(UserError, match=sentence):
        image.n_pages(HOSTILE[reason], name="x.pdf")


def test_a_file_on_disk_is_read_and_named(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    path.write_bytes(scan(noise(75, 50)))
    assert image.n_pages(path) == 1
    assert (only(path) == noise(75, 50)).all()
    with pytest.raises(UserError, match=r"absent\.pdf can't be read"):
        next(image.pages(tmp_path / "absent.pdf"))


def test_pages_that_are_not_there_lose_no_others() -> None:
    page = b"<</Type/Page/Parent 2 0 R%b>>" % A4
    torn = pdf(
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R 9 0 R 4 0 R]/Count 3>>", page, page
    )
    assert told(torn) == [
        "(3508, 2479)",
        "page 2 of x.pdf is damaged and can't be drawn",
        "(3508, 2479)",
    ]


def bomb(*, levels: int = 30) -> list[bytes]:
    """Drawings, objects 5, 6, …, each of which draws the next ten times."""
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</Next %d 0 R>>>>"
    return [stream(b"/Next Do " * 10, entries % (6 + level)) for level in range(levels)]


def bombs(kinds: str) -> bytes:
    """A PDF whose pages are harmless (.) or never come to an end (!)."""
    first = 5 + len(bomb())
    resources = b"/Resources<</XObject<</Next 5 0 R>>>>/Contents 4 0 R"
    size = box(b"MediaBox", 0, 0, 6, 12)
    leaves = [b"<</Type/Page/Parent 2 0 R%b%b>>" % (size, resources * (kind == "!")) for kind in kinds]
    kids = b" ".join(b"%d 0 R" % (first + n) for n in range(len(kinds)))
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, len(kinds)),
        b"null",
        stream(b"/Next Do"),
        *bomb(),
        *leaves,
    )


def test_a_page_that_never_ends_is_stopped_and_loses_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_SECONDS", 0.5)
    assert told(bombs(".!.")) == [
        "(50, 25)",
        "page 2 of x.pdf can't be drawn: it takes too much time or memory",
        "(50, 25)",
    ]


def test_after_three_such_pages_the_rest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_SECONDS", 0.5)
    found = told(bombs("!.!!.."))
    assert [each.startswith("(") for each in found] == [False, True, False, False, False, False]
    assert found[-1] == "page 6 of x.pdf is left out, as 3 before it took too much time or memory"


def test_a_page_that_fills_the_memory_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("resource", reason="no limit of memory on this system")
    monkeypatch.setattr(documents, "_MEMORY", 1 << 28)
    monkeypatch.setattr(documents, "_SECONDS", 600.0)
    assert told(bombs("!")) == ["page 1 of x.pdf can't be drawn: it takes too much time or memory"]


def test_a_pdf_that_never_opens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_SECONDS", 0.05)
    with pytest.raises(UserError, match=r"x\.pdf can't be read: it takes too much time or memory"):
        image.n_pages(b"%PDF-1.7\n" + b"1 0 obj\n" * 4_000_000, name="x.pdf")


def test_a_picture_too_large_is_refused_by_what_it_says_of_itself() -> None:
    entries = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 1/Width 60000/Height 60000"
    packed = stream(zlib.compress(bytes(60000 * 60000 // 800)), entries + b"/Filter/FlateDecode")
    huge = one_page(A4, packed, drawing=b"9 0 0 9 0 0 cm /I Do", resources=b"/XObject<</I 5 0 R>>")
    assert told(huge) == ["page 1 of x.pdf has a picture of 60000×60000 pixels; one may have 120,000,000"]


def test_pages_are_drawn_one_by_one_and_what_isnt_asked_for_not_at_all() -> None:
    pages = documents._pdf_pages(bombs(".!"), slice(None), name="x.pdf", limits=image.LIMITS)
    assert not isinstance(next(pages), UserError)
    pages.close()  # type: ignore[attr-defined]  # a generator, whose process is gone now


@settings(max_examples=25)
@given(share=st.floats(0, 1))
def test_a_pdf_cut_short_gives_pages_or_a_sentence(share: float) -> None:
    whole = album([noise(40, 30, seed) for seed in range(3)])
    try:
        found = list(image.pages(whole[: int(share * len(whole))]))
    except UserError:
        return
    assert len(found) <= 3
    assert all(isinstance(each, UserError) or each.shape == (40, 30) for each in found)
