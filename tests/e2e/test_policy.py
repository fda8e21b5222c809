"""A policy through server and core: no dataset, but a run, a certificate, a deployment, and answers to observations."""

from __future__ import annotations

import sys

import pytest
from support.home import Home
from support.served import served

from engram.errors import UsageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server is not offered on Windows")
RECIPE = """
format: engram.recipe/1
name: pole
kind: rl
task: act
model: {source: "gym:CartPole-v1"}
policy: {algorithm: ppo, n_envs: 2, n_steps: 64, n_epochs: 4, net_arch: [16]}
data: {seeds: 40, split: {train: 0.5, valid: 0.25, test: 0.25, seed: 3}}
prep: []
train:
  {max_steps: 2048, learning_rate: 5.0e-3, warmup_ratio: 0.0, per_device_train_batch_size: 64, eval_every: 1024}
evaluate: {bootstrap: 1000}
export: [weights]
simulate: {concurrency: 2, seconds: 0.2}
"""


def test_a_recipe_without_a_dataset_becomes_a_deployment_that_acts(tmp_path):
    home = Home(tmp_path)
    with served(home) as server:
        server.call("POST", "/recipes", {"text": RECIPE}, repeatable=True)
        record = server.wait(server.call("POST", "/runs", {"recipe": "pole"})["id"], "published")
        assert record["metrics"]["reward_difference_low"] > 0
        events = server.events(record["id"])
        assert any("valid_reward" in one["body"] for one in events if one["type"] == "metric")
        asked = {"name": "pole", "artifact": record["artifact"]}
        server.call("POST", "/deployments", asked, query={"simulate": "advisory"})
        (answer,) = server.call("POST", "/deployments/pole/predict", {"inputs": [[0.0, 0.1, 0.0, -0.1]]})["answers"]
        assert answer["action"] in (0, 1)
        with pytest.raises(UsageError, match="a list of 4 numbers"):
            server.call("POST", "/deployments/pole/predict", {"inputs": [[0.0]]})
        certificate = home.home / "artifacts" / record["artifact"].removeprefix("sha256:")
        assert home.engram("verify", str(certificate)).returncode == 0
        assert home.json("predict", "pole", "[0.0, 0.1, 0.0, -0.1]")[0]["action"] == answer["action"]
