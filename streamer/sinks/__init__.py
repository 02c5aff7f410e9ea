"""Results out: what an event looks like as a line, and where the line goes."""
