"""Training images changed anew in every epoch: a whole batch at once, each image by its own amounts.

The amounts are counted by (seed, epoch, sample): see `counted`. Geometry (rotation, scale, shear,
shift, elastic) is one gather from the source image, so that pixels are interpolated once.
"""

import math
import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from inkdigits.learn import counted
from inkdigits.learn.options import AugmentOptions

ELASTIC_SPACING = 7
"""Pixels, about, between the knots of the coarse grid whose random moves bend an image smoothly."""

ERASED = (0.15, 0.4)
"""Shortest and longest side of an erased rectangle, as shares of the image's."""

_STREAMS = ("affine", "elastic", "stroke", "erasing", "noise", "flip")


def warn_of_flips(options: AugmentOptions, label_names: tuple[str, ...]) -> None:
    """Warns where flips are asked for on digits: a mirrored 2 is no 2."""
    flips = options.flip_horizontal or options.flip_vertical
    if flips and any(name.isdigit() for name in label_names):
        warnings.warn("flips turn digits into other signs: a mirrored 2 is no 2", UserWarning, stacklevel=2)


def augment(images: Tensor, rows: Tensor, options: AugmentOptions, *, seed: int, epoch: int) -> Tensor:
    """The images, each changed by its own amounts: uint8, (n, height, width), in and out.

    `rows` are the images' rows in the data set, int64 (n,): a row gets the same change whatever else
    is in the batch.
    """

    def draw(stream: str, count: int) -> Tensor:
        """Numbers even in [0, 1) for each image: (n, count)."""
        return counted.uniform(counted.key(seed, epoch, _STREAMS.index(stream)), rows, count)

    if _moves_whole_pixels(options):
        images = _shifted(images, draw("affine", 2), math.floor(options.shift))
    elif _bends(options):
        images = _resampled(images, draw, options)
    if options.flip_horizontal or options.flip_vertical:
        images = _flipped(images, draw("flip", 2) < 0.5, options)
    if options.stroke:
        images = _restroked(images, draw("stroke", 1), options.stroke)
    if options.erasing:
        images = _erased(images, draw("erasing", 5), options.erasing)
    if options.noise:
        images = _noisy(images, draw("noise", 1 + 2 * images[0].numel()), options.noise)
    return images


def _moves_whole_pixels(options: AugmentOptions) -> bool:
    return options.shift >= 1 and not (options.rotation or options.scale or options.shear or options.elastic)


def _bends(options: AugmentOptions) -> bool:
    amounts = (options.rotation, options.scale, options.shear, options.elastic, options.shift)
    return any(amounts)


def _shifted(images: Tensor, drawn: Tensor, most: int) -> Tensor:
    """Each image moved by −most … most whole pixels along both axes; what comes in is black."""
    height, width = images.shape[1:]
    padded = F.pad(images, (most,) * 4).flatten(1)
    start = (drawn * (2 * most + 1)).long()
    down = (start[:, :1] + torch.arange(height, device=images.device)) * (width + 2 * most)
    across = start[:, 1:] + torch.arange(width, device=images.device)
    return padded.gather(1, (down[:, :, None] + across[:, None, :]).flatten(1)).view_as(images)


def _resampled(images: Tensor, draw: Callable[[str, int], Tensor], options: AugmentOptions) -> Tensor:
    """Each image through its own affine map and its own smooth bend, bilinearly, black outside."""
    height, width = images.shape[1:]
    matrices = _matrices(2 * draw("affine", 6) - 1, options, height, width)
    where = F.affine_grid(matrices, [len(images), 1, height, width], align_corners=False)
    if options.elastic:
        down, across = (round(side / ELASTIC_SPACING) + 1 for side in (height, width))
        knots = (2 * draw("elastic", 2 * down * across) - 1).view(-1, 2, down, across)
        bend = (knots.flatten(2) @ _spread(knots, height, width)).view(-1, 2, height, width)
        pixels = torch.tensor([2 / width, 2 / height], device=images.device)
        where = where + bend.movedim(1, -1) * (options.elastic * pixels)
    found = F.grid_sample(images[:, None].float(), where, align_corners=False)
    return _bytes(found[:, 0])


