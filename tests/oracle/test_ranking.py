"""Rankings against the Python packages of LightGBM and XGBoost: the same trees from the same parameters and queries, their margins bit for bit."""

import json

import lightgbm
import numpy as np
import pytest
import xgboost
from test_learners import FIXED, ask, request


def world(seed, queries=60):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 25, queries)
    n = int(sizes.sum())
    x = rng.normal(size=(n, 5))
    lean = x @ rng.normal(size=5) + rng.normal(size=n) / 2
    y = np.clip(np.round(lean + 1), 0, 4)
    x[rng.random(x.shape) < 0.05] = np.nan
    return x, y, sizes, rng.normal(size=(300, 5))


def asked(learner, x, y, sizes, apply, parameters):
    groups = np.repeat(np.arange(len(sizes)), sizes).tolist()
    return ask([request(learner, "regression", x, y, apply, parameters=parameters, groups=groups, contributions=True)])[0]


@pytest.mark.parametrize("parameters", [{"objective": "lambdarank"}, {"objective": "lambdarank", "lambdarank_truncation_level": "5", "lambdarank_norm": "false"},
                                        {"objective": "rank_xendcg", "objective_seed": "3"}], ids=lambda p: "-".join(p.values()))
def test_lightgbm(parameters):
    x, y, sizes, apply = world(1)
    own = {**FIXED, **parameters, "min_data_in_leaf": "5"}
    booster = lightgbm.train(own, lightgbm.Dataset(x, y, group=sizes, params=own), 30)
    answer = asked("lightgbm", x, y, sizes, apply, {**parameters, "num_iterations": "30", "min_data_in_leaf": "5"})
    assert answer["text"] == booster.model_to_string().split("\nparameters:\n")[0].rstrip("\n") + "\n"
    np.testing.assert_array_equal(answer["margins"], booster.predict(apply, raw_score=True))
    assert answer["predictions"] == answer["margins"]


@pytest.mark.parametrize("parameters", [{}, {"lambdarank_pair_method": "mean", "lambdarank_num_pair_per_sample": "2"}, {"ndcg_exp_gain": "false", "lambdarank_normalization": "false"}],
                         ids=lambda p: "-".join(p) or "plain")
def test_xgboost(parameters):
    x, y, sizes, apply = world(2)
    own = {"objective": "rank:ndcg", "max_depth": "4", **parameters}
    matrix = xgboost.DMatrix(x, y)
    matrix.set_group(sizes)
    booster = xgboost.train({**own, "nthread": 1, "seed": 0}, matrix, 30)
    answer = asked("xgboost", x, y, sizes, apply, {**own, "num_boost_round": "30"})
    ours, theirs = json.loads(answer["text"]), json.loads(bytes(booster.save_raw("json")))
    ours["learner"]["attributes"] = {}
    assert ours == theirs
    np.testing.assert_array_equal(np.array(answer["margins"]), booster.predict(xgboost.DMatrix(apply), output_margin=True).astype(float))
