"""Where the page of a form lies in a picture: by its corner marks, or by what its blank template shows.

Both give candidates; what is printed then says which of them is right, and whether any is.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import UserError
from inkdigits.read import corner_marks, outlines
from inkdigits.read.flattening import Homography, Points, corners_of, flat, projected, shrunk
from inkdigits.read.form_spec import Area, FormSpec
from inkdigits.read.outlines import Blank
from inkdigits.types import Gray

Compared = Literal["features of its template", "printed boxes", "corner marks"]
"""What a page is told by: its template; else its boxes, once all marks are found; else the marks alone."""

LEAST_SHARE: dict[Compared, float] = {
    "features of its template": 0.6,
    "printed boxes": 0.6,
    "corner marks": 1.0,
}
"""The share that must be found for a page to be the form's."""

WORKING_SIDE = 1200
"""Pixels along the longer side of the page where it is compared with its template."""

_PICTURE_SIDE = 1600
_SURE = 0.8
_N_FEATURES, _APART, _LEAST_FEATURES = 300, 24, 12
_HALF_PATCH, _ALIKE, _FEW = 12, 0.6, 0.1
_N_KEYPOINTS, _RATIO, _FAR = 4000, 0.8, 4.0
_MOST_OBLONG = 0.03
_MARK_ALIKE = 0.75


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """One round of looking features up: at the working size divided by `shrink`, within `radius` pixels.

    Those agree that lie within `near` pixels of one map.
    """

    shrink: int
    radius: int
    near: float


