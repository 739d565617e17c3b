"""Names of Keras and PyTorch that a config has under another name, elsewhere, or not.

Data for :mod:`cifarcnn.config.name_hints`, looked at where the schema does not know a
name. A key holds one or more names, however they are spelt: case and underscores do not
count. Beginners bring these names from tutorials; the nearest spelling of one that
exists would send them to something that does something else.
"""

from __future__ import annotations

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
    "LayerNorm": "LayerNormalization",
    "GroupNorm": "GroupNormalization",
    "Linear FullyConnected FC": "Dense",
    "Dropout2d": "SpatialDropout2D",
    "ZeroPad2d": "ZeroPadding2D",
    "Hardswish HardSwish": "Activation: hard_silu",
    "RandomHorizontalFlip HorizontalFlip": "RandomFlip: horizontal",
    "RandomVerticalFlip VerticalFlip": "RandomFlip: vertical",
    "Cutout": "RandomErasing: 8",
    "RandAug": "RandAugment",
    "StepLR MultiStepLR MultiStep": "{StepDecay: {at_epochs: [30, 60]}}",
    "CosineAnnealingLR CosineAnnealing Cosine": "CosineDecay",
    "ExponentialLR": "{ExponentialDecay: {factor_per_epoch: 0.95}}",
    "LinearLR": "LinearDecay",
    "OneCycleLR OneCycle CyclicLR": "Triangle",
    "ConstantLR": "Constant",
    "SwapEMAWeights EMA": "{ExponentialMovingAverage: 0.99}",
    "xavier_uniform glorot": "GlorotUniform",
    "xavier_normal xavier": "GlorotNormal",
    "kaiming_uniform": "HeUniform",
    "kaiming_normal kaiming he": "HeNormal",
    "normal gaussian": "RandomNormal",
    "uniform": "RandomUniform",
    "OrthogonalInitializer": "Orthogonal",
    "IdentityInitializer eye": "Identity",
}

_KNOWN_SHAPE = "leave it out: the shape of the input is known from the data"
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
_LAMBDA = "a config can name layers, never code"
_LISTED = "leave it out: the layers are listed under model.layers"

# The way out where there is no single thing to write instead.
CHOICE_WAYS = {
    "Input InputLayer": _KNOWN_SHAPE,
    "Softmax LogSoftmax": _SOFTMAX,
    "LeakyReLU": (
        "write Activation: leaky_relu, whose slope is 0.2, Keras's default for the "
        "activation"
    ),
    "Lambda TorchModuleWrapper FlaxLayer JaxLayer TFSMLayer LambdaLR "
    "LearningRateScheduler LambdaCallback": _LAMBDA,
    "Sequential Model Functional": _LISTED,
    "Add": "write Residual, which adds the result of its layers to what went in",
    "Normalization Normalize Standardize Standardization": _NORMALIZED,
    "ToTensor": "leave it out: pictures become numbers by themselves",
    "ActivityRegularization": (
        "activity_regularizer is an argument of Dense and of convolutions"
    ),
    "ReduceMean": "write GlobalAveragePooling2D",
    "RandomCrop RandomPad": _CROP,
    "RandomColorJitter ColorJitter": _COLORS,
    "RandomPosterization Posterize RandomPosterize Solarization Solarize RandomSolarize "
    "AutoContrast RandomAutocontrast": _IN_RAND_AUGMENT,
    "AutoAugment TrivialAugment TrivialAugmentWide": (
        "cifarcnn has RandAugment, which needs no learnt policy"
    ),
    "EarlyStopping": (
        "it belongs to training: early_stopping: {patience: 5}, say"
    ),
    "ModelCheckpoint BackupAndRestore OrbaxCheckpoint": (
        "leave it out: checkpoints and the best weights are always kept"
    ),
    "CSVLogger TensorBoard History ProgbarLogger RemoteMonitor": (
        "leave it out: each run keeps history.csv, plots and a log"
    ),
    "TerminateOnNaN": "leave it out: a training that diverges always ends",
    "PolynomialDecay PolynomialLR": (
        "write LinearDecay, which is the polynomial of power 1"
    ),
    "LinearWarmup Warmup WarmUp": (
        "warmup_epochs is an argument of the schedules, such as CosineDecay: "
        "{warmup_epochs: 5}"
    ),
}

