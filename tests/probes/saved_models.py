"""SavedModels written by TensorFlow itself that touch files, the network or Python, and benign ones that look like it.

Saving traces the functions and runs none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from tests.probes.probe import Probe

TARGET = "/tmp/tfx_savedmodel_probe"
TEXT = tf.TensorSpec([], tf.string, "x")
TEXTS = tf.TensorSpec([None], tf.string, "x")


def saved(function: Callable[[Any], Any], spec: tf.TensorSpec = TEXT) -> Callable[[Path], Path]:
    """Return what saves a model with one signature, which runs the function."""

    def make(directory: Path) -> Path:
        module = tf.Module()
        module.served = tf.function(lambda x: {"y": function(x)}, input_signature=[spec])
        tf.saved_model.save(module, str(directory), signatures=module.served)
        return directory

    return make


def _after(write: Any, x: Any) -> Any:
    with tf.control_dependencies([write]):
        return tf.identity(x)


def _writes(x: Any) -> Any:
    return _after(tf.io.write_file(TARGET, x), x)


def _in_a_loop(x: Any) -> Any:
    return tf.while_loop(lambda i, y: i < 1, lambda i, y: (i + 1, _writes(y)), [0, x])[1]


def _in_a_branch(x: Any) -> Any:
    return tf.cond(tf.equal(x, "open"), lambda: _writes(x), lambda: x)


def _in_a_case(x: Any) -> Any:
    return tf.switch_case(tf.strings.length(x) % 2, [lambda: x, lambda: _writes(x)])


def _in_a_dataset(x: Any) -> Any:
    data = tf.data.Dataset.from_tensors(x).map(_writes)
    return data.reduce("", lambda _, each: each)


def _in_a_map(x: Any) -> Any:
    return tf.map_fn(_writes, x)


def _in_a_called_function(x: Any) -> Any:
    inner = tf.function(_writes)
    return tf.function(lambda value: inner(value))(x)


def _in_a_gradient(x: Any) -> Any:
    @tf.custom_gradient
    def same(value: Any) -> Any:
        def slope(change: Any) -> Any:
            return _after(tf.io.write_file(TARGET, "x"), change)

        return tf.identity(value), slope

    number = tf.strings.to_number(x)
    with tf.GradientTape() as tape:
        tape.watch(number)
        square = same(number) * number
    return tape.gradient(square, number)


def _reads(x: Any) -> Any:
    return tf.io.read_file(x)


def _reads_a_name_made_here(x: Any) -> Any:
    return tf.io.read_file(tf.strings.join(["/etc/", "passwd"])) + x


def _lists(x: Any) -> Any:
    return tf.io.matching_files(x)


def _reads_records(x: Any) -> Any:
    return tf.data.TFRecordDataset(x).reduce("", lambda _, record: record)


def _reads_lines(x: Any) -> Any:
    return tf.data.TextLineDataset(x).reduce("", lambda _, line: line)


def _calls_python(x: Any) -> Any:
    return tf.py_function(lambda value: value, [x], tf.string)


def _calls_numpy(x: Any) -> Any:
    return tf.numpy_function(lambda value: value, [x], tf.string)


def _prints_to_a_file(x: Any) -> Any:
    return _after(tf.print(x, output_stream=f"file://{TARGET}"), x)


def _saves_tensors(x: Any) -> Any:
    return _after(tf.raw_ops.SaveV2(prefix=x, tensor_names=["x"], shape_and_slices=[""], tensors=[x]), x)


def _restores_tensors(x: Any) -> Any:
    return tf.raw_ops.RestoreV2(prefix=x, tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.string])[0]


def _writes_summaries(x: Any) -> Any:
    writer = tf.raw_ops.SummaryWriter(shared_name="", container="")
    made = tf.raw_ops.CreateSummaryFileWriter(
        writer=writer, logdir=TARGET, max_queue=1, flush_millis=1, filename_suffix=""
    )
    return _after(made, x)


def _table_of_a_callers_file(x: Any) -> Any:
    table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
    fill = tf.raw_ops.InitializeTableFromTextFileV2(table_handle=table, filename=x, key_index=-2, value_index=-1)
    return _after(fill, x)


def hidden_function(directory: Path) -> Path:
    """Save a model whose object has a function that no signature reaches."""
    module = tf.Module()
    module.served = tf.function(lambda x: {"y": tf.identity(x)}, input_signature=[TEXT])
    module.unseen = tf.function(_writes, input_signature=[TEXT])
    tf.saved_model.save(module, str(directory), signatures=module.served)
    return directory


def at_loading(directory: Path) -> Path:
    """Save a TF1 model whose main op writes a file."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.string, [], "x")
        write = tf.io.write_file(TARGET, "x")
        builder = v1.saved_model.Builder(str(directory))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": tf.identity(x)})
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, main_op=write)
        builder.save()
    return directory


