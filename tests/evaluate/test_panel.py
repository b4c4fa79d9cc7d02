"""Explanations as one picture."""

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inkdigits.evaluate import panel
from inkdigits.evaluate.explanation import Explanation, Look, Neighbour
from inkdigits.evaluate.overlay import AGAINST, FOR
from inkdigits.types import Box

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


def one(**changed: object) -> Explanation:
    """A bar of ink, whose upper half speaks for the answer and whose lower half against it."""
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 12:16] = 255
    amounts = np.where(np.arange(28)[:, np.newaxis] < 14, 1.0, -1.0) * (image > 0)
    made = Explanation(
        name="one.png",
        picture=image,
        box=Box(x=12, y=4, width=4, height=20),
        image=image,
        truth=None,
        scores=(0.1, 0.8, 0.1),
        label_names=("0", "1", "7"),
        label="1",
        looks=(Look(method="occlusion", amounts=amounts.astype(np.float32)),),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def pixels(*explanations: Explanation) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(panel.png(explanations))) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def n_of(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    return int((picture == colour).all(axis=2).sum())


def test_the_same_explanations_give_the_same_bytes_with_white_margins() -> None:
    assert panel.png([one(), one()]) == panel.png([one(), one()])
    found = pixels(one())
    assert all((edge == 255).all() for edge in (found[:6], found[-6:], found[:, :6], found[:, -6:]))


def test_what_speaks_for_the_label_is_warm_and_what_speaks_against_it_cold() -> None:
    found = pixels(one()).astype(int)
    left = 28 + 2 * (168 + 20)
    tinted = found[28 + 60 :, left : left + 168][:168]
    upper, lower = tinted[5 * 6 : 12 * 6, 13 * 6 : 15 * 6], tinted[16 * 6 : 22 * 6, 13 * 6 : 15 * 6]
    assert (upper[..., 0] > upper[..., 2] + 50).all()
    assert (lower[..., 2] > lower[..., 0] + 50).all()
    assert (tinted[:, : 6 * 10] == 0).all()
    assert n_of(found, FOR) > 100
    assert n_of(found, AGAINST) > 100


def test_the_longest_bar_is_the_most_probable_label() -> None:
    found = pixels(one(scores=(0.0, 1.0, 0.0)))
    lengths = (found == BLUE).all(axis=2).sum(axis=1)
    half = (pixels(one(scores=(0.0, 0.5, 0.5))) == BLUE).all(axis=2).sum(axis=1)
    assert half.max() == pytest.approx(lengths.max() / 2, abs=2)


def test_only_a_mistake_or_a_neighbour_of_another_label_is_orange() -> None:
    assert n_of(pixels(one(truth="1")), ORANGE) == 0
    assert n_of(pixels(one(truth="7")), ORANGE) > 20
    alike = [Neighbour(image=one().image, label=label, distance=0.1) for label in ("1", "7")]
    assert n_of(pixels(one(neighbours=tuple(alike[:1]))), ORANGE) == 0
    assert n_of(pixels(one(neighbours=tuple(alike))), ORANGE) > 5


def test_the_ink_is_framed_where_it_is_a_part_of_a_larger_picture() -> None:
    page = np.full((400, 1000), 230, np.uint8)
    whole = pixels(one(picture=page, box=Box(x=100, y=100, width=100, height=200)))
    assert n_of(whole, BLUE) > n_of(pixels(one()), BLUE) + 100


@pytest.mark.parametrize("n", [0, 1, 5, 6, 50])
def test_any_number_of_neighbours_has_room(n: int) -> None:
    near = tuple(Neighbour(image=one().image, label="1", distance=0.1) for _ in range(n))
    found = pixels(one(neighbours=near), one())
    assert (found[-6:] == 255).all()
    assert (found[:, -6:] == 255).all()


def test_many_labels_with_long_names_a_long_name_and_no_amounts_are_drawn_too() -> None:
    names = tuple(f"a rather long name {number}" for number in range(40))
    scores = np.random.default_rng(0).dirichlet(np.full(40, 0.1)).tolist()
    silent = Look(method="occlusion", amounts=np.zeros((28, 28), np.float32))
    found = one(
        name="x" * 500,
        label_names=names,
        scores=tuple(scores),
        label=names[39],
        truth=names[3],
        looks=(silent,),
    )
    assert (pixels(found)[:, -6:] == 255).all()
