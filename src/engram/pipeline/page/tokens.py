"""Colours of the report in dark and light, and the pairs in which they meet."""

from __future__ import annotations

SHARED = {"accent": "#4d8bf5", "on-accent": "#0e1420"}
DARK = SHARED | {
    "primary-bg": "#1a1a1a",
    "secondary-bg": "#2d2d2d",
    "well": "#1a1a1a",
    "text-primary": "#e6e6e6",
    "text-muted": "#b3b7be",
    "accent-text": "#86b2fa",
    "edge-ui": "#868b94",
    "focus": "#a9c8ff",
    "ok": "#63d2a6",
    "warn": "#f2b25c",
    "bad": "#ff9494",
    "ok-bg": "#173128",
    "warn-bg": "#352818",
    "bad-bg": "#3a1f21",
    "run-bg": "#182438",
    "c1": "#86b2fa",
    "c2": "#f2b25c",
    "c3": "#63d2a6",
    "on-shade": "#0e1420",
}
LIGHT = SHARED | {
    "primary-bg": "#f5f5f5",
    "secondary-bg": "#ffffff",
    "well": "#f0f1f3",
    "text-primary": "#2d2d2d",
    "text-muted": "#595e66",
    "accent-text": "#1558d6",
    "edge-ui": "#7c828b",
    "focus": "#1558d6",
    "ok": "#0b6e50",
    "warn": "#8a4b00",
    "bad": "#b3202b",
    "ok-bg": "#e2f4ec",
    "warn-bg": "#fbeeda",
    "bad-bg": "#fde8e8",
    "run-bg": "#e6effe",
    "c1": "#1f62e0",
    "c2": "#a85a00",
    "c3": "#0b7a5a",
    "on-shade": "#ffffff",
}
DECORATION = {
    "dark": {
        "hairline": "rgb(255 255 255 / .09)",
        "grid": "rgb(255 255 255 / .09)",
        "hi": "rgb(255 255 255 / .045)",
        "lo": "rgb(0 0 0 / .5)",
        "bevel": "rgb(255 255 255 / .08)",
    },
    "light": {
        "hairline": "rgb(20 30 50 / .11)",
        "grid": "rgb(20 30 50 / .10)",
        "hi": "#fff",
        "lo": "rgb(122 134 158 / .26)",
        "bevel": "#fff",
    },
}
# What a shade runs to, and how far at each level. No text colour reads on the middle of blue: those ramps jump over it.
HUES = {"right": {"dark": "#86b2fa", "light": "#1558d6"}, "wrong": {"dark": "#f2b25c", "light": "#f2a23a"}}
JUMP = {
    "dark": (0.08, 0.16, 0.25, 0.34, 0.43, 0.73, 0.87, 1.0),
    "light": (0.08, 0.17, 0.27, 0.37, 0.47, 0.91, 0.96, 1.0),
}
EVEN = (0.14, 0.26, 0.38, 0.5, 0.63, 0.76, 0.88, 1.0)
LEVELS = 8

SURFACES = ("primary-bg", "secondary-bg", "well")
TEXT = ("text-primary", "text-muted", "accent-text")
STATUS = ("ok", "warn", "bad")
PAIRS: tuple[tuple[str, str, float], ...] = (
    *((text, surface, 4.5) for text in (*TEXT, *STATUS) for surface in SURFACES),
    *((tone, f"{tone}-bg", 4.5) for tone in STATUS),
    ("accent-text", "run-bg", 4.5),
    ("on-accent", "accent", 4.5),
    *((f"on-{hue}-{level}", f"{hue}-{level}", 4.5) for hue in HUES for level in range(1, LEVELS + 1)),
    *((line, surface, 3.0) for line in ("c1", "c2", "c3", "edge-ui", "focus") for surface in SURFACES),
)


def colours(theme: str) -> dict[str, str]:
    """Return every solid colour of a theme, ``dark`` or ``light``, as ``#rrggbb`` by its token.

    >>> colours("dark")["right-8"], colours("light")["right-8"]
    ('#86b2fa', '#1558d6')
    """
    base = DARK if theme == "dark" else LIGHT
    shades: dict[str, str] = {}
    for hue, ends in HUES.items():
        even = (hue, theme) == ("wrong", "light")
        for level, share in enumerate(EVEN if even else JUMP[theme], start=1):
            shade = _mix(base["well"], ends[theme], share)
            texts = (base["text-primary"], base["on-shade"])
            shades |= {f"{hue}-{level}": shade, f"on-{hue}-{level}": max(texts, key=lambda text: contrast(text, shade))}
    return base | shades


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.1, relative luminance).

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def declared(theme: str) -> str:
    """Return the custom properties of a theme as CSS declarations."""
    tokens = colours(theme) | DECORATION[theme]
    return "".join(f"--{name}:{value};" for name, value in tokens.items()) + f"color-scheme:{theme}"


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _mix(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a * (1 - share) + b * share):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    values = [channel / 255 for channel in _channels(colour)]
    red, green, blue = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
