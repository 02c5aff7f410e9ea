"""The usual script: every 100 ms the features of the last 3 s anew, and the network over them.

Arguments: ``librosa`` or ``psf``; then ``onnx`` (one thread), ``onnx-threads`` (as onnxruntime comes) or ``keras``, and
the network's file. Without these it is the features alone, as many as ours.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.scripts import rows
from benchmarks.peers.scripts.feed import SAMPLE_RATE_HZ, arguments, blocks

Array = np.ndarray[Any, Any]

BLOCK_SAMPLES = SAMPLE_RATE_HZ // 10
NETWORK_CEPSTRA = 40


def features_by(name: str, num_cepstra: int) -> Callable[[Array], Array]:
    """Return what computes rows, shape ``(num_rows, num_cepstra)``."""
    if name == "librosa":
        import librosa

        return lambda samples: np.asarray(
            librosa.feature.mfcc(
                y=samples,
                sr=SAMPLE_RATE_HZ,
                n_mfcc=num_cepstra,
                lifter=rows.LIFTER,
                n_fft=rows.FFT_SIZE,
                hop_length=rows.HOP_SAMPLES,
                win_length=rows.WINDOW_SAMPLES,
                window="hamming",
                center=False,
                n_mels=rows.NUM_FILTERS,
                fmin=rows.LOW_HZ,
                fmax=rows.HIGH_HZ,
            ).T
        )
    import python_speech_features

    return lambda samples: np.asarray(
        python_speech_features.mfcc(
            samples,
            SAMPLE_RATE_HZ,
            numcep=num_cepstra,
            nfilt=rows.NUM_FILTERS,
            nfft=rows.FFT_SIZE,
            lowfreq=rows.LOW_HZ,
            highfreq=rows.HIGH_HZ,
            preemph=rows.PREEMPHASIS,
            ceplifter=rows.LIFTER,
            appendEnergy=False,
            winfunc=np.hamming,
        )
    )


def network_by(runtime: str, path: str) -> Callable[[Array], Array]:
    """Return what gives the probabilities for rows of shape ``(1, num_rows, num_cepstra)``."""
    if runtime == "keras":
        import keras

        import training.networks.seed  # noqa: F401  # tells Keras of its layers

        network = keras.models.load_model(path)
        return lambda batch: np.asarray(network.predict(batch, verbose=0))
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if runtime == "onnx":
        options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda batch: np.asarray(session.run(None, {"rows": batch})[0])


def main() -> None:
    """Hear the audio."""
    name, *network_arguments = arguments()
    features = features_by(name, NETWORK_CEPSTRA if network_arguments else rows.NUM_CEPSTRA)
    network = network_by(*network_arguments) if network_arguments else None
    window = np.zeros(3 * SAMPLE_RATE_HZ, np.float32)
    num_calls, shape = 0, (0,)
    for block in blocks(BLOCK_SAMPLES):
        window[:-BLOCK_SAMPLES] = window[BLOCK_SAMPLES:]
        window[-BLOCK_SAMPLES:] = np.frombuffer(block, np.int16) / np.float32(32768)
        found = features(window)
        if network:
            found = network(found[np.newaxis].astype(np.float32))
        num_calls, shape = num_calls + 1, found.shape
    print(num_calls, "calls, the last gave", shape)


main()
