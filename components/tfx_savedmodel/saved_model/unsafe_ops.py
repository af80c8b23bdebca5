"""Ops that touch the world outside the graph, and which of their inputs name the file.

Source: the op registry of TensorFlow 2.15.1 (every op whose kernel opens files or sockets, or
runs Python or other code).
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class UnsafeOp:
    """`kind` is "read", "list", "write", "network" or "code"; `files` the inputs that name files."""

    kind: str
    files: tuple[int, ...] = ()


def _ops(kind: str, files: tuple[int, ...], names: str) -> dict[str, UnsafeOp]:
    return {name: UnsafeOp(kind, files) for name in names.split()}


UNSAFE_OPS: dict[str, UnsafeOp] = {
    **_ops(
        "read",
        (0,),
        "ReadFile TextLineDataset FixedLengthRecordDataset FixedLengthRecordDatasetV2 TFRecordDataset "
        "TFRecordDatasetV2 "
        "CSVDataset CSVDatasetV2 ExperimentalCSVDataset LMDBDataset ExperimentalLMDBDataset LoadDataset "
        "SnapshotDatasetReader SnapshotChunkDataset SnapshotNestedDatasetReader LoadAndRemapMatrix Restore "
        "RestoreSlice "
        "RestoreV2 DTensorRestoreV2",
    ),
    **_ops("read", (0, 1), "GenerateVocabRemapping"),
    **_ops("read", (1,), "InitializeTableFromTextFile InitializeTableFromTextFileV2 InitializeTRTResource"),
    **_ops("read", (1,), "ReaderRead ReaderReadV2 ReaderReadUpTo ReaderReadUpToV2 ImportEvent"),
    **_ops("read", (), "RecordInput FixedUnigramCandidateSampler Skipgram"),
    **_ops(
        "list", (0,), "ListSnapshotChunksDataset MatchingFiles MatchingFilesDataset ExperimentalMatchingFilesDataset"
    ),
    **_ops(
        "write",
        (0,),
        "WriteFile Save SaveSlices SaveV2",
    ),
    **_ops("write", (0, 1), "MergeV2Checkpoints"),
    **_ops(
        "write",
        (1,),
        "CreateSummaryFileWriter CreateSummaryDbWriter SaveDataset SaveDatasetV2 SnapshotDataset SnapshotDatasetV2 "
        "CacheDataset CacheDatasetV2 DatasetToTFRecord ExperimentalDatasetToTFRecord DistributedSave "
        "SerializeTRTResource",
    ),
    **_ops("write", (), "CalibrationStatisticsSaver DumpTensor PrintV2"),
    **_ops(
        "network",
        (),
        "DataServiceDataset DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 RegisterDataset "
        "RegisterDatasetV2 RpcClient RpcCall RpcServer RpcServerStart RpcServerRegister RemoteCall Rpc TryRpc "
        "DebugIdentity DebugIdentityV2 DebugIdentityV3 DebugNanCount DebugNumericSummary DebugNumericSummaryV2 "
        "SqlDataset ExperimentalSqlDataset BigQueryReader GenerateBigQueryReaderPartitions "
        "KafkaDataset CloudBigtableTable GcsConfigureCredentials GcsConfigureBlockCache RpcGetValue RpcCheckStatus",
    ),
    **_ops(
        "code",
        (),
        "PyFunc PyFuncStateless EagerPyFunc FileSystemSetConfiguration DatasetFromGraph DeserializeIterator "
        "RemoteFusedGraphExecute XlaCustomCall XlaCustomCallV2",
    ),
}

#: What a saver is made of: its file name comes from whoever saves or restores.
SAVER_OPS = frozenset({"Save", "SaveSlices", "SaveV2", "Restore", "RestoreSlice", "RestoreV2", "MergeV2Checkpoints"})

#: Ops whose file is named by an attribute; none is named where it is empty.
FILE_ATTRIBUTES = {
    "CalibrationStatisticsSaver": "output_file_path",
    "RecordInput": "file_pattern",
    "FixedUnigramCandidateSampler": "vocab_file",
    "Skipgram": "filename",
}

#: Streams of PrintV2 that are no file.
PRINT_STREAMS = frozenset({"", "stderr", "stdout", "log(info)", "log(warning)", "log(error)"})

#: Dataset ops whose file name may be empty, which means memory.
MEMORY_IF_EMPTY = frozenset({"CacheDataset", "CacheDatasetV2"})


#: Libraries of ops that read, write or call out, but for the ops whose names say that they compute.
_OUTWARD = ("IO>", "Bigtable", "TFRA>Redis")
_COMPUTING = ("IO>Decode", "IO>Encode", "IO>Parse", "IO>AudioDecode", "IO>AudioEncode", "IO>AudioResample", "IO>RE2")
_TO_FILES = ("SaveToFileSystem", "LoadFromFileSystem")


def unsafe_op(name: str) -> UnsafeOp | None:
    """Return what an op does to the world outside the graph, or None; of other libraries' ops by their names."""
    known = UNSAFE_OPS.get(name)
    if known is not None:
        return known
    if name.endswith(_TO_FILES):
        return UnsafeOp("write" if name.endswith(_TO_FILES[0]) else "read")
    if name.startswith(_OUTWARD) and not name.startswith(_COMPUTING):
        return UnsafeOp("network")
    return None
