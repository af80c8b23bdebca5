"""Keras's own classes by name: what a configuration that names no modules (H5, SavedModels) may mean.

Which of them the installed Keras has is not asked here: that needs TensorFlow. Left out are the classes that load or
call something that is not in the file.
"""

from __future__ import annotations

from tfx_savedmodel.saved_model.keras_code import Reference

#: What keras.layers, .models, .initializers, .regularizers, .constraints, .losses, .metrics, .optimizers and the like
#: export: the union of Keras 2.15, its compat.v1, and Keras 3.15.
_EXPORTED = frozenset(
    """
    AUC AWQConfig AWQDTypePolicy AbsMaxQuantizer AbstractRNNCell Accuracy Activation ActivityRegularization Adadelta
    Adafactor Adagrad Adam AdamW Adamax AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix
    AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D
    BatchNormalization Bidirectional BinaryAccuracy BinaryCrossentropy BinaryFocalCrossentropy BinaryIoU CTC
    CategoricalAccuracy CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy
    CategoricalHinge CategoryEncoding CenterCrop Circle Concatenate ConcordanceCorrelation Constant Constraint
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose
    ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose
    Convolution3D Convolution3DTranspose CosineDecay CosineDecayRestarts CosineSimilarity Cropping1D Cropping2D
    Cropping3D CuDNNGRU CuDNNLSTM CutMix DTypePolicy DTypePolicyMap Dense DenseFeatures DepthwiseConv1D
    DepthwiseConv2D Dice Discretization Dot Dropout ELU EinsumDense Embedding Equalization ExponentialDecay F1Score
    FBetaScore FalseNegatives FalsePositives Flatten Float8QuantizationConfig FloatDTypePolicy Ftrl GPTQConfig
    GPTQDTypePolicy GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D
    GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlorotNormal GlorotUniform
    GroupNormalization GroupQueryAttention HashedCrossing Hashing HeNormal HeUniform Hinge Huber Identity
    IdentityInitializer Initializer InputLayer InputSpec Int4DTypePolicy Int4QuantizationConfig Int8QuantizationConfig
    IntegerLookup InverseTimeDecay IoU KLDivergence L1 L1L2 L2 LSTM LSTMCell Lamb Lambda Layer LayerNormalization
    LeakyReLU LearningRateSchedule LecunNormal LecunUniform LinearModel Lion LocallyConnected1D LocallyConnected2D
    LogCosh LogCoshError Loss LossScaleOptimizer Masking MaxNorm MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D
    MaxPooling1D MaxPooling2D MaxPooling3D Maximum Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU
    MeanMetricWrapper MeanRelativeError MeanSquaredError MeanSquaredLogarithmicError MeanTensor MelSpectrogram Metric
    MinMaxNorm Minimum MixUp Model MultiHeadAttention MultiOptimizer Multiply Muon Nadam NonNeg Normalization
    OneHotIoU OneHotMeanIoU Ones Optimizer OptimizerMap Orthogonal OrthogonalInitializer OrthogonalRegularizer PReLU
    PearsonCorrelation Permute PiecewiseConstantDecay Pipeline Poisson Policy PolynomialDecay Precision
    PrecisionAtRecall PreprocessingLayer QuantizationConfig QuantizedDTypePolicy QuantizedFloat8DTypePolicy Quantizer
    R2Score RMSNormalization RMSprop RNN RadialConstraint RandAugment RandomBrightness RandomColorDegeneration
    RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomFourierFeatures
    RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomNormal RandomPerspective
    RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomUniform
    RandomWidth RandomZoom ReLU Recall RecallAtPrecision Regularizer RepeatVector Rescaling Reshape Resizing
    ReversibleEmbedding RootMeanSquaredError SGD STFT STFTInitializer STFTSpectrogram ScheduleFreeAdamW SeedGenerator
    SensitivityAtSpecificity SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D
    SequenceFeatures Sequential SimpleRNN SimpleRNNCell Softmax Solarization SparseCategoricalAccuracy
    SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpatialDropout1D SpatialDropout2D SpatialDropout3D
    SpecificityAtSensitivity SpectralNormalization SquaredHinge StackedRNNCells StringLookup Subtract Sum
    SyncBatchNormalization TextVectorization ThresholdedReLU TimeDistributed TopKCategoricalAccuracy TrueNegatives
    TruePositives TruncatedNormal Tversky UnitNorm UnitNormalization UpSampling1D UpSampling2D UpSampling3D
    VarianceScaling WideDeepModel Wrapper ZeroPadding1D ZeroPadding2D ZeroPadding3D Zeros
    """.split()
)

#: Written into configurations without being exported.
_UNEXPORTED = frozenset(
    """
    BatchNormalizationV1 BatchNormalizationV2 ClassMethod CompileLoss CompileMetrics Functional InstanceMethod
    InstanceProperty LossFunctionWrapper LossesContainer MetricsContainer MetricsList PolicyV1 RandomLayer
    SlicingOpLambda SumOverBatchSizeMetricWrapper TFOpLambda TensorFlowOpLayer
    """.split()
)

#: Of Keras 1 and 2.0.
_FORMER = frozenset(
    """
    AtrousConvolution1D AtrousConvolution2D ConvRNN2D ConvRecurrent2D Deconvolution2D Highway MaxoutDense Merge
    """.split()
)

#: What Keras 2.11 and later call the optimizers of their own in an H5 file, as if they were somebody else's.
_CUSTOM = "Custom>"


def is_own(item: Reference) -> bool:
    """Tell whether a class or function that a configuration names is a part of some Keras."""
    name = item.name.removeprefix(_CUSTOM) if item.module is None else item.name
    known = name in _EXPORTED or name in _UNEXPORTED or name in _FORMER
    if name != item.name:
        return known and item.registered in ("", item.name)
    if item.is_of_keras is not None:
        return item.is_of_keras
    # What begins with a capital is a class; of other names only listed ones may be of Keras at all.
    return known or not name[:1].isupper() or name in _FUNCTIONS


#: Losses and metrics that are functions with capitals.
_FUNCTIONS = frozenset({"KLD", "MAE", "MAPE", "MSE", "MSLE"})