def _spread(knots: Tensor, height: int, width: int) -> Tensor:
    """The matrix that spreads the grid of knots over the pixels, bicubically: (knots, height · width)."""
    down, across = knots.shape[2:]
    each_alone = torch.eye(down * across, device=knots.device).view(-1, 1, down, across)
    return F.interpolate(each_alone, size=(height, width), mode="bicubic", align_corners=True).flatten(1)


def _matrices(amounts: Tensor, options: AugmentOptions, height: int, width: int) -> Tensor:
    """The maps from output to source, in [−1, 1] coordinates: (n, 2, 3), from amounts in [−1, 1)."""
    angle = amounts[:, 0] * math.radians(options.rotation)
    wide, high = (1 + amounts[:, 1:3] * options.scale).unbind(1)
    slant = amounts[:, 3] * options.shear
    shift = amounts[:, 4:6] * options.shift * 2
    cos, sin = angle.cos(), angle.sin()
    oblong = height / width
    across = torch.stack([cos / wide, (slant * cos - sin) / high * oblong, shift[:, 0] / width], dim=1)
    down = torch.stack([sin / wide / oblong, (slant * sin + cos) / high, shift[:, 1] / height], dim=1)
    return torch.stack([across, down], dim=1)


def _flipped(images: Tensor, chosen: Tensor, options: AugmentOptions) -> Tensor:
    if options.flip_horizontal:
        images = torch.where(chosen[:, 0, None, None], images.flip(2), images)
    if options.flip_vertical:
        images = torch.where(chosen[:, 1, None, None], images.flip(1), images)
    return images


def _restroked(images: Tensor, drawn: Tensor, most: float) -> Tensor:
    """Strokes thicker or thinner by up to so many pixels: grey dilation or erosion, blended."""
    ink = images[:, None].float()
    left = (2 * drawn[:, :, None, None] - 1) * most
    for _ in range(math.ceil(most)):
        wider = F.max_pool2d(ink, 3, stride=1, padding=1)
        thinner = -F.max_pool2d(-ink, 3, stride=1, padding=1)
        step = left.clamp(-1, 1) / 2
        ink = ink + step.clamp(min=0) * (wider - ink) + step.clamp(max=0) * (ink - thinner)
        left = left - 2 * step
    return _bytes(ink[:, 0])


def _erased(images: Tensor, drawn: Tensor, share: float) -> Tensor:
    """Black rectangles in that share of the images (Zhong et al., "Random erasing", 2020)."""
    low, high = ERASED
    whole = torch.tensor(images.shape[1:], device=images.device)
    sides = (low + drawn[:, 1:3] * (high - low)) * whole
    starts = drawn[:, 3:5] * (whole - sides)
    middles = [torch.arange(n, device=images.device) + 0.5 for n in images.shape[1:]]
    down, across = (
        (middle >= starts[:, axis, None]) & (middle < (starts + sides)[:, axis, None])
        for axis, middle in enumerate(middles)
    )
    chosen = drawn[:, 0, None, None] < share
    return images.masked_fill(chosen & down[:, :, None] & across[:, None, :], 0)


def _noisy(images: Tensor, drawn: Tensor, most: float) -> Tensor:
    """Grey noise of a deviation up to that (pixels 0 to 1), normal by Box and Muller's transform."""
    first, second = drawn[:, 1:].view(-1, 2, *images.shape[1:]).unbind(1)
    normal = (-2 * (1 - first).log()).sqrt() * (2 * math.pi * second).cos()
    return _bytes(images.float() + normal * (255 * most * drawn[:, :1, None]))


def _bytes(pixels: Tensor) -> Tensor:
    return pixels.round_().clamp_(0, 255).to(torch.uint8)