def vocabulary(directory: Path) -> Path:
    """Save a model with a vocabulary, which its table reads as an asset."""
    file = directory.with_name(f"{directory.name}.txt")
    file.write_text("auk\nowl\n", encoding="utf-8")
    module = tf.Module()
    initializer = tf.lookup.TextFileInitializer(
        str(file), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
    )
    module.table = tf.lookup.StaticVocabularyTable(initializer, 1)
    module.served = tf.function(lambda x: {"y": module.table.lookup(x)}, input_signature=[TEXTS])
    tf.saved_model.save(module, str(directory), signatures=module.served)
    return directory


def read_asset(directory: Path) -> Path:
    """Save a model that reads its own asset when it is asked."""
    file = directory.with_name(f"{directory.name}.txt")
    file.write_text("hello", encoding="utf-8")
    module = tf.Module()
    module.asset = tf.saved_model.Asset(str(file))
    module.served = tf.function(lambda x: {"y": tf.io.read_file(module.asset.asset_path) + x}, input_signature=[TEXT])
    tf.saved_model.save(module, str(directory), signatures=module.served)
    return directory


def variables(directory: Path) -> Path:
    """Save a model with variables: every such model holds the ops that save and restore."""
    module = tf.Module()
    module.weights = tf.Variable(tf.ones([3, 2]), name="weights")
    spec = tf.TensorSpec([None, 3], tf.float32, "x")
    module.served = tf.function(lambda x: {"y": x @ module.weights}, input_signature=[spec])
    tf.saved_model.save(module, str(directory), signatures=module.served)
    return directory


def simple_save(directory: Path) -> Path:
    """Save a TF1 model with a ref variable."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 3], "x")
        y = x @ v1.get_variable("w", [3, 2], use_resource=False)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(directory), {"x": x}, {"y": y})
    return directory


def _benign_loop(x: Any) -> Any:
    return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y + "."), [0, x])[1]


def _benign_dataset(x: Any) -> Any:
    return tf.data.Dataset.range(3).map(lambda i: tf.strings.as_string(i)).reduce(x, lambda a, b: a + b)


def _prints(x: Any) -> Any:
    return _after(tf.print(x), x)


def _cached_in_memory(x: Any) -> Any:
    return tf.data.Dataset.range(3).cache().reduce(x, lambda a, b: a + tf.strings.as_string(b))


def _parses(x: Any) -> Any:
    return tf.io.parse_example(x, {"n": tf.io.FixedLenFeature([1], tf.float32, 0.0)})["n"]


_FUNCTIONS: dict[str, tuple[Callable[[Any], Any], tf.TensorSpec]] = {
    "writes a file": (_writes, TEXT),
    "writes in a loop's body": (_in_a_loop, TEXT),
    "writes in a branch": (_in_a_branch, TEXT),
    "writes in one case of several": (_in_a_case, TEXT),
    "writes in a dataset's function": (_in_a_dataset, TEXT),
    "writes in map_fn": (_in_a_map, TEXTS),
    "writes in a function of a function": (_in_a_called_function, TEXT),
    "writes in a custom gradient": (_in_a_gradient, TEXT),
    "reads a caller's file": (_reads, TEXT),
    "reads a file whose name it makes": (_reads_a_name_made_here, TEXT),
    "lists files": (_lists, TEXT),
    "TFRecordDataset of a caller's file": (_reads_records, TEXT),
    "TextLineDataset of a caller's file": (_reads_lines, TEXT),
    "py_function": (_calls_python, TEXT),
    "numpy_function": (_calls_numpy, TEXT),
    "prints to a file": (_prints_to_a_file, TEXT),
    "saves tensors where the caller says": (_saves_tensors, TEXT),
    "restores tensors from where the caller says": (_restores_tensors, TEXT),
    "writes summaries": (_writes_summaries, TEXT),
    "fills a table from a caller's file": (_table_of_a_callers_file, TEXT),
}
_BENIGN: dict[str, tuple[Callable[[Any], Any], tf.TensorSpec]] = {
    "a loop": (_benign_loop, TEXT),
    "a dataset": (_benign_dataset, TEXT),
    "a dataset cached in memory": (_cached_in_memory, TEXT),
    "prints to the log": (_prints, TEXT),
    "parses examples": (_parses, TEXTS),
}

SAVED_MODELS: tuple[Probe, ...] = (
    *(Probe(name, saved(*made), "SM120") for name, made in _FUNCTIONS.items()),
    Probe("writes in a function that no signature reaches", hidden_function, "SM120"),
    Probe("writes when it is loaded", at_loading, "SM120"),
    *(Probe(name, saved(*made)) for name, made in _BENIGN.items()),
    Probe("a vocabulary", vocabulary),
    Probe("reads its own asset", read_asset),
    Probe("variables", variables),
    Probe("a TF1 model", simple_save),
)
