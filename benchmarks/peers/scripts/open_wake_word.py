"""openWakeWord's networks with one of its models, in its own blocks of 80 ms."""

from pyopen_wakeword import Model, OpenWakeWord, OpenWakeWordFeatures

from benchmarks.peers.scripts.feed import blocks

features, word = OpenWakeWordFeatures.from_builtin(), OpenWakeWord.from_builtin(Model.OKAY_NABU)
probabilities = []
for block in blocks(1280):
    for embeddings in features.process_streaming(block):
        probabilities += word.process_streaming(embeddings)
print(len(probabilities), "probabilities, up to", max(probabilities, default=None))
