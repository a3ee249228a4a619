"""What can be wrong with what others hand to a kernel."""

from __future__ import annotations


class KernelError(Exception):
    """A kernel was asked for something it cannot do."""


class FieldError(KernelError):
    """One field of a JSON object is wrong: which, how, and what would be right."""

    def __init__(self, field: str, wrong: str, right: str) -> None:
        super().__init__(f"{field}: {wrong}; {right}")
        self.field = field
        self.wrong = wrong
        self.right = right


class ParamsError(FieldError, ValueError):
    """The params of a job are not what its kernel takes: the requester's fault."""


class UnitError(FieldError, ValueError):
    """A unit is none that its kernel's `plan` could have made."""


class ResultError(FieldError, ValueError):
    """A result is malformed or contradicts itself: `Kernel.check` refutes it with this reason."""


class CheckpointError(FieldError, ValueError):
    """A saved state is none that `Kernel.run` handed out for this unit."""


class CommandError(KernelError, ValueError):
    """A line of text is not the short form of a job."""


class UnknownKernelError(KernelError, LookupError):
    """No kernel has that name and version."""


class CertificateError(FieldError, ValueError):
    """A certificate is malformed."""


class ProofError(KernelError):
    """No certificate can be made: the number is no prime, too hard, or a library is missing."""
