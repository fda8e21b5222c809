"""Pictures of environments, drawn from what they show: SVG of 120 × 80, for those of classic control.

Each says in its own words what an observation means; the geometry is that of Gymnasium's environments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import atan2, cos, sin

WIDTH, HEIGHT = 120, 80
Numbers = Sequence[float]


def draw(environment: str, shown: Numbers) -> str:
    """Return the picture of one observation; '' for an environment that has none here, or another observation.

    >>> draw("CartPole-v1", [0.0, 0.0, 0.0, 0.0]).count("<rect")
    1
    >>> draw("FrozenLake-v1", [3.0])
    ''
    """
    name = environment.rpartition("-v")[0]
    size, drawing = DRAWINGS.get(name, (0, _nothing))
    return drawing(shown) if size and len(shown) == size else ""


def _nothing(shown: Numbers) -> str:
    return ""


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _dot(x: float, y: float, size: float = 3.5) -> str:
    return f'<circle class="thing" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/>'


def _cart_pole(shown: Numbers) -> str:
    """Position −2.4 … 2.4, its speed, the pole's angle from upright in radians, its speed."""
    place = 60 + max(-2.6, min(2.6, shown[0])) / 2.4 * 48
    pole = _line(place, 58, place + 42 * sin(shown[2]), 58 - 42 * cos(shown[2]), "bone")
    cart = f'<rect class="thing" x="{place - 11:.1f}" y="58" width="22" height="10" rx="2"/>'
    return _line(4, 69, 116, 69, "ground") + cart + pole


def _mountain_car(shown: Numbers) -> str:
    """Position −1.2 … 0.6 and speed; the height is that of sin 3x, the flag stands at 0.5."""

    def at(place: float) -> tuple[float, float]:
        return 6 + (place + 1.2) / 1.8 * 108, 66 - (sin(3 * place) * 0.45 + 0.55) * 50

    hill = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(-1.2 + step * 0.05) for step in range(37)))
    flag, height = at(0.5)
    car, over = at(shown[0])
    return (
        f'<polyline class="ground" points="{hill}"/>'
        + _line(flag, height, flag, height - 12, "bone")
        + _dot(car, over - 4)
    )


def _pendulum(shown: Numbers) -> str:
    """Cosine and sine of the angle from upright, and its speed."""
    angle = atan2(shown[1], shown[0])
    x, y = 60 - 32 * sin(angle), 40 - 32 * cos(angle)
    return _line(60, 40, x, y, "bone") + _dot(60, 40, 2.5) + _dot(x, y)


def _acrobot(shown: Numbers) -> str:
    """Cosine and sine of the first angle from hanging and of the second from the first; the goal is one arm up."""
    first, second = atan2(shown[1], shown[0]), atan2(shown[3], shown[2])
    x1, y1 = 60 + 17 * sin(first), 40 + 17 * cos(first)
    x2, y2 = x1 + 17 * sin(first + second), y1 + 17 * cos(first + second)
    arms = _line(60, 40, x1, y1, "bone") + _line(x1, y1, x2, y2, "bone")
    return _line(8, 23, 112, 23, "ground") + arms + _dot(60, 40, 2.5) + _dot(x1, y1, 2.5) + _dot(x2, y2)


DRAWINGS: Mapping[str, tuple[int, Callable[[Numbers], str]]] = {
    "CartPole": (4, _cart_pole),
    "MountainCar": (2, _mountain_car),
    "MountainCarContinuous": (2, _mountain_car),
    "Pendulum": (3, _pendulum),
    "Acrobot": (6, _acrobot),
}
