"""Commands whose options depend on the kernel: `newral kernel run`, `newral job post`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperCommand

if TYPE_CHECKING:
    from newral_kernels.kernel import Kernel

_WORDS: Final = "newral.words"

UNKNOWN_OPTIONS: Final = {"ignore_unknown_options": True}
"""Options of the command line that typer does not know stay among the words: the kernel's."""


class KernelCommand(TyperCommand):
    """`KERNEL --help` shows the kernel's parameters, too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remember the words: help is shown before they are parsed."""
        ctx.meta[_WORDS] = list(args)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The parameters of the first word that is a kernel."""
        super().format_epilog(ctx, formatter)
        try:
            kernel = _named(ctx.meta.get(_WORDS, []))
            from newral.job_words import option
        except ImportError:
            return  # Help is there without the kernels' dependencies.
        if kernel is not None:
            with formatter.section(f"{kernel.name}: {kernel.summary}"):
                formatter.write_dl([(option(n), text) for n, text in kernel.params_help.items()])
                formatter.write_paragraph()
                formatter.write_text(f"Example: {ctx.command_path} {_example(kernel)}")


def _named(words: list[str]) -> Kernel | None:
    from newral_kernels import registry

    return next((registry.get(word) for word in words if word in registry.names()), None)


def _example(kernel: Kernel) -> str:
    return f"{kernel.name} '{kernel.usage}'" if kernel.usage.startswith("{") else kernel.usage
