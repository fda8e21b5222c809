"""LLaMA-Factory: flat YAML over transformers' training arguments; data sets by the names of a dataset_info.json."""

from __future__ import annotations

from typing import Any

from engram.config.importers import reasons
from engram.config.importers.llama_factory_data import read_data
from engram.config.importers.rows import finish_parts, valid_share
from engram.config.importers.rules import drop, flag, is_one_of, keep, number, refuse, text, whole, word, words
from engram.config.importers.sheet import Rule, Sheet, Unfit
from engram.config.importers.trainer_keys import RULES as TRAINER
from engram.config.importers.trainer_keys import defaults
from engram.config.importers.training import precision, target_modules
from engram.schema.codec import Path

NAME, TITLE = "llama-factory", "LLaMA-Factory"
NOT_THE_MODELS_OWN = ("default", "alpaca", "vicuna", "fewshot", "empty", "belle", "openchat")


def stage(sheet: Sheet, path: Path, value: Any) -> None:
    """Read what is trained: sft and pt write text; the others learn from preferences or rewards."""
    if is_one_of(value, ["sft"]):
        sheet.carry(path, "task", "generate")
    elif is_one_of(value, ["pt"]):
        sheet.carry(path, "train.loss_on", "all", "plain text, learned whole")
    else:
        sheet.refuse(path, f"the stage {word(value)} is not there yet; Engram trains sft and pt")


def finetuning_type(sheet: Sheet, path: Path, value: Any) -> None:
    """Read how much of the model is trained."""
    if is_one_of(value, ["lora", "full"]):
        sheet.carry(path, "adapter.type", str(value).lower())
    else:
        sheet.refuse(path, f"{reasons.PARTS}; {word(value)} is another way")


def template(sheet: Sheet, path: Path, value: Any) -> None:
    """Ignore a template that is the model's own; one that belongs to no model would change what is learned."""
    if is_one_of(sheet.get("stage"), ["pt"]):
        sheet.ignore(path, "plain text has no template")
    elif is_one_of(value, NOT_THE_MODELS_OWN):
        sheet.refuse(path, f"{reasons.TEMPLATE}; {word(value)} belongs to no model")
    else:
        sheet.ignore(path, f"{reasons.TEMPLATE}: see that it is {word(value)}")


def loss_on(sheet: Sheet, path: Path, value: Any) -> None:
    """Read whether prompts are learned too."""
    try:
        sheet.carry(path, "train.loss_on", "all" if flag(value) else "completion")
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))


def packing(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over packing; Engram's rows never see each other, which is `neat_packing`."""
    if not is_one_of(value, [True, False]):
        sheet.refuse(path, "must be true or false")
    elif path[-1] == "packing" and is_one_of(sheet.get("neat_packing"), [True]):
        sheet.ignore(path, "neat_packing says so already")
    elif path[-1] == "neat_packing" and is_one_of(value, [False]) and sheet.get("packing") is not None:
        sheet.ignore(path, "packed rows never see each other here")
    else:
        sheet.carry(path, "train.packing", flag(value), "packed rows never see each other")


def checkpointing(sheet: Sheet, path: Path, value: Any) -> None:
    """Read the switch that turns gradient checkpointing off."""
    try:
        sheet.carry(path, "train.gradient_checkpointing", not flag(value))
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))


_OWN: dict[str, Rule] = {
    "model_name_or_path": keep("model.source", text),
    "model_revision": keep("model.revision", text),
    "add_special_tokens": keep("model.special_tokens", words),
    "stage": stage,
    "finetuning_type": finetuning_type,
    "lora_rank": keep("adapter.r", whole),
    "lora_alpha": keep("adapter.alpha", whole),
    "lora_dropout": keep("adapter.dropout", number),
    "lora_target": target_modules,
    "cutoff_len": keep("train.max_seq_length", whole, reasons.CUT),
    "val_size": valid_share,
    "template": template,
    "train_on_prompt": loss_on,
    "packing": packing,
    "neat_packing": packing,
    "disable_gradient_checkpointing": checkpointing,
    "pure_bf16": precision("bf16", "the weights themselves stay in fp32"),
    "trust_remote_code": refuse(reasons.CODE, matters=False),
    "use_swanlab": refuse("Engram reports to jsonl, tensorboard, mlflow and wandb", matters=False),
}

_IGNORED = {
    reasons.LOADING: "overwrite_cache preprocessing_batch_size preprocessing_num_workers tokenized_path streaming "
    "buffer_size cache_dir use_fast_tokenizer low_cpu_mem_usage data_shared_file_system device_map",
    reasons.LOGS: "plot_loss print_param_status include_effective_tokens_per_second compute_accuracy",
    reasons.SPEED: "flash_attn enable_liger_kernel use_unsloth use_unsloth_gc use_reentrant_gc upcast_layernorm "
    "upcast_lmhead_output use_v1_kernels",
    reasons.TEMPLATE: "tool_format enable_thinking",
    reasons.PADDING: "ignore_pad_token_for_loss",
    "the embeddings grow by themselves when tokens are added": "resize_vocab init_special_tokens",
    "is for answers, and train.max_seq_length is for training": "do_sample temperature top_p top_k num_beams "
    "max_length max_new_tokens repetition_penalty length_penalty skip_special_tokens use_kv_cache infer_backend "
    "infer_dtype offload_folder vllm_maxlen vllm_gpu_util vllm_enforce_eager vllm_max_lora_rank vllm_config "
    "sglang_maxlen sglang_mem_fraction sglang_tp_size sglang_config sglang_lora_backend",
    reasons.GENERATING: "predict_with_generate generation_max_length generation_num_beams generation_config "
    "sortish_sampler eval_num_beams",
    "export names what is written": "export_dir export_size export_device export_legacy_format",
    reasons.HUB: "export_hub_model_id",
    reasons.SECRET: "hf_hub_token ms_hub_token om_hub_token swanlab_api_key swanlab_lark_webhook_url "
    "swanlab_lark_secret",
    reasons.TRACKING: "swanlab_project swanlab_workspace swanlab_run_name swanlab_mode swanlab_logdir",
    reasons.PARALLEL: "ray_run_name ray_storage_path ray_storage_filesystem ray_num_workers resources_per_worker "
    "placement_strategy ray_init_kwargs",
    reasons.VISION: "media_dir image_max_pixels image_min_pixels image_do_pan_and_scan crop_to_patches "
    "video_max_pixels video_min_pixels video_fps video_maxlen use_audio_in_video audio_sampling_rate "
    "freeze_vision_tower freeze_multi_modal_projector freeze_language_model",
}

