"""The recipe that ships balances the pole: over five training seeds, on test seeds that none of them learned with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engram.config.load import load_recipe
from engram.data.rows import SeedRow
from engram.data.seeds import deal_seeds
from engram.kinds.rl import act
from engram.train import checkpoint
from engram.train.adapter import restore_weights
from engram.train.fitting import Fitting

TRAININGS, FLOOR = 5, 475


@pytest.mark.slow
def test_the_pole_stands_whatever_the_seed_of_the_training(tmp_path, record_property):
    torch.set_num_threads(1)
    returns, chance = [], []
    for seed in range(TRAININGS):
        recipe = load_recipe("cartpole", sets=[f"train.seed={seed}"], environment={}).recipe
        loaded = act.load(recipe, ())
        dealt = deal_seeds(recipe.data)
        rows = {
            part: [
                SeedRow(place, *pair) for place, pair in enumerate(zip(seeds, act.begin(recipe, seeds), strict=True))
            ]
            for part, seeds in dealt.items()
        }
        train, valid, test = (act.prepare(loaded, rows[part]) for part in ("train", "valid", "test"))
        outcome = act.fit(loaded, train, valid, Fitting(recipe.train, tmp_path / str(seed)))
        restore_weights(loaded.model, checkpoint.load(outcome.best).tensors["weights"])
        returns.append(act.predict(loaded, test).answers.returns.mean())
        chance.append(act.baselines(loaded, train, test)["random"].returns.mean())
        record_property(
            f"seed {seed}", f"{returns[-1]:.1f}, by chance {chance[-1]:.1f}, after {outcome.best_step} steps"
        )
    assert np.mean(returns) >= FLOOR
    assert max(chance) < 40
