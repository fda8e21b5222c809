"""What people who train a policy see: unknown environments, settings of the other algorithm, answers, exact resume."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import acting

from engram.config.load import load_recipe
from engram.config.problems import RecipeProblems
from engram.data.seeds import deal_seeds
from engram.errors import Cancelled, CheckpointError, LearnsNothing, Paused, Refused, UnknownName, UsageError, UserError
from engram.kinds.rl import act, environment
from engram.proc import CRASHPOINT_VARIABLE
from engram.schema.policy import Policy
from engram.schema.recipe import Data, Model, Recipe, SplitPlan
from engram.train import checkpoint
from engram.train.fitting import Fitting

DQN = {"algorithm": "dqn", "net_arch": (16,), "learning_starts": 64, "target_update_interval": 100, "buffer_size": 200}
SAC = {"algorithm": "sac", "net_arch": (8,), "learning_starts": 100, "train_freq": 4}
CASES = {
    "ppo": ("gym:Acrobot-v1", acting.PPO),
    "ppo-numbers": ("gym:MountainCarContinuous-v0", acting.PPO),
    "dqn": ("gym:CartPole-v1", DQN),
    "dqn-states": ("gym:FrozenLake-v1", DQN),
    "sac": ("gym:Pendulum-v1", SAC),
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def learn(recipe: Recipe, folder: Path, command=lambda: "none", heard=None):
    loaded = act.load(recipe, ())
    train, valid = (act.prepare(loaded, acting.rows(recipe, count, first)) for count, first in ((6, 0), (2, 100)))
    emit = (lambda kind, body: heard.append((kind, dict(body)))) if heard is not None else (lambda kind, body: None)
    return loaded, act.fit(loaded, train, valid, Fitting(recipe.train, folder, emit, command))


def small(case: str) -> Recipe:
    source, policy = CASES[case]
    return acting.recipe(source, policy, max_steps=256)


def pausing(after: int):
    turns = itertools.count(1)
    return lambda: "pause" if next(turns) == after else "none"


@pytest.mark.parametrize("case", CASES)
def test_what_was_paused_and_resumed_ends_as_what_was_not_bit_for_bit(case, tmp_path):
    """Networks, moments, memory, generators, the open episode and the record of how it went."""
    recipe = small(case)
    _, whole = learn(recipe, tmp_path / "whole")
    with pytest.raises(Paused):
        learn(recipe, tmp_path / "parts", pausing(1))
    torch.manual_seed(7)
    np.random.seed(8)
    _, again = learn(recipe, tmp_path / "parts")
    assert whole.resume == again.resume == "exact"
    one, other = (checkpoint.load(checkpoint.find(tmp_path / name)) for name in ("whole", "parts"))
    assert one.state == other.state
    assert {group: sorted(found) for group, found in one.tensors.items()} == {
        group: sorted(found) for group, found in other.tensors.items()
    }
    for group, found in one.tensors.items():
        for name, tensor in found.items():
            assert torch.equal(tensor, other.tensors[group][name]), (group, name)


def test_a_checkpoint_is_safetensors_and_json(tmp_path):
    learn(small("dqn"), tmp_path / "c")
    kinds = {path.suffix for path in (tmp_path / "c").rglob("*") if path.is_file()}
    assert kinds == {".safetensors", ".json"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="crash points use SIGKILL")
def test_what_was_killed_between_two_turns_goes_on_exactly(tmp_path):
    recipe = replace(acting.recipe(), train=replace(acting.recipe().train, max_steps=384))
    code = (
        "import sys, torch; from pathlib import Path; torch.set_num_threads(1)\n"
        "from support import acting; from dataclasses import replace\n"
        "from engram.kinds.rl import act; from engram.train.fitting import Fitting\n"
        "recipe = acting.recipe(max_steps=384); loaded = act.load(recipe, ())\n"
        "rows = [act.prepare(loaded, acting.rows(recipe, *asked)) for asked in ((6, 0), (2, 100))]\n"
        "act.fit(loaded, *rows, Fitting(recipe.train, Path(sys.argv[1])))"
    )
    support = str(Path(__file__).parents[3])
    paths = os.pathsep.join([support, os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, CRASHPOINT_VARIABLE: "acting.after-turn:5", "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "parts")], env=env, check=False)
    assert done.returncode == -signal.SIGKILL
    learn(recipe, tmp_path / "whole")
    heard: list = []
    learn(recipe, tmp_path / "parts", heard=heard)
    assert [body["step"] for kind, body in heard if kind == "resumed"] == [256]
    one, other = (checkpoint.load(checkpoint.find(tmp_path / name)) for name in ("whole", "parts"))
    assert one.state["algorithm"] == other.state["algorithm"]
    assert all(torch.equal(tensor, other.tensors["networks"][name]) for name, tensor in one.tensors["networks"].items())


def test_an_environment_that_does_not_repeat_itself_says_so(tmp_path, monkeypatch):
    chance = np.random.default_rng()

    class Noisy:
        def __init__(self, made):
            self.made = made

        def __getattr__(self, name):
            return getattr(self.made, name)

        def step(self, action):
            shown, *rest = self.made.step(action)
            return (shown + chance.normal(0, 1e-3, shown.shape).astype(shown.dtype), *rest)

    plain = environment.make
    monkeypatch.setattr(environment, "make", lambda *given: Noisy(plain(*given)))
    heard: list = []
    _, outcome = learn(small("ppo"), tmp_path / "c", heard=heard)
    assert outcome.resume == "approximate"
    assert any("resume: approximate" in body["text"] for kind, body in heard if kind == "note")


def test_a_cancelled_training_keeps_its_checkpoint_and_events_say_how_far_it_is(tmp_path):
    heard: list = []
    with pytest.raises(Cancelled, match=r"after step 64 of 256"):
        learn(small("ppo"), tmp_path / "c", lambda: "cancel", heard)
    assert checkpoint.find(tmp_path / "c") is not None
    told = [body for kind, body in heard if kind == "metric"]
    assert told[0]["valid_reward"] == -told[0]["valid_loss"]
    assert {"step": 64, "total": 256, "unit": "steps", "tokens": 64}.items() <= told[1].items()


def test_another_recipes_checkpoint_is_not_gone_on_with(tmp_path):
    recipe = small("ppo")
    with pytest.raises(Paused):
        learn(recipe, tmp_path / "c", lambda: "pause")
    loaded = act.load(recipe, ())
    rows = act.prepare(loaded, acting.rows(recipe, 2))
    with pytest.raises(CheckpointError, match="another recipe"):
        act.fit(loaded, rows, rows, Fitting(recipe.train, tmp_path / "c", identity={"recipe": "sha256:0"}))


def test_a_training_that_never_updates_fails(tmp_path):
    recipe = acting.recipe(policy={**DQN, "learning_starts": 10_000}, max_steps=128)
    with pytest.raises(LearnsNothing, match="Nothing was learned in 128 steps"):
        learn(recipe, tmp_path / "c")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("gym:CartPol-v1", "CartPole-v1"),
        ("gym:os:CartPole-v1", "environment"),
        ("gym:gymnasium.envs.classic_control:CartPole-v1", "environment"),
        ("gym:../CartPole-v1", "environment"),
    ],
)
def test_an_unknown_environment_is_answered_with_the_known_ones_and_imports_nothing(source, said):
    before = set(sys.modules)
    with pytest.raises(UnknownName, match=said):
        act.find_base(Model(source))
    assert set(sys.modules) == before


def test_an_environment_that_another_package_registers_is_none_of_ours():
    gym = environment.gymnasium()
    gym.register(id="Stranger-v0", entry_point="json:loads")
    try:
        with pytest.raises(UnknownName):
            act.find_base(Model("gym:Stranger-v0"))
    finally:
        gym.registry.pop("Stranger-v0")


def test_what_can_not_be_learned_is_said_before_anything_is_spent():
    with pytest.raises(UserError, match="which dqn can't learn"):
        act.load(acting.recipe("gym:Pendulum-v1", DQN), ())
    with pytest.raises(UserError, match="which sac can't learn"):
        act.load(acting.recipe("gym:CartPole-v1", SAC), ())
    with pytest.raises(UserError, match="can't be made with"):
        act.load(acting.recipe("gym:CartPole-v1", {**acting.PPO, "options": {"wind": 3}}), ())
    with pytest.raises(UserError, match="shows a Tuple"):
        act.load(acting.recipe("gym:Blackjack-v1"), ())
    with pytest.raises(UserError, match="names no environment"):
        act.load(acting.recipe("CartPole-v1"), ())


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["policy.buffer_size=7"], "'buffer_size' is a setting of dqn and sac, and the algorithm is ppo"),
        (["data.sources=[{path: a.csv}]"], "takes no sources"),
        (["train.max_steps=null"], "'train.max_steps' must say"),
        (["train.precision=bf16"], "fp32"),
        (["prep=[sound_noise]"], "sound_noise"),
        (["policy.gamma=1.5"], "'policy.gamma' must be at least 0 and at most 1"),
        (["policy.options={path: x}"], "policy.options"),
    ],
)
def test_a_recipe_that_means_nothing_is_refused_with_its_line(sets, said):
    with pytest.raises(RecipeProblems, match=said):
        load_recipe("cartpole", sets=sets, environment={})


def test_a_policy_in_a_recipe_of_texts_is_refused():
    with pytest.raises(RecipeProblems, match="'policy' is for what learns in an environment"):
        load_recipe("quickstart", sets=["policy.algorithm=ppo"], environment={})
    with pytest.raises(RecipeProblems, match=r"'data.sources' must have at least one source"):
        load_recipe("quickstart", sets=["data.sources=[]"], environment={})


def test_seeds_are_dealt_so_that_none_stands_in_two_parts():
    data = Data(seeds=300, split=SplitPlan(0.6, 0.2, 0.2, seed=3))
    dealt = deal_seeds(data)
    assert [len(dealt[part]) for part in ("train", "valid", "test")] == [180, 60, 60]
    assert len({seed for seeds in dealt.values() for seed in seeds}) == 300
    assert deal_seeds(data) == dealt != deal_seeds(replace(data, split=replace(data.split, seed=4)))
    with pytest.raises(UsageError, match="leave none for the part"):
        deal_seeds(Data(seeds=3, split=SplitPlan(0.9, 0.05, 0.05)))


def test_an_observation_is_held_against_the_space():
    loaded = act.load(acting.recipe(), ())
    assert act.answer(loaded, [[0, 0, 0, 0]])[0]["action"] in (0, 1)
    assert sum(act.answer(loaded, [[0.0] * 4])[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    for bad, said in [
        ([0, 0, 0], "a list of 4 numbers; this is"),
        ([[0, 0, 0, 0]], "a list of 4 numbers; this is"),
        (["0", 0, 0, 0], "a list of 4 numbers"),
        ([0, 0, 5.0, 0], r"Number 3 of the observation is 5; it lies from -0\.4"),
        ([0, 0, 0, float("nan")], "Number 4"),
    ]:
        with pytest.raises(UsageError, match=said):
            act.answer(loaded, [bad])
    states = act.load(acting.recipe("gym:FrozenLake-v1", DQN), ())
    assert set(act.answer(states, [3])[0]["values"]) == {"0", "1", "2", "3"}
    for bad in (16, -1, 1.5, True, "3"):
        with pytest.raises(UsageError, match="whole number from 0 to 15"):
            act.answer(states, [bad])


def test_actions_that_are_numbers_stay_in_their_bounds():
    for source, policy in (("gym:Pendulum-v1", SAC), ("gym:Pendulum-v1", acting.PPO)):
        loaded = act.load(acting.recipe(source, policy), ())
        with torch.no_grad():
            loaded.model.linear[-1].bias.fill_(50.0)
        assert act.answer(loaded, [[1.0, 0.0, 0.0]]) == [{"action": [2.0]}]


def test_weights_of_another_policy_are_refused(tmp_path):
    loaded, other = act.load(acting.recipe(), ()), act.load(acting.recipe("gym:Acrobot-v1"), ())
    act.export(loaded, "weights", tmp_path / "one")
    act.export(other, "weights", tmp_path / "two")
    (tmp_path / "one" / "model.safetensors").write_bytes((tmp_path / "two" / "model.safetensors").read_bytes())
    with pytest.raises(Refused, match="holds no weights of the module"):
        act.reopen("weights", tmp_path / "one", loaded.base, (), loaded.recipe)
    config = json.loads((tmp_path / "two" / "config.json").read_text())
    (tmp_path / "two" / "config.json").write_text(json.dumps({**config, "format": "other/1"}))
    with pytest.raises(Refused, match="format"):
        act.reopen("weights", tmp_path / "two", loaded.base, (), loaded.recipe)


def test_success_is_what_the_environment_says_it_is():
    for source, rule in (("gym:CartPole-v1", "at least 475"), ("gym:Pendulum-v1", "")):
        recipe = acting.recipe(source)
        loaded = act.load(recipe, ())
        found = act.baselines(loaded, *[act.prepare(loaded, acting.rows(recipe, 2))] * 2)["random"]
        assert rule in found.rule
        assert bool(found.rule) == bool((found.success >= 0).all())


def test_the_default_policy_is_named_by_a_recipe_without_one():
    assert act.load(replace(acting.recipe(), policy=None), ()).config["algorithm"] == Policy().algorithm == "ppo"
