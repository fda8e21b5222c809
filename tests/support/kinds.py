"""A small example of each task of each kind: a tiny model made on the spot, rows, and what it must refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support import acting, pictures, sounds, speech, tagged, talking, tiny, voices
from transformers import (
    ConvNextConfig,
    ConvNextForImageClassification,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
    YolosConfig,
    YolosForObjectDetection,
)
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.yolos.image_processing_pil_yolos import YolosImageProcessorPil

from engram.data.prepare import prepare_split
from engram.data.rows import ScoredRow, read_part
from engram.schema.recipe import Adapter, Data, Model, PrepStep, Recipe, Source, SplitPlan, Train


@dataclass(frozen=True)
class Small:
    """One task with all that it takes to train it. bad: inputs that its model refuses in words.

    even: its rows are all of one length, as pictures at a model's size.
    """

    recipe: Recipe
    labels: tuple[str, ...]
    train: Sequence[Any]
    test: Sequence[Any]
    bad: Sequence[Any]
    even: bool = False


def save_listener(folder: Path, norm: str = "group", labels: int = 12, seed: int = 0) -> Path:
    """Save a wav2vec2 of two layers with a head for keywords, as superb's, and return its folder.

    norm: `group` normalises over a whole batch's width, as wav2vec2-base does; `layer` heeds a mask.
    """
    torch.manual_seed(seed)
    config = Wav2Vec2Config(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        conv_dim=(16, 16, 16),
        conv_kernel=(10, 8, 4),
        conv_stride=(5, 8, 8),
        num_feat_extract_layers=3,
        feat_extract_norm=norm,
        do_stable_layer_norm=norm == "layer",
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=16,
        num_labels=labels,
        initializer_range=0.2,
        **dict.fromkeys(("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout"), 0.0),
        layerdrop=0.0,
        vocab_size=8,
    )
    Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=norm == "layer").save_pretrained(folder)
    return folder


def sound_recipe(model: Path | str, adapter: Adapter = tiny.LORA, prep: tuple[str, ...] = (), **train: Any) -> Recipe:
    """Return a recipe that classifies sounds with the model in a folder."""
    return Recipe(
        name="tiny",
        kind="audio",
        task="classify",
        model=Model(str(model)),
        data=Data(sources=(Source(path="clips"),), split=SplitPlan(0.6, 0.2, 0.2, seed=1)),
        prep=tuple(map(PrepStep, prep)),
        adapter=adapter,
        train=Train(**{"precision": "fp32", "learning_rate": 3e-3, **train}),
    )


def sound_parts(folder: Path, recipe: Recipe, count: int = 40) -> tuple[tuple[str, ...], Mapping[str, list[Any]]]:
    """Write sounds and return their labels and the rows of each part."""
    sounds.write_folders(folder / "clips", count)
    made = prepare_split(recipe.data, folder=folder, cache=folder / "cache", forms=("sound_label",))
    return made.split.labels, {name: list(read_part(made.folder, part)) for name, part in made.split.parts.items()}


def _classify_sounds(folder: Path) -> Small:
    recipe = sound_recipe(save_listener(folder / "model"), prep=("sound_noise", "sound_shift"))
    labels, parts = sound_parts(folder, recipe)
    return Small(recipe, labels, parts["train"], parts["test"], [7, "late parcel", "data:;base64,JVBERi0xLjc="])


def save_looker(folder: Path, labels: int = 12, seed: int = 0) -> Path:
    """Save a ConvNeXt of two stages with a head for other classes, as the hub's, and return its folder."""
    torch.manual_seed(seed)
    config = ConvNextConfig(
        patch_size=4, num_stages=2, hidden_sizes=[8, 16], depths=[1, 1], layer_scale_init_value=1.0, num_labels=labels
    )
    ConvNextForImageClassification(config).save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.875).save_pretrained(folder)
    return folder


def save_yolos(folder: Path, labels: int = 7, seed: int = 0) -> Path:
    """Save a YOLOS of two layers with heads for other classes, as hustvl's, and return its folder."""
    torch.manual_seed(seed)
    config = YolosConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=[32, 48],
        patch_size=16,
        num_detection_tokens=5,
        use_mid_position_embeddings=True,
        initializer_range=0.2,
        num_labels=labels,
    )
    YolosForObjectDetection(config).save_pretrained(folder)
    YolosImageProcessorPil(size={"shortest_edge": 32, "longest_edge": 48}).save_pretrained(folder)
    return folder


def image_recipe(model: Path | str, task: str, adapter: Adapter = tiny.LORA, **train: Any) -> Recipe:
    """Return a recipe that classifies pictures, or finds things on them, with the model in a folder."""
    path = "shapes" if task == "classify" else "boxes.json"
    return Recipe(
        name="tiny",
        kind="vision",
        task=task,
        model=Model(str(model)),
        data=Data(sources=(Source(path=path),), split=SplitPlan(0.6, 0.2, 0.2, seed=1)),
        prep=tuple(map(PrepStep, ("image_flip", "image_shift", "image_colour"))),
        adapter=adapter,
        train=Train(**{"precision": "fp32", "learning_rate": 3e-3, **train}),
    )


