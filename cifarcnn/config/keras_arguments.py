"""Arguments and values of Keras and PyTorch that a config has elsewhere, or has not.

As in :mod:`cifarcnn.config.keras_names`: layers' arguments, those of optimizers and
schedules, and what ``fit`` and ``compile`` take.
"""

from __future__ import annotations

from cifarcnn.config.keras_names import (
    KNOWN_SHAPE,
    NO_CODE,
    NOT_HERE,
    ONLY_IN_PYTORCH,
    PRETRAINED,
)

# Arguments and keys: the first of the names on the right that is known at the place.
RENAMED_KEYS = {
    "lr lr0 initial_learning_rate base_lr init_lr max_lr": "learning_rate",
    "wd": "weight_decay",
    "eps": "epsilon",
    "out_channels nb_filter nb_filters num_filters n_filters": "filters",
    "out_features output_dim num_units n_units": "units",
    "stride subsample": "strides",
    "dilation atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "kernel ksize filter_size kernel_shape size": "kernel_size pool_size",
    "pool": "pool_size",
    "init weight_init": "kernel_initializer depthwise_initializer",
    "W_regularizer weight_regularizer": "kernel_regularizer depthwise_regularizer",
    "b_regularizer": "bias_regularizer",
    "p drop_prob dropout_rate probability": "rate probability",
    "num_groups": "groups",
    "filters": "units",
    "units": "filters",
    "act nonlinearity": "activation",
    "std sigma": "stddev deviation",
    "nb_epoch num_epochs n_epochs max_epochs": "epochs",
    "class_weight": "class_weights",
    "validation_split val_split val_fraction valid_fraction validation_size": (
        "validation_fraction"
    ),
    "train trainer fit compile hyperparameters hparams": "training",
    "data_dir root directory folder": "path",
    "img_size imgsz image_shape input_shape batch_input_shape input_size target_size "
    "resolution": "image_size",
    "resize_mode resize_method": "resize",
    "class_names labels names": "classes",
    "random_state random_seed": "seed",
    "mixed_precision amp": "precision",
    "enable_op_determinism use_deterministic_algorithms": "deterministic",
    "lr_schedule lr_scheduler scheduler schedule": "learning_rate_schedule",
    "augmentations augment data_augmentation transforms transform": "augmentation",
    "normalise normalize normalisation normalizer": "normalization",
    "milestones": "at_epochs",
    "T_0": "first_decay_epochs",
    "T_mult": "t_mul",
    "gamma": "factor",
    "scale_factor": "size",
    "alpha": "final_fraction rho",
    "fill_mode": "fill",
    "ema": "averaging",
    "tta": "test_time_augmentation",
    "report_to logger loggers log_with trackers": "tracking",
}

_SEED = "leave it out: training.seed starts every random number"
_CHANNELS = "leave it out: it is the last axis, the channels"
_INPUTS = "leave it out: it is known from the layer before"
_OPTIMIZER_EMA = (
    "the average of the weights is training.averaging, such as "
    "averaging: {ExponentialMovingAverage: 0.99}"
)
_AUGMENTATION = "random changes of the pictures are listed in data.augmentation"
_PIXELS = "write pixels: 4, the largest offset in pixels"
_BETAS = "write the first as beta_1, the second as beta_2"
_ON_COMMAND_LINE = "it is an option of the command: cifarcnn train --device gpu"
_TENSORBOARD = "write tracking: [tensorboard] in training"
_AFTER_IT = "put the layer Activation: relu after it"

ONLY_OF_A_FOLDER = (
    "leave it out: only dataset: folder has an image_size; for larger maps begin "
    "model.layers with Resizing"
)

