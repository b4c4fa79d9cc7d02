"""Every picture in a file is a page, in order and as it was put in, or the sentence that says why not."""

import io
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inkdigits import image
from inkdigits.errors import TooLargeError, UserError
from inkdigits.types import Gray


def noise(height: int, width: int, seed: int = 0) -> Gray:
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


def tiff(pictures: Sequence[Image.Image], **options: object) -> bytes:
    out = io.BytesIO()
    pictures[0].save(out, "TIFF", save_all=True, append_images=pictures[1:], **options)
    return out.getvalue()


def only(content: bytes) -> Gray:
    (page,) = image.pages(content)
    assert not isinstance(page, UserError)
    return page


def test_every_picture_in_a_tiff_is_a_page() -> None:
    grey = noise(20, 30)
    made = tiff(
        [
            Image.fromarray(grey),
            Image.fromarray(grey[:9] > 99),
            Image.fromarray(np.stack([grey.T] * 3, -1)),
            Image.fromarray(grey.astype(np.uint16) * 257),
        ]
    )
    truth = [grey, (grey[:9] > 99) * 255, grey.T, grey]
    assert image.n_pages(made) == 4
    for page, picture in zip(image.pages(made), truth, strict=True):
        assert not isinstance(page, UserError)
        assert (page == picture).all()


def test_some_pages_of_a_file_are_those_of_all() -> None:
    levels = [Image.new("L", (30, 20), level) for level in range(0, 250, 25)]
    for form in ("TIFF", "PDF"):
        held = io.BytesIO()
        levels[0].save(held, form, save_all=True, append_images=levels[1:])
        content = held.getvalue()
        whole = [int(np.median(page)) for page in image.pages(content) if not isinstance(page, UserError)]
        for first, end in ((0, 4), (4, 8), (8, None), (9, 99), (20, 30)):
            some = image.pages(content, first=first, end=end)
            assert [int(np.median(page)) for page in some if not isinstance(page, UserError)] == whole[
                first:end
            ]


def test_a_large_picture_of_16_bits_is_the_same_all_over() -> None:
    deep = Image.fromarray(noise(1100, 1000).astype(np.uint16) * 257)
    assert (only(tiff([deep])) == noise(1100, 1000)).all()


def directories(content: bytes) -> list[int]:
    """Where the directories of a little-endian TIFF lie."""
    (place,) = struct.unpack_from("<I", content, 4)
    places = []
    while place:
        places.append(place)
        (n_fields,) = struct.unpack_from("<H", content, place)
        (place,) = struct.unpack_from("<I", content, place + 2 + 12 * n_fields)
    return places


def with_field(content: bytes, directory: int, tag: int, value: int) -> bytes:
    """The TIFF with another value in one field of one of its directories."""
    (n_fields,) = struct.unpack_from("<H", content, directory)
    for at in range(directory + 2, directory + 2 + 12 * n_fields, 12):
        if struct.unpack_from("<H", content, at) == (tag,):
            kind = "<H" if struct.unpack_from("<H", content, at + 2) == (3,) else "<I"
            changed = bytearray(content)
            struct.pack_into(kind, changed, at + 8, value)
            return bytes(changed)
    raise LookupError(tag)


@pytest.mark.parametrize(
    ("tag", "value", "reason"),
    [(273, 1 << 30, "damaged"), (262, 77, "damaged"), (256, 1 << 31, "pixels; a picture may have")],
)
def test_a_broken_picture_in_a_tiff_loses_no_others(tag: int, value: int, reason: str) -> None:
    whole = tiff([Image.fromarray(noise(20, 30, n)) for n in range(4)])
    found = list(image.pages(with_field(whole, directories(whole)[1], tag, value), name="x.tif"))
    assert [isinstance(each, UserError) for each in found] == [False, True, False, False]
    assert str(found[1]).startswith("page 2 of x.tif ")
    assert reason in str(found[1])
    assert np.array_equal(np.asarray(found[3]), noise(20, 30, 3))


def test_a_chain_of_pictures_that_bites_its_tail_ends() -> None:
    whole = bytearray(tiff([Image.fromarray(noise(20, 30, n)) for n in range(3)]))
    last = directories(bytes(whole))[-1]
    (n_fields,) = struct.unpack_from("<H", whole, last)
    struct.pack_into("<I", whole, last + 2 + 12 * n_fields, directories(bytes(whole))[0])
    assert image.n_pages(bytes(whole)) == 3
    assert sum(not isinstance(each, UserError) for each in image.pages(bytes(whole))) == 3


def test_a_tiff_of_too_many_pictures_is_refused() -> None:
    whole = tiff([Image.fromarray(noise(2, 3))] * 6)
    assert len(list(image.pages(whole, limits=image.Limits(n_pages=6)))) == 6
    with pytest.raises(TooLargeError, match="more than 5 pages"):
        next(image.pages(whole, limits=image.Limits(n_pages=5)))


@given(share=st.floats(0, 1))
def test_a_tiff_cut_short_gives_pages_or_a_sentence(share: float) -> None:
    whole = tiff([Image.fromarray(noise(20, 30, n)) for n in range(4)], compression="tiff_lzw")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = list(image.pages(whole[: int(share * len(whole))]))
        except UserError:
            return
    assert len(found) <= 4
    assert all(isinstance(each, UserError) or each.shape == (20, 30) for each in found)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_taken(form: str) -> None:
    first, second = Image.new("L", (8, 6), 10), Image.new("L", (8, 6), 200)
    out = io.BytesIO()
    first.save(out, form, save_all=True, append_images=[second], lossless=True)
    assert image.n_pages(out.getvalue()) == 1
    assert (only(out.getvalue()) == 10).all()


def test_other_pictures_are_one_page() -> None:
    out = io.BytesIO()
    Image.fromarray(noise(6, 8)).save(out, "BMP")
    assert (only(out.getvalue()) == noise(6, 8)).all()
    with pytest.raises(UserError, match=r"x\.bmp is damaged"):
        next(image.pages(out.getvalue()[:60], name="x.bmp"))


@pytest.mark.parametrize("place", ["/dev/zero", "/"])
def test_what_is_no_file_is_refused_at_once(place: str) -> None:
    with pytest.raises(UserError, match="it is no file"):
        next(image.pages(Path(place)))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_torn_tiff_whose_directories_lie_behind_their_pixels_ends_with_a_page_that_says_so(
    share: float, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.tif"
    cv2.imwritemulti(str(whole), [noise(200, 150) for _ in range(6)])  # OpenCV's libtiff, page after page
    content = whole.read_bytes()
    assert image.n_pages(content) == 6
    torn = list(image.pages(content[: int(share * len(content))], name="torn"))
    assert len(torn) == image.n_pages(content[: int(share * len(content))])
    assert 1 < len(torn) <= 6
    assert [isinstance(page, UserError) for page in torn] == [False] * (len(torn) - 1) + [True]
    assert str(torn[-1]) == f"page {len(torn)} of torn is missing: the file is torn"
