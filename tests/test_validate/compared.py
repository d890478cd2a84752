"""Makes a network with a past, measured, and the rows of its comparison, for the tests of both."""

import torch

from validate.comparison.compare_network import block_row, compare
from validate.comparison.predict import Effort, predict
from validate.measure.network_gains import Measurement, measure
from validate.networks.build import Network, build

EFFORT = Effort(steps=12)


def subject(name: str, seed: int = 0) -> tuple[Network, Measurement]:
    network = build(name, width=4, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    network.train()
    network(torch.randn(64, 1, 8, 8, generator=generator))  # batch statistics that are no identity
    return network, measure(
        network, torch.randn(3, 1, 8, 8, generator=generator), torch.tensor([1, 4, 9])
    )


def rows(network: Network, seen: Measurement, effort: Effort = EFFORT):
    predictions = predict(network, seen.activations, seen.signals, effort)
    pairs = zip(network.chain(), seen.gains, predictions, strict=True)
    return [
        block_row("tiny", 0, k, name, segment, compare(gains, p), None)
        for k, ((name, segment), gains, p) in enumerate(pairs)
    ]
