"""The idx format of MNIST's files: a magic number, the sizes, then the bytes.

Layout: two zero bytes, a type byte (0x08: unsigned byte), the number of dimensions, one big-endian
uint32 for each, then the values with the last dimension running fastest.
"""

import numpy as np
from numpy.typing import NDArray

from inkdigits.errors import UserError

_UNSIGNED_BYTE = 8


def parse(content: NDArray[np.uint8], *, name: str) -> NDArray[np.uint8]:
    """The array that an idx file holds, as a view of its content (uint8, (bytes,)).

    Raises UserError, with `name` in the sentence, for content that is no idx file of unsigned bytes.
    """
    if len(content) < 4 or content[:3].tolist() != [0, 0, _UNSIGNED_BYTE] or content[3] not in (1, 2, 3, 4):
        met = content[:4].tobytes().hex() or "nothing"
        raise UserError(
            f"{name} is no idx file of unsigned bytes: it begins with {met}; "
            "images begin with 00000803 and labels with 00000801"
        )
    start = 4 + 4 * int(content[3])
    if len(content) < start:
        raise UserError(
            f"{name} ends inside its header, after {len(content)} of {start} bytes: "
            "it was cut short, so get it again"
        )
    shape = tuple(int(size) for size in np.frombuffer(content[4:start].tobytes(), ">u4"))
    n_values = int(np.prod(shape, dtype=object))
    if len(content) - start != n_values:
        sizes = "×".join(map(str, shape))
        raise UserError(
            f"{name} should hold {sizes} bytes after its header but holds {len(content) - start}: "
            "it was cut short or is damaged, so get it again"
        )
    if not n_values:
        # Refused here, since sizes beside a zero can be larger than NumPy bears.
        raise UserError(f"{name} holds no values: it was cut short or is damaged, so get it again")
    return content[start:].reshape(shape)
