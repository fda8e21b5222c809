"""Axolotl's keys, each with its rule."""

from __future__ import annotations

from typing import Any

from engram.config.importers import reasons
from engram.config.importers.axolotl_data import special_tokens
from engram.config.importers.axolotl_kept import KEPT
from engram.config.importers.rules import drop, refuse
from engram.config.importers.sheet import Rule

_IGNORED = {
    reasons.PLACE: "output_dir",
    reasons.HUB: "hub_model_id hub_strategy hub_revision push_dataset_to_hub",
    reasons.SECRET: "hf_use_auth_token comet_api_key",
    reasons.RESUME: "resume_from_checkpoint auto_resume_from_checkpoints",
    reasons.KEEPS: "save_strategy saves_per_epoch save_total_limit save_first_step save_safetensors save_only_model "
    "load_best_model_at_end dynamic_checkpoint",
    reasons.LOGS: "logging_steps debug profiler_steps profiler_steps_start include_tokens_per_second include_tkps "
    "use_otel_metrics otel_metrics_host otel_metrics_port",
    reasons.TRACKING: "wandb_entity wandb_watch wandb_name wandb_run_id wandb_mode wandb_log_model "
    "mlflow_tracking_uri mlflow_experiment_name mlflow_run_name hf_mlflow_log_artifacts comet_workspace "
    "comet_project_name comet_experiment_key comet_mode comet_online comet_experiment_config",
    reasons.LOADING: "dataset_prepared_path dataset_processes dataset_num_proc dataset_keep_in_memory "
    "dataloader_pin_memory dataloader_num_workers dataloader_prefetch_factor remove_unused_columns "
    "skip_prepare_dataset num_dataset_shards_to_save preprocess_iterable is_preprocess streaming "
    "streaming_multipack_buffer_size pretrain_multipack_buffer_size shuffle_merged_datasets "
    "shuffle_before_merging_datasets",
    reasons.PADDING: "pad_to_sequence_len eval_sample_packing pretrain_multipack_attn",
    "packing looks for the fullest rows by itself": "sample_packing_group_size sample_packing_bin_size "
    "sample_packing_sequentially sample_packing_mp_start_method sample_packing_eff_est multipack_real_batches "
    "batch_flattening",
    reasons.PARALLEL: "deepspeed deepcompile fsdp_config fsdp_version fsdp_final_state_dict_type ddp_timeout "
    "ddp_bucket_cap_mb ddp_broadcast_buffers ddp_find_unused_parameters accelerator_config world_size local_rank "
    "dp_shard_size dp_replicate_size use_ray ray_run_name ray_num_workers resources_per_worker "
    "qlora_sharded_model_loading",
    reasons.DEVICE: "device device_map max_memory gpu_memory_limit low_cpu_mem_usage lora_on_cpu gc_steps "
    "experimental_skip_move_to_device",
    reasons.SPEED: "flash_attention xformers_attention sdp_attention flex_attention flex_attn_compile_kwargs "
    "eager_attention flash_attn_cross_entropy flash_attn_rms_norm flash_attn_fuse_qkv flash_attn_fuse_mlp "
    "flash_optimum attn_implementation unsloth_cross_entropy_loss unsloth_lora_mlp unsloth_lora_qkv unsloth_lora_o "
    "unsloth_rms_norm unsloth_rope lora_mlp_kernel lora_qkv_kernel lora_o_kernel lora_embedding_kernel "
    "chunked_cross_entropy chunked_cross_entropy_num_chunks tiled_mlp tiled_mlp_num_shards tiled_mlp_use_original_mlp "
    "llama4_linearized_experts torch_compile torch_compile_backend torch_compile_mode tf32 use_kernels "
    "gradient_checkpointing_kwargs activation_offloading liger_rope liger_rms_norm liger_glu_activation "
    "liger_layer_norm liger_cross_entropy liger_fused_linear_cross_entropy cut_cross_entropy",
    "Engram's watchdogs end a run whose loss or gradients are no longer finite": "loss_watchdog_threshold "
    "loss_watchdog_patience",
    "how many rows are scored at once changes no score": "eval_batch_size eval_sequence_len",
    reasons.GENERATING: "eval_table_size eval_max_new_tokens do_causal_lm_eval eval_causal_lm_metrics do_bench_eval "
    "bench_dataset bench_split generate_samples num_generation_samples generation_max_new_tokens",
    "the best checkpoint is that of the lowest validation loss": "metric_for_best_model greater_is_better",
    "Engram looks at the model's own configuration": "model_type type_of_model tokenizer_type tokenizer_use_fast "
    "tokenizer_legacy tokenizer_save_jinja_files processor_type base_model_config is_falcon_derived_model "
    "is_llama_derived_model is_mistral_derived_model is_qwen_derived_model base_model_ignore_patterns",
    "the embeddings grow by themselves when tokens are added": "resize_token_embeddings_to_32x "
    "mean_resizing_embeddings shrink_embeddings embeddings_skip_upcast",
    "export names what is written": "merge_lora merge_method",
    "goes with asking the model afterwards": "gradio_title gradio_share gradio_server_name gradio_server_port "
    "gradio_max_new_tokens gradio_temperature inference",
    "is Axolotl's own note": "strict axolotl_config_path total_num_tokens total_supervised_tokens lora_fan_in_fan_out",
    reasons.VISION: "image_size image_resize_algorithm",
}