_REFUSED: dict[str, tuple[str, tuple[Any, ...]]] = {
    # reason: keys, and the values that ask for nothing else than what happens here
    "adapter_name_or_path adapter_folder create_new_adapter": ("going on from an adapter is not there yet", (False,)),
    "quantization_bit fp8 fp8_enable_fsdp_float8_all_gather": (reasons.QUANTISED, (False,)),
    "use_rslora use_dora pissa_init pissa_convert loraplus_lr_ratio additional_target use_llama_pro": (
        reasons.LORA,
        (False,),
    ),
    "use_galore use_apollo use_badam use_adam_mini use_muon": (reasons.OTHER_OPTIMIZER, (False,)),
    "use_mca use_kt": (reasons.PARALLEL, (False,)),
    "mask_history": ("Engram learns every answer of a conversation", (False,)),
    "add_tokens new_special_tokens_config split_special_tokens": (
        "Engram adds special tokens, each a token of its own (model.special_tokens)",
        (False,),
    ),
    "rope_scaling shift_attn mixture_of_depths moe_aux_loss_coef train_from_scratch": (
        "Engram trains a model as it is, from its weights",
        (False,),
    ),
    "use_dft_loss use_asft_loss use_eaft_loss": ("Engram's loss is the cross-entropy", (False,)),
    "mix_strategy": ("Engram reads every source whole", ("concat",)),
    "interleave_probs": ("Engram reads every source whole", ()),
    "disable_shuffling": ("Engram draws rows at random", (False,)),
    "eval_on_each_dataset": ("Engram validates on all rows of a part together", (False,)),
    "early_stopping_steps": ("Engram counts validations (train.early_stopping_patience), not steps", ()),
    "system_message default_system": ("give the system message in the rows", ()),
    "reward_model": (reasons.REWARD, ()),
}

# What only goes with a key that is refused itself changes nothing more.
_DETAILS = {
    reasons.QUANTISED: "quantization_method quantization_type double_quantization quantization_device_map fp8_backend "
    "export_quantization_bit export_quantization_dataset export_quantization_nsamples export_quantization_maxlen",
    reasons.REWARD: "pref_beta pref_ftx pref_bco_weight pref_loss dpo_label_smoothing kto_chosen_weight "
    "kto_rejected_weight simpo_gamma ppo_buffer_size ppo_epochs ppo_score_norm ppo_target ppo_whiten_rewards ref_model "
    "ref_model_adapters ref_model_quantization_bit reward_model_adapters reward_model_quantization_bit "
    "reward_model_type ld_alpha",
    reasons.LORA: "loraplus_lr_embedding pissa_iter module_dropout oft_rank oft_block_size oft_target",
    reasons.PARTS: "freeze_trainable_layers freeze_trainable_modules freeze_extra_modules",
    reasons.OTHER_OPTIMIZER: "galore_target galore_rank galore_update_interval galore_scale galore_proj_type "
    "galore_layerwise apollo_target apollo_rank apollo_update_interval apollo_scale apollo_proj apollo_proj_type "
    "apollo_scale_type apollo_layerwise apollo_scale_front badam_mode badam_start_block badam_switch_mode "
    "badam_switch_interval badam_update_ratio badam_mask_mode badam_verbose",
}

RULES: dict[str, Rule] = {
    **TRAINER,
    **{key: drop(reason) for reason, keys in _IGNORED.items() for key in keys.split()},
    **{key: refuse(reason, unless) for keys, (reason, unless) in _REFUSED.items() for key in keys.split()},
    **{key: refuse(reason, (), matters=False) for reason, keys in _DETAILS.items() for key in keys.split()},
    **_OWN,
    **dict.fromkeys(("dataset", "eval_dataset", "dataset_dir", "max_samples"), drop("is read with the data sets")),
}


def convert(sheet: Sheet) -> None:
    """Write the recipe of a LLaMA-Factory file."""
    given = read_data(sheet)
    sheet.apply(RULES)
    sheet.put("task", "generate", "text is written")
    full = is_one_of(sheet.get("finetuning_type"), ["full"])
    if not full:
        _lora_defaults(sheet)
    sheet.put("export", ["merged"] if full else ["adapter", "merged"], reasons.WRITTEN)
    sheet.default("train.loss_on", "completion")
    if is_one_of(sheet.get("stage"), ["pt"]):
        sheet.default("train.packing", True)
    defaults(sheet, 5e-5)
    sheet.default("train.precision", "fp32")
    sheet.default("train.gradient_checkpointing", True)
    sheet.default("train.max_seq_length", 2048)
    finish_parts(sheet, given)


def _lora_defaults(sheet: Sheet) -> None:
    sheet.default("adapter.type", "lora")
    sheet.default("adapter.r", 8)
    sheet.default("adapter.alpha", 2 * sheet.wrote("adapter.r"), "twice the rank")
    sheet.default("adapter.dropout", 0.0)
    sheet.default("adapter.target_modules", "all-linear")