KEY_WAYS = {
    # Of layers.
    "data_format dim_ordering": (
        "leave it out: maps are always height, width, channels (channels_last)"
    ),
    "input_shape batch_input_shape batch_shape input_dim input_length image_shape "
    "image_size img_size imgsz input_size target_size resolution": KNOWN_SHAPE,
    "img_height img_width image_height image_width": (
        "write image_size: [height, width] in data"
    ),
    "crop_to_aspect_ratio pad_to_aspect_ratio keep_aspect_ratio keep_ratio": (
        "write resize: crop, or resize: pad, in data"
    ),
    "antialias": "leave it out: pictures are shrunk antialiased, maps are not",
    "in_channels in_features num_features num_channels normalized_shape": _INPUTS,
    "num_classes n_classes nb_classes nc": (
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
    "start_dim end_dim": "leave it out: each picture becomes one row of numbers",
    "include_top classifier_activation": (
        "leave it out: the network comes without its classifier; layers of yours follow"
    ),
    "include_preprocessing input_tensor": (
        "leave it out: the network's own preprocessing is always a part of it"
    ),
    "base_model backbone pretrained_model encoder": PRETRAINED,
    "pretrained": f"{PRETRAINED}; its weights are those of ImageNet",
    # Of augmentations.
    "value_range": "leave it out: pixels are 0 to 255",
    "interpolation": "leave it out: it is not chosen here",
    # Of optimizers.
    "decay": (
        "it is a schedule, not weight_decay: write learning_rate_schedule: "
        "{InverseTimeDecay: 1e-6} in training, which divides the rate by "
        "1 + 1e-6 * step"
    ),
    "betas": _BETAS,
    "loss_scale_factor": "leave it out: training.precision sees to it",
    "dampening": ONLY_IN_PYTORCH,
    "use_ema ema_momentum ema_overwrite_frequency": _OPTIMIZER_EMA,
    # Of schedules and of early stopping.
    "decay_steps T_max total_steps": "leave it out: it ends with the training",
    "decay_rate": "write factor_per_epoch: 0.95, the share left after an epoch",
    "boundaries": "write at_epochs: [80, 120], which counts epochs, not steps",
    "first_decay_steps": "write first_decay_epochs: 10, which counts epochs, not steps",
    "warmup_steps warmup warmup_target": "write warmup_epochs: 5, which counts epochs",
    "staircase": "leave it out; StepDecay falls in steps",
    "step_size": "write at_epochs: [30, 60], the epochs after which the rate falls",
    "name": "leave it out: only the config and its layers have names",
    "mode": "leave it out: a loss is to fall, an accuracy to rise",
    "restore_best_weights save_best_only": "leave it out: training.weights is best",
    "verbose": "leave it out: progress is always shown",
    # Of fit and compile.
    "test_size": (
        "the test split is that of the data; data.validation_fraction is what is kept "
        "of the training pictures"
    ),
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
        "checkpoints and logs are always written, and training.tracking tells others"
    ),
    "shuffle": "leave it out: the pictures are shuffled anew in every epoch",
    "validation_data": (
        "data.validation_fraction of the training pictures is kept for validation"
    ),
    "initial_epoch": "leave it out: cifarcnn train --resume RUN goes on",
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
    "tensorboard use_tensorboard tensorboard_dir": _TENSORBOARD,
    "log_dir logging_dir": (
        f"{_TENSORBOARD}; its files lie in the run, which is named by the option --run"
    ),
    "mlflow use_mlflow mlflow_tracking_uri": (
        "write tracking: [mlflow] in training; where it is kept says the environment "
        "variable MLFLOW_TRACKING_URI"
    ),
    "wandb use_wandb wandb_project": "write tracking: [wandb] in training",
    "output output_dir save_dir checkpoint_dir": (
        "it is an option of the command: cifarcnn train --run DIR"
    ),
    "horizontal_flip vertical_flip rotation_range width_shift_range height_shift_range "
    "zoom_range shear_range brightness_range channel_shift_range": _AUGMENTATION,
    "featurewise_center featurewise_std_normalization rescale samplewise_center "
    "samplewise_std_normalization zca_whitening": (
        "pictures are scaled by data.normalization: unit, standard or none"
    ),
    "preprocessing_function lambda function": NO_CODE,
}

