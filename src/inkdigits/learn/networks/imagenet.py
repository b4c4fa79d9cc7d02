"""Networks that others have trained on ImageNet, with the names that the published weights have.

They take one grey channel, enlarged to twice its side, which is as small as they can use: the planes before
the last stage are of 4×4 pixels and fewer.
"""

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from inkdigits.learn.networks.classic import Shortcut, channels
from inkdigits.learn.options import NetworkOptions

SIDE = 56
"""Pixels along each side of what the first convolution sees."""

MEAN, DEVIATION = 255 * 0.449, 255 * 0.226
"""Of ImageNet's pixels, 0 to 255, the mean of three colours: what the published weights expect."""

_VGG11 = (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0)
_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of each convolution; 0 is a pooling (Simonyan and Zisserman, 2015, A and D)."""

_LITE0 = (
    *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
    *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
)
"""Blocks, kernel, stride of the first, expansion, channels (Tan and Le, 2019, without scaling)."""


def resnet18(options: NetworkOptions, n_classes: int) -> nn.Module:
    """Four stages of two residual blocks (He et al., 2016, with the stride in the first 3×3 convolution)."""
    return ResNet18([channels(options, n) for n in (64, 128, 256, 512)], n_classes)


def vgg11_bn(options: NetworkOptions, n_classes: int) -> nn.Module:
    """VGG's configuration A with batch norm."""
    return Vgg([channels(options, n) if n else 0 for n in _VGG11], channels(options, 4096), n_classes)


def vgg16_bn(options: NetworkOptions, n_classes: int) -> nn.Module:
    """VGG's configuration D with batch norm."""
    return Vgg([channels(options, n) if n else 0 for n in _VGG16], channels(options, 4096), n_classes)


def efficientnet_lite0(options: NetworkOptions, n_classes: int) -> nn.Module:
    """EfficientNet-Lite0: inverted residual blocks, without squeezing, every activation kept below 6."""
    return EfficientNetLite0(options, n_classes)


