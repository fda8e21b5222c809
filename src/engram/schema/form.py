"""The forms that rows may have in a file, and what rows they become. Names and roles only; `data.forms` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Gives = Literal["label", "tags", "chat", "preference", "anchors", "scores", "file"]
Medium = Literal["sound", "image"]

# What a file may hold, and how the names of such files end; `data.media` looks into them.
MEDIA: dict[Medium, tuple[str, ...]] = {
    "sound": (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    "image": (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
}


# The form of rows that stand in no file: the seeds of episodes in an environment.
SEED = "seed"


@dataclass(frozen=True)
class Form:
    """One form of rows.

    gives: the rows that it becomes; several forms become the same rows.
    roles: role → what stands there; each needs a column. optional: roles that a row may leave out.
    nested: roles whose cell is a list or an object. A role's column has the role's own name unless
    ``data.columns`` says otherwise. file: the role whose cell names a file, and what the file holds. asks: the role
    that a model is asked about, where that is not the file.
    """

    name: str
    title: str
    gives: Gives
    roles: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    nested: frozenset[str] = frozenset()
    file: tuple[str, Medium] | None = None
    asks: str = ""

    @property
    def known(self) -> tuple[str, ...]:
        """All roles, the needed ones first."""
        return (*self.roles, *self.optional)

    @property
    def classed(self) -> bool:
        """Tell whether each row is of one class."""
        return self.gives == "label" or (self.gives == "file" and "label" in self.roles)

    @property
    def tagged(self) -> bool:
        """Tell whether a row has several classes, one for each of its words or boxes."""
        return self.gives == "tags" or "boxes" in self.roles

    @property
    def media(self) -> frozenset[str]:
        """What prep steps may work on: ``text``, where a role is one, ``pairs``, ``scores``, what a file holds."""
        texts = set(self.known) - {"label", "boxes", "score", self.file[0] if self.file else ""}
        own = {"anchors": ["pairs"], "scores": ["scores"]}.get(self.gives, [])
        return frozenset({*(["text"] if texts else []), *own, *([self.file[1]] if self.file else [])})


def _form(
    name: str,
    title: str,
    gives: Gives,
    roles: Mapping[str, str],
    optional: Mapping[str, str] | None = None,
    nested: tuple[str, ...] = (),
    file: tuple[str, Medium] | None = None,
    asks: str = "",
) -> tuple[str, Form]:
    return name, Form(name, title, gives, roles, optional or {}, frozenset(nested), file, asks)


_SOUND = "the name of a sound file, or the file itself as a data: URL"
_TOOLS = "the tools that the model may call, as a list of JSON schemas"

# In the order in which `auto` tries them: the first whose needed columns are all there.
FORMS: dict[str, Form] = dict(
    (
        _form("label", "A text and its class", "label", {"text": "the text to classify", "label": "its class"}),
        _form(
            "tags",
            "Tokens and a tag for each",
            "tags",
            {"tokens": "the words of a sentence, as a list", "tags": "one tag a word, as a list"},
            nested=("tokens", "tags"),
        ),
        _form(
            "preference",
            "A prompt with a better and a worse answer",
            "preference",
            {"prompt": "the question", "chosen": "the better answer", "rejected": "the worse answer"},
            nested=("prompt", "chosen", "rejected"),
        ),
        _form(
            "messages",
            "A conversation: a list of {role, content}",
            "chat",
            {"messages": "the conversation"},
            {"tools": _TOOLS},
            ("messages", "tools"),
        ),
        _form(
            "sharegpt",
            "A conversation: a list of {from, value}",
            "chat",
            {"conversations": "the conversation"},
            {"system": "the system message", "tools": _TOOLS},
            ("conversations", "tools"),
        ),
        _form(
            "alpaca",
            "An instruction, an input if there is one, and the output",
            "chat",
            {"instruction": "what to do", "output": "the answer"},
            {"input": "what to do it with", "system": "the system message"},
        ),
        _form(
            "prompt_completion",
            "A prompt and its completion",
            "chat",
            {"prompt": "what is given", "completion": "what follows"},
            nested=("prompt", "completion"),
        ),
        _form(
            "prompt_response",
            "A prompt and its response",
            "chat",
            {"prompt": "what is asked", "response": "the answer"},
            {"system": "the system message"},
        ),
        _form(
            "anchors",
            "A text, one that means the same, and perhaps one that does not",
            "anchors",
            {"anchor": "a text", "positive": "a text that means the same"},
            {"negative": "a text that means something else"},
        ),
        _form(
            "scored_pairs",
            "Two texts and how alike they are",
            "scores",
            {"sentence1": "a text", "sentence2": "another one", "score": "how alike they are, a number"},
        ),
        _form(
            "sound_label",
            "A sound file and its class",
            "file",
            {"audio": "the name of a sound file, or the file itself as a data: URL", "label": "its class"},
            file=("audio", "sound"),
        ),
        _form(
            "image_label",
            "An image file and its class",
            "file",
            {"image": "the name of an image file, or the file itself as a data: URL", "label": "its class"},
            file=("image", "image"),
        ),
        _form(
            "image_boxes",
            "An image file and the things on it, each with its class and its box",
            "file",
            {
                "image": "the name of an image file, or the file itself as a data: URL",
                "boxes": "a list of {label, box}; box is [left, top, width, height] in pixels",
            },
            nested=("boxes",),
            file=("image", "image"),
        ),
        _form(
            "sound_text",
            "A recording of speech and what is said in it",
            "file",
            {"audio": _SOUND, "text": "what is said"},
            file=("audio", "sound"),
        ),
        _form(
            "voice_sound",
            "A text, a sound file in which it is spoken, and who speaks",
            "file",
            {"text": "what is spoken", "audio": _SOUND, "label": "who speaks"},
            file=("audio", "sound"),
            asks="text",
        ),
        _form(
            "text_sound",
            "A text and a sound file in which it is spoken",
            "file",
            {"text": "what is spoken", "audio": _SOUND},
            file=("audio", "sound"),
            asks="text",
        ),
        _form("text", "Plain text to learn to continue", "chat", {"text": "the text"}),
    )
)
