"""Library functions of a graph that is made to fit: which stay, which go, and what Python is told of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.attribute_values import FLOAT, several
from tests.saved_model.consumers.fitted import SERVES_Y, Fitted, X, Y
from tests.saved_model.graphs import node, save
from tfx_savedmodel.errors import TargetError
from tfx_savedmodel.saved_model.consumers.fit import fit_to_consumer
from tfx_savedmodel.saved_model.parse import parse_saved_model

pytestmark = pytest.mark.unit

FINE = {"nodes": [node("n", "NoOp")]}
UNFIT = {"nodes": [node("n", "NoSuchOp")]}


def objects(**kinds: Any) -> Any:
    """Return a change that adds objects: a name with its concrete functions, or "bare" with one."""

    def change(meta_graph: Any) -> None:
        graph = meta_graph.object_graph_def
        for local_name, functions in kinds.items():
            item = graph.nodes.add()
            graph.nodes[0].children.add(local_name=local_name, node_id=len(graph.nodes) - 1)
            if isinstance(functions, str):
                item.bare_concrete_function.concrete_function_name = functions
            else:
                item.function.concrete_functions.extend(functions)

    return change


def test_functions_that_python_calls_stay_as_far_as_they_fit(tmp_path: Path) -> None:
    def change(meta_graph: Any) -> None:
        objects(both=["fine", "unfit"], calls=["calls_unfit"], concrete="bare_unfit")(meta_graph)
        meta_graph.meta_info_def.function_aliases.update({"fine": "a", "unfit": "b"})

    calls = {"nodes": [node("n", "PartitionedCall", f="@helper", Tin=several(), Tout=several())]}
    functions = {"fine": FINE, "unfit": UNFIT, "calls_unfit": calls, "helper": UNFIT, "bare_unfit": UNFIT, "dead": FINE}
    traces: dict[str, Any] = {name: [] for name in ("fine", "unfit", "calls_unfit", "bare_unfit")}
    fitted = Fitted(tmp_path, "tf-1.15", Y, functions=functions, callable_functions=traces, change=change)
    assert set(fitted.functions) == {"fine"}
    graph = fitted.meta_graph.object_graph_def
    assert set(graph.concrete_functions) == {"fine"}
    by_name = {child.local_name: graph.nodes[child.node_id] for child in graph.nodes[0].children}
    assert list(by_name["both"].function.concrete_functions) == ["fine"]
    assert (by_name["calls"].WhichOneof("kind"), len(by_name["calls"].function.concrete_functions)) == ("function", 0)
    assert by_name["concrete"].user_object.identifier == "_generic_user_object"
    assert dict(fitted.meta_graph.meta_info_def.function_aliases) == {"fine": "a"}
    assert set(fitted.done.left_out) == {"unfit", "calls_unfit", "bare_unfit"}
    counted = "3 functions are left out, 'bare_unfit', 'calls_unfit', 'unfit': there is no op NoSuchOp"
    assert counted in "\n".join(fitted.done.notes())


@pytest.mark.parametrize("role", ["signature", "resource", "saveable", "captured"])
def test_functions_that_the_loader_needs_must_fit(tmp_path: Path, role: str) -> None:
    def change(meta_graph: Any) -> None:
        objects(holder=["unfit"])(meta_graph)
        graph = meta_graph.object_graph_def
        if role == "signature":
            graph.nodes[0].children[0].local_name = "signatures"
            graph.nodes[1].Clear()
            graph.nodes[1].children.add(local_name="serve", node_id=2)
            graph.nodes.add().bare_concrete_function.concrete_function_name = "unfit"
        elif role == "resource":
            graph.nodes[0].children[0].local_name = "_initialize"
        elif role == "saveable":
            graph.nodes[0].saveable_objects["v"].restore_function = 1
        else:
            graph.nodes.add().captured_tensor.concrete_function = "unfit"

    save(tmp_path, [X, Y], signatures=SERVES_Y, functions={"unfit": UNFIT}, callable_functions={"unfit": []})
    proto = parse_saved_model(tmp_path, "saved_model.pb")
    change(proto.meta_graphs[0])
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(TargetError) as caught:
        # 1.15 knows no captured tensors: they go.
        fit_to_consumer(tmp_path, ("serve",), "tf-2.7" if role == "captured" else "tf-1.15")
    assert "of function 'unfit', reached by function 'unfit' of the object graph" in caught.value.found


def test_functions_may_be_held_by_functions(tmp_path: Path) -> None:
    functions = {"outer": FINE, "inner": FINE, "op": FINE, "dead": UNFIT}
    call = node("n", "PartitionedCall", f="@outer[inner]", Tin=several(), Tout=several())
    fitted = Fitted(
        tmp_path, "tf-1.15", node("y", "Identity", "x", "^n", "^o", T=FLOAT), call, node("o", "op"), functions=functions
    )
    assert set(fitted.functions) == {"outer", "inner", "op"}


@pytest.mark.parametrize("fits", [True, False])
def test_other_implementations_stay_together_or_not_at_all(tmp_path: Path, fits: bool) -> None:
    def change(meta_graph: Any) -> None:
        for function in meta_graph.graph_def.library.function:
            function.attr["api_implements"].s = b"lstm" if function.signature.name != "other" else b"gru"

    functions = {"cpu": FINE, "gpu": FINE, "backward": FINE if fits else UNFIT, "other": FINE, "dead": UNFIT}
    if fits:
        del functions["dead"]
    nodes = [node("y", "Identity", "x", "^c", T=FLOAT), node("c", "cpu"), node("idle", "NoSuchOp")]
    fitted = Fitted(tmp_path, "tf-1.15", *nodes, functions=functions, change=change)
    assert set(fitted.functions) == ({"cpu", "gpu", "backward"} if fits else {"cpu"})


def test_gradients_stay_as_far_as_they_fit(tmp_path: Path) -> None:
    def change(meta_graph: Any) -> None:
        library = meta_graph.graph_def.library
        for name, gradient in {"f": "fine_gradient", "g": "unfit_gradient", "dead": "dead_gradient"}.items():
            library.gradient.add(function_name=name, gradient_func=gradient)
            library.registered_gradients.add(
                registered_op_type=f"Custom-{name}", gradient_func=f"registered_{gradient}"
            )
        for node_def in meta_graph.graph_def.node:
            if node_def.name in ("f", "g"):
                node_def.attr["_gradient_op_type"].s = f"Custom-{node_def.name}".encode()

    gradients = {
        f"{prefix}{kind}_gradient": UNFIT if kind == "unfit" else FINE
        for kind in ("fine", "unfit", "dead")
        for prefix in ("", "registered_")
    }
    functions = {"f": FINE, "g": FINE, "dead": FINE, **gradients}
    nodes = [node("y", "Identity", "x", "^f", "^g", T=FLOAT), node("f", "f"), node("g", "g")]
    fitted = Fitted(tmp_path, "tf-1.15", *nodes, functions=functions, change=change)
    assert set(fitted.functions) == {"f", "g", "fine_gradient", "registered_fine_gradient"}
    library = fitted.meta_graph.graph_def.library
    assert [item.function_name for item in library.gradient] == ["f"]
    assert [item.registered_op_type for item in library.registered_gradients] == ["Custom-f"]


def capturing(meta_graph: Any) -> None:
    """Let the gradient of `forward` bind a tensor inside of it, as Keras's swish does, and one that nobody binds."""
    objects(forward=["forward"])(meta_graph)
    graph, library = meta_graph.object_graph_def, meta_graph.graph_def.library
    for _ in range(2):
        captured = graph.nodes.add().captured_tensor
        captured.name, captured.concrete_function = "n:0", "forward"
    graph.concrete_functions["gradient"].bound_inputs.append(2)
    library.registered_gradients.add(registered_op_type="Custom", gradient_func="gradient")
    for function in library.function:
        if function.signature.name == "forward":
            function.node_def[0].attr["_gradient_op_type"].s = b"Custom"


