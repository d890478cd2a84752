"""Says in words which network each law about depth speaks of.

A name is what the command line and the records call it; a title is read.
"""

TITLES = {
    "plain": "plain network",
    "residual": "residual network",
    "se_held": "SE residual block, gate held fixed",
    "norm_then_linear": "residual network, BatchNorm then a linear layer",
    "linear_then_norm": "residual network, a linear layer then BatchNorm",
    "norm_relu_linear": "residual network, BatchNorm, ReLU, then a linear layer",
    "relu_linear_norm": "residual network, ReLU, a linear layer, then BatchNorm",
    "pre_activation": "pre-activation residual network of two layers a block",
    "dense": "dense network, signals on every state",
    "dense_unequal": "dense network, a first width of its own",
    "dense_last": "dense network, the signal at the end only",
    "half_normal": "residual network, a half-normal input",
    "batch_norm_v1": "residual network, a ReLU behind each sum",
    "scaled": "residual network, scaled branches",
    "stochastic": "residual network, blocks kept at random",
    "plain_batch_norm": "plain network with BatchNorm",
    "over_units_then_linear": "residual network, RMSNorm or LayerNorm then a linear layer",
    "over_units_relu_linear": ("residual network, RMSNorm or LayerNorm, ReLU, then a linear layer"),
    "over_units_last": "residual network, RMSNorm or LayerNorm behind the branch",
    "dense_transition": "dense network with transitions",
    "padding": "zero padding of convolutions",
    "projection": "a block with a projection shortcut",
    "norms_apart": "samples whose norms differ",
}
