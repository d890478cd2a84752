"""Defines what a network is to the toolkit: a stem, a chain of segments with terms, a head."""

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor, nn

from derivations.algebra.terms import Term

Leaf = Callable[[Tensor], Tensor]


class Segment(nn.Module):
    """One link of a network: a map (batch, channels, height, width) → the same with other sizes.

    `kind` is the word used in results, `term` the structure of the forward, `leaves` the maps that
    the term names.
    """

    kind: str
    term: Term

    @property
    def leaves(self) -> Mapping[str, Leaf]:
        """The map behind each name in `term`.

        Built from this module's own parameters, so that a copy has its own.
        """
        raise NotImplementedError


class Network(nn.Module):
    """head(segment_n(… segment_1(stem(x)))): (batch, in_channels, h, w) → (batch, num_classes)."""

    def __init__(self, stem: nn.Module, segments: dict[str, Segment], head: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.segments = nn.ModuleDict(segments)
        self.head = head

    def chain(self) -> Iterator[tuple[str, Segment]]:
        """The segments by name, in the order in which the input meets them."""
        for name, segment in self.segments.items():
            assert isinstance(segment, Segment)
            yield name, segment

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for segment in self.segments.values():
            x = segment(x)
        return self.head(x)