# Arguments and keys: the first of the names on the right that is known at the place.
RENAMED_KEYS = {
    "lr initial_learning_rate base_lr init_lr max_lr": "learning_rate",
    "eps": "epsilon",
    "out_channels nb_filter nb_filters num_filters n_filters": "filters",
    "out_features output_dim num_units n_units": "units",
    "stride subsample": "strides",
    "dilation atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "kernel ksize filter_size kernel_shape": "kernel_size pool_size",
    "pool": "pool_size",
    "init weight_init": "kernel_initializer depthwise_initializer",
    "W_regularizer weight_regularizer": "kernel_regularizer depthwise_regularizer",
    "b_regularizer": "bias_regularizer",
    "p drop_prob dropout_rate probability": "rate probability",
    "num_groups": "groups",
    "filters": "units",
    "units": "filters",
    "act non_linearity nonlinearity": "activation",
    "std sigma": "stddev deviation",
    "nb_epoch num_epochs n_epochs max_epochs": "epochs",
    "class_weight": "class_weights",
    "validation_split val_split val_fraction valid_fraction validation_size": (
        "validation_fraction"
    ),
    "data_dir root directory folder": "path",
    "class_names labels": "classes",
    "random_state random_seed": "seed",
    "mixed_precision amp": "precision",
    "lr_schedule lr_scheduler scheduler schedule": "learning_rate_schedule",
    "augmentations augment data_augmentation transforms transform": "augmentation",
    "normalise normalize normalisation normalizer": "normalization",
    "milestones boundaries": "at_epochs",
    "gamma": "factor",
    "alpha": "final_fraction rho",
    "fill_mode": "fill",
    "ema": "averaging",
    "tta": "test_time_augmentation",
    "restore_best_weights": "weights",
}

_SEED = "leave it out: training.seed starts every random number"
_CHANNELS = "leave it out: it is the last axis, the channels"
_INPUTS = "leave it out: it is known from the layer before"
_OPTIMIZER_EMA = (
    "the average of the weights is training.averaging, such as "
    "averaging: {ExponentialMovingAverage: 0.99}"
)
_AUGMENTATION = "random changes of the pictures are listed in data.augmentation"
_BETAS = "write beta_1: 0.9, beta_2: 0.999"
_ON_COMMAND_LINE = "it is an option of the command: cifarcnn train --device gpu"
_AFTER_IT = "put the layer Activation: relu after it"

