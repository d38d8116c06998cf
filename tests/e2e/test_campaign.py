"""A sample of the campaign (support/campaign.py): one round with a plan that stays the same. tests/e2e/campaign runs more."""

import pytest

from support.campaign import Round


@pytest.mark.parametrize("seed", [1])
def test_random_kills(tmp_path, seed):
    round_ = Round(tmp_path, seed, seconds=4, n_files=200)
    assert not round_.run()
    assert sum(round_.kills.values()) > 0
    assert any(book.saved for book in round_.books.values())
