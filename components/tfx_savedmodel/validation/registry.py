"""Every check, in the order of the report. A new check is one line here."""

from __future__ import annotations

from tfx_savedmodel.validation.check import Check
from tfx_savedmodel.validation.checks.ambiguous_names import AmbiguousNames
from tfx_savedmodel.validation.checks.attributions import Attributions
from tfx_savedmodel.validation.checks.batch_invariance import BatchInvariance
from tfx_savedmodel.validation.checks.breaking_change import BreakingChange
from tfx_savedmodel.validation.checks.consumer_ops import ConsumerOps
from tfx_savedmodel.validation.checks.contract import Contract
from tfx_savedmodel.validation.checks.custom_ops import CustomOps
from tfx_savedmodel.validation.checks.determinism import Determinism
from tfx_savedmodel.validation.checks.explanation_chain import ExplanationChain
from tfx_savedmodel.validation.checks.explanation_contract import ExplanationContract
from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
from tfx_savedmodel.validation.checks.latency_budget import LatencyBudget
from tfx_savedmodel.validation.checks.load_budget import LoadBudget
from tfx_savedmodel.validation.checks.loaders_agree import LoadersAgree
from tfx_savedmodel.validation.checks.native_load import NativeLoad
from tfx_savedmodel.validation.checks.output_specs import OutputSpecs
from tfx_savedmodel.validation.checks.parity import Parity
from tfx_savedmodel.validation.checks.pinned_devices import PinnedDevices
from tfx_savedmodel.validation.checks.reference_variables import ReferenceVariables
from tfx_savedmodel.validation.checks.required_signatures import RequiredSignatures
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
from tfx_savedmodel.validation.checks.signature_definitions import SignatureDefinitions
from tfx_savedmodel.validation.checks.size_budget import SizeBudget
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.checks.synthetic_run import SyntheticRun
from tfx_savedmodel.validation.checks.tags import Tags
from tfx_savedmodel.validation.checks.tf1_load import Tf1Load
from tfx_savedmodel.validation.checks.tf2_load import Tf2Load
from tfx_savedmodel.validation.checks.unsafe_keras import UnsafeKeras
from tfx_savedmodel.validation.checks.unsafe_ops import UnsafeOps

CHECKS: tuple[type[Check], ...] = (
    Structure,
    Tags,
    RequiredSignatures,
    SignatureDefinitions,
    Contract,
    BreakingChange,
    ExplanationContract,
    AmbiguousNames,
    ConsumerOps,
    ReferenceVariables,
    PinnedDevices,
    CustomOps,
    SizeBudget,
    UnsafeOps,
    UnsafeKeras,
    NativeLoad,
    Tf2Load,
    Tf1Load,
    SyntheticRun,
    LoadersAgree,
    LoadBudget,
    RunsOnExamples,
    FiniteOutputs,
    OutputSpecs,
    Parity,
    ExplanationChain,
    Attributions,
    BatchInvariance,
    Determinism,
    LatencyBudget,
)