_STAGES = (
    _Stage(shrink=3, radius=12, near=3.0),
    _Stage(shrink=1, radius=12, near=6.0),
    _Stage(shrink=1, radius=8, near=4.0),
    _Stage(shrink=1, radius=4, near=3.0),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Template:
    """The blank page: as it came, and at the working size, `page`, with what it can be found by.

    `features` are places whose surroundings tell them apart, float64 (n, 2); `keypoints` and `descriptors`
    are those of the first, coarse match. `scale` is working pixels for a unit of the page.
    """

    blank: Blank
    page: Gray
    scale: float
    features: Points
    keypoints: Points
    descriptors: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """A form made ready: its spec and, where there is one, its template."""

    spec: FormSpec
    template: Template | None

    @property
    def area(self) -> Area:
        """The whole page."""
        return Area(x=0, y=0, width=self.spec.width, height=self.spec.height)


@dataclass(frozen=True, kw_only=True, eq=False)
class Registration:
    """Where a page is: the map from page units to pixels, and how much of what was compared agrees."""

    to_picture: Homography
    compared: Compared
    n_agreeing: int
    n_compared: int

    @property
    def quality(self) -> float:
        """The share that agrees, 0 to 1."""
        return self.n_agreeing / max(self.n_compared, 1)

    @property
    def matches(self) -> bool:
        """Whether enough agrees for the page to be the form's."""
        return self.quality >= LEAST_SHARE[self.compared]


def prepare(spec: FormSpec, template: Gray | None) -> Form:
    """The form, ready for `register`; the template is a picture of the blank page, flat and nothing else.

    Raises UserError for a template of other proportions than the page's, or with too little on it.
    """
    return Form(spec=spec, template=None if template is None else _prepared(spec, template))


def register(picture: Gray, form: Form) -> Registration:
    """Where the form's page lies in a picture; raises UserError, with the reason, where it doesn't."""
    best, most = None, -math.inf
    for candidate in _candidates(picture, form):
        found, worth = _judged(picture, form, candidate)
        if worth > most:
            best, most = found, worth
        if found.compared == "features of its template" and found.quality >= _SURE:
            break
    if best is not None and best.matches:
        return best
    raise UserError(f"the page doesn't match the form '{form.spec.name}': {_reason(form, best)}")


def _prepared(spec: FormSpec, picture: Gray) -> Template:
    height, width = picture.shape
    if abs(math.log(width / height * spec.height / spec.width)) > _MOST_OBLONG:
        raise UserError(
            f"the template of the form '{spec.name}' has {width}×{height} pixels, "
            f"but its page is {spec.width:g}×{spec.height:g} {spec.unit}: it should show the whole page, flat"
        )
    scale = WORKING_SIDE / max(spec.width, spec.height)
    whole = Area(x=0, y=0, width=spec.width, height=spec.height)
    to_picture = np.diag([width / spec.width, height / spec.height, 1.0])
    blank = Blank(picture=picture, to_picture=to_picture)
    page = flat(picture, to_picture, whole, scale=scale)
    corners = cv2.goodFeaturesToTrack(page, _N_FEATURES, 0.02, _APART)
    features = np.zeros((0, 2)) if corners is None else np.asarray(corners[:, 0] + 0.5, np.float64)
    if len(features) < _LEAST_FEATURES:
        raise UserError(
            f"the template of the form '{spec.name}' shows {len(features)} features; "
            f"it takes {_LEAST_FEATURES} to find its page in a picture"
        )
    keypoints, descriptors = _described(page)
    return Template(
        blank=blank,
        page=page,
        scale=scale,
        features=features,
        keypoints=keypoints,
        descriptors=descriptors,
    )


def _reason(form: Form, best: Registration | None) -> str:
    if best is not None:
        return f"only {best.n_agreeing} of {best.n_compared} {best.compared} are where they should be"
    if form.template is None:
        return "its four corner marks aren't found"
    return "nothing in it looks like the template"


def _candidates(picture: Gray, form: Form) -> Iterator[Homography]:
    """The likely ways for the page to lie, those by its marks first."""
    for matrix in corner_marks.candidates(picture, form.spec.marks):
        if _is_page(picture, form, matrix):
            yield matrix
    if form.template is not None:
        for matrix in _by_keypoints(picture, form.template):
            if _is_page(picture, form, matrix):
                yield matrix


def _is_page(picture: Gray, form: Form, matrix: Homography) -> bool:
    """Whether the page comes to lie in front of the camera, not mirrored, and mostly in the picture."""
    corners = corners_of(form.area)
    if ((np.column_stack([corners, np.ones(4)]) @ matrix.T)[:, 2] <= 0).any():
        return False
    quadrilateral = projected(matrix, corners).astype(np.float32)
    height, width = picture.shape
    frame = corners_of(Area(x=0, y=0, width=width, height=height)).astype(np.float32)
    if cv2.contourArea(quadrilateral, oriented=True) <= 0 or not cv2.isContourConvex(quadrilateral):
        return False
    inside = cv2.intersectConvexConvex(quadrilateral, frame)[0]
    return bool(inside > 0.5 * cv2.contourArea(quadrilateral) and inside > 0.03 * width * height)


def _judged(picture: Gray, form: Form, matrix: Homography) -> tuple[Registration, float]:
    """The candidate made exact, and its worth: of ways that agree as well, the more upright is preferred."""
    if form.template is not None:
        found = _by_features(picture, form.template, form, matrix)
        worth = found.quality
    else:
        found, worth = _by_print(picture, form.spec, matrix)
    right = found.to_picture[:2, 0]
    return found, worth + found.matches + 0.02 * float(right[0] / np.linalg.norm(right))


def _by_print(picture: Gray, spec: FormSpec, matrix: Homography) -> tuple[Registration, float]:
    """The map through the marks, and how many boxes are printed where they should be."""
    matrix = corner_marks.settled(picture, spec.marks, matrix)
    alike = [corner_marks.alike(picture, mark, matrix) for mark in spec.marks]
    n_alike = sum(each > _MARK_ALIKE for each in alike)
    boxes = [box for each in spec.fields if each.kind != "number" for box in each.boxes]
    compared: Compared = "corner marks" if n_alike < len(alike) or not boxes else "printed boxes"
    found = Registration(
        to_picture=matrix,
        compared=compared,
        n_agreeing=sum(
            outlines.find(picture, matrix, box, None).alike >= outlines.LEAST_ALIKE for box in boxes
        )
        if compared == "printed boxes"
        else n_alike,
        n_compared=len(boxes) if compared == "printed boxes" else len(alike),
    )
    return found, found.quality + float(np.mean(alike))


def _by_features(picture: Gray, template: Template, form: Form, matrix: Homography) -> Registration:
    """The map moved until the template's features lie where the picture shows them; how many of them do."""
    n_agreeing = 0
    for stage in _STAGES:
        moved, n_agreeing = _moved(picture, template, form, matrix, stage)
        if n_agreeing < _FEW * len(template.features) or not _is_page(picture, form, moved):
            n_agreeing = 0
            break
        matrix = moved
    return Registration(
        to_picture=matrix,
        compared="features of its template",
        n_agreeing=n_agreeing,
        n_compared=len(template.features),
    )


def _moved(
    picture: Gray, template: Template, form: Form, matrix: Homography, stage: _Stage
) -> tuple[Homography, int]:
    """The map on which most features agree when they are looked up near their places, and how many do."""
    scale = template.scale / stage.shrink
    view = flat(picture, matrix, form.area, scale=scale)
    found, alike = _looked_up(template, view, stage)
    good = alike >= _ALIKE
    if good.sum() < 4:
        return matrix, 0
    places = template.features / stage.shrink
    step, agree = cv2.findHomography(places[good], found[good], cv2.RANSAC, stage.near)
    if step is None:
        return matrix, 0
    to_view = np.diag([scale, scale, 1.0])
    moved = matrix @ np.linalg.inv(to_view) @ step @ to_view
    return moved / moved[2, 2], int(agree.sum())


def _looked_up(template: Template, view: Gray, stage: _Stage) -> tuple[Points, NDArray[np.float64]]:
    """Where in the view each feature's surroundings are most alike, and how alike: correlations to 1."""
    around = _HALF_PATCH + stage.radius
    wide = cv2.copyMakeBorder(view, around, around, around, around, cv2.BORDER_REPLICATE)
    page = np.asarray(cv2.resize(template.page, view.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    page = np.pad(page, _HALF_PATCH, mode="edge")
    found, alike = template.features / stage.shrink, np.zeros(len(template.features))
    for order, (x, y) in enumerate(np.floor(found).astype(int)):
        patch = page[y : y + 2 * _HALF_PATCH + 1, x : x + 2 * _HALF_PATCH + 1]
        within = wide[y : y + 2 * around + 1, x : x + 2 * around + 1]
        match = cv2.matchTemplate(within, patch, cv2.TM_CCOEFF_NORMED)
        place, alike[order] = outlines.peak(np.asarray(match, np.float32))
        found[order] += place - stage.radius
    return found, alike


def _described(picture: Gray) -> tuple[Points, NDArray[np.float32]]:
    """Keypoints and their descriptors: Lowe, "Distinctive image features", 2004."""
    keypoints, descriptors = cv2.SIFT.create(_N_KEYPOINTS).detectAndCompute(picture, None)
    if descriptors is None:
        return np.zeros((0, 2)), np.zeros((0, 128), np.float32)
    return np.array([each.pt for each in keypoints]) + 0.5, np.asarray(descriptors, np.float32)


def _by_keypoints(picture: Gray, template: Template) -> Iterator[Homography]:
    """The maps that most matches of the template's keypoints agree on: a projective one, and an affine one.

    Where only a corner of the page is matched, the affine one strays less from the rest.
    """
    small, step = shrunk(picture, longest=_PICTURE_SIDE)
    points, descriptors = _described(small)
    if min(len(points), len(template.keypoints)) < 4:
        return
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(template.descriptors, descriptors, k=2)
    kept = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
    if len(kept) < 4:
        return
    ours = template.keypoints[[each.queryIdx for each in kept]] / template.scale
    theirs = points[[each.trainIdx for each in kept]] * step
    projective, _ = cv2.findHomography(ours, theirs, cv2.RANSAC, _FAR * max(step))
    affine, _ = cv2.estimateAffine2D(
        ours, theirs, method=cv2.RANSAC, ransacReprojThreshold=2 * _FAR * max(step)
    )
    if projective is not None:
        yield np.asarray(projective, np.float64)
    if affine is not None:
        yield np.vstack([np.asarray(affine, np.float64), [0, 0, 1]])
