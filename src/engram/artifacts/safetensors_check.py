"""A safetensors file, looked at without loading a tensor: length, JSON header, data without gap or overlap."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from engram.errors import Refused

MAX_HEADER_BYTES = 16 << 20  # some 10⁵ tensors; the format allows 100 MB, which would cost gigabytes to parse
LENGTH_BYTES = 8
DTYPE_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
MAX_DIMENSIONS = 64
MAX_ELEMENTS = 1 << 62


def check_safetensors(file: Path, path: str = "") -> int:
    """Return the number of tensors of a sound file; reads the header only, so memory stays flat.

    Raises Refused for a header that is huge, broken off, doubly keyed or not JSON, and for tensors that overlap, leave
    a gap, run past the end or whose shape does not fit their bytes. Format: huggingface/safetensors, "Format".
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
            if size < LENGTH_BYTES or length > size - LENGTH_BYTES:
                raise ValueError(f"truncated: it has {size} bytes, and its header alone claims {length}")
            if length > MAX_HEADER_BYTES:
                raise ValueError(f"its header claims {length} bytes; at most {MAX_HEADER_BYTES} are read")
            header = stream.read(length)
        if not header.startswith(b"{"):
            raise ValueError("its header does not begin with '{'")
        tensors = json.loads(header, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
        tensors.pop("__metadata__", None)
        _check_layout(tensors, size - LENGTH_BYTES - length)
    except RecursionError as error:
        raise _refusal(path or file.name, "its header is nested too deeply") from error
    except (ValueError, TypeError, KeyError) as error:
        raise _refusal(path or file.name, str(error)) from error
    return len(tensors)


def _check_layout(tensors: dict[str, Any], data_bytes: int) -> None:
    spans = sorted((_span(name, tensor), name) for name, tensor in tensors.items())
    at = 0
    for (start, end), name in spans:
        if start != at:
            what = "overlaps the one before it" if start < at else f"leaves a gap of {start - at} bytes before it"
            raise ValueError(f"the tensor {name[:80]!r} {what}")
        at = end
    if at != data_bytes:
        raise ValueError(f"truncated or padded: its tensors need {at} bytes, and {data_bytes} follow the header")


def _span(name: str, tensor: Any) -> tuple[int, int]:
    if not isinstance(tensor, dict) or set(tensor) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the tensor {name[:80]!r} must have dtype, shape and data_offsets")
    bits = DTYPE_BITS.get(tensor["dtype"])
    shape, offsets = tensor["shape"], tensor["data_offsets"]
    if bits is None:
        raise ValueError(f"the tensor {name[:80]!r} has the unknown dtype {str(tensor['dtype'])[:20]!r}")
    if not _are_counts(shape) or len(shape) > MAX_DIMENSIONS or not _are_counts(offsets) or len(offsets) != 2:
        raise ValueError(f"the tensor {name[:80]!r} has a shape or offsets that are not whole numbers ≥ 0")
    start, end = offsets
    need = math.prod(shape) * bits
    if need % 8 or end - start != need // 8:
        raise ValueError(
            f"the tensor {name[:80]!r} has {end - start} bytes, but its shape {shape[:8]} needs {need / 8:g}"
        )
    return start, end


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value <= MAX_ELEMENTS for value in values)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("its header names something twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"its header holds {name}")


def _refusal(path: str, why: str) -> Refused:
    return Refused(
        f"The file {path!r} is refused: not a sound safetensors file: {why}.",
        remedy="Write it again with the safetensors library.",
    )
