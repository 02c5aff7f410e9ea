"""Writes the network of the usual scripts: ``python -m benchmarks.peers.network FOLDER``.

It is the one that this project grew out of, untrained: what it costs does not depend on its weights.
"""

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf2onnx

from training.networks.seed import SeedNetwork

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    network = SeedNetwork(num_labels=4)
    network.save(folder / "network.keras")
    rows = tf.TensorSpec((1, None, SeedNetwork.num_cepstra), tf.float32, "rows")

    def probabilities(rows: Any) -> dict[str, Any]:
        """Name the output: from a function, since tf2onnx fails on some kinds of Keras models."""
        return {"probabilities": tf.nn.softmax(network(rows))}

    traced = tf.function(probabilities, input_signature=[rows])
    model, _ = tf2onnx.convert.from_function(traced, input_signature=[rows], opset=17)
    (folder / "network.onnx").write_bytes(model.SerializeToString())
    print("written")
