"""What a training run may be told: options, their limits, and the presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from inkdigits.errors import ArgumentError

CHOICES: Mapping[str, tuple[str, ...]] = {
    "model": (
        "mlp",
        "article",
        "lenet5",
        "alexnet",
        "vgg",
        "resnet",
        "strided",
        "sprint",
        "fast",
        "strong",
        "best",
        "number",
        "resnet18",
        "vgg11_bn",
        "vgg16_bn",
        "efficientnet_lite0",
    ),
    "activation": ("relu", "sigmoid", "tanh", "gelu"),
    "pooling": ("max", "average"),
    "scaling": ("unit", "signed", "standard", "tophat"),
    "optimizer": ("sgd", "momentum", "nesterov", "adam", "adamw", "muon"),
    "decay": ("none", "linear", "cosine"),
    "keep": ("last", "best"),
    "precision": ("auto", "fp32", "bf16"),
    "device": ("auto", "cpu", "cuda"),
}
"""The values that an option of words may take."""

MOST_SEED = 2**31 - 1


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """What, besides the number of classes, decides a network's shape."""

    model: str = _option("fast", "the network's name")
    width: float = _option(1.0, "factor on the channels of the network's hidden layers")
    activation: str = _option("relu", "the non-linearity, where the network leaves it open")
    pooling: str = _option("max", "how neighbourhoods are summed up, where the network pools")
    scaling: str = _option(
        "standard",
        "pixels to [0, 1] (unit), [-1, 1] (signed), by mean and deviation, or so above paper (tophat)",
    )

    def __post_init__(self) -> None:
        check(self)
        _within("width", self.width, 0.05, 8.0)


@dataclass(frozen=True, kw_only=True)
class AugmentOptions:
    """How far each training image is changed, anew in every epoch; each amount is drawn evenly."""

    rotation: float = _option(0.0, "turn by up to this many degrees either way")
    scale: float = _option(0.0, "grow or shrink by up to this share, each direction by itself")
    shift: float = _option(0.0, "move by up to this many pixels each way")
    shear: float = _option(0.0, "slant by up to this share")
    elastic: float = _option(0.0, "bend smoothly, by up to about this many pixels")
    stroke: float = _option(0.0, "thicken or thin the stroke, by up to this many pixels")
    erasing: float = _option(0.0, "share of the images that lose a random rectangle")
    noise: float = _option(0.0, "add grey noise of a deviation up to this, pixels being 0 to 1")
    flip_horizontal: bool = _option(False, "mirror half of the images left to right (makes other digits)")
    flip_vertical: bool = _option(False, "mirror half of the images top to bottom (makes other digits)")

    def __post_init__(self) -> None:
        limits = {"rotation": 180.0, "scale": 0.9, "shift": 14.0, "shear": 2.0, "elastic": 8.0}
        limits |= {"stroke": 3.0, "erasing": 1.0, "noise": 1.0}
        for name, limit in limits.items():
            _within(name, getattr(self, name), 0.0, limit)

    def times(self, factor: float) -> "AugmentOptions":
        """The same with every amount times that factor; flips stay."""
        amounts = {name: value for name, value in vars(self).items() if not isinstance(value, bool)}
        return replace(self, **{name: value * factor for name, value in amounts.items()})


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Everything that decides a training run but the data."""

    network: NetworkOptions = field(default_factory=NetworkOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    epochs: float = _option(1.0, "passes over the training images; parts of one are allowed")
    least_steps: int = _option(0, "steps to take at least, passing over a small set more often than epochs")
    batch: int = _option(256, "images in a training step")
    optimizer: str = _option("muon", "the rule that moves the weights")
    learning_rate: float = _option(0.12, "the highest rate (of kernels, under muon)")
    vector_rate: float = _option(0.05, "under muon, the highest rate beside kernels, where there are any")
    momentum: float = _option(0.6, "share of the last step kept in the next (of kernels, under muon)")
    weight_decay: float = _option(0.0, "pull of the weights towards zero (of kernels, under muon)")
    warmup: float = _option(0.1, "share of the steps in which the rate rises from zero")
    decay: str = _option("linear", "how the rate falls after that")
    averaging: float = _option(0.0, "share of the steps, the last ones, whose weights are averaged")
    norm_images: int = _option(5_000, "unchanged images to measure batch norm on before judging; 0 for none")
    label_smoothing: float = _option(0.1, "share of the target spread over all classes")
    adversarial: float = _option(0.0, "attack every training image by up to this share of white; 0 for none")
    temperature: float = _option(1.0, "what divides the model's logits, where no validation split tells")
    validation: float = _option(0.1, "share of the training images held out, by writer where known")
    patience: int = _option(0, "stop after this many epochs without a better validation loss; 0 never stops")
    keep: str = _option("last", "which weights become model.safetensors: the last, or the best on validation")
    precision: str = _option("auto", "bf16 where it is faster, or fp32")
    device: str = _option("auto", "where to train")
    seed: int = _option(0, "decides the first weights, the order and the augmentation")

    def __post_init__(self) -> None:
        check(self)
        _within("epochs", self.epochs, 0.001, 10_000.0)
        _within("least_steps", self.least_steps, 0, 10_000_000)
        _within("batch", self.batch, 1, 65_536)
        for name in ("learning_rate", "vector_rate"):
            _within(name, getattr(self, name), 0.0, 100.0)
        for name in ("momentum", "warmup", "label_smoothing", "adversarial", "validation"):
            _within(name, getattr(self, name), 0.0, 0.999)
        _within("temperature", self.temperature, 0.05, 20.0)
        _within("averaging", self.averaging, 0.0, 1.0)
        _within("weight_decay", self.weight_decay, 0.0, 10.0)
        _within("norm_images", self.norm_images, 0, 10_000_000)
        _within("patience", self.patience, 0, 10_000)
        _within("seed", self.seed, 0, MOST_SEED)
        if self.validation == 0 and (self.patience or self.keep == "best"):
            name = "patience" if self.patience else "keep best"
            raise ArgumentError(f"{name} needs a validation split; set validation above 0, say to 0.1")


@dataclass(frozen=True, kw_only=True)
class StartOptions:
    """How a network that has learnt already goes on: what stays as it is, and how gently the rest moves."""

    freeze: str = _option("none", "what stays: none, features, head-only, a number of stages, or a pattern")
    unfreezing: float = _option(0.3, "share of the steps over which one stage after another joins the head")
    stage_rate: float = _option(0.8, "factor on the rate for every stage farther from the head")
    replay: float = _option(0.5, "share of every batch that is old images")
    keep_norms: bool = _option(True, "leave what batch norms know of images as it was, moving weights or not")

    def __post_init__(self) -> None:
        _within("unfreezing", self.unfreezing, 0.0, 1.0)
        _within("stage_rate", self.stage_rate, 0.0, 1.0)
        _within("replay", self.replay, 0.0, 0.95)


_BENT = {"rotation": 12.0, "scale": 0.12, "shear": 0.2, "shift": 2.0, "elastic": 0.7}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "sprint": {
        "model": "sprint",
        "epochs": 0.4,
        "least_steps": 94,
        "learning_rate": 0.3,
        "vector_rate": 0.2,
        "warmup": 0.2,
        "norm_images": 0,
        "shift": 1.0,
        "temperature": 0.443,
    },
    "fast": {
        "model": "fast",
        "epochs": 1.0,
        "least_steps": 234,
        "norm_images": 0,
        "shift": 1.0,
        "temperature": 0.445,
    },
    "strong": {"model": "strong", "epochs": 5.0, "least_steps": 1_170, **_BENT, "temperature": 0.469},
    "best": {"model": "best", "epochs": 29.0, "least_steps": 6_786, **_BENT, "temperature": 0.477},
    "robust": {
        "model": "best",
        "scaling": "tophat",
        "epochs": 10.0,
        "least_steps": 2_340,
        **_BENT,
        "noise": 0.8,
        "temperature": 0.444,
    },
    "hardened": {
        "model": "strided",
        "width": 2.0,
        "scaling": "unit",
        "adversarial": 0.3,
        "epochs": 10.0,
        "least_steps": 6_000,
        "batch": 100,
        "optimizer": "adam",
        "learning_rate": 0.005,
        "warmup": 0.4,
        "averaging": 0.3,
        "label_smoothing": 0.0,
        "norm_images": 0,
        "precision": "fp32",
    },
}
"""Recipes settled on a validation split of MNIST; they train on all of the training images.

