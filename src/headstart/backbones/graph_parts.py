"""Cutting a model by its graph: for models that call functions between their children.

``torch.fx`` runs the model's ``forward`` once on a stand-in for the input and writes down every call. Wherever exactly
one value is alive, what comes before can be computed, kept, and gone on from: there the graph may be cut. (These are
the articulation points of the graph.) What a segment computes is kept as plain instructions that name the model's
modules by their paths, so that a segment holds no module.

Tracing takes the branches that the model takes in evaluation mode: a dropout that is a plain function call stays off.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.fx import Node, Tracer


@dataclass(frozen=True, slots=True)
class Value:
    """The result of an earlier instruction, or the value that enters.

    Attributes:
        name: Its name in the graph.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """One call of the model's forward pass.

    Attributes:
        name: Of its result.
        kind: What ``torch.fx`` calls it: ``"call_module"``, ``"call_function"``, ``"call_method"``, ``"get_attr"``.
        target: A path in the model, a function, or the name of a method.
        args: Positional arguments; an earlier result stands as its :class:`Value`.
        kwargs: Named arguments.
    """

    name: str
    kind: str
    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def run(self, model: nn.Module, values: Mapping[str, Any]) -> Any:
        """The result of the call, given the results of those before it."""
        args, kwargs = (_replaced(given, Value, lambda v: values[v.name]) for given in (self.args, self.kwargs))
        if self.kind == "get_attr":
            return _attribute(model, self.target)
        if self.kind == "call_method":
            return getattr(args[0], self.target)(*args[1:], **kwargs)
        called = model.get_submodule(self.target) if self.kind == "call_module" else self.target
        return called(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Segment:
    """The calls between two cuts; as a part's step it runs them.

    Attributes:
        entry: Name of the value that enters.
        result: Name of the value that leaves.
        instructions: The calls, in order.
    """

    entry: str
    result: str
    instructions: tuple[Instruction, ...]

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Any:
        """What leaves, given what enters."""
        values: dict[str, Any] = {self.entry: hidden}
        for instruction in self.instructions:
            values[instruction.name] = instruction.run(model, values)
        return values[self.result]

    @property
    def owns(self) -> tuple[str, ...]:
        """The modules and parameters of the model that it uses, in order."""
        used = (item.target for item in self.instructions if item.kind in ("call_module", "get_attr"))
        return tuple(dict.fromkeys(used))

    @property
    def modules(self) -> tuple[str, ...]:
        """Of these, the modules."""
        return tuple(dict.fromkeys(item.target for item in self.instructions if item.kind == "call_module"))

    def then(self, following: Segment) -> Segment:
        """This segment and the one after it, as one."""
        return Segment(self.entry, following.result, (*self.instructions, *following.instructions))


def traced_segments(model: nn.Module, whole: Collection[str]) -> list[Segment] | None:
    """A model's forward pass, cut wherever exactly one value is alive.

    Args:
        model: From one input to one output, in evaluation mode.
        whole: Paths of the modules that are called as a whole and not looked into.

    Returns:
        Input to output; ``None`` where the forward pass depends on values that it computes or on more than one
        input, so that it cannot be written down.
    """
    try:
        nodes = list(_ModuleTracer(whole).trace(model).nodes)
    except Exception:  # whatever stops a forward pass on a stand-in: it cannot be traced
        return None
    calls, output = nodes[1:-1], nodes[-1]
    if [node.op for node in nodes].count("placeholder") != 1 or not isinstance(output.args[0], Node):
        return None
    segments, start, entry = [], 0, nodes[0].name
    for end, crossing in _cuts(nodes, {node for node in nodes if _holds_weights(model, node)}):
        segments.append(Segment(entry, crossing, tuple(_instruction(node) for node in calls[start:end])))
        start, entry = end, crossing
    return segments


class _ModuleTracer(Tracer):
    def __init__(self, whole: Collection[str]) -> None:
        super().__init__()
        self._whole = frozenset(whole)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name in self._whole or super().is_leaf_module(m, module_qualified_name)


def _holds_weights(model: nn.Module, node: Node) -> bool:
    if node.op == "call_module":
        return bool(model.get_submodule(str(node.target)).state_dict())
    return node.op == "get_attr"


def _cuts(nodes: Sequence[Node], weighty: Collection[Node]) -> list[tuple[int, str]]:
    """After how many calls exactly one value is alive, and which.

    Weights that are used again keep their uses together: they belong to one segment. A value that is taken apart by
    number is a list of tensors, and no single one.
    """
    position = {node: index for index, node in enumerate(nodes)}
    last_use = {node: max((position[user] for user in node.users), default=-1) for node in nodes}
    last_of_path = {node.target: position[node] for node in nodes if node in weighty}
    cuts, reused_until = [], 0
    for end, node in enumerate(nodes[:-1]):
        reused_until = max(reused_until, last_of_path[node.target] if node in weighty else 0)
        alive = [known for known in nodes[: end + 1] if last_use[known] > end]
        if end and len(alive) == 1 and reused_until <= end and not _is_list(alive[0]):
            cuts.append((end, alive[0].name))
    return cuts


def _is_list(node: Node) -> bool:
    return any(user.target is operator.getitem and isinstance(user.args[1], int) for user in node.users)


def _instruction(node: Node) -> Instruction:
    args, kwargs = (_replaced(given, Node, lambda known: Value(known.name)) for given in (node.args, node.kwargs))
    return Instruction(node.name, node.op, node.target, args, kwargs)


def _replaced(given: Any, kind: type, replace: Callable[[Any], Any]) -> Any:
    """A copy of nested arguments in which everything of one kind is replaced; the containers are plain ones."""
    if isinstance(given, kind):
        return replace(given)
    if isinstance(given, slice):
        return slice(*(_replaced(item, kind, replace) for item in (given.start, given.stop, given.step)))
    if isinstance(given, dict):
        return {name: _replaced(item, kind, replace) for name, item in given.items()}
    if isinstance(given, (list, tuple)):
        items = [_replaced(item, kind, replace) for item in given]
        return tuple(items) if isinstance(given, tuple) else items
    return given


def _attribute(model: nn.Module, path: str) -> Any:
    found: Any = model
    for name in path.split("."):
        found = getattr(found, name)
    return found
