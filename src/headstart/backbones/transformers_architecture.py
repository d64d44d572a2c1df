"""Architectures of transformers in one line: the type of a configuration and what it says of the network."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any

from headstart.core.errors import UnavailableError, UsageError

#: Settings by which a configuration would have the library fetch and run a kernel from the hub; like those that begin
#: with an underscore, they say how to compute and nothing of the network.
_COMPUTING = ("attn_implementation", "experts_implementation")


def configuration(model_type: str, settings: Mapping[str, Any]) -> Any:
    """The library's configuration object; settings that are not named have the library's defaults.

    Settings that say how to compute, by whose code, are left out.

    Raises:
        UnavailableError: transformers is not installed.
    """
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise UnavailableError.missing_extra("A model of transformers", module="transformers", extra="hf") from error

    network = {name: value for name, value in settings.items() if name not in _COMPUTING and not name.startswith("_")}
    return AutoConfig.for_model(model_type, **network)


def changed_settings(config: Any, *, idle: Collection[str], besides: Collection[str] = ()) -> dict[str, Any]:
    """Every setting of the network that differs from the library's default, by name in alphabetical order.

    Args:
        config: The configuration.
        idle: Settings that follow from others, or that nothing reads.
        besides: Settings that the library reads although its configuration does not know them by default.
    """
    from transformers import PretrainedConfig

    general, default = PretrainedConfig().to_dict(), type(config)().to_dict()
    own = {name: value for name, value in sorted(config.to_dict().items()) if name not in {*general, *idle}}
    changed = {name: value for name, value in own.items() if name in default and value != default[name]}
    return dict(sorted({**changed, **{name: own[name] for name in besides if name in own}}.items()))


def write_architecture(model_type: str, settings: Mapping[str, Any]) -> str:
    """Model type and settings in one line.

    Example:
        >>> write_architecture("resnet", {"depths": [1, 1], "layer_type": "basic"})
        "resnet(depths=[1, 1], layer_type='basic')"
    """
    listed = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    return f"{model_type}({listed})" if listed else model_type


def read_architecture(text: str) -> tuple[str, dict[str, Any]]:
    """Model type and settings in what :func:`write_architecture` wrote.

    Raises:
        UsageError: The text is not of this form.

    Example:
        >>> read_architecture("resnet(depths=[1, 1], layer_type='basic')")
        ('resnet', {'depths': [1, 1], 'layer_type': 'basic'})
    """
    model_type, bracket, rest = text.partition("(")
    try:
        name = model_type.replace("-", "_")  # of xlm-roberta, say, so that it is a name to Python
        call = ast.parse(f"{name}({rest}" if bracket else f"{name}()", mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args:
            settings = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}
            if len(settings) == len(call.keywords):
                return model_type, settings
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    raise UsageError(f"Expected an architecture of transformers as type(setting=value, ...), but got {text[:200]!r}.")
