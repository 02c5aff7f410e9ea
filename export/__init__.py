"""From a training run to a model file and its card.

Runs from a checkout (``python -m export``); the daemon never imports it.
"""
