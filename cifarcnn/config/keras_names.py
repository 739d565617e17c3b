"""Classes of Keras and PyTorch that a config has under another name, or has not.

Data for :mod:`cifarcnn.config.name_lookup`, looked at where the schema does not know a
name. A key holds one or more names, however they are spelt: case and underscores do not
count. Beginners bring these names from tutorials; the nearest spelling of one that
exists would send them to something that does something else.
"""

from __future__ import annotations

NOT_HERE = "Keras has it, cifarcnn has not"
ONLY_IN_PYTORCH = "PyTorch has it, cifarcnn has not"
KNOWN_SHAPE = "leave it out: the shape of the input is known from the data"
RESCALED = "leave it out: data.normalization, unit by default, divides by 255 already"
NO_CODE = "a config can name layers, never code"

# What to write in a config instead, arguments included: of layers, augmentations,
# optimizers, schedules, averages of the weights, initializers and regularizers.
RENAMED_CHOICES = {
    "Convolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "MaxPool2D MaxPool": "MaxPooling2D",
    "AvgPool2D AvgPool": "AveragePooling2D",
    "GlobalAvgPool2D GAP AdaptiveAveragePooling2D AdaptiveAvgPool2d": (
        "GlobalAveragePooling2D"
    ),
    "GlobalMaxPool2D AdaptiveMaxPooling2D AdaptiveMaxPool2d": "GlobalMaxPooling2D",
    "BatchNorm2d BatchNorm BN": "BatchNormalization",
    "Upsample UpsamplingNearest2d": "UpSampling2D",
    "cat concat merge": "Concatenate",
    "LayerNorm": "LayerNormalization",
    "GroupNorm": "GroupNormalization",
    "Linear FullyConnected FC": "Dense",
    "Dropout2d": "SpatialDropout2D",
    "ZeroPad2d": "ZeroPadding2D",
    "Hardswish": "Activation: hard_silu",
    "RandomHorizontalFlip HorizontalFlip fliplr": ("RandomFlip: horizontal"),
    "RandomVerticalFlip VerticalFlip flipud": "RandomFlip: vertical",
    "Resize": "{Resizing: {height: 96, width: 96}}",
    "Cutout": "RandomErasing: 8",
    "RandAug": "RandAugment",
    "StepLR MultiStepLR MultiStep": "{StepDecay: {at_epochs: [30, 60]}}",
    "CosineAnnealingLR CosineAnnealing Cosine": "CosineDecay",
    "ExponentialLR": "{ExponentialDecay: {factor_per_epoch: 0.95}}",
    "LinearLR": "LinearDecay",
    "OneCycleLR OneCycle CyclicLR": "Triangle",
    "ConstantLR": "Constant",
    "CosineAnnealingWarmRestarts SGDR": "{CosineDecayRestarts: 10}",
    "SwapEMAWeights EMA": "{ExponentialMovingAverage: 0.99}",
    "xavier_uniform glorot": "GlorotUniform",
    "xavier_normal xavier": "GlorotNormal",
    "kaiming_uniform": "HeUniform",
    "kaiming_normal kaiming he msra": "HeNormal",
    "normal gaussian": "RandomNormal",
    "uniform": "RandomUniform",
    "OrthogonalInitializer": "Orthogonal",
    "IdentityInitializer eye": "Identity",
}

_NORMALIZED = (
    "leave it out: data.normalization is part of the network, such as "
    "data: {normalization: standard}"
)
_COLORS = (
    "write RandomBrightness: 0.2, RandomContrast: 0.2 and RandomSaturation: 0.2 in "
    "data.augmentation, one after the other"
)
_IN_RAND_AUGMENT = "cifarcnn has it within RandAugment only"
_CROP = (
    "write RandomTranslation: {pixels: 4, fill: zero} in data.augmentation: a random "
    "crop of the picture with a border of 4 zeros"
)
_SOFTMAX = (
    "leave it out: softmax stands at the end of every network; or write activation: "
    "softmax in the last layer"
)
_LISTED = "leave it out: the layers are listed under model.layers"

PRETRAINED = (
    "write Pretrained: {application: InceptionV3, pooling: avg} as the first layer"
)

