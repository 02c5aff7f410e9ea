"""From feature rows to an emotion: the model file, the network, the decision."""