KEY_WAYS = {
    # Of layers.
    "data_format dim_ordering": (
        "leave it out: maps are always height, width, channels (channels_last)"
    ),
    "input_shape batch_input_shape batch_shape input_dim input_length image_shape "
    "image_size img_size input_size target_size resolution img_height img_width": (
        _KNOWN_SHAPE
    ),
    "in_channels in_features num_features num_channels normalized_shape": _INPUTS,
    "num_classes n_classes nb_classes": (
        "leave it out: it is known from the data; the last layer has one unit for each"
    ),
    "axis": _CHANNELS,
    "activation": _AFTER_IT,
    "dtype autocast": "leave it out: training.precision decides it",
    "seed": _SEED,
    "inplace track_running_stats": "leave it out: it changes no result",
    "affine elementwise_affine": "write center: false, scale: false for affine: false",
    "keep_prob": "write rate, which is 1 - keep_prob",
    "negative_slope": "the slope of leaky_relu is 0.2, Keras's default",
    "nb_row nb_col": "write kernel_size: [rows, columns]",
    # Of augmentations.
    "value_range": "leave it out: pixels are 0 to 255",
    "interpolation": "leave it out: it is not chosen here",
    "height_factor width_factor": (
        "write pixels: 4, the largest offset in pixels; of a picture of 32 pixels "
        "a share of 0.125"
    ),
    # Of optimizers.
    "decay": (
        "it is a schedule, not weight_decay: training.learning_rate_schedule: "
        "InverseTimeDecay, the rate divided by 1 + decay * step"
    ),
    "betas": _BETAS,
    "loss_scale_factor": "leave it out: training.precision sees to it",
    "dampening": "PyTorch has it, Keras and cifarcnn have not",
    "use_ema ema_momentum ema_overwrite_frequency": _OPTIMIZER_EMA,
    # Of schedules and of early stopping.
    "decay_steps T_max total_steps": "leave it out: it ends with the training",
    "decay_rate": "write factor_per_epoch: 0.95, what is left of the rate after an epoch",
    "warmup_steps warmup warmup_target": "write warmup_epochs: 5, which counts epochs",
    "staircase": "leave it out; StepDecay falls in steps",
    "step_size": "write at_epochs: [30, 60], the epochs after which the rate falls",
    "name": "leave it out: only the config and its layers have names",
    "mode": "leave it out: a loss is to fall, an accuracy to rise",
    "verbose": "leave it out: progress is always shown",
    # Of fit and compile.
    "x y": "leave it out: the pictures are those of data.dataset",
    "loss criterion loss_function": (
        "leave it out: the loss is always the cross-entropy of the classes; "
        "training.label_smoothing softens it"
    ),
    "metrics weighted_metrics": (
        "leave it out: loss and accuracy are always measured; cifarcnn evaluate tells "
        "more"
    ),
    "callbacks": (
        "leave it out: see early_stopping and learning_rate_schedule in training; "
        "checkpoints and logs are always written"
    ),
    "shuffle": "leave it out: the pictures are shuffled anew in every epoch",
    "validation_data": (
        "data.validation_fraction of the training pictures is kept for validation"
    ),
    "initial_epoch": "leave it out: cifarcnn train --resume RUN goes on with a training",
    "steps_per_epoch samples_per_epoch": (
        "leave it out: an epoch sees every training picture once"
    ),
    "validation_steps validation_freq validation_batch_size nb_val_samples": (
        "leave it out: all validation pictures are looked at after every epoch"
    ),
    "run_eagerly jit_compile auto_scale_loss": "leave it out: cifarcnn decides it",
    "workers num_workers max_queue_size use_multiprocessing pin_memory": (
        "leave it out: the pictures lie in memory"
    ),
    "device gpu gpus accelerator": _ON_COMMAND_LINE,
    "output output_dir save_dir log_dir logdir checkpoint_dir": (
        "it is an option of the command: cifarcnn train --run DIR"
    ),
    "horizontal_flip vertical_flip rotation_range width_shift_range height_shift_range "
    "zoom_range shear_range brightness_range channel_shift_range": _AUGMENTATION,
    "featurewise_center featurewise_std_normalization rescale samplewise_center "
    "samplewise_std_normalization zca_whitening": (
        "pictures are scaled by data.normalization: unit, standard or none"
    ),
    "preprocessing_function lambda function": _LAMBDA,
}

# Of one choice alone: its class, a point, the argument.
OWN_KEY_WAYS = {
    "Adam.momentum": "Adam's momentum is beta_1",
    "AdamW.momentum": "AdamW's momentum is beta_1",
    "Nadam.momentum": "Nadam's momentum is beta_1",
    "RandomErasing.factor": "write probability: 0.5, the share of the pictures",
    "RandomErasing.scale": "write size: 8, the sides of the rectangle in pixels",
    "RandomErasing.ratio": "write size: [4, 12], the sides of the rectangle in pixels",
    "RandomTranslation.fill_value": "write fill: zero",
    "RandomTranslation.padding": "write pixels: 4, the largest offset in pixels",
    "CutMix.factor": "write alpha: 1.0, both parameters of the beta distribution",
    "ExponentialDecay.gamma": "write factor_per_epoch: 0.95",
    "ExponentialDecay.alpha": "write factor_per_epoch: 0.95",
    "Dropout.noise_shape": "SpatialDropout2D drops whole maps",
    "Identity.gain": "Keras has it, cifarcnn has not",
}

RENAMED_VALUES = {
    "hard_swish": "hard_silu",
    "none": "linear",
    "constant": "zero",
    "float16 mixed_float16 fp16 half mixed": "auto",
    "acc accuracy val_acc": "val_accuracy",
    "loss": "val_loss",
}

_NOT_HERE = "Keras has it, cifarcnn has not"
_NOT_IN_KERAS = "PyTorch has it, cifarcnn has not"

