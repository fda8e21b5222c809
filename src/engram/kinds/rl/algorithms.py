"""Stable-Baselines3's algorithms: made from a recipe, given a policy's weights, and put down without pickle.

Between two turns (a rollout and its update) all that an algorithm knows are arrays and numbers; they go into
a checkpoint as safetensors and JSON, and back.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from engram.errors import CheckpointError
from engram.kinds.rl.load import HIDDEN, Loaded
from engram.kinds.rl.net import ACTIVATIONS, PolicyNet
from engram.lazy import need
from engram.schema.policy import Policy
from engram.schema.recipe import Recipe
from engram.train.schedule import learning_rate_at

USUAL_STEPS = 2048  # of a rollout of ppo, where the recipe says nothing
TURN = 250  # steps in a turn of dqn and sac, which update after each few: so often are they watched
COUNTERS = (
    "num_timesteps",
    "_n_updates",
    "_episode_num",
    "_n_calls",
    "exploration_rate",
    "_current_progress_remaining",
)
BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
LOSSES = ("train/loss", "train/critic_loss")


def make_algorithm(recipe: Recipe, loaded: Loaded, env: Any, total: int) -> Any:
    """Return the algorithm of a recipe, ready for its first turn, with the weights of the policy that was loaded.

    total: steps of the whole training. Raises MissingExtra when the library is not installed.
    """
    library = need("stable_baselines3", extra="rl", why="to train a policy")
    logger = need("stable_baselines3.common.logger", extra="rl", why="to train a policy")
    settings, train = recipe.policy or Policy(), recipe.train
    given: dict[str, Any] = {"gamma": settings.gamma, **settings.given()}
    if settings.algorithm == "ppo":
        steps = min(given.get("n_steps", USUAL_STEPS), max(2, -(-total // env.num_envs)))
        given |= {"n_steps": steps, "batch_size": min(train.per_device_train_batch_size, steps * env.num_envs)}
        given |= {"max_grad_norm": train.max_grad_norm}
    else:
        given |= {"batch_size": train.per_device_train_batch_size}
        given["buffer_size"] = min(given.get("buffer_size", 1_000_000), max(total, env.num_envs))
        given |= {"max_grad_norm": train.max_grad_norm} if settings.algorithm == "dqn" else {}
    hidden = HIDDEN[settings.algorithm] if settings.net_arch is None else settings.net_arch
    kinds = {"net_arch": list(hidden), "activation_fn": ACTIVATIONS[loaded.config["activation"]]}
    with warnings.catch_warnings():  # a last minibatch that is smaller than the others is no fault
        warnings.simplefilter("ignore", UserWarning)
        made = getattr(library, settings.algorithm.upper())(
            "MlpPolicy",
            env,
            learning_rate=lambda left: learning_rate_at(round((1.0 - left) * total), total, train),
            policy_kwargs=kinds,
            seed=train.seed,
            device="cpu",
            **given,
        )
    made.set_logger(logger.Logger(folder=None, output_formats=[]))
    give(loaded.model, made)
    read = made.policy.obs_to_tensor
    made.policy.obs_to_tensor = lambda shown: _aligned(*read(shown))
    made._setup_learn(total)
    return made


def _aligned(shown: torch.Tensor, many: bool) -> tuple[torch.Tensor, bool]:
    """See `engram.kinds.rl.practice.aligned`."""
    return shown.clone(), many


def turn(algorithm: Any, callback: Any) -> None:
    """Take the steps of one turn and learn from them."""
    total = algorithm._total_timesteps
    if hasattr(algorithm, "rollout_buffer"):
        algorithm.collect_rollouts(algorithm.env, callback, algorithm.rollout_buffer, algorithm.n_steps)
        algorithm._update_current_progress_remaining(algorithm.num_timesteps, total)
        algorithm.train()
        return
    until = min(algorithm.num_timesteps + TURN, total)
    while algorithm.num_timesteps < until:
        taken = algorithm.collect_rollouts(
            algorithm.env,
            callback,
            algorithm.train_freq,
            algorithm.replay_buffer,
            action_noise=algorithm.action_noise,
            learning_starts=algorithm.learning_starts,
            log_interval=None,
        )
        if algorithm.num_timesteps > algorithm.learning_starts:
            asked = algorithm.gradient_steps
            updates = asked if asked >= 0 else taken.episode_timesteps
            if updates > 0:
                algorithm.train(gradient_steps=updates, batch_size=algorithm.batch_size)


def listener(algorithm: Any) -> Any:
    """Return the callback that Stable-Baselines3 wants to call at each step; it does nothing."""
    return algorithm._init_callback(None)


def losses(algorithm: Any) -> float | None:
    """Return the loss of the last update, None before the first; of sac that of what judges its actions."""
    known = algorithm.logger.name_to_value
    return next((float(known[name]) for name in LOSSES if name in known), None)


def grad_norm(algorithm: Any) -> float | None:
    """Return the norm of the gradient that the last minibatch left, after clipping; None before the first update."""
    grads = [one.grad for one in algorithm.policy.parameters() if one.grad is not None]
    return float(torch.nn.utils.get_total_norm(grads)) if grads else None


# --- weights of the policy ---------------------------------------------------------------------------------------


def deciding(algorithm: Any) -> list[nn.Linear]:
    """Return the layers of an algorithm's networks that decide, in order: those of a `PolicyNet`."""
    policy = algorithm.policy
    if hasattr(policy, "q_net"):
        parts = [policy.q_net.q_net]
    elif hasattr(policy, "mlp_extractor"):
        parts = [policy.mlp_extractor.policy_net, policy.action_net]
    else:
        parts = [policy.actor.latent_pi, policy.actor.mu]
    return [layer for part in parts for layer in part.modules() if isinstance(layer, nn.Linear)]


