"""The peer: the article's program in Keras on TensorFlow, written anew, in a venv of its own.

Conv 32 of 5×5 with ReLU, max-pool 2×2, dense 128 with ReLU, dense 10 with softmax; pixels divided
by 255, one-hot labels, Adam at Keras' defaults, batch 32, 5 epochs, a tenth of the rows for
validation. `python bench/article_keras.py FOLDER SEED OUT.keras`, where FOLDER holds MNIST's four
idx files, trains, saves the model, then prints one line of JSON: test accuracy.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np


def idx(path: Path) -> np.ndarray:
    """The array of an idx file: uint8, of the shape that its header gives."""
    content = path.read_bytes()
    shape = np.frombuffer(content, dtype=">u4", count=content[3], offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def article() -> keras.Model:
    """The article's network, compiled."""
    model = keras.Sequential(
        [
            keras.layers.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 5, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def main(folder: Path, seed: int, out: Path) -> None:
    """Train on the folder's MNIST, save, then read the test set once."""
    keras.utils.set_random_seed(seed)
    images = idx(folder / "train-images-idx3-ubyte")[..., None] / np.float32(255)
    labels = np.eye(10, dtype=np.float32)[idx(folder / "train-labels-idx1-ubyte")]
    model = article()
    model.fit(images, labels, batch_size=32, epochs=5, validation_split=0.1, verbose=2)
    model.save(out)
    print("saved", flush=True)
    test_images = idx(folder / "t10k-images-idx3-ubyte")[..., None] / np.float32(255)
    test_labels = np.eye(10, dtype=np.float32)[idx(folder / "t10k-labels-idx1-ubyte")]
    accuracy = float(model.evaluate(test_images, test_labels, verbose=0)[1])
    print(json.dumps({"accuracy": accuracy, "keras": keras.__version__}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
