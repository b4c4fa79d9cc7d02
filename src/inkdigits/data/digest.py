"""What identifies a data set: a hash of its content."""

import hashlib

import numpy as np

from inkdigits.types import Dataset


def sha256(dataset: Dataset) -> str:
    """The SHA-256 of a data set's content: its label names, images and labels, in their order."""
    content = hashlib.sha256(
        "\n".join((*dataset.label_names, str(len(dataset)))).encode(errors="surrogateescape")
    )
    content.update(np.ascontiguousarray(dataset.images).data)
    content.update(np.ascontiguousarray(dataset.labels.astype("<i8")).data)
    return content.hexdigest()
