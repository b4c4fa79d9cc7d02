"""The annotated page in the READMEs: numbers in the hands of MNIST's test writers, read by what ships.

python -m runs.sample
"""

from pathlib import Path

import cv2
import numpy as np

from inkdigits import data, files
from inkdigits.data.drawn import hands, pages
from inkdigits.read import annotate, reader
from inkdigits.read.reader import Order

PICTURE = Path(__file__).parents[1] / "docs" / "page.png"
_WIDTH = 900


def main() -> None:
    """Draws, reads, annotates."""
    test = data.load("mnist", "test")
    writers = hands.from_images(test.images, test.labels.astype(str).tolist(), writers=test.groups)
    page = pages.draw(
        writers, np.random.default_rng(7), shape=(1000, 1400), n_lines=7, n_digits=8, height=64, angle=2
    )
    read = reader.build(Order())(page.picture)
    drawn = annotate.annotated(page.picture, read)
    size = (_WIDTH, round(_WIDTH * drawn.shape[0] / drawn.shape[1]))
    small = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    # Fewer shades make a smaller file: grain is what PNG can't shorten.
    _, content = cv2.imencode(".png", small // 16 * 16 + 8, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    files.write(PICTURE, bytes(content))
    for text, line in zip(page.texts, read.lines, strict=False):
        print(text, line.text, f"{line.confidence:.3f}", line.accepted)


if __name__ == "__main__":
    main()
