"""microWakeWord with one of its own models, in blocks of the 30 ms after which it gives a probability."""

from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model

from benchmarks.peers.scripts.feed import blocks

features, word = MicroWakeWordFeatures(), MicroWakeWord.from_builtin(Model.OKAY_NABU)
probabilities = []
for block in blocks(480):
    probabilities += [word.process_streaming_prob(row) for row in features.process_streaming(block)]
print(len(probabilities), "rows, probabilities up to", max(probabilities, default=None))
