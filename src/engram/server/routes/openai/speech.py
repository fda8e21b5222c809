"""/v1/audio/speech: a text spoken by a deployment, as a sound file in the format that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator

from engram.data.attached import from_url
from engram.data.sound import encode
from engram.errors import PlatformError
from engram.schema.card import FileOut
from engram.server.access import Here, Who
from engram.server.answering import answer
from engram.server.route import Router
from engram.server.routes.openai.models import cannot, find
from engram.server.tasks import FILE, task_of

router = Router(prefix="/v1/audio/speech", tags=["openai"])
MOST_CHARACTERS = 4_096
BLOCK = 1 << 16
Format = Literal["mp3", "opus", "flac", "wav", "pcm"]
MEDIA: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",  # 16 bits, little endian, one channel, 24,000 samples a second: what clients take it for
}


class VoiceId(BaseModel):
    """A voice, as an object with its id."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=200)


class Speech(BaseModel):
    """What is to be spoken; nothing that is sent is ignored."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=64, description="The name of a deployment.")
    input: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    voice: str | VoiceId = Field(description="Who speaks: one of the voices that the model was taught, or `default`.")
    response_format: Format = "mp3"
    speed: float = Field(default=1.0, description="Only 1: models here speak as fast as their recordings.")
    stream_format: Literal["audio"] = "audio"
    instructions: str | None = Field(default=None, description="Only nothing: models here take none.")

    @field_validator("speed")
    @classmethod
    def own_speed(cls, given: float) -> float:
        """Refuse another speed than the model's own."""
        if given != 1.0:
            raise ValueError("only 1 is supported: models here speak as fast as their recordings")
        return given

    @field_validator("instructions")
    @classmethod
    def no_instructions(cls, given: str | None) -> str | None:
        """Refuse instructions, which nothing here would follow."""
        if given:
            raise ValueError("is not supported: models here take no instructions")
        return given

    @property
    def asked(self) -> Any:
        """The input as the task takes it."""
        voice = self.voice if isinstance(self.voice, str) else self.voice.id
        return {"text": self.input, "voice": voice}


@router.post(
    "",
    operation_id="openai.audio.speech",
    response_class=StreamingResponse,
    responses={200: {"content": {one: {} for one in MEDIA.values()}, "description": "The sound."}},
)
def speak(asked: Speech, who: Who, here: Here) -> StreamingResponse:
    """Speak a text. Speech that was cut off, because it did not end by itself, says so: `X-Engram-Finish: length`."""
    found = find(here, who, asked.model)
    if task_of(here, found.artifact).predict_out != FileOut("sound"):
        raise cannot(here, found, "speak")
    (said,) = answer(here, who, found, [asked.asked]).answers
    try:
        content = encode(from_url(said[FILE]), asked.response_format)
    except (KeyError, TypeError, ValueError) as error:
        raise PlatformError(f"The model {found.name!r} gave no sound: {error}.") from error
    headers = {"X-Engram-Finish": str(said.get("finish_reason", "stop"))}
    return StreamingResponse(_blocks(content), media_type=MEDIA[asked.response_format], headers=headers)


def _blocks(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), BLOCK):
        yield content[start : start + BLOCK]
