"""What can go wrong, by whose fault it is; each error knows the exit code it means."""

_LONGEST_MESSAGE = 2000


class StreamerError(Exception):
    """Base of every error that is shown to users as one line."""

    exit_code = 1

    def __str__(self) -> str:
        """Return the message, without its middle where it is too long: what a file says may be quoted in it."""
        message = super().__str__()
        if len(message) <= _LONGEST_MESSAGE:
            return message
        return f"{message[: _LONGEST_MESSAGE // 2]} ... {message[-_LONGEST_MESSAGE // 2 :]}"


class SettingsError(StreamerError, ValueError):
    """A setting or option is out of range, or contradicts another."""

    exit_code = 2


class InputError(StreamerError):
    """The input is missing, unreadable or not audio."""

    exit_code = 2


class AudioFormatError(StreamerError, ValueError):
    """Samples of another type, shape or value than promised."""


class StreamBrokenError(StreamerError):
    """The stream broke midway; everything before the break was processed."""


class StreamStateError(StreamerError, RuntimeError):
    """A stage was used after it had been finished."""


class SinkError(StreamerError):
    """Results can not be written where they were asked for."""


class ServiceError(StreamerError):
    """The service manager does not do what it is asked for, or the service does not start."""


class DeviceError(StreamerError):
    """The audio device is absent, refuses every format, was lost or stalled."""

    exit_code = 3


class ModelError(StreamerError):
    """The model file is missing, of another kind, or contradicts itself."""

    exit_code = 4


class ProfileError(StreamerError):
    """The profile of a voice is missing, damaged, of another model, or can not be written."""

    exit_code = 4


class ProfileChangedError(ProfileError):
    """Somebody else wrote the profile since it was read: theirs counts."""


class DeviceHungError(DeviceError):
    """A call into the audio system did not return; only a new process can recover."""

    exit_code = 75
