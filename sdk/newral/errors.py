"""What can go wrong with a job, for the one who posted it: one base class, `NewralError`."""

from __future__ import annotations

from typing import ClassVar


class NewralError(Exception):
    """Something went wrong; the message says what, and what would be right."""

    exit_code: ClassVar[int] = 1
    """What the command line ends with."""


class NotFound(NewralError):
    """No relay has the job, the coordinator or the blob that was asked for."""


class RelaysUnreachable(NewralError):
    """No relay accepted the event."""


class JobFailed(NewralError):
    """The job ended without a result: it failed, expired or was cancelled.

    `phase` is the feedback's last word.
    """

    def __init__(self, phase: str, reason: str) -> None:
        super().__init__(f"the job {_ENDINGS.get(phase, phase)}: {reason or 'no reason was given'}")
        self.phase = phase
        self.reason = reason


_ENDINGS = {"failed": "failed", "expired": "expired", "cancelled": "was cancelled"}


class JobRefused(NewralError):
    """The coordinator did not take the job. `code` is for programs, `reason` for people."""

    exit_code = 3

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"the job was refused ({code}): {reason or 'no reason was given'}")
        self.code = code
        self.reason = reason


class JobTimeout(NewralError, TimeoutError):
    """The job had not ended when the time given was over. It goes on: ask again."""

    exit_code = 4


class InvalidOutput(NewralError):
    """An output is not what the coordinator's signed result says it is."""


class InvalidKeyFile(NewralError):
    """A key file is missing, readable by others, or does not hold a key."""


class ConfigurationError(NewralError):
    """A setting in newral.toml does not exist or has the wrong form."""

    exit_code = 2


class MissingExtra(NewralError):
    """A part of Newral that this command needs is not installed."""


def first_error(error: BaseException) -> BaseException:
    """The error itself, or the first of those that a task group raised together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
