"""The parts of Keras that a configuration may name: which modules have them, and what a part's name looks like.

Elsewhere Keras has helpers that touch files and the network (keras.utils.get_file, keras.models.load_model), and
Keras 2 imports any module that a configuration names. So modules are listed, classes are told by their names,
and functions are listed, for nothing tells a helper from an activation by its name.
"""

from __future__ import annotations

import re

_CLASS = re.compile(r"[A-Z][A-Za-z0-9_]*", re.ASCII)
_MODULE = re.compile(r"(?:tf_)?keras(\.[a-z_][a-z0-9_]*)*", re.ASCII)
_TESTS = re.compile(r"_test\b|_benchmark\b|\.(tests|benchmarks)\b")

#: Folders of Keras whose classes are parts of models, each of them.
_FOLDERS = frozenset(
    """
    constraints dtype_policies initializers layers losses metrics mixed_precision ops optimizers quantizers random
    regularizers
    """.split()
)

#: Folders that hold other things too, with the classes that are parts of models. The first is keras itself.
_CLASSES = {
    "": "DTypePolicy FloatDTypePolicy Functional InputSpec KerasTensor Layer Model QuantizedDTypePolicy Sequential",
    "engine": "Functional InputLayer InputSpec Layer LossesContainer MetricsContainer Model Sequential "
    "TensorFlowOpLayer",
    "feature_column": "DenseFeatures SequenceFeatures",
    "models": "Functional Model Sequential",
    "premade_models": "LinearModel WideDeepModel",
    "trainers": "CompileLoss CompileMetrics MetricsList",
    "utils": "Cross Feature FeatureSpace",
}

#: Modules that are internal to Keras and hold layers.
_INTERNAL = {
    "__internal__.layers",
    "__internal__.legacy.layers",
    "__internal__.legacy.layers.experimental",
    "_legacy.layers",
}

#: Classes of Keras's own that load a further model from a path, unpickle one, or call any method of any object; and
#: what each does.
LOADERS = {
    "ModuleWrapper": "which calls the method that its `method_name` names of the object that it wraps",
    "TFSMLayer": "which loads and runs the further SavedModel that its `filepath` names",
    "TorchModuleWrapper": "which unpickles the PyTorch module in its configuration, and so runs what its author wants",
}

_ACTIVATIONS = """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
    log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
    sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
"""
_LOSSES_AND_METRICS = """
    KLD MAE MAPE MSE MSLE binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy
    categorical_crossentropy categorical_focal_crossentropy categorical_generalized_cross_entropy categorical_hinge
    circle concordance_correlation cosine_similarity ctc dice hinge huber kl_divergence kld
    kullback_leibler_divergence log_cosh logcosh mae mape mean_absolute_error mean_absolute_percentage_error
    mean_squared_error mean_squared_logarithmic_error mse msle pearson_correlation poisson
    sparse_categorical_accuracy sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge
    top_k_categorical_accuracy tversky
"""
_RANDOM = "beta binomial categorical dropout gamma normal randint shuffle truncated_normal uniform"