def image_parts(folder: Path, recipe: Recipe, count: int = 40) -> tuple[tuple[str, ...], Mapping[str, list[Any]]]:
    """Write pictures and return their labels and the rows of each part."""
    if recipe.task == "classify":
        pictures.write_folders(folder / "shapes", count)
    else:
        pictures.write_coco(folder, count, size=(32, 40))
    form = "image_label" if recipe.task == "classify" else "image_boxes"
    made = prepare_split(recipe.data, folder=folder, cache=folder / "cache", forms=(form,))
    return made.split.labels, {name: list(read_part(made.folder, part)) for name, part in made.split.parts.items()}


BAD_PICTURES = (
    7,
    "a cat",
    "data:;base64,JVBERi0xLjc=",
    pictures.url(pictures.png(pictures.shape("disc", (32, 32), 0)[0])[:-60]),
)


def _classify_images(folder: Path) -> Small:
    recipe = image_recipe(save_looker(folder / "model"), "classify")
    labels, parts = image_parts(folder, recipe)
    return Small(recipe, labels, parts["train"], parts["test"], BAD_PICTURES, even=True)


def _detect(folder: Path) -> Small:
    recipe = image_recipe(save_yolos(folder / "model"), "detect")
    labels, parts = image_parts(folder, recipe)
    return Small(recipe, labels, parts["train"], parts["test"], BAD_PICTURES, even=True)


def _transcribe(folder: Path) -> Small:
    recipe = speech.recipe(speech.save_speller(folder / "model"), replace(tiny.LORA, dropout=0.0), ("sound_noise",))
    parts = speech.parts(folder, recipe)
    return Small(recipe, (), parts["train"], parts["test"], [7, "late parcel", "data:;base64,JVBERi0xLjc="])


def _classify_texts(folder: Path) -> Small:
    recipe = tiny.recipe(tiny.save_encoder(folder), replace(tiny.LORA, dropout=0.0))
    return Small(recipe, tiny.LABELS, tiny.sentences(24), tiny.sentences(9, seed=5), [])


def _embed(folder: Path) -> Small:
    recipe = tiny.recipe(tiny.save_encoder(folder), replace(tiny.LORA, dropout=0.0))
    recipe = replace(recipe, kind="embedding", task="embed", prep=(PrepStep("contrast", {"pairs": 3}),))
    return Small(recipe, tiny.LABELS, tiny.sentences(24), tiny.sentences(9, seed=5), [7, " "])


def scored_rows(count: int, seed: int = 3) -> list[ScoredRow]:
    """Return pairs of the tiny sentences: 5 where both are of one class, 0 to 2 where they are not."""
    one, other = tiny.sentences(count, seed=seed), tiny.sentences(count, seed=seed + 100)
    np.random.default_rng(seed).shuffle(other)
    return [
        ScoredRow(at, a.text, b.text, 5.0 if a.label == b.label else float(at % 3))
        for at, (a, b) in enumerate(zip(one, other, strict=True))
    ]


def _score(folder: Path) -> Small:
    recipe = tiny.recipe(tiny.save_encoder(folder), replace(tiny.LORA, dropout=0.0))
    recipe = replace(recipe, kind="embedding", task="score", prep=(PrepStep("score_scale", {"most": 5.0}),))
    return Small(recipe, (), scored_rows(24), scored_rows(9, seed=5), [7, " "])


def _tag(folder: Path) -> Small:
    recipe = tagged.recipe(tagged.save_calm_encoder(folder), replace(tiny.LORA, dropout=0.0))
    return Small(recipe, tagged.LABELS, tagged.rows(24), tagged.rows(9, seed=5), [7])


def _generate(folder: Path) -> Small:
    recipe = talking.recipe(talking.save_causal(folder), replace(tiny.LORA, dropout=0.0))
    return Small(recipe, (), talking.chats(24), talking.chats(9, seed=5), [7])


def _act(folder: Path) -> Small:
    recipe = acting.recipe()
    train, test = acting.rows(recipe, 6), acting.rows(recipe, 4, 100)
    return Small(recipe, (), train, test, ["left", [0.0, 0.0], [0.0, 0.0, 9.0, 0.0], [None] * 4, [True] * 4])


def _speak(folder: Path) -> Small:
    recipe = voices.voice_recipe(voices.save_speaker(folder / "model"), replace(tiny.LORA, dropout=0.0))
    labels, parts = voices.voice_parts(folder, recipe)
    bad = [7, "", "€€", {"text": "bed", "voice": "nobody"}, {"say": "bed"}, "a" * 500]
    return Small(recipe, labels, parts["train"], parts["test"], bad)


SMALL: Mapping[tuple[str, str], Callable[[Path], Small]] = {
    ("audio", "classify"): _classify_sounds,
    ("embedding", "embed"): _embed,
    ("embedding", "score"): _score,
    ("language", "classify"): _classify_texts,
    ("language", "generate"): _generate,
    ("language", "tag"): _tag,
    ("rl", "act"): _act,
    ("vision", "classify"): _classify_images,
    ("vision", "detect"): _detect,
    ("stt", "transcribe"): _transcribe,
    ("tts", "speak"): _speak,
}
