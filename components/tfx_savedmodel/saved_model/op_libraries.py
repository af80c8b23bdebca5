"""Which library registers an op that TensorFlow itself does not have.

Read from the REGISTER_OP calls of tensorflow/text, tensorflow/decision-forests, tensorflow/addons, tensorflow/io,
tensorflow/recommenders-addons, google/struct2tensor, horovod/horovod, and of TensorFlow's own compiler/tf2tensorrt and,
up to 1.15, contrib. What TensorFlow Serving has built in stands in its model_servers/BUILD.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Library:
    """A library of ops; `next_step` says how a consumer gets them."""

    name: str
    next_step: str


_TEXT = Library(
    "TensorFlow Text",
    "import tensorflow_text (of TensorFlow's own version) before loading; TensorFlow Serving has its ops built in",
)
_FORESTS = Library(
    "TensorFlow Decision Forests",
    "import tensorflow_decision_forests before loading; TensorFlow Serving has its ops built in from 2.11 on",
)
_ADDONS = Library("TensorFlow Addons", "import tensorflow_addons before loading; servers need its library")
_IO = Library("TensorFlow IO", "import tensorflow_io before loading; servers need its library")
_RECOMMENDERS = Library(
    "TensorFlow Recommenders Addons", "import tensorflow_recommenders_addons before loading; servers need its library"
)
_STRUCT2TENSOR = Library(
    "struct2tensor", "import struct2tensor before loading; TensorFlow Serving has its ops built in"
)
_HOROVOD = Library("Horovod", "export from a single process, without Horovod's wrappers")
_TENSORRT = Library(
    "TF-TRT",
    "serve it on a GPU with TensorRT installed and a TensorFlow for CUDA, up to 2.17; or export it before converting",
)
_CONTRIB = Library("tf.contrib", "only TensorFlow 1.x has it: load it there, or export it again without contrib")
_GRAPHCORE = Library("Graphcore's TensorFlow", "serve it with Graphcore's build, or export it for CPU or GPU")
_NEURON = Library("AWS Neuron", "serve it with the Neuron runtime, or export it before compiling it for Inferentia")
_QUANTUM = Library("TensorFlow Quantum", "import tensorflow_quantum before loading; servers need its library")

_PREFIXES = {
    "TFText>": _TEXT,
    "SimpleML": _FORESTS,
    "YggdrasilDecisionForests": _FORESTS,
    "Addons>": _ADDONS,
    "IO>": _IO,
    "TFRA>": _RECOMMENDERS,
    "Tfra": _RECOMMENDERS,
    "Horovod": _HOROVOD,
    "TRT": _TENSORRT,
    "Ipu": _GRAPHCORE,
    "Neuron": _NEURON,
    "Tfq": _QUANTUM,
}

_NAMES = {
    _TEXT: """
        CaseFoldUTF8 ConstrainedSequence FastBertNormalize FastWordpieceTokenizeWithOffsets FindSourceOffsets
        MaxSpanningTree NormalizeUTF8 NormalizeUTF8WithOffsetsMap PhraseTokenize RegexSplitWithOffsets RougeL
        SentenceFragments SentencepieceDetokenizeOp SentencepieceIdToStringOp SentencepieceOp
        SentencepieceStringToIdOp SentencepieceTokenizeOp SentencepieceTokenizeWithOffsetsOp SentencepieceVocabSizeOp
        SplitMergeTokenizeWithOffsets TokenizerFromLogits UnicodeScriptTokenizeWithOffsets
        WhitespaceTokenizeWithOffsets WordpieceTokenizeWithOffsets
    """,
    _STRUCT2TENSOR: """
        DecodeProtoMap DecodeProtoMapV2 DecodeProtoSparseV2 DecodeProtoSparseV3 DecodeProtoSparseV4 EquiJoinAnyIndices
        EquiJoinIndices ParquetDataset RunLengthBefore
    """,
    _IO: """
        BigtableClient BigtableDataset BigtableEmptyRowRange BigtableEmptyRowSet BigtableLatestFilter
        BigtablePrefixRowRange BigtablePrintFilter BigtablePrintRowRange BigtablePrintRowSet BigtableRowRange
        BigtableRowSetAppendRow BigtableRowSetAppendRowRange BigtableRowSetIntersect BigtableSplitRowSetEvenly
        BigtableTimestampRangeFilter
    """,
    _TENSORRT: "CreateTRTResourceHandle GetCalibrationDataOp InitializeTRTResource SerializeTRTResource",
    _CONTRIB: """
        BucketizeWithInputBoundaries CreateQuantileAccumulator GradientTreesPrediction KafkaDataset IgniteDataset
        Resampler GatherTree TreePredictionsV4 DecisionTreeResourceHandleOp FertileStatsResourceHandleOp
        SkipGramGenerateCandidates
    """,
}
_BY_NAME = {op: library for library, names in _NAMES.items() for op in names.split()}


def library_of(op: str) -> Library | None:
    """Return the library that brings an op, or None where none is known."""
    named = _BY_NAME.get(op)
    return named or next((library for prefix, library in _PREFIXES.items() if op.startswith(prefix)), None)