#: keras.ops, without what takes functions.
_OPS = """
    abs absolute adaptive_average_pool adaptive_max_pool add all allclose amax amin angle any append arange arccos
    arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort array array_split average
    average_pool bartlett batch_normalization binary_crossentropy bincount bitwise_and bitwise_invert
    bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor blackman broadcast_to cast
    categorical_crossentropy cbrt cdist ceil celu cholesky cholesky_inverse clip concatenate conj conjugate conv
    conv_transpose convert_to_tensor copy corrcoef correlate cos cosh count_nonzero cross ctc_decode ctc_loss
    cumprod cumsum deg2rad depth_to_space depthwise_conv det diag diagflat diagonal diff digitize divide
    divide_no_nan dot dot_product_attention dsplit dstack dtype eig eigh einsum elu empty empty_like equal erf erfc
    erfinv exp exp2 expand_dims expm1 extract_sequences eye fabs fft fft2 flip fliplr flipud floor floor_divide fmax
    fmin fmod fold full full_like gcd gelu geomspace get_item glu greater greater_equal hamming hanning hard_shrink
    hard_sigmoid hard_silu hard_swish hard_tanh heaviside histogram hsplit hstack hypot i0 identity ifft2 imag
    in_top_k inner inv irfft is_tensor isclose isfinite isin isinf isnan isneginf isposinf isreal istft kaiser kron
    layer_normalization lcm ldexp leaky_relu left_shift less less_equal linspace log log10 log1p log2 log_sigmoid
    log_softmax logaddexp logaddexp2 logdet logical_and logical_not logical_or logical_xor logspace logsumexp lstsq
    lu_factor matmul matrix_rank max max_pool maximum mean median meshgrid min minimum mod moments moveaxis
    multi_hot multiply nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin
    nanpercentile nanprod nanquantile nanstd nansum nanvar ndim negative nextafter nonzero norm normalize not_equal
    one_hot ones ones_like outer pad percentile pinv polar power prod psnr ptp qr quantile rad2deg ravel real
    rearrange reciprocal relu relu6 repeat reshape rfft right_shift rms_normalization roll rot90 round rsqrt
    saturate_cast scatter scatter_update searchsorted segment_max segment_min segment_prod segment_sum select selu
    separable_conv shape sigmoid sign signbit silu sin sinc sinh size slice slice_update slogdet soft_shrink softmax
    softplus softsign solve solve_triangular sort space_to_depth sparse_categorical_crossentropy sparse_plus
    sparse_sigmoid sparsemax split sqrt square squareplus squeeze stack std stft stop_gradient subtract sum svd
    swapaxes swish take take_along_axis tan tanh tanh_shrink tensordot threshold tile top_k trace transpose
    trapezoid tri tril triu true_divide trunc unfold unique unravel_index unstack vander var vdot view
    view_as_complex view_as_real vsplit vstack where zeros zeros_like
"""
_FUNCTIONS = {
    "activations": frozenset(_ACTIVATIONS.split()),
    "losses": frozenset(_LOSSES_AND_METRICS.split()),
    "metrics": frozenset(_LOSSES_AND_METRICS.split()),
    "ops": frozenset(_OPS.split()),
    "random": frozenset(_RANDOM.split()),
}

#: What a configuration without modules calls in small letters: classes by their old names, and the functions that
#: Keras 2 has for layers that merge.
_OLD_NAMES = frozenset(
    """
    add average concatenate constant dot glorot_normal glorot_uniform he_normal he_uniform identity l1 l1_l2 l2
    lecun_normal lecun_uniform max_norm maximum min_max_norm minimum multiply non_neg normal one ones orthogonal
    orthogonal_regularizer radial_constraint random_normal random_uniform stft subtract truncated_normal uniform
    unit_norm variance_scaling zero zeros
    """.split()
)

#: Specs of tensors, by the modules of TensorFlow that define them.
_SPECS = {
    "tensorflow": {"IndexedSlicesSpec", "RaggedTensorSpec", "SparseTensorSpec", "TensorSpec"},
    "tensorflow.python.framework.indexed_slices": {"IndexedSlicesSpec"},
    "tensorflow.python.framework.sparse_tensor": {"SparseTensorSpec"},
    "tensorflow.python.framework.tensor": {"TensorSpec"},
    "tensorflow.python.framework.tensor_spec": {"TensorSpec"},
    "tensorflow.python.ops.ragged.ragged_tensor": {"RaggedTensorSpec"},
}


def is_part(name: str, module: str, *, is_function: bool) -> bool:
    """Tell whether a module is of Keras and a name in it, by the lists, that of a part of models."""
    if name in _SPECS.get(module, ()):
        return not is_function
    if not _MODULE.fullmatch(module) or _TESTS.search(module):
        return False
    public = _public(module)
    folder = public.partition(".")[0]
    if is_function:
        return name in _FUNCTIONS.get(folder, ())
    if not _CLASS.fullmatch(name) or name in LOADERS:
        return False
    if folder in _FOLDERS or public in _INTERNAL:
        return True
    return name in _CLASSES.get(folder, "").split()


def may_be_part(name: str, *, is_function: bool, role: str) -> bool:
    """Tell whether a name without a module may be a part of Keras: whether the installed one has it is not known here.

    `role` is what a plain string stands for; a string names a class as well as a function.
    """
    if name in LOADERS:
        return False
    known = any(name in names for names in (_FUNCTIONS["activations"], _FUNCTIONS["losses"]))
    if is_function and not role:
        return known
    return bool(_CLASS.fullmatch(name)) or name in _OLD_NAMES or (known and role == "activation")


def _public(module: str) -> str:
    """Return a module of Keras below `keras`, as it is called in public: keras.src.layers.core is layers.core."""
    parts = module.split(".")[1:]
    while parts and parts[0] in ("src", "api", "_tf_keras", "keras", "_v1", "_v2"):
        parts = parts[1:]
    return ".".join(parts)
