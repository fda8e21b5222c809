"""The judge believes a worker only as far as it can measure itself."""

import pytest

from engram.errors import Refused
from engram.pipeline.measure.train import check_claim


@pytest.mark.parametrize("claimed", [0.40, 0.403, 0.397])
def test_a_claim_within_rounding_holds(claimed):
    check_claim("best_valid_loss", claimed, 0.4)


@pytest.mark.parametrize("claimed", [0.1, 0.5, float("nan"), float("inf"), None, "0.4", True and "nan"])
def test_any_other_claim_is_refused_with_both_numbers(claimed):
    with pytest.raises(Refused, match=r"the judge measured 0\.4"):
        check_claim("best_valid_loss", claimed, 0.4)


def test_a_judge_that_measures_nan_believes_nothing():
    with pytest.raises(Refused):
        check_claim("best_valid_loss", 0.4, float("nan"))