# Of one choice alone: its class, a point, the argument.
OWN_KEY_WAYS = {
    "Adam.momentum": "Adam's momentum is beta_1",
    "AdamW.momentum": "AdamW's momentum is beta_1",
    "Nadam.momentum": "Nadam's momentum is beta_1",
    "RandomErasing.factor": "write probability: 0.5, the share of the pictures",
    "RandomErasing.scale": "write size: 8, the sides of the rectangle in pixels",
    "RandomErasing.ratio": "write size: [4, 12], the sides of the rectangle in pixels",
    "RandomTranslation.height_factor": _PIXELS,
    "RandomTranslation.width_factor": _PIXELS,
    "RandomTranslation.fill_value": "write fill: zero",
    "RandomTranslation.padding": _PIXELS,
    "CutMix.factor": "write alpha: 1.0, both parameters of the beta distribution",
    "ExponentialDecay.decay_steps": "write factor_per_epoch: 0.95 for every epoch",
    "ExponentialDecay.gamma": "write factor_per_epoch",
    "ExponentialDecay.alpha": "write factor_per_epoch: 0.95",
    "Data.size": "write image_size",
    "Data.interpolation": "leave it out: it is always Lanczos's filter, antialiased",
    "Resizing.size": "write height and width",
    "Data.train": "write path: the folder that holds train/ and validation/",
    "Data.val": "write path: the folder that holds train/ and validation/",
    "Data.valid": "write path: the folder that holds train/ and validation/",
    "ExponentialMovingAverage.decay": "write momentum",
    "Activation.function": "write activation",
    "BatchNormalization.mode": "leave it out: each channel has its own mean",
    "GlobalAveragePooling2D.output_size": "it is always 1 x 1 here",
    "GlobalMaxPooling2D.output_size": "it is always 1 x 1 here",
    "PReLU.num_parameters": (
        "write shared_axes: [1, 2] for one factor of each channel, [1, 2, 3] for one "
        "in all"
    ),
    "RandomFlip.p": "leave it out: the chance is a half",
    "RandomFlip.probability": "leave it out: the chance is a half",
    "RandomRotation.degrees": (
        "write factor, a share of a full turn: 15 degrees are 0.0417"
    ),
    "Dropout.noise_shape": "SpatialDropout2D drops whole maps",
    "Identity.gain": NOT_HERE,
    "Pretrained.alpha": "it is always 1, as Keras's default",
    "Pretrained.classes": "leave it out: it is known from the data",
    "Pretrained.minimalistic": NOT_HERE,
    "Pretrained.model": "write application",
    "Pretrained.base_model": "write application",
    "Pretrained.backbone": "write application",
    "Pretrained.freeze": "write trainable: false, which is the default",
    "Pretrained.frozen": "write trainable: false, which is the default",
}

RENAMED_VALUES = {
    "hard_swish": "hard_silu",
    "none": "linear",
    "constant": "zero",
    "float16 mixed_float16 fp16 half mixed": "auto",
    "bf16 bfloat16": "mixed_bfloat16",
    "lrelu": "leaky_relu",
    "letterbox contain": "pad",
    "squash squish warp distort": "stretch",
    "center_crop centre_crop central_crop cover": "crop",
    "acc accuracy val_acc": "val_accuracy",
    "loss": "val_loss",
    "tb": "tensorboard",
    "weights_and_biases wb": "wandb",
}

MISSING_KEYS = {
    "baseline exclude_embeddings "
    "gradient_accumulation_steps input_axes lora_alpha lora_rank "
    "loss_weights muon_a muon_b muon_c noise_shape output_axes "
    "quantization_config renorm renorm_clipping renorm_momentum sample_weight "
    "start_from_epoch synchronized trainable": NOT_HERE,
    "padding_mode ceil_mode return_indices count_include_pad divisor_override "
    "maximize foreach capturable differentiable fused": ONLY_IN_PYTORCH,
}
MISSING_VALUES = {
    "horizontal_and_vertical": (
        "write RandomFlip: horizontal, then RandomFlip: vertical"
    ),
    "celu glu hard_shrink hard_tanh log_sigmoid log_softmax soft_shrink sparse_plus "
    "sparse_sigmoid sparsemax squareplus tanh_shrink threshold": NOT_HERE,
}
