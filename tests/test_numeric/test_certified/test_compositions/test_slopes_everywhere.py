"""Networks at every input: below the product of norms, above every sampled slope."""

import pytest
import torch
from strategies import gaussian
from torch import nn
from twins import dense_twin

from derivations.errors import InputError, UnknownNodeError
from numeric.certified.compositions.slopes_everywhere import sequence_lipschitz_upper
from numeric.certified.layer_lipschitz import lipschitz_upper

KINDS = {
    "relu": nn.ReLU,
    "leaky": lambda: nn.LeakyReLU(-0.7),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


def network(kind, dtype=torch.float64):
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Linear(6, 12), KINDS[kind](), nn.Linear(12, 12), KINDS[kind](), nn.Linear(12, 4)
    ).to(dtype).eval()  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_no_input_stretches_more_and_the_product_is_beaten(kind):
    layer = network(kind)
    found = sequence_lipschitz_upper(layer, (6,))
    assert found < 0.8 * lipschitz_upper(layer, (6,))
    for scale in (0.1, 1, 10):
        x = scale * gaussian(60, 6, seed=3)
        assert torch.linalg.matrix_norm(dense_twin.jacobian(layer, x), 2).max() <= found


def test_slopes_of_either_precision_are_held():
    found = [sequence_lipschitz_upper(network("leaky", t), (6,)) for t in (torch.float32,) * 2]
    assert found[0] == found[1] == pytest.approx(sequence_lipschitz_upper(network("leaky"), (6,)))


def test_convolutions_and_norms_are_taken_together_too():
    torch.manual_seed(0)
    layer = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(12, 3),
    ).double().eval()  # fmt: skip
    found = sequence_lipschitz_upper(layer, (1, 4, 4))
    assert found < 0.95 * lipschitz_upper(layer, (1, 4, 4))
    x = gaussian(50, 1, 4, 4, seed=1)
    assert torch.linalg.matrix_norm(dense_twin.jacobian(layer, x), 2).max() <= found


def test_layers_that_cannot_be_enclosed_leave_the_product():
    layer = nn.Sequential(nn.Linear(4, 4), nn.ELU(), nn.Linear(4, 2)).double()
    assert sequence_lipschitz_upper(layer, (4,)) == lipschitz_upper(layer, (4,))


def test_linear_layers_keep_their_norm():
    layer = nn.Linear(5, 3).double()
    assert sequence_lipschitz_upper(layer, (5,)) == lipschitz_upper(layer, (5,))


def test_what_has_no_norm_is_refused():
    with pytest.raises(UnknownNodeError, match="LSTM"):
        sequence_lipschitz_upper(nn.Sequential(nn.LSTM(5, 3)), (5,))
    with pytest.raises(InputError, match="no layer"):
        sequence_lipschitz_upper("a layer", (5,))


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_layer_of_zeros_stretches_nothing(place):
    network = nn.Sequential(
        *(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    ).eval()
    nn.init.zeros_(network[place].weight)
    assert sequence_lipschitz_upper(network, (2,)) == 0


def test_numbers_beyond_float64_leave_the_product_of_norms():
    network = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)).double().eval()
    with torch.no_grad():
        network[0].weight *= 1e120
        network[2].weight *= 1e120
    assert sequence_lipschitz_upper(network, (3,)) <= lipschitz_upper(network, (3,))


def test_a_layer_without_slopes_leaves_the_product_of_norms():
    network = nn.Sequential(nn.Linear(3, 3), nn.GELU(approximate="tanh")).eval()
    assert sequence_lipschitz_upper(network, (3,)) == lipschitz_upper(network, (3,))
