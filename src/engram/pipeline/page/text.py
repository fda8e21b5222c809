"""Words and numbers of the report: escaping, rounding, names of metrics."""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

# Narrow and without a break, so that a number never falls apart at the end of a line.
THIN = "\u202f"
MINUS = "\u2212"
DASH = "\u2013"
JOINERS = frozenset("\u200c\u200d")
TITLES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "weighted_f1": "Weighted F1",
    "ece": "Calibration error (ECE)",
    "brier": "Brier score",
    "span_f1": "Span F1",
    "qa_f1": "QA F1",
    "map": "mAP, .50 to .95",
    "map50": "mAP at .50",
    "bleu": "BLEU",
    "chrf": "chrF",
    "rouge_l": "ROUGE-L",
    "mcd": "Mel-cepstral distance",
    "judge_wer": "Word errors by the judge",
    "mos_proxy": "MOS stand-in",
    "p50_latency_ms": "Median latency, ms",
    "p95_latency_ms": "95th percentile latency, ms",
    "p50_ms": "Median latency, ms",
    "p95_ms": "95th percentile latency, ms",
    "p99_ms": "99th percentile latency, ms",
}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def visible(value: object) -> str:
    r"""Return text in which control, bidi and other invisible characters stand as their code points.

    Joiners stay, because emoji and several scripts need them.

    >>> visible("a\u202eb\n")
    'a\\u202eb\\u000a'
    """
    return "".join(map(_shown, str(value)))


def esc(value: object) -> str:
    """Return text from data, safe in HTML text and in quoted attributes.

    >>> esc("<b>{{x}}</b>")
    '&lt;b&gt;{{x}}&lt;/b&gt;'
    """
    return html.escape(visible(value), quote=True)


def short(value: object, length: int) -> str:
    """Return escaped text of at most `length` characters, ended by an ellipsis where it was longer.

    >>> short("account_closure", 8)
    'account…'
    """
    shown = visible(value)
    return html.escape(shown if len(shown) <= length else shown[: length - 1] + "…")


def is_number(value: object) -> bool:
    """Tell whether a value is a finite number (a truth value is none)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: object, signed: bool = False, decimals: int = 3) -> str:
    """Return a number as people read it; a dash where there is none.

    Three decimals, or three significant digits where those would say little; whole numbers bare, thousands parted by
    thin spaces, no zero before the point. A signed number is a difference: three decimals down to .0005.

    >>> number(0.8849), number(0.0021), number(-0.0021, signed=True), number(1820).replace(THIN, " "), number(None)
    ('.885', '.00210', '−.002', '1 820', '–')
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
        return DASH
    if math.isinf(value):
        return (MINUS if value < 0 else "+" if signed else "") + "∞"
    sign = MINUS if value < 0 else "+" if signed and value > 0 else ""
    return sign + _size(abs(value), decimals, 0.5 * 10**-decimals if signed else 0.01)


def interval(ends: Iterable[object] | None, signed: bool = False, decimals: int = 3) -> str:
    """Return an interval as ``[low, high]``; a dash where there is none.

    >>> interval((0.0512, 0.0903), signed=True)
    '[+.051, +.090]'
    """
    values = list(ends or ())
    if len(values) != 2:
        return DASH
    return "[" + ", ".join(number(value, signed, decimals) for value in values) + "]"


def percent(share: float) -> str:
    """Return a share as a whole or one-decimal percentage.

    >>> percent(0.25).replace(THIN, " "), percent(0.034).replace(THIN, " ")
    ('25 %', '3.4 %')
    """
    points = share * 100
    return f"{points:.{0 if points >= 10 or points == round(points) else 1}f}{THIN}%"


def metric_title(name: str) -> str:
    """Return a metric's name in words, not yet escaped.

    >>> metric_title("macro_f1"), metric_title("tokens_lost")
    ('Macro F1', 'Tokens lost')
    """
    words = name.replace("_", " ")
    return TITLES.get(name) or words[:1].upper() + words[1:]


def is_lower(name: str, better: Mapping[str, str]) -> bool:
    """Tell whether less of a metric is better; `better` gives ``max`` or ``min`` for each that is known."""
    return better.get(name) == "min"


def arrow(name: str, better: Mapping[str, str]) -> str:
    """Return the mark of a metric of which less is better, for beside its name.

    >>> arrow("loss", {"loss": "min"}), arrow("accuracy", {"accuracy": "max"})
    (' ↓', '')
    """
    return " ↓" if is_lower(name, better) else ""


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "row").split(), plural(3, "class", "classes").split()
    (['1', 'row'], ['3', 'classes'])
    """
    return f"{number(count)}\u00a0{one if count == 1 else many or one + 's'}"


def moment(stamp: str) -> str:
    """Return an ISO 8601 time as date and minute with its zone, escaped; any other text as it is.

    >>> moment("2026-11-20T15:02:11.042Z")
    '2026-11-20 15:02 UTC'
    """
    try:
        when = datetime.fromisoformat(stamp)
    except ValueError:
        return esc(stamp)
    zone = when.tzname() or ""
    return esc(f"{when:%Y-%m-%d %H:%M} {zone}".strip())


def rows(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings among a table's lines, so that a strange report shows less and breaks nothing."""
    lines = value if isinstance(value, list | tuple) else ()
    return [line for line in lines if isinstance(line, Mapping)]


def _shown(character: str) -> str:
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} and character not in JOINERS
    if not hidden:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _size(size: float, decimals: int, least: float) -> str:
    if size == int(size) and size < 1e15:
        return f"{int(size):,}".replace(",", THIN)
    if size >= 1e15 or size < 1e-4:
        digits, exponent = f"{size:.2e}".split("e")
        return f"{digits} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    if size < least:
        return f"{size:.{2 - math.floor(math.log10(size))}f}".removeprefix("0")
    kept = decimals if size < 100 else 1
    return f"{size:,.{kept}f}".replace(",", THIN).removeprefix("0")
