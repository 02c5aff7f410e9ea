"""What can go wrong in training; each error is one line for people and an exit code."""

from streamer.errors import StreamerError


class CorpusError(StreamerError):
    """A corpus is missing, misnamed, unreadable or does not fit the split."""

    exit_code = 2


class RunError(StreamerError):
    """A training run can not be made, or its folder holds something else."""

    exit_code = 2


class ExperimentError(StreamerError):
    """A settings file is missing, or does not describe an experiment."""

    exit_code = 2
