"""The keys of transformers' training arguments, which TRL and LLaMA-Factory share, in the names of versions 4 and 5."""

from __future__ import annotations

from engram.config.importers import reasons
from engram.config.importers.rules import drop, flag, is_one_of, keep, number, refuse, text, whole
from engram.config.importers.sheet import Rule, Sheet
from engram.config.importers.training import (
    every_steps,
    max_steps,
    optimizer,
    precision,
    schedule,
    trackers,
    validation_strategy,
    warm_up,
)
from engram.schema.codec import Path


def sampling(sheet: Sheet, path: Path, value: object) -> None:
    """Carry over how rows are put into batches."""
    if is_one_of(value, ["random", "group_by_length"]):
        sheet.carry(path, "train.group_by_length", is_one_of(value, ["group_by_length"]))
    else:
        sheet.refuse(path, "Engram draws rows at random, by length or not")


def sharded(sheet: Sheet, path: Path, value: object) -> None:
    """Carry over that a model is split over processes."""
    if value in ("", [], False) or is_one_of(value, ["no"]):
        sheet.ignore(path, "is off")
    else:
        sheet.carry(path, "train.parallel", "fsdp2")


_KEPT: dict[str, Rule] = {
    "learning_rate": keep("train.learning_rate", number),
    "num_train_epochs": keep("train.num_train_epochs", number),
    "max_steps": max_steps,
    "per_device_train_batch_size": keep("train.per_device_train_batch_size", whole),
    "per_gpu_train_batch_size": keep("train.per_device_train_batch_size", whole),
    "gradient_accumulation_steps": keep("train.gradient_accumulation_steps", whole),
    "lr_scheduler_type": schedule,
    "warmup_ratio": warm_up("lr_scheduler_type", "warmup_steps"),
    "warmup_steps": warm_up("lr_scheduler_type", "warmup_ratio"),
    "weight_decay": keep("train.weight_decay", number),
    "max_grad_norm": keep("train.max_grad_norm", number),
    "bf16": precision("bf16"),
    "fp16": precision("fp16"),
    "gradient_checkpointing": keep("train.gradient_checkpointing", flag),
    "activation_checkpointing": keep("train.gradient_checkpointing", flag),
    "group_by_length": keep("train.group_by_length", flag),
    "train_sampling_strategy": sampling,
    "seed": keep("train.seed", whole),
    "eval_strategy": validation_strategy,
    "evaluation_strategy": validation_strategy,
    "eval_steps": every_steps("train.eval_every", "Engram always validates"),
    "save_steps": every_steps("train.save_every.steps", reasons.KEEPS),
    "report_to": trackers,
    "run_name": keep("title", text),
    "fsdp": sharded,
    "optim": optimizer,
}