@pytest.mark.parametrize(("consumer", "knows"), [("tf-1.15", False), ("tf-2.4", False), ("tf-2.7", True)])
def test_captured_tensors_that_an_older_loader_does_not_know(tmp_path: Path, consumer: str, knows: bool) -> None:
    traces: dict[str, Any] = {"forward": [], "gradient": []}
    nodes = [Y, node("unknown", "NoSuchOp")] if knows else [Y]  # something to edit in any case
    functions = {"forward": FINE, "gradient": FINE}
    fitted = Fitted(tmp_path, consumer, *nodes, functions=functions, callable_functions=traces, change=capturing)
    graph = fitted.meta_graph.object_graph_def
    kind = "captured_tensor" if knows else "user_object"
    assert [item.WhichOneof("kind") for item in graph.nodes][2:] == [kind, kind]
    assert set(graph.concrete_functions) == set(fitted.functions) == ({"forward", "gradient"} if knows else {"forward"})
    assert len(fitted.meta_graph.graph_def.library.registered_gradients) == knows
    assert set(fitted.done.left_out) == (set() if knows else {"gradient"})


def test_a_signature_that_binds_a_captured_tensor_cannot_do_without(tmp_path: Path) -> None:
    def change(meta_graph: Any) -> None:
        capturing(meta_graph)
        graph = meta_graph.object_graph_def
        graph.nodes[0].children.add(local_name="_initialize", node_id=len(graph.nodes))
        graph.nodes.add().function.concrete_functions.append("gradient")

    traces: dict[str, Any] = {"forward": [], "gradient": []}
    functions = {"forward": FINE, "gradient": FINE}
    with pytest.raises(TargetError, match="captured_tensor") as caught:
        Fitted(tmp_path, "tf-2.4", Y, functions=functions, callable_functions=traces, change=change)
    assert "in what a function binds: function 'gradient'" in caught.value.found
    assert caught.value.next_step.startswith("the target tf-2.7 would do")


