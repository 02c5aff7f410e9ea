"""The networks; the only makers of Keras layers."""

from typing import Any

import keras

from training.experiment import Experiment
from training.networks.seed import SeedNetwork
from training.networks.streaming import InSessions, StreamingNetwork

Network = SeedNetwork | StreamingNetwork


def build_network(experiment: Experiment, num_labels: int) -> Network:
    """Return the network of ``experiment`` with the weights that its seed makes."""
    keras.utils.set_random_seed(experiment.seed)
    if experiment.network.kind == "seed":
        return SeedNetwork(num_labels)
    return StreamingNetwork(experiment.features.num_columns, num_labels, experiment.network)


def on_rows(network: Network) -> Any:
    """Return a model around ``network`` that takes rows and what of them is valid, and gives logits of strangers."""
    inputs = keras.Input((None, network.num_columns), name="rows"), keras.Input((None,), name="is_valid")
    return keras.Model(list(inputs), network(*inputs))


def in_sessions(network: StreamingNetwork) -> Any:
    """Return a model around ``network`` as :class:`training.networks.streaming.InSessions` says."""
    inputs = [
        keras.Input((network.size,), name="described"),
        keras.Input((None,), name="memory"),
        keras.Input((network.num_labels,), name="posteriors"),
    ]
    return keras.Model(inputs, InSessions(network)(inputs))
