"""Simulated recordings with known speech: clips, pauses, rooms and noise, made from seeds."""