class ResNet18(nn.Module):
    """Grey planes (n, 1, h, w) to logits (n, classes)."""

    def __init__(self, widths: Sequence[int], n_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _blocks(widths[0], widths[0], stride=1)
        self.layer2 = _blocks(widths[0], widths[1], stride=2)
        self.layer3 = _blocks(widths[1], widths[2], stride=2)
        self.layer4 = _blocks(widths[2], widths[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(widths[3], n_classes)
        _fill(self)

    def forward(self, planes: Tensor) -> Tensor:
        """See the class."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(_enlarged(planes)))))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        logits: Tensor = self.fc(self.avgpool(maps).flatten(1))
        return logits


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut, which is a 1×1 convolution where the shape changes."""

    def __init__(self, n_in: int, n_out: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or n_in != n_out:
            shortcut = Shortcut(n_in, n_out, stride=stride)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(n_out))

    def forward(self, maps: Tensor) -> Tensor:
        """(n, n_in, h, w) to (n, n_out, h / stride, w / stride)."""
        beside = maps if self.downsample is None else self.downsample(maps)
        body = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        out: Tensor = self.relu(body + beside)
        return out


class Vgg(nn.Module):
    """Grey planes (n, 1, h, w) to logits (n, classes)."""

    def __init__(self, widths: Sequence[int], units: int, n_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = 1
        for n_out in widths:
            if n_out == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            kernel = nn.Conv2d(n_in, n_out, 3, padding=1)
            layers += [kernel, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
            n_in = n_out
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            *(nn.Linear(7 * 7 * n_in, units), nn.ReLU(inplace=True), nn.Dropout(0.5)),
            *(nn.Linear(units, units), nn.ReLU(inplace=True), nn.Dropout(0.5)),
            nn.Linear(units, n_classes),
        )
        _fill(self)

    def forward(self, planes: Tensor) -> Tensor:
        """See the class."""
        logits: Tensor = self.classifier(self.avgpool(self.features(_enlarged(planes))).flatten(1))
        return logits


class EfficientNetLite0(nn.Module):
    """Grey planes (n, 1, h, w) to logits (n, classes)."""

    def __init__(self, options: NetworkOptions, n_classes: int) -> None:
        super().__init__()
        n_in, n_last = channels(options, 32), channels(options, 1280)
        self._conv_stem = SameConv2d(1, n_in, 3, stride=2)
        self._bn0 = _lite_norm(n_in)
        blocks: list[nn.Module] = []
        for n_blocks, size, stride, expansion, n in _LITE0:
            for at in range(n_blocks):
                n_out = channels(options, n)
                blocks.append(
                    MbConv(n_in, n_out, size=size, stride=stride if at == 0 else 1, expansion=expansion)
                )
                n_in = n_out
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SameConv2d(n_in, n_last, 1)
        self._bn1 = _lite_norm(n_last)
        self._avg_pooling = nn.AdaptiveAvgPool2d(1)
        self._dropout = nn.Dropout(0.2)
        self._fc = nn.Linear(n_last, n_classes)
        self._relu = nn.ReLU6(inplace=True)
        _fill(self)

    def forward(self, planes: Tensor) -> Tensor:
        """See the class."""
        maps = self._blocks(self._relu(self._bn0(self._conv_stem(_enlarged(planes)))))
        maps = self._relu(self._bn1(self._conv_head(maps)))
        logits: Tensor = self._fc(self._dropout(self._avg_pooling(maps).flatten(1)))
        return logits


class MbConv(nn.Module):
    """Wider, over the plane channel by channel, and narrow again; a shortcut where the shape stays."""

    def __init__(self, n_in: int, n_out: int, *, size: int, stride: int, expansion: int) -> None:
        super().__init__()
        n_wide = expansion * n_in
        self._expands = expansion != 1
        if self._expands:
            self._expand_conv = SameConv2d(n_in, n_wide, 1)
            self._bn0 = _lite_norm(n_wide)
        self._depthwise_conv = SameConv2d(n_wide, n_wide, size, stride=stride, groups=n_wide)
        self._bn1 = _lite_norm(n_wide)
        self._project_conv = SameConv2d(n_wide, n_out, 1)
        self._bn2 = _lite_norm(n_out)
        self._relu = nn.ReLU6(inplace=True)
        self._has_shortcut = stride == 1 and n_in == n_out

    def forward(self, maps: Tensor) -> Tensor:
        """(n, n_in, h, w) to (n, n_out, ⌈h / stride⌉, ⌈w / stride⌉)."""
        wide = self._relu(self._bn0(self._expand_conv(maps))) if self._expands else maps
        wide = self._relu(self._bn1(self._depthwise_conv(wide)))
        out: Tensor = self._bn2(self._project_conv(wide))
        return out + maps if self._has_shortcut else out


class SameConv2d(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow does it: what is odd goes to the right and below."""

    def __init__(self, n_in: int, n_out: int, size: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(n_in, n_out, size, stride=stride, groups=groups, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, n_in, h, w) to (n, n_out, ⌈h / stride⌉, ⌈w / stride⌉)."""
        padding: list[int] = []
        for length, size, stride in zip(
            maps.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            missing = max(0, (-(-int(length) // stride) - 1) * stride + size - int(length))
            padding += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(maps, padding) if any(padding) else maps)


def _blocks(n_in: int, n_out: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(n_in, n_out, stride=stride), BasicBlock(n_out, n_out, stride=1))


def _lite_norm(n: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(n, eps=1e-3, momentum=0.01)


def _enlarged(planes: Tensor) -> Tensor:
    return F.interpolate(planes, size=(SIDE, SIDE), mode="bilinear", align_corners=False)


def _fill(network: nn.Module) -> None:
    """First weights that keep the variance from layer to layer (He et al., 2015)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
