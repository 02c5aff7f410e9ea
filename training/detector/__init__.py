"""The detector of speech: what it learns from, its network, and how it becomes a model file."""