def declaring(**kinds: Any) -> Any:
    """Return a change that gives functions a declaration with a VariableSpec of so many fields, in three places."""

    def change(meta_graph: Any) -> None:
        objects(concrete=["concrete"], python=["python", "other"], untraced=[], bare="bare")(meta_graph)
        graph = meta_graph.object_graph_def
        by_name = {child.local_name: graph.nodes[child.node_id] for child in graph.nodes[0].children}
        _variable(graph.concrete_functions["concrete"].output_signature.list_value.values.add(), kinds["fields"])
        for item in (by_name["python"], by_name["untraced"]):
            arguments = item.function.function_spec.fullargspec.named_tuple_value.values.add()
            _variable(arguments.value.dict_value.fields["x"], kinds["fields"])
        _variable(by_name["bare"].bare_concrete_function.function_spec.fullargspec, kinds["fields"])

    return change


def _variable(value: Any, fields: int) -> None:
    value.type_spec_value.type_spec_class = 9
    for _ in range(fields):
        value.type_spec_value.type_state.tuple_value.values.add().bool_value = True


@pytest.mark.parametrize(
    ("consumer", "fields", "reads"),
    [("tf-1.15", 3, False), ("tf-2.4", 3, True), ("tf-2.4", 4, False), ("tf-2.7", 4, True), ("tf-2.10", 4, False)],
)
def test_declarations_that_an_older_loader_cannot_read(tmp_path: Path, consumer: str, fields: int, reads: bool) -> None:
    functions = dict.fromkeys(("concrete", "python", "other", "bare"), FINE)
    traces: dict[str, Any] = {name: [] for name in functions}
    nodes = [Y, node("unknown", "NoSuchOp")]  # something to edit in any case
    change = declaring(fields=fields)
    fitted = Fitted(tmp_path, consumer, *nodes, functions=functions, callable_functions=traces, change=change)
    assert set(fitted.functions) == ({"concrete", "python", "other", "bare"} if reads else {"bare"})
    graph = fitted.meta_graph.object_graph_def
    by_name = {child.local_name: graph.nodes[child.node_id] for child in graph.nodes[0].children}
    kinds = {name: item.WhichOneof("kind") for name, item in by_name.items()}
    assert kinds == {
        "concrete": "function",
        "python": "function" if reads else "user_object",
        "untraced": "function" if reads else "user_object",
        "bare": "bare_concrete_function",
    }
    assert by_name["bare"].bare_concrete_function.HasField("function_spec") is reads
    assert len(by_name["concrete"].function.concrete_functions) == reads
    assert set(fitted.done.left_out) == (set() if reads else {"concrete", "python", "other"})