# The way out where there is no single thing to write instead.
CHOICE_WAYS = {
    "Input InputLayer": KNOWN_SHAPE,
    "Softmax LogSoftmax": _SOFTMAX,
    "LeakyReLU": (
        "write Activation: leaky_relu, whose slope is 0.2, Keras's default for the "
        "activation"
    ),
    "Lambda TorchModuleWrapper FlaxLayer JaxLayer TFSMLayer LambdaLR "
    "LearningRateScheduler LambdaCallback": NO_CODE,
    "Sequential Model Functional": _LISTED,
    "applications base_model backbone pretrained_model KerasLayer hub.KerasLayer timm "
    "feature_extractor ImageNet": PRETRAINED,
    "Add": "write Residual, which adds the result of its layers to what went in",
    "Normalization Normalize Standardize Standardization": _NORMALIZED,
    "Rescaling": RESCALED,
    "Identity": "leave it out: it changes nothing",
    "ToTensor": "leave it out: pictures become numbers by themselves",
    "ActivityRegularization": (
        "activity_regularizer is an argument of Dense and of convolutions"
    ),
    "ReduceMean": "write GlobalAveragePooling2D",
    "RandomCrop RandomPad": _CROP,
    "RandomAffine": (
        "write RandomRotation, RandomZoom, RandomShear and RandomTranslation, as many "
        "as you want, one after the other"
    ),
    "rotation_range": "write RandomRotation: 0.04, a share of a full turn",
    "width_shift_range height_shift_range": "write RandomTranslation: 4, in pixels",
    "zoom_range": "write RandomZoom: 0.1",
    "shear_range": "write RandomShear: 0.1",
    "brightness_range": "write RandomBrightness: 0.2",
    "RandomColorJitter ColorJitter": _COLORS,
    "RandomPosterization Posterize RandomPosterize Solarization Solarize "
    "RandomSolarize AutoContrast RandomAutocontrast": _IN_RAND_AUGMENT,
    "AutoAugment TrivialAugment TrivialAugmentWide": (
        "cifarcnn has RandAugment, which needs no learnt policy"
    ),
    "EarlyStopping": ("it belongs to training: early_stopping: {patience: 5}, say"),
    "ModelCheckpoint BackupAndRestore OrbaxCheckpoint": (
        "leave it out: checkpoints and the best weights are always kept"
    ),
    "TensorBoard": "write tracking: [tensorboard] in training",
    "CSVLogger History ProgbarLogger RemoteMonitor": (
        "leave it out: each run keeps history.csv, plots and a log"
    ),
    "TerminateOnNaN": "leave it out: a training that diverges always ends",
    "PolynomialDecay PolynomialLR": (
        "write LinearDecay, which is the polynomial of power 1"
    ),
    "LinearWarmup Warmup": (
        "warmup_epochs is an argument of the schedules, such as CosineDecay: "
        "{warmup_epochs: 5}"
    ),
}

# Names for which there is no way.
MISSING_CHOICES = {
    "AdditiveAttention Attention AugMix Average Bidirectional CategoryEncoding "
    "CenterCrop ContrastLimitedAdaptiveHistogramEqualization Conv2DTranspose "
    "ConvLSTM2D Convolution2DTranspose Cropping2D Discretization Dot EinsumDense "
    "Embedding Equalization GRU GRUCell GaussianDropout GroupQueryAttention "
    "HashedCrossing Hashing InputSpec IntegerLookup LSTM LSTMCell Layer Masking "
    "MaxNumBoundingBoxes Maximum MelSpectrogram Minimum MultiHeadAttention Permute "
    "Pipeline RMSNormalization RNN RandomColorDegeneration RandomElasticTransform "
    "RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective "
    "RandomSharpness RepeatVector Reshape ReversibleEmbedding "
    "STFTSpectrogram SimpleRNN SimpleRNNCell SpectralNormalization StackedRNNCells "
    "StringLookup Subtract TextVectorization TimeDistributed UnitNormalization "
    "Wrapper Ftrl Lamb LossScaleOptimizer MultiOptimizer Optimizer OptimizerMap "
    "ScheduleFreeAdamW LearningRateSchedule Callback CallbackList Initializer STFT "
    "STFTInitializer OrthogonalRegularizer Regularizer Constraint": NOT_HERE,
    "LocallyConnected2D ThresholdedReLU RandomWidth RandomHeight Highway": (
        "older versions of Keras have it, cifarcnn has not"
    ),
    "LocalResponseNormalization LRN": "TensorFlow has it, cifarcnn has not",
    "GaussianBlur RAdam ASGD SparseAdam LBFGS Rprop RandomResizedCrop Grayscale "
    "RandomApply RandomChoice Pad Compose ConvTranspose2d InstanceNorm2d "
    "LPPool2d FractionalMaxPool2d LocalResponseNorm CrossMapLRN2d PixelShuffle Unfold "
    "Fold FeatureAlphaDropout ReflectionPad2d ReplicationPad2d SyncBatchNorm "
    "LazyConv2d LazyLinear Unflatten": ONLY_IN_PYTORCH,
}

# The same for all names, folded, that a pattern fits.
MISSING_FAMILIES = {
    r".*[13]d(transpose)?": (
        "pictures have two dimensions: the layers for them have 2D in their names"
    ),
    r"(convnext|densenet|efficientnet|inception|mobilenet|nasnet|resnet|vgg|xception)"
    r"(resnet)?(b?\d+)?(v\d\w*)?(base|x?large|small|tiny|mobile)?": (
        "a published network is a config of its own; cifarcnn init --list shows those "
        "that are there"
    ),
}

# The arguments that may come without their names in a call of Python.
POSITIONAL = {
    "Convolution2D": "filters nb_row nb_col",
    "Conv2D SeparableConv2D": "filters kernel_size strides padding",
    "DepthwiseConv2D": "kernel_size strides padding",
    "MaxPooling2D AveragePooling2D MaxPool2D AvgPool2D": "pool_size strides padding",
    "Dense": "units activation",
    "Resizing": "height width interpolation",
    "Conv2d": "in_channels filters kernel_size strides padding",
    "Linear": "in_features units use_bias",
    "BatchNorm2d": "num_features epsilon",
    "MaxPool2d AvgPool2d": "pool_size strides",
    "AdaptiveAvgPool2d": "output_size",
    "SGD": "learning_rate momentum nesterov",
    "RMSprop": "learning_rate rho momentum",
    "GroupNormalization": "groups",
    "Rescaling": "scale offset",
}
