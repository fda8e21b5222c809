"""Who hears whether speech can be understood: an artifact of this home that takes sounds and says a word or a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engram import registry
from engram.artifacts.check import check_payload
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.manifest import parse_manifest
from engram.artifacts.opened import opened
from engram.artifacts.paths import CERTIFICATE, MANIFEST
from engram.artifacts.store import folder_of
from engram.data.attached import to_url
from engram.errors import NotFound, Refused, UsageError
from engram.kinds.tts.texts import words
from engram.schema.card import FileIn, KindCard, LabelOut, TranscriptOut
from engram.schema.recipe import Recipe
from engram.settings import load_settings

AT_ONCE = 16

Hear = Callable[[Sequence[bytes]], list[str]]


@dataclass(frozen=True)
class Judge:
    """An artifact that hears. about: its digest, kind and task, as reports name it."""

    folder: Path
    digest: str
    about: str


def find_judge(recipe: Recipe) -> Judge | None:
    """Return the judge that a recipe names, None where it names none; only its manifest is read.

    Raises NotFound for an artifact that this home does not have, Refused for one without a certificate, and for one
    that answers no sounds with words.
    """
    digest = recipe.evaluate.judge
    if digest is None:
        return None
    folder = folder_of(load_settings().home / "artifacts", digest)
    if not (folder / MANIFEST).is_file():
        raise NotFound(
            f"This home has no artifact {digest}, which evaluate.judge names.",
            remedy="Train one that hears, and name it by its digest: engram runs list shows it.",
        )
    if not (folder / CERTIFICATE).is_file():
        raise Refused(f"The artifact {digest} has no certificate, so it judges nothing.")
    about = parse_manifest((folder / MANIFEST).read_bytes()).about
    card: KindCard = registry.get("kind", about["kind"])
    task = card.tasks[about["task"]]
    if task.predict_in != FileIn("sound") or not isinstance(task.predict_out, LabelOut | TranscriptOut):
        raise Refused(
            f"The artifact {digest} is of the task {about['task']} of the kind {card.name}, which hears no words.",
            remedy="A judge is a sound classifier whose labels are words, or a recogniser.",
        )
    return Judge(folder, digest, f"{digest} ({card.name}, {about['task']})")


@contextmanager
def hearing(judge: Judge) -> Iterator[Hear]:
    """Yield what hears sound files: it returns the words of each; a sound that the judge refuses has none.

    Raises Refused when a file of the artifact is not what its manifest says.
    """
    from engram.serve.load import open_artifact

    with opened(judge.folder, HomeKeys(load_settings().home)) as plain:
        manifest = (plain / MANIFEST).read_bytes()
        bad = [one.name for one in check_payload(plain, manifest) if not one.ok]
        if bad or parse_manifest(manifest).digest != judge.digest:
            raise Refused(f"The judge {judge.digest} is not what was certified: {', '.join(bad)}.")
        predict = open_artifact(plain)

        def hear(sounds: Sequence[bytes]) -> list[str]:
            found: list[str] = []
            for start in range(0, len(sounds), AT_ONCE):
                found += [_heard(predict, one) for one in sounds[start : start + AT_ONCE]]
            return found

        yield hear


def _heard(predict: Callable[..., list[dict[str, object]]], content: bytes) -> str:
    try:
        (said,) = predict([to_url(content)])
    except UsageError:  # too long, or nothing in it that can be read
        return ""
    return words(str(said.get("label", said.get("text", ""))))
