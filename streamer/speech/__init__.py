"""Where somebody speaks: a detector per frame, then a state machine that finds the ends."""
