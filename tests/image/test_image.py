"""Pictures are decoded safely, and every picture of one digit gives the same digit image."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from inkdigits import data, image
from inkdigits.errors import UserError
from inkdigits.types import Gray, Images

FORMATS = {"PNG": "PNG", "JPEG": "JPEG", "WebP": "WEBP", "BMP": "BMP", "TIFF": "TIFF"}


@pytest.fixture(scope="module")
def mnist(data_folder: Path) -> Images:
    return data.load("mnist", "test").images


@pytest.fixture
def gradient() -> Gray:
    return (np.arange(40)[:, None] * 4 + np.arange(30)[None] * 2).astype(np.uint8)


def encoded(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def seven(height: int = 60, width: int = 50) -> Gray:
    """A seven, bright on black, drawn with OpenCV."""
    picture = np.zeros((height, width), np.uint8)
    corners = np.array([[0.2, 0.2], [0.75, 0.2], [0.4, 0.85]]) * [width, height]
    cv2.polylines(
        picture, [corners.astype(np.int32)], isClosed=False, color=255, thickness=max(2, width // 12)
    )
    return picture


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG file's signature and header, with no pixels behind them."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDAT"


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_the_pixels_back(form: str, gradient: Gray) -> None:
    assert (image.decode(encoded(Image.fromarray(gradient), form)) == gradient).all()


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_lossy_formats_give_nearly_the_pixels_back(form: str, gradient: Gray) -> None:
    decoded = image.decode(encoded(Image.fromarray(gradient), form, quality=95))
    assert np.abs(decoded.astype(int) - gradient).mean() < 3


def test_colours_become_their_luma(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (4, 3), (255, 0, 0)).save(path)
    assert (image.decode(path) == round(0.299 * 255)).all()
    assert image.decode(path).shape == (3, 4)


def test_what_is_transparent_becomes_white() -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    clear.putpixel((1, 2), (0, 0, 0, 255))
    decoded = image.decode(encoded(clear))
    assert decoded[2, 1] == 0
    assert (decoded == 255).sum() == 15


@pytest.mark.parametrize(("ink", "polarity"), [(255, "bright"), (200, "bright"), (120, "dark"), (0, "dark")])
def test_ink_on_transparency_is_ink_of_either_polarity(ink: int, polarity: str) -> None:
    shape = np.zeros((80, 90), np.uint8)
    cv2.putText(shape, "7", (20, 70), cv2.FONT_HERSHEY_SIMPLEX, 2.4, 255, 6, cv2.LINE_AA)
    colours = [Image.fromarray(np.full((80, 90), ink, np.uint8))] * 3
    held = io.BytesIO()
    Image.merge("RGBA", [*colours, Image.fromarray(shape)]).save(held, "PNG")
    found = image.decode(held.getvalue())
    assert found[0, 0] == (0 if polarity == "bright" else 255)
    plain = 255 - shape
    assert abs(image.digit(found).astype(int) - image.digit(plain)).mean() < 6


def test_a_transparent_palette_colour_becomes_white() -> None:
    indexed = Image.new("P", (2, 1), 0)
    indexed.putpalette([0, 0, 0, 10, 10, 10])
    indexed.putpixel((1, 0), 1)
    assert image.decode(encoded(indexed, transparency=0)).tolist() == [[255, 10]]


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_become_eight(form: str) -> None:
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    assert image.decode(encoded(Image.fromarray(deep), form)).tolist() == [[0, 1, 128, 255]]


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_deep_pixels_are_taken_in_the_range_that_they_use(bits: int) -> None:
    full = 2**bits - 1
    deep = np.array([[0, full // 3, full]], np.uint16)
    assert image.decode(encoded(Image.fromarray(deep))).tolist() == [[0, 85, 255]]


@pytest.mark.parametrize("values", [[0.0, 0.5, 1.0], [0.0, 127.5, 255.0], [0.0, 32767.5, 65535.0]])
def test_floating_point_is_taken_in_its_evident_range(values: list[float]) -> None:
    assert image.decode(encoded(Image.fromarray(np.array([values], np.float32)), "TIFF")).tolist() == [
        [0, 128, 255]
    ]


def test_pixels_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(UserError, match="no numbers"):
        image.decode(encoded(Image.fromarray(np.array([[0.0, np.nan]], np.float32)), "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_orientation_is_applied(orientation: int, gradient: Gray) -> None:
    turn = {
        1: gradient,
        2: gradient[:, ::-1],
        3: gradient[::-1, ::-1],
        4: gradient[::-1],
        5: gradient.T,
        6: gradient.T[:, ::-1],
        7: gradient.T[::-1, ::-1],
        8: gradient.T[::-1],
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (image.decode(encoded(Image.fromarray(gradient), exif=exif)) == turn[orientation]).all()


def test_of_several_frames_the_first_is_taken() -> None:
    first, second = Image.new("L", (3, 2), 10), Image.new("L", (3, 2), 200)
    pages = encoded(first, "TIFF", save_all=True, append_images=[second])
    assert (image.decode(pages) == 10).all()


def test_other_formats_are_refused_with_the_known_ones() -> None:
    gif = encoded(Image.new("L", (3, 2)), "GIF")
    with pytest.raises(
        UserError, match=r"scan\.gif is no picture in a known format; one of: PNG, JPEG, WebP, BMP, TIFF"
    ):
        image.decode(gif, name="scan.gif")
    with pytest.raises(UserError, match="no picture"):
        image.decode(b"")


@pytest.mark.parametrize("form", FORMATS.values())
def test_a_picture_cut_short_is_refused(form: str) -> None:
    noisy = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8))
    content = encoded(noisy, form)
    with pytest.raises(UserError, match="damaged"):
        image.decode(content[: len(content) // 2])


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    with pytest.raises(UserError, match="the picture has 60000×60000 pixels; a picture may have 120,000,000"):
        image.decode(png_that_claims(60000, 60000))


def test_a_real_bomb_of_a_few_bytes_is_refused() -> None:
    bomb = encoded(Image.new("1", (12000, 12000)))
    assert len(bomb) < image.LIMITS.n_bytes // 1000
    with pytest.raises(UserError, match="12000×12000"):
        image.decode(bomb)


def test_a_file_too_long_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    with path.open("wb") as out:
        out.truncate(image.LIMITS.n_bytes + 1)
    with pytest.raises(UserError, match="bytes; a picture may have"):
        image.decode(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.png can't be read"):
        image.decode(tmp_path / "absent.png")
    with pytest.raises(UserError, match="can't be read"):
        image.decode(tmp_path)


@given(form=st.sampled_from(sorted(FORMATS.values())), seed=st.integers(0, 2**32 - 1))
def test_damaged_bytes_give_a_picture_or_a_sentence(form: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(encoded(Image.fromarray(seven()), form))
    for at in rng.integers(0, len(content), 6):
        content[at] = rng.integers(256)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            decoded = image.decode(bytes(content))
        except UserError:
            return
    assert decoded.dtype == np.uint8
    assert decoded.ndim == 2


def test_mnists_own_images_are_left_as_they_are(mnist: Images) -> None:
    assert image.are_digit_images(mnist).all()
    assert all(image.digit(each) is each for each in mnist[:50])


def test_shifted_ink_gives_the_same_image(mnist: Images) -> None:
    same = [(image.digit(np.pad(each, ((1, 9), (14, 3)))) == each).all() for each in mnist[:400]]
    # The others have a speck, fainter and smaller than ink, beyond which the box ends.
    assert np.mean(same) > 0.98


def test_dark_ink_on_white_gives_the_same_image(mnist: Images) -> None:
    same = [(image.digit(255 - np.pad(each, 6)) == each).all() for each in mnist[:400]]
    assert np.mean(same) > 0.98


def test_blocks_of_pixels_are_averaged_back(mnist: Images) -> None:
    blown_up = [np.kron(each, np.ones((3, 3), np.uint8)) for each in mnist[:200]]
    errors = [
        np.abs(image.digit(big).astype(int) - each).max() for big, each in zip(blown_up, mnist, strict=False)
    ]
    assert np.mean(np.array(errors) <= 3) > 0.95


@given(height=st.integers(30, 300), width=st.integers(30, 300), dark=st.booleans())
def test_a_digit_image_has_mnists_size_and_centre(height: int, width: int, *, dark: bool) -> None:
    picture = seven(height, width)
    made = image.digit(255 - picture if dark else picture)
    rows, columns = np.nonzero(made)
    assert made.shape == (28, 28)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for centre, along in zip(ndimage.center_of_mass(made), (rows, columns), strict=True):
        # Ink heavy at one end can't come nearer without leaving the image.
        assert abs(centre - 14) <= 0.51 or {0, 27} & set(along.tolist())
    assert made.max() > 200


def test_nearly_any_blot_becomes_a_digit_image() -> None:
    blots = [_blot(seed) for seed in range(300)]
    made = [_digit_or_none(blot) for blot in blots]
    n_refused = sum(each is None for each in made)
    assert n_refused <= 3  # taken for the frame of an empty box, or for what sticks into a crop
    assert all(each.shape == (28, 28) and each.any() for each in made if each is not None)


def _blot(seed: int) -> Gray:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(24, 200))
    blot = ndimage.gaussian_filter(rng.random((size, size)), size / 12)
    return np.asarray((blot - blot.min()) / np.ptp(blot) * 255, np.uint8)


def _digit_or_none(picture: Gray) -> Gray | None:
    try:
        return image.digit(picture)
    except UserError:
        return None


def test_the_aspect_of_the_ink_is_kept() -> None:
    picture = np.zeros((100, 100), np.uint8)
    picture[10:90, 40:60] = 255
    rows, columns = np.nonzero(image.digit(picture))
    assert [int(np.ptp(along)) + 1 for along in (rows, columns)] == [20, 5]


def test_shaded_paper_is_taken_away() -> None:
    shade = np.linspace(90, 230, 200)[None] * np.ones((200, 1))
    picture = np.where(seven(200, 200) > 0, shade * 0.3, shade).astype(np.uint8)
    plain = image.digit(seven(200, 200)).astype(int)
    assert np.abs(image.digit(picture) - plain).mean() < 8


def test_grain_and_specks_do_not_move_the_ink() -> None:
    rng = np.random.default_rng(1)
    clean = seven(120, 120)
    noisy = np.clip(rng.normal(220, 4, clean.shape) - clean * 0.6, 0, 255).astype(np.uint8)
    noisy[4:6, 110:112] = 60
    assert np.abs(image.digit(noisy).astype(int) - image.digit(clean)).mean() < 8


@pytest.mark.parametrize("quality", [60, 85, 95])
def test_a_jpegs_halo_does_not_move_the_ink(mnist: Images, quality: int) -> None:
    sharp = [Image.fromarray(255 - np.pad(each, 8)) for each in mnist[:100]]
    made = [image.digit(image.decode(encoded(each, "JPEG", quality=quality))) for each in sharp]
    errors = [np.abs(one.astype(int) - other).mean() for one, other in zip(made, mnist[:100], strict=True)]
    assert np.median(errors) < 5


@pytest.mark.parametrize("paper", [0, 128, 255])
def test_a_blank_picture_is_refused(paper: int) -> None:
    with pytest.raises(UserError, match="blank"):
        image.digit(np.full((50, 40), paper, np.uint8))


def test_the_grain_of_paper_is_no_ink() -> None:
    grain = np.random.default_rng(0).normal(200, 3, (128, 128)).astype(np.uint8)
    with pytest.raises(UserError, match="blank"):
        image.digit(grain)


def test_a_large_photo_is_shrunk_before_its_ink_is_sought() -> None:
    assert image.find_ink(255 - seven(1200, 900)).shape == (149, 112)
    assert image.find_ink(255 - seven(1600, 600)).shape == (160, 60)


def test_one_pixel_of_ink_is_a_dot() -> None:
    picture = np.zeros((28, 28), np.uint8)
    picture[3, 5] = 255
    assert (image.digit(picture) > 0).sum() == 400
