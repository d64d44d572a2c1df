"""Which paper described an architecture, by how its name begins."""

from __future__ import annotations

_PAPERS = {
    "alexnet": "Krizhevsky 2014, One weird trick for parallelizing CNNs (arXiv:1404.5997)",
    "convnext": "Liu et al. 2022, A ConvNet for the 2020s (arXiv:2201.03545)",
    "deit": "Touvron et al. 2021, DeiT (arXiv:2012.12877)",
    "densenet": "Huang et al. 2017, DenseNet (arXiv:1608.06993)",
    "efficientnet": "Tan and Le 2019, EfficientNet (arXiv:1905.11946)",
    "efficientnet_v2": "Tan and Le 2021, EfficientNetV2 (arXiv:2104.00298)",
    "efficientnetv2": "Tan and Le 2021, EfficientNetV2 (arXiv:2104.00298)",
    "googlenet": "Szegedy et al. 2015, Going Deeper with Convolutions (arXiv:1409.4842)",
    "inception_v3": "Szegedy et al. 2016, Rethinking the Inception Architecture (arXiv:1512.00567)",
    "maxvit": "Tu et al. 2022, MaxViT (arXiv:2204.01697)",
    "mnasnet": "Tan et al. 2019, MnasNet (arXiv:1807.11626)",
    "mobilenet_v2": "Sandler et al. 2018, MobileNetV2 (arXiv:1801.04381)",
    "mobilenet_v3": "Howard et al. 2019, Searching for MobileNetV3 (arXiv:1905.02244)",
    "mobilenetv1": "Howard et al. 2017, MobileNets (arXiv:1704.04861)",
    "mobilenetv2": "Sandler et al. 2018, MobileNetV2 (arXiv:1801.04381)",
    "mobilenetv3": "Howard et al. 2019, Searching for MobileNetV3 (arXiv:1905.02244)",
    "regnet": "Radosavovic et al. 2020, Designing Network Design Spaces (arXiv:2003.13678)",
    "resnet": "He et al. 2016, Deep Residual Learning (arXiv:1512.03385)",
    "resnext": "Xie et al. 2017, ResNeXt (arXiv:1611.05431)",
    "shufflenet_v2": "Ma et al. 2018, ShuffleNet V2 (arXiv:1807.11164)",
    "squeezenet": "Iandola et al. 2016, SqueezeNet (arXiv:1602.07360)",
    "swin": "Liu et al. 2021, Swin Transformer (arXiv:2103.14030)",
    "swin_v2": "Liu et al. 2022, Swin Transformer V2 (arXiv:2111.09883)",
    "swinv2": "Liu et al. 2022, Swin Transformer V2 (arXiv:2111.09883)",
    "vgg": "Simonyan and Zisserman 2015, VGG (arXiv:1409.1556)",
    "vit_": "Dosovitskiy et al. 2021, An Image is Worth 16x16 Words (arXiv:2010.11929)",
    "wide_resnet": "Zagoruyko and Komodakis 2016, Wide Residual Networks (arXiv:1605.07146)",
}


def paper_of(architecture: str) -> str:
    """The reference behind a name of timm's or torchvision's; empty where none is known.

    Example:
        >>> paper_of("tf_efficientnet_lite0")
        'Tan and Le 2019, EfficientNet (arXiv:1905.11946)'
    """
    name = architecture.removeprefix("tf_")
    return _PAPERS.get(max((start for start in _PAPERS if name.startswith(start)), key=len, default=""), "")
