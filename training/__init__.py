"""How the network of a model file is made: corpora, split, rows, network, figures.

Runs from a checkout (``python -m training``); the daemon never imports it.
"""