def give(model: PolicyNet, algorithm: Any) -> None:
    """Let an algorithm begin with a policy's weights."""
    _copy(model.linear, deciding(algorithm))
    if hasattr(algorithm.policy, "q_net"):
        algorithm.policy.q_net_target.load_state_dict(algorithm.policy.q_net.state_dict())


def take(model: PolicyNet, algorithm: Any) -> None:
    """Give a policy the weights that an algorithm has reached."""
    _copy(deciding(algorithm), model.linear)


def _copy(source: list[nn.Linear], target: list[nn.Linear]) -> None:
    with torch.no_grad():
        for one, other in zip(source, target, strict=True):
            other.weight.copy_(one.weight)
            other.bias.copy_(one.bias)


# --- checkpoints -------------------------------------------------------------------------------------------------


def optimizers(algorithm: Any) -> dict[str, Any]:
    """Return an algorithm's optimizers by names."""
    if hasattr(algorithm, "actor"):
        named = {"actor": algorithm.actor.optimizer, "critic": algorithm.critic.optimizer}
        entropy = algorithm.ent_coef_optimizer
        return named | ({"entropy": entropy} if entropy is not None else {})
    return {"policy": algorithm.policy.optimizer}


def capture(algorithm: Any) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, Any]]:
    """Return what an algorithm knows between two turns, besides its environments, as tensors and plain data."""
    networks = {name: tensor.detach().clone() for name, tensor in algorithm.policy.state_dict().items()}
    if getattr(algorithm, "log_ent_coef", None) is not None:
        networks["log_ent_coef"] = algorithm.log_ent_coef.detach().clone()
    moments = {
        f"{name}.{place}.{key}": value
        for name, optimizer in optimizers(algorithm).items()
        for place, kept in optimizer.state_dict()["state"].items()
        for key, value in kept.items()
    }
    memory, values = {}, {name: getattr(algorithm, name) for name in COUNTERS if hasattr(algorithm, name)}
    buffer = getattr(algorithm, "replay_buffer", None)
    if buffer is not None:
        used = buffer.buffer_size if buffer.full else buffer.pos
        memory = {name: torch.from_numpy(np.ascontiguousarray(getattr(buffer, name)[:used])) for name in BUFFER}
        values |= {"pos": buffer.pos, "full": bool(buffer.full)}
    # Whole numbers of 128 bits: JSON of other readers would round them, a text does not.
    values["actions"] = json.dumps(algorithm.action_space.np_random.bit_generator.state)
    return {"networks": networks, "optimizer": moments, "memory": memory}, values


def restore(algorithm: Any, tensors: Mapping[str, Mapping[str, torch.Tensor]], values: Mapping[str, Any]) -> None:
    """Put back what `capture` gave; raises CheckpointError when it is another algorithm's."""
    networks = dict(tensors["networks"])
    entropy = networks.pop("log_ent_coef", None)
    try:
        algorithm.policy.load_state_dict(networks)
        if entropy is not None:
            with torch.no_grad():
                algorithm.log_ent_coef.copy_(entropy)
    except (RuntimeError, AttributeError) as error:
        raise CheckpointError(f"The checkpoint holds other networks than the recipe says: {error}") from error
    for name, optimizer in optimizers(algorithm).items():
        kept: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors["optimizer"].items():
            owner, place, what = key.split(".")
            if owner == name:
                kept.setdefault(int(place), {})[what] = value.clone()
        optimizer.load_state_dict({**optimizer.state_dict(), "state": kept})
    for name in COUNTERS:
        if name in values:
            setattr(algorithm, name, values[name])
    buffer = getattr(algorithm, "replay_buffer", None)
    if buffer is not None:
        for name in BUFFER:
            saved = tensors["memory"][name].numpy()
            getattr(buffer, name)[: len(saved)] = saved
        buffer.pos, buffer.full = int(values["pos"]), bool(values["full"])
    algorithm.action_space.np_random.bit_generator.state = json.loads(values["actions"])
