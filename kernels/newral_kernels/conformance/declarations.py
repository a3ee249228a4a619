"""What a kernel says of itself, and how it takes params."""

from __future__ import annotations

from newral_kernels import registry, view
from newral_kernels.command import parse_command
from newral_kernels.conformance.alterations import GARBAGE
from newral_kernels.conformance.job import Job, encoded, require
from newral_kernels.errors import ParamsError

MEMORY_BYTES_MAX = 2**30
"""What a node gives a unit, unless its owner says otherwise."""


def it_says_what_it_is(job: Job) -> None:
    """Every declaration is there, sources and view can be found, and the example works."""
    kernel = job.kernel
    for field in ("name", "version", "summary", "usage"):
        require(getattr(kernel, field, ""), f"{field} is empty")
    require(type(kernel).__doc__, "its class has no docstring that says what a result is")
    require(
        0 < kernel.memory_bytes_max <= MEMORY_BYTES_MAX,
        f"memory_bytes_max is {kernel.memory_bytes_max}; nodes give at most {MEMORY_BYTES_MAX}",
    )
    require(type(kernel).__module__ in kernel.sources, "sources lack the kernel's own module")
    require(len(set(kernel.sources)) == len(kernel.sources), "sources name a module twice")
    require(len(registry.identity(kernel)) == 64, "its identity is no SHA-256")
    require(set(job.params) <= set(kernel.params_help), "a param has no params_help")
    require(set(kernel.positional) <= set(kernel.params_help), "a positional param is none")
    view.load(kernel)
    if kernel.positional and kernel.name in registry.names():
        name, params = parse_command(kernel.usage)
        require(name == kernel.name and kernel.validate(params), "usage is not an example of it")


def params_have_one_normal_form(job: Job) -> None:
    """`validate` returns what it is given when that is normal, in plain JSON."""
    again = job.kernel.validate(job.params)
    require(encoded(again) == encoded(job.params), f"{job.params} becomes {again}")


def other_params_are_refused(job: Job) -> None:
    """With `ParamsError`, whatever they are: unknown fields, missing ones, values of any type."""
    _refused(job, {**job.params, "no such param": 1})
    _refused(job, {})
    for name in job.params:
        for garbage in GARBAGE:
            params = {**job.params, name: garbage}
            try:
                accepted = job.kernel.validate(params)
            except ParamsError:
                continue
            # Some garbage may be meant: 5 for "5".
            require(encoded(job.kernel.validate(accepted)) == encoded(accepted), f"{params}")


def _refused(job: Job, params: object) -> None:
    try:
        job.kernel.validate(params)  # type: ignore[arg-type]
    except ParamsError:
        return
    require(False, f"{params} are accepted as params")
