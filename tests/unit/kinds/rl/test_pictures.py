"""What a report shows of a policy: its reward while it learned, and an episode in pictures."""

from __future__ import annotations

import re

import pytest

from engram.pipeline.page import episode, reward
from engram.pipeline.page.drawings import draw
from engram.schema.report import Report

SHOWN = {
    "CartPole-v1": [0.5, 0.0, 0.1, 0.0],
    "MountainCar-v0": [-0.5, 0.01],
    "MountainCarContinuous-v0": [-0.5, 0.01],
    "Pendulum-v1": [0.0, 1.0, 0.2],
    "Acrobot-v1": [1.0, 0.0, 1.0, 0.0, 0.0, 0.0],
}


def report(environment: str, shown: list, **more) -> Report:
    frames = [{"step": step, "observation": shown, "action": [1.0], "reward": 1.0} for step in range(30)]
    played = {"environment": environment, "seed": 7, "return": 30.0, "steps": 30, "frames": frames, **more}
    rows = [{"seed": seed, "return": float(seed), "steps": 3, "success": seed % 2} for seed in (5, 4)]
    details = {"episode": played, "episodes": {"success": "a return of at least 5", "rows": rows}}
    return Report("r", "evaluate", 2, {}, "sha256:0", details=details)


@pytest.mark.parametrize("environment", SHOWN)
def test_classic_control_is_drawn(environment):
    html = episode.section(report(environment, SHOWN[environment]))
    assert html.count('role="img"') == 12
    assert 'aria-label="Step 0: ' in html
    assert "step 29, action 1" in html
    places = [
        float(value)
        for value in re.findall(r' (?:[xy][12]?|c[xy])="(-?[\d.]+)"', draw(environment, SHOWN[environment]))
    ]
    assert places and all(-5 <= value <= 125 for value in places)


def test_a_pole_that_leans_right_is_drawn_right_of_its_foot_and_a_hanging_arm_below():
    foot, top = re.search(
        r'class="bone" x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"', draw("CartPole-v1", [0, 0, 0.2, 0])
    ).groups()
    assert float(top) > float(foot)
    heights = re.findall(r'class="bone" x1="[\d.]+" y1="([\d.]+)"', draw("Acrobot-v1", SHOWN["Acrobot-v1"]))
    assert float(heights[1]) > float(heights[0])
    upright = re.search(r'y1="([\d.]+)" x2="[\d.]+" y2="([\d.]+)"', draw("Pendulum-v1", [1.0, 0.0, 0.0])).groups()
    assert float(upright[1]) < float(upright[0])


def test_other_environments_show_their_numbers():
    html = episode.section(report("FrozenLake-v1", [3.0]))
    assert "<svg" not in html
    assert "The episode step by step" in html
    assert "a return of at least 5" in html


@pytest.mark.parametrize("strange", [{"frames": 7}, {"frames": [{"step": "x"}, 3]}, {"frames": []}])
def test_a_strange_report_shows_less_and_breaks_nothing(strange):
    assert "No episode was kept." in episode.section(report("CartPole-v1", SHOWN["CartPole-v1"], **strange))
    assert "when the evaluate stage has ended" in episode.section(None)


def test_text_from_a_report_is_escaped():
    assert "<b>" not in episode.section(report("<b>CartPole-v1", SHOWN["CartPole-v1"]))


def test_the_reward_curve_says_how_it_began_and_when_it_was_best():
    curve = [
        {"step": 0, "valid_loss": -9.0, "valid_reward": 9.0},
        {"step": 500, "valid_reward": 120.0},
        {"step": 90, "loss": 2.0},
    ]
    html = reward.section(curve, 12)
    assert "9 at first, at best 120" in html
    assert html.count("<circle") == 3  # two validations, and the key
    assert "drawn here" in reward.section([], 12)
