"""Function aliases survive a load and a save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.function_aliases import carry_function_aliases
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.rewrite import edit

pytestmark = pytest.mark.tf


def save_with_aliases(directory: Path) -> Path:
    """Save functions with aliases: of one trace, of two (below another object), of a concrete function."""
    import tensorflow as tf

    class Inner(tf.Module):
        @tf.function
        def scale(self, value: Any) -> Any:
            return value * 2

    class Outer(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(3.0)
            self.inner = Inner()
            self.fixed = tf.function(lambda: self.weight + 1.0).get_concrete_function()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def serve(self, value: Any) -> Any:
            return value * self.weight

    module = Outer()
    module.inner.scale.get_concrete_function(tf.TensorSpec([None], tf.float32))
    module.inner.scale.get_concrete_function(tf.TensorSpec([None, 2], tf.float32))
    aliases = {"the serving": module.serve, "scaling": module.inner.scale, "constant": module.fixed}
    options = tf.saved_model.SaveOptions(function_aliases=aliases)
    tf.saved_model.save(module, str(directory), signatures={"s": module.serve}, options=options)
    return directory


def save_again(source: Path, directory: Path, **aliased: str) -> Path:
    """Load and save; `aliased` are aliases to set at that, alias -> attribute."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(source))
    aliases = {alias: getattr(loaded, name) for alias, name in aliased.items()}
    options = tf.saved_model.SaveOptions(function_aliases=aliases or None)
    tf.saved_model.save(loaded, str(directory), signatures=dict(loaded.signatures), options=options)
    return directory


def aliases_by_alias(model: Path) -> dict[str, list[str]]:
    meta_graph = parse_saved_model(model, "saved_model.pb").meta_graphs[0]
    found: dict[str, list[str]] = {}
    for name, alias in sorted(meta_graph.meta_info_def.function_aliases.items()):
        if name in meta_graph.object_graph_def.concrete_functions:  # TensorFlow writes others as well
            found.setdefault(alias, []).append(name)
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_with_aliases(tmp_path_factory.mktemp("models") / "source")


def test_aliases_are_carried_to_the_functions_new_names(tmp_path: Path, source: Path) -> None:
    import tensorflow as tf

    exported = save_again(source, tmp_path / "m")
    assert aliases_by_alias(exported) == {}
    assert carry_function_aliases(source, exported, ["serve"]) == ()
    before, after = aliases_by_alias(source), aliases_by_alias(exported)
    assert {alias: len(names) for alias, names in after.items()} == {"the serving": 1, "scaling": 2, "constant": 1}
    assert set(after) == set(before) and after != before
    options = tf.saved_model.LoadOptions(experimental_load_function_aliases=True)
    loaded = tf.saved_model.load(str(exported), options=options)
    assert set(loaded.function_aliases) == set(before)
    assert loaded.function_aliases["scaling"](tf.constant([[1.0, 2.0]])).numpy().tolist() == [[2.0, 4.0]]
    assert loaded.function_aliases["the serving"](tf.constant([2.0])).numpy().tolist() == [6.0]


def test_what_the_exported_model_says_is_kept(tmp_path: Path, source: Path) -> None:
    exported = save_again(source, tmp_path / "m", constant="serve", mine="fixed")
    before = aliases_by_alias(exported)
    assert carry_function_aliases(source, exported, ["serve"]) == ("the serving",)
    after = aliases_by_alias(exported)
    assert {alias: after[alias] for alias in before} == before
    assert sorted(after) == ["constant", "mine", "scaling"]


def test_functions_that_are_gone_are_named(tmp_path: Path, source: Path) -> None:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(source))
    module = tf.Module()
    module.weight, module.serve = loaded.weight, loaded.serve
    exported = tmp_path / "m"
    tf.saved_model.save(module, str(exported))
    assert carry_function_aliases(source, exported, ["serve"]) == ("constant", "scaling")
    assert sorted(aliases_by_alias(exported)) == ["the serving"]


def test_another_shape_is_another_function(tmp_path: Path, source: Path) -> None:
    exported = save_again(source, tmp_path / "m")

    def reshape(proto: Any) -> None:
        for function in proto.meta_graphs[0].object_graph_def.concrete_functions.values():
            for spec in function.canonicalized_input_signature.tuple_value.values[0].tuple_value.values:
                spec.tensor_spec_value.shape.dim.add(size=7)

    edit(exported, reshape)
    assert carry_function_aliases(source, exported, ["serve"]) == ("scaling", "the serving")


def test_without_aliases_nothing_is_written(tmp_path: Path, source: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(lambda value: value, input_signature=[tf.TensorSpec([], tf.float32)])
    plain = tmp_path / "plain"
    tf.saved_model.save(module, str(plain))
    bytes_before = (plain / "saved_model.pb").read_bytes()
    assert carry_function_aliases(plain, plain, ["serve"]) == ()
    assert (plain / "saved_model.pb").read_bytes() == bytes_before
    assert (plain / "fingerprint.pb").exists()


def test_tags_choose_among_several_meta_graphs(tmp_path: Path, source: Path) -> None:
    exported = save_again(source, tmp_path / "m")

    def another(proto: Any) -> None:
        proto.meta_graphs.add().CopyFrom(proto.meta_graphs[0])
        proto.meta_graphs[1].meta_info_def.tags.append("gpu")

    edit(exported, another)
    with pytest.raises(UsageError, match="no MetaGraph with these tags"):
        carry_function_aliases(source, exported, ["train"])
    assert carry_function_aliases(source, exported, ["gpu", "serve"]) == ()
    found = parse_saved_model(exported, "saved_model.pb").meta_graphs
    assert [bool(item.meta_info_def.function_aliases) for item in found] == [False, True]