_IGNORED = {
    reasons.PLACE: "output_dir overwrite_output_dir logging_dir",
    reasons.MODES: "do_train do_eval do_predict prediction_loss_only",
    reasons.LOGS: "logging_strategy logging_steps logging_first_step log_level log_level_replica log_on_each_node "
    "logging_nan_inf_filter disable_tqdm include_num_input_tokens_seen include_tokens_per_second skip_memory_metrics "
    "debug",
    reasons.KEEPS: "save_strategy save_total_limit save_safetensors save_on_each_node save_only_model "
    "enable_jit_checkpoint load_best_model_at_end restore_callback_states_from_checkpoint",
    reasons.HUB: "push_to_hub hub_model_id hub_strategy hub_private_repo hub_always_push hub_revision "
    "push_to_hub_model_id push_to_hub_organization",
    reasons.SECRET: "hub_token push_to_hub_token",
    reasons.RESUME: "resume_from_checkpoint ignore_data_skip",
    reasons.DEVICE: "use_cpu no_cuda use_mps_device local_rank xpu_backend",
    reasons.PARALLEL: "deepspeed ddp_find_unused_parameters ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph "
    "ddp_backend ddp_timeout fsdp_config fsdp_min_num_params fsdp_transformer_layer_cls_to_wrap accelerator_config "
    "ray_scope split_batches dispatch_batches average_tokens_across_devices",
    reasons.SPEED: "torch_compile torch_compile_backend torch_compile_mode use_liger_kernel liger_kernel_config tf32 "
    "gradient_checkpointing_kwargs activation_checkpointing_kwargs torch_empty_cache_steps half_precision_backend "
    "fp16_backend fp16_opt_level jit_mode_eval use_ipex torchdynamo use_cache past_index full_determinism "
    "use_legacy_prediction_loop activation_offloading",
    reasons.LOADING: "dataloader_num_workers dataloader_pin_memory dataloader_persistent_workers "
    "dataloader_prefetch_factor dataloader_multiprocessing_context dataloader_in_order remove_unused_columns "
    "length_column_name label_names dataset_num_proc",
    "the order of rows is drawn from train.seed": "data_seed",
    "how many rows are scored at once changes no score": "per_device_eval_batch_size per_gpu_eval_batch_size "
    "eval_accumulation_steps eval_do_concat_batches eval_use_gather_object batch_eval_metrics bf16_full_eval "
    "fp16_full_eval",
    "evaluate.metrics names what is measured": "include_for_metrics include_inputs_for_metrics",
    "the best checkpoint is that of the lowest validation loss": "metric_for_best_model greater_is_better",
    reasons.TRACKING: "project trackio_space_id trackio_bucket_id trackio_static_space_id",
}

_REFUSED: dict[str, Rule] = {
    "lr_scheduler_kwargs": refuse("Engram's schedules have no other options", [{}]),
    "adam_beta1": refuse("Engram's AdamW has beta1 = 0.9", [0.9]),
    "adam_beta2": refuse("Engram's AdamW has beta2 = 0.999", [0.999]),
    "adam_epsilon": refuse("Engram's AdamW has epsilon = 1e-8", [1e-8]),
    "adafactor": refuse(reasons.OTHER_OPTIMIZER),
    "optim_args": refuse(reasons.OTHER_OPTIMIZER, [""]),
    "optim_target_modules": refuse(reasons.OTHER_OPTIMIZER, []),
    "label_smoothing_factor": refuse("smoothed labels are not there yet", [0]),
    "neftune_noise_alpha": refuse("noise on the embeddings is not there yet", [False, 0]),
    "auto_find_batch_size": refuse("say the size: train.per_device_train_batch_size, or train.tokens_per_batch"),
    "dataloader_drop_last": refuse("Engram trains on the last, smaller batch too", matters=False),
    "eval_delay": refuse("validation begins with the training", [0], matters=False),
    "eval_on_start": refuse("the untouched model is measured by the baseline stage", matters=False),
    "torchscript": refuse("exports are named in export", matters=False),
    "parallelism_config": refuse("Engram splits a model by fsdp2 only (train.parallel)", [{}]),
    "mp_parameters": refuse("Engram splits a model by fsdp2 only (train.parallel)", [""]),
    "tpu_num_cores": refuse("TPUs are not there yet", [0]),
    "tpu_metrics_debug": refuse("TPUs are not there yet", matters=False),
}

RULES: dict[str, Rule] = {
    **_KEPT,
    **{key: drop(reason) for reason, keys in _IGNORED.items() for key in keys.split()},
    **_REFUSED,
}


def defaults(sheet: Sheet, learning_rate: float, batch: int = 8) -> None:
    """Write what transformers does where the file says nothing."""
    sheet.default("train.learning_rate", learning_rate)
    if sheet.wrote("train.max_steps") is None:
        sheet.default("train.num_train_epochs", 3.0)
    sheet.default("train.per_device_train_batch_size", batch)
    sheet.default("train.lr_scheduler_type", "linear")
    sheet.default("train.warmup_ratio", 0.0)
    sheet.default("train.weight_decay", 0.0)
    sheet.default("train.group_by_length", False)
    sheet.default("train.early_stopping_patience", 0, "it never stops early")