# Names for which there is no way.
MISSING_CHOICES = {
    "AdaptiveAveragePooling1D AdaptiveAveragePooling3D AdaptiveMaxPooling1D "
    "AdaptiveMaxPooling3D AdditiveAttention Attention AugMix Average AveragePooling1D "
    "AveragePooling3D AvgPool1D AvgPool3D Bidirectional CategoryEncoding CenterCrop "
    "ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose "
    "Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D "
    "Convolution1D Convolution1DTranspose Convolution2DTranspose Convolution3D "
    "Convolution3DTranspose Cropping1D Cropping2D Cropping3D DepthwiseConv1D "
    "Discretization Dot EinsumDense Embedding Equalization GRU GRUCell "
    "GaussianDropout GlobalAveragePooling1D GlobalAveragePooling3D GlobalAvgPool1D "
    "GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool3D GlobalMaxPooling1D "
    "GlobalMaxPooling3D GroupQueryAttention HashedCrossing Hashing InputSpec "
    "IntegerLookup LSTM LSTMCell Layer Masking MaxNumBoundingBoxes MaxPool1D "
    "MaxPool3D MaxPooling1D MaxPooling3D Maximum MelSpectrogram Minimum "
    "MultiHeadAttention Permute Pipeline RMSNormalization RNN RandomColorDegeneration "
    "RandomElasticTransform RandomGaussianBlur RandomGrayscale RandomHue RandomInvert "
    "RandomPerspective RandomSharpness RepeatVector Reshape Resizing "
    "ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConvolution1D "
    "SimpleRNN SimpleRNNCell SpatialDropout1D SpatialDropout3D SpectralNormalization "
    "StackedRNNCells StringLookup Subtract TextVectorization TimeDistributed "
    "UnitNormalization UpSampling1D UpSampling3D Wrapper ZeroPadding1D ZeroPadding3D "
    "Ftrl Lamb LossScaleOptimizer MultiOptimizer Optimizer OptimizerMap "
    "ScheduleFreeAdamW LearningRateSchedule Callback CallbackList Initializer STFT "
    "STFTInitializer OrthogonalRegularizer Regularizer Constraint MinMaxNorm NonNeg "
    "UnitNorm ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge "
    "DenseNet121 DenseNet169 DenseNet201 EfficientNetB0 EfficientNetB1 EfficientNetB2 "
    "EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7 "
    "EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 "
    "EfficientNetV2L EfficientNetV2M EfficientNetV2S InceptionResNetV2 InceptionV3 "
    "MobileNet MobileNetV2 MobileNetV3Large MobileNetV3Small NASNetLarge NASNetMobile "
    "ResNet101 ResNet101V2 ResNet152 ResNet152V2 ResNet50 ResNet50V2 VGG16 VGG19 "
    "Xception LocallyConnected2D GaussianBlur "
    "RandomWidth RandomHeight Highway": _NOT_HERE,
    "RAdam ASGD SparseAdam LBFGS Rprop RandomAffine RandomResizedCrop Resize "
    "RandomApply RandomChoice Pad Compose ConvTranspose2d InstanceNorm2d LPPool2d "
    "FractionalMaxPool2d LocalResponseNorm CrossMapLRN2d PixelShuffle Unfold Fold "
    "FeatureAlphaDropout ReflectionPad2d ReplicationPad2d Dropout1d Dropout3d "
    "BatchNorm1d BatchNorm3d SyncBatchNorm LazyConv2d LazyLinear Unflatten": (
        _NOT_IN_KERAS
    ),
}
MISSING_KEYS = {
    "baseline beta_constraint bias_constraint depthwise_constraint exclude_embeddings "
    "gamma_constraint gradient_accumulation_steps input_axes lora_alpha lora_rank "
    "loss_weights muon_a muon_b muon_c noise_shape output_axes pointwise_constraint "
    "quantization_config renorm renorm_clipping renorm_momentum sample_weight "
    "start_from_epoch synchronized trainable": _NOT_HERE,
    "padding_mode ceil_mode return_indices count_include_pad divisor_override "
    "maximize foreach capturable differentiable fused": (
        "PyTorch has it, cifarcnn has not"
    ),
}
MISSING_VALUES = {
    "celu glu hard_shrink hard_tanh log_sigmoid log_softmax soft_shrink sparse_plus "
    "sparse_sigmoid sparsemax squareplus tanh_shrink threshold": _NOT_HERE,
}

# The arguments that may come without their names in a call of Python.
POSITIONAL = {
    "Conv2D Convolution2D SeparableConv2D": "filters kernel_size strides padding",
    "DepthwiseConv2D": "kernel_size strides padding",
    "MaxPooling2D AveragePooling2D MaxPool2D AvgPool2D": "pool_size strides padding",
    "Dense": "units activation",
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