_REFUSED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "load_in_4bit load_in_8bit gptq fp8 qat quantization model_quantization_config peft": (
        reasons.QUANTISED,
        (False, {}),
    ),
    "rl reward_model process_reward_model num_labels": (
        "Engram writes text here; learning from preferences or rewards is not there yet",
        (False,),
    ),
    "batch_size": ("say micro_batch_size and gradient_accumulation_steps, whose product this is", ()),
    "auto_find_batch_size": ("say the size: micro_batch_size", (False,)),
    "lora_model_dir": ("going on from an adapter is not there yet", (False, "")),
    "lora_modules_to_save lora_target_parameters peft_layers_to_transform peft_layers_pattern peft_use_dora "
    "peft_use_rslora peft_layer_replication peft_init_lora_weights peft_trainable_token_indices "
    "peft_ensure_weight_tying loraplus_lr_ratio relora lisa_n_layers": (reasons.LORA, (False, [])),
    "unfrozen_parameters": (reasons.PARTS, ([],)),
    "embedding_lr embedding_lr_scale lr_groups optim_args optim_target_modules adam_beta3 adam_epsilon2 dion_lr": (
        reasons.OTHER_OPTIMIZER,
        (),
    ),
    "adam_beta1": ("Engram's AdamW has beta1 = 0.9", (0.9,)),
    "adam_beta2": ("Engram's AdamW has beta2 = 0.999", (0.999,)),
    "adam_epsilon": ("Engram's AdamW has epsilon = 1e-8", (1e-8,)),
    "lr_scheduler_kwargs lr_quadratic_warmup cosine_min_lr_ratio cosine_constant_lr_ratio lr_div_factor": (
        "Engram's schedules have no other options",
        (False, {}),
    ),
    "neftune_noise_alpha noisy_embedding_alpha": ("noise on the embeddings is not there yet", (False, 0)),
    "chat_template_jinja chat_template_kwargs eot_tokens default_system_message": (reasons.TEMPLATE, ()),
    "tokenizer_config cls_model_config overrides_of_model_config model_config overrides_of_model_kwargs model_kwargs "
    "rope_scaling fix_untrained_tokens added_tokens_overrides tokenizer_use_mistral_common": (
        "Engram opens a model and its tokenizer as they are",
        (False, {}),
    ),
    "tokens": ("Engram adds special tokens (model.special_tokens); name them in special_tokens", ([],)),
    "use_pose s2_attention max_packed_sequence_len pretraining_sample_concatenation": (
        "Engram trains on rows as they are",
        (False,),
    ),
    "curriculum_sampling": ("Engram draws rows at random", (False,)),
    "min_sample_len dataset_shard_num dataset_shard_idx": ("Engram trains on every row", ()),
    "sequence_parallel_degree context_parallel_size tensor_parallel_size": (
        "Engram splits a model by fsdp2 only (train.parallel)",
        (1,),
    ),
    "plugins": (reasons.CODE, ([],)),
}

_DETAILS = {
    reasons.REWARD: "trl vllm dpo_use_weighting dpo_use_logits_to_keep dpo_generate_during_eval dpo_norm_loss dpo_beta "
    "orpo_alpha rpo_alpha simpo_gamma cpo_alpha kto_desirable_weight kto_undesirable_weight rl_beta max_prompt_len",
    reasons.QUANTISED: "bnb_config_kwargs model_quantization_config_kwargs fp8_enable_fsdp_float8_all_gather",
    reasons.LORA: "loraplus_lr_embedding relora_prune_ratio relora_prune_method relora_cpu_offload "
    "jagged_restart_steps jagged_restart_warmup_steps jagged_restart_anneal_steps lisa_step_interval "
    "lisa_layers_attribute peft_autocast_adapter_dtype",
    reasons.OTHER_OPTIMIZER: "dion_momentum dion_rank_fraction dion_rank_multiple_of torchdistx_path",
    "goes with options of another long-context way": "pose_split_on_token_ids pose_max_context_len pose_num_chunks "
    "heads_k_stride ring_attn_func",
    "Engram reports to jsonl, tensorboard, mlflow and wandb": "use_comet",
    "Engram trains on the last, smaller batch too": "dataloader_drop_last",
}

RULES: dict[str, Rule] = {
    **{key: drop(reason) for reason, keys in _IGNORED.items() for key in keys.split()},
    **{key: refuse(reason, unless) for keys, (reason, unless) in _REFUSED.items() for key in keys.split()},
    **{key: refuse(reason, (False,), matters=False) for reason, keys in _DETAILS.items() for key in keys.split()},
    **KEPT,
    "special_tokens": special_tokens,
    **dict.fromkeys(("datasets", "test_datasets", "pretraining_dataset"), refuse("must be a list of data sets", ([],))),
}
