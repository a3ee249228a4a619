"""Runs `newral demo` in a terminal of its own and draws its last screen into docs/demo.svg."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROWS, COLUMNS = 50, 108
TARGET = Path(__file__).resolve().parent.parent / "docs" / "demo.svg"

LINE_ERASED = re.compile(r"(?:\x1b\[2K|\x1b\[1A|\r)+(?=\S)")
"""What rich sends before it draws its live display again."""

FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""The picture must not make a reader's browser fetch fonts from anywhere."""

CURSOR = re.compile(r"\x1b\[\?25[hl]")


def run() -> str:
    """Everything that the demo writes to a terminal."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "newral", "demo"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        written = bytearray()
        try:
            while chunk := os.read(main, 65536):
                written += chunk
        except OSError:
            pass  # The other end is closed: on Linux that is an error, not an end of file.
    if process.returncode:
        raise SystemExit(f"newral demo ended with {process.returncode}")
    return written.decode()


def last_screen(written: str) -> str:
    """What is to be seen in the end: the first lines, and the last state of the live display."""
    frames = LINE_ERASED.split(CURSOR.sub("", written).replace("\r\n", "\n"))
    return frames[-1]


def main() -> None:
    """Draw."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        console.print(Text.from_ansi("$ make demo\n" + last_screen(run())))
        drawn = console.export_svg(title="newral demo")
    TARGET.write_text(FONT_FACE.sub("", drawn).replace("Fira Code, ", ""), encoding="utf-8")
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
