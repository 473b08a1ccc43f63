"""A share of a batch is computed as in the whole batch: here the parts of one process; several processes are in test_together.py."""

from collections.abc import Callable

import pytest
import torch
from timm.layers import DropPath
from torch import Tensor, nn

from gazeshift.errors import TrainingError
from gazeshift.training.shares import Share
from gazeshift.training.whole_batch import as_in_whole_batch


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


NETS: dict[str, Callable[[], nn.Module]] = {
    "dropout": lambda: nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.4), nn.ReLU(), nn.Dropout(0.2)),
    "channels": lambda: nn.Dropout1d(0.5),
    "attention": _Attention,
    "depth": lambda: DropPath(0.5),
}


@pytest.mark.parametrize("name", ["dropout", "channels", "attention", "depth"])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_parts_drop_what_the_whole_batch_drops(name: str, count: int) -> None:
    torch.manual_seed(0)
    net, x = NETS[name](), torch.randn(5, 4, 8)
    torch.manual_seed(1)
    whole = net(x)
    assert not torch.allclose(whole, net(x))  # it is random
    for index in range(count):
        share = Share.of(5, index, count)
        torch.manual_seed(1)
        with as_in_whole_batch(share, parts=2):
            part = net(x[share.rows])
        torch.testing.assert_close(part, whole[share.rows], rtol=1e-4, atol=1e-5)


def test_what_cannot_be_divided_is_refused() -> None:
    half = Share.of(4, 0, 2)
    with pytest.raises(TrainingError, match=r"draws random numbers by aten\.rrelu"), as_in_whole_batch(half, parts=2):
        nn.RReLU()(torch.ones(2, 3))
    with pytest.raises(TrainingError, match="batch norm needs the whole batch"), as_in_whole_batch(half, parts=2):
        nn.BatchNorm1d(3)(torch.ones(2, 3))
    with as_in_whole_batch(half, parts=2):
        nn.BatchNorm1d(3).eval()(torch.ones(2, 3))  # frozen statistics need no other pair
