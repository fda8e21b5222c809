"""Sound files: what their bytes say they are, whether they can be read to the end, and their samples as one channel."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engram.lazy import need

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

EXTRA = "speech"
KNOWN = "WAV, FLAC, OGG or MP3"
BLOCK_FRAMES = 1 << 16
UNSTATED = (0, 0xFFFF_FFFF)  # what a WAV that was streamed has in place of its size
PCM_RATE = 24_000
# Format, coding and order of bytes of what is written, in libsndfile's words.
WRITTEN = {
    "wav": ("WAV", "PCM_16", "FILE"),
    "flac": ("FLAC", "PCM_16", "FILE"),
    "mp3": ("MP3", "MPEG_LAYER_III", "FILE"),
    "opus": ("OGG", "OPUS", "FILE"),
    "pcm": ("RAW", "PCM_16", "LITTLE"),
}
FULL_SCALE = 8.0  # louder than any float recording is meant to be: these numbers are no samples


def is_sound(head: bytes) -> bool:
    """Tell by its first bytes whether a file is one of the formats that are read.

    >>> is_sound(b"fLaC"), is_sound(b"%PDF-1.7")
    (True, False)
    """
    wav = head[:4] == b"RIFF" and head[8:12] == b"WAVE"
    mp3 = head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6))
    return wav or mp3 or head[:4] in (b"fLaC", b"OggS")


def facts(content: bytes) -> dict[str, float]:
    """Return ``seconds``, ``rate`` (samples a second) and ``channels``, as the head of the file says.

    Raises ValueError, in words, for what is no sound file, for one that is cut off and for one without samples.
    """
    if not is_sound(content[:16]):
        raise ValueError(f"it is no sound file that is read here ({KNOWN})")
    size = int.from_bytes(content[4:8], "little")
    if content[:4] == b"RIFF" and size not in UNSTATED and size + 8 > len(content) + 1:
        raise ValueError(f"the file is cut off: it has {len(content):,} of {size + 8:,} bytes")
    with _opened(content) as file:
        if not file.frames or not file.samplerate:
            raise ValueError("it holds no samples")
        return {"channels": file.channels, "rate": file.samplerate, "seconds": round(file.frames / file.samplerate, 6)}


def check(content: bytes) -> dict[str, float]:
    """Return the facts of a sound file that was read to its end, a block at a time.

    Raises ValueError, in words, for what `facts` refuses, for a file that can't be decoded and for samples that are no
    finite numbers.
    """
    import numpy as np

    found, read = facts(content), 0
    with _opened(content) as file:
        for block in file.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
            read += len(block)
            if not np.isfinite(block).all() or np.abs(block).max(initial=0.0) > FULL_SCALE:
                raise ValueError("it holds numbers that are no samples")
        if read < file.frames:
            raise ValueError(f"the file is cut off: {read:,} of {file.frames:,} samples can be read")
    return found


def decode(content: bytes, rate: int, most: int | None = None) -> Samples:
    """Return a sound as one channel of float32 samples at `rate`, shape (samples,), at most `most` of them.

    Channels are averaged; another rate is brought to this one by soxr's high-quality filter.

    Raises ValueError, in words, for what `facts` refuses and for a file that can't be decoded.
    """
    import numpy as np

    facts(content)
    with _opened(content) as file:
        own = file.samplerate
        frames = -1 if most is None else -(-most * own // rate) + (own != rate) * (own // 10)  # the filter's tail
        samples = file.read(frames, dtype="float32", always_2d=True).mean(axis=1, dtype=np.float32)
    if own != rate:
        soxr: Any = need("soxr", extra=EXTRA, why="to bring sounds to the rate of a model")
        samples = soxr.resample(samples, own, rate, quality="HQ").astype(np.float32)
    return np.ascontiguousarray(samples[:most])


def encode(content: bytes, kind: str) -> bytes:
    """Return a sound file in another format: ``wav``, ``flac``, ``mp3``, ``opus``, or ``pcm`` without any head.

    One channel of 16 bits; ``pcm`` has 24,000 samples a second, little endian, the others keep their rate.

    Raises ValueError, in words, for a format that is not known and for what `facts` refuses.
    """
    if kind not in WRITTEN:
        raise ValueError(f"sounds are written as {', '.join(WRITTEN)}, not as {kind!r}")
    soundfile: Any = need("soundfile", extra=EXTRA, why="to write sound files")
    rate = PCM_RATE if kind == "pcm" else int(facts(content)["rate"])
    out, shape = io.BytesIO(), WRITTEN[kind]
    soundfile.write(out, decode(content, rate), rate, format=shape[0], subtype=shape[1], endian=shape[2])
    return out.getvalue()


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    soundfile: Any = need("soundfile", extra=EXTRA, why="to read sound files")
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            yield file
    except soundfile.SoundFileError as error:
        said = str(error).rpartition(": ")[2].strip().rstrip(".")
        raise ValueError(f"it can't be decoded ({said})") from error
