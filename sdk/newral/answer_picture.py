"""An answer as a picture, drawn by matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from newral.answer_files import InvalidFile, require_place
from newral.extras import require
from newral_kernels.kernel import Kernel
from newral_kernels.view import Plot, View

SUFFIXES: Final = (".png", ".svg")
INCHES: Final = (8.0, 5.0)
DOTS_PER_INCH: Final = 150


def require_picture(file: Path, kernel: Kernel, view: View) -> None:
    """To be asked before computing. Raises `InvalidFile` and `MissingExtra`."""
    if file.suffix.lower() not in SUFFIXES:
        raise InvalidFile(f"{file}: a picture's suffix is one of {', '.join(SUFFIXES)}")
    if type(view).plot is View.plot:
        raise InvalidFile(f"{kernel.name} has no picture of its answers; leave out --plot")
    require("plot")
    require_place(file)


def draw(plot: Plot, file: Path) -> None:
    """Draw it into the file; the same picture is the same file. Raises `InvalidFile`."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "newral", "svg.fonttype": "none"}):
        figure = Figure(figsize=INCHES, layout="constrained")
        _draw(plot, figure.add_subplot())
        metadata = {"Date": None} if file.suffix.lower() == ".svg" else None
        try:
            figure.savefig(file, dpi=DOTS_PER_INCH, metadata=metadata)
        except OSError as error:
            raise InvalidFile(f"{file}: {error.strerror}") from error


def _draw(plot: Plot, axes: Any) -> None:
    for number, series in enumerate(plot.series):
        style = {"marker": "", "linestyle": "-"} if series.joined else {"linestyle": ""}
        if not series.joined:
            style["marker"] = "o" if number == 0 else "x"
        axes.plot(*zip(*series.points, strict=True), label=series.label, **style)
    if plot.logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_title(plot.title)
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.y_label)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
