"""Labels of an utterance that is not yet over, without flicker."""


class SteadyLabel:
    """Tells another label only when it has come twice running; the first one is told at once."""

    def __init__(self) -> None:
        """Begin an utterance."""
        self.reset()

    def reset(self) -> None:
        """Forget the utterance."""
        self._told = self._last = ""

    def push(self, label: str) -> str:
        """Return what to tell where ``label`` is the latest."""
        if not self._told or label == self._last:
            self._told = label
        self._last = label
        return self._told
