"""Three small convolutional networks for 28 x 28 gray pictures and ten classes, one for each family that quantizers are measured on.

Input f32[n, 1, 28, 28], output f32[n, 10] (logits). Batch normalization follows every convolution, as in the papers.
"""

from torch import Tensor, nn


def conv_bn(cin: int, cout: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution without bias that keeps the size (before its stride), and its batch normalization."""
    return [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)]


class Plain(nn.Module):
    """Convolution, batch normalization, ReLU, max pooling (in the manner of VGG, arXiv:1409.1556). 5.4 M multiplications."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *conv_bn(1, 24), nn.ReLU(), nn.MaxPool2d(2),
            *conv_bn(24, 48), nn.ReLU(), nn.MaxPool2d(2),
            *conv_bn(48, 64), nn.ReLU(),
            *conv_bn(64, 64), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        )  # fmt: skip
        self.classifier = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class Residual(nn.Module):
    """relu(f(x) + shortcut(x)) with two 3 x 3 convolutions in f (ResNet, arXiv:1512.03385, figure 2)."""

    def __init__(self, cin: int, cout: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv_bn(cin, cout, stride=stride), nn.ReLU(), *conv_bn(cout, cout))
        same = cin == cout and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*conv_bn(cin, cout, kernel=1, stride=stride))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.body(x) + self.shortcut(x))


class ResNet(nn.Module):
    """A stem and three residual blocks. 5.6 M multiplications."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *conv_bn(1, 24, stride=2), nn.ReLU(),
            Residual(24, 24), Residual(24, 48, stride=2), Residual(48, 48), nn.AdaptiveAvgPool2d(1),
        )  # fmt: skip
        self.classifier = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class InvertedResidual(nn.Module):
    """1 x 1 expansion, depthwise 3 x 3, linear 1 x 1 projection (MobileNetV2, arXiv:1801.04381, figure 4b)."""

    def __init__(self, cin: int, cout: int, activation: type[nn.Module], stride: int = 1) -> None:
        super().__init__()
        wide = 4 * cin
        self.body = nn.Sequential(
            *conv_bn(cin, wide, kernel=1), activation(),
            *conv_bn(wide, wide, stride=stride, groups=wide), activation(),
            *conv_bn(wide, cout, kernel=1),
        )  # fmt: skip
        self.residual = cin == cout and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


class MobileNet(nn.Module):
    """Five inverted residuals; ReLU6 in the first three and hard-swish in the last two (MobileNetV3, arXiv:1905.02244). 4 M multiplications."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *conv_bn(1, 16, stride=2), nn.ReLU6(),
            InvertedResidual(16, 24, nn.ReLU6),
            InvertedResidual(24, 24, nn.ReLU6),
            InvertedResidual(24, 40, nn.ReLU6, stride=2),
            InvertedResidual(40, 40, nn.Hardswish),
            InvertedResidual(40, 64, nn.Hardswish),
            *conv_bn(64, 128, kernel=1), nn.Hardswish(), nn.AdaptiveAvgPool2d(1),
        )  # fmt: skip
        self.classifier = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


NETWORKS: dict[str, type[nn.Module]] = {"plain": Plain, "resnet": ResNet, "mobilenet": MobileNet}
