"""What to compute, as people write it: words, or a file with a workflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from newral.errors import NewralError
from newral.extras import require
from newral_spec import limits
from newral_spec.messages import InvalidMessage, Stage, check_workflow
from newral_spec.messages.job import SINGLE_STAGE


class InvalidJob(NewralError):
    """The words or the file do not say what to compute."""

    exit_code = 2


FILE_BYTES_MAX: Final = limits.CONTENT_BYTES_MAX


def stages_of(words: Sequence[str], workflow: Path | None) -> tuple[Stage, ...]:
    """The stages that a user asks for: exactly one of the two must be there.

    Raises `InvalidJob`.
    """
    if bool(words) == (workflow is not None):
        raise InvalidJob("say what to compute: a kernel with its parameters, or --workflow FILE")
    if workflow is not None:
        return _of_file(workflow)
    require("node")  # the kernels say what their words mean, and they need gmpy2
    from newral.job_words import parse_words
    from newral_kernels.errors import KernelError

    try:
        kernel, params = parse_words(words)
    except KernelError as error:
        raise InvalidJob(str(error)) from error
    return (Stage(id=SINGLE_STAGE, kernel=kernel, params=params),)


def _of_file(file: Path) -> tuple[Stage, ...]:
    try:
        with file.open("rb") as stream:
            raw = stream.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            raise InvalidJob(f"{file}: a workflow has at most {FILE_BYTES_MAX} bytes")
        stages = msgspec.json.decode(raw, type=tuple[Stage, ...])
        check_workflow(stages)
    except (OSError, msgspec.DecodeError, UnicodeError, RecursionError, InvalidMessage) as error:
        raise InvalidJob(f"{file}: {error}") from error
    return stages