`robust` is for images unlike those learnt from, `hardened` for ones changed on purpose; both read plain ones
less well than the others.

`least_steps` is what `epochs` come to on MNIST, so that a set of a few hundred images is learnt too. The
temperatures, found on that split too, undo what label smoothing takes from confidences.
"""


def preset(name: str) -> TrainOptions:
    """The options of a preset. Raises ArgumentError for a name that isn't one."""
    if name not in PRESETS:
        raise ArgumentError(f"unknown preset {name!r}; one of: {', '.join(PRESETS)}")
    return change(TrainOptions(), {"validation": 0.0, **PRESETS[name]})


def recipe(name: str, given: Mapping[str, Any]) -> TrainOptions:
    """A preset with the named values changed; epochs that are given count, however few steps they are.

    Its temperature goes with its label smoothing: where another is given, it is 1.
    """
    steps = {"least_steps": 0} if "epochs" in given else {}
    temperature = {"temperature": 1.0} if "label_smoothing" in given else {}
    return change(preset(name), {**steps, **temperature, **given})


def flat(options: TrainOptions) -> dict[str, Any]:
    """All options by name, without the levels; names are unique across the levels."""
    values = {f.name: getattr(options, f.name) for f in fields(options)}
    for part in (values.pop("network"), values.pop("augment")):
        values |= {f.name: getattr(part, f.name) for f in fields(part)}
    return values


def change(options: TrainOptions, values: Mapping[str, Any]) -> TrainOptions:
    """`options` with the named values changed, whichever level they live on."""
    network = {f.name for f in fields(NetworkOptions)}
    augment = {f.name for f in fields(AugmentOptions)}
    own = {f.name for f in fields(TrainOptions)}
    unknown = sorted(set(values) - network - augment - own)
    if unknown:
        raise ArgumentError(f"unknown option {unknown[0]!r}; one of: {', '.join(flat(options))}")
    return replace(
        options,
        network=replace(options.network, **{k: v for k, v in values.items() if k in network}),
        augment=replace(options.augment, **{k: v for k, v in values.items() if k in augment}),
        **{k: v for k, v in values.items() if k in own},
    )


def check(options: NetworkOptions | TrainOptions) -> None:
    """Raises ArgumentError where an option of words holds a word that it doesn't know."""
    for f in fields(options):
        value = getattr(options, f.name)
        if f.name in CHOICES and value not in CHOICES[f.name]:
            raise ArgumentError(f"unknown {f.name} {value!r}; one of: {', '.join(CHOICES[f.name])}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        limits = f"{_shown(low)} and {_shown(high)}"
        raise ArgumentError(f"{name} is {_shown(value)}, but has to lie between {limits}")


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
