"""The command line.

Every command's module imports what it needs when it runs: `newral --help` needs neither Postgres
nor mathematics, and a node needs no database driver.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `newral` with `arguments`, or those of the process, and exit.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 timed out, 130 interrupted.
    """
    import typer.main

    from newral.cli.application import application
    from newral.cli.options import default_map
    from newral.configuration import load_settings, settings_files
    from newral.errors import NewralError

    command = typer.main.get_command(application)
    try:
        defaults = default_map(command, load_settings(settings_files(os.environ)))
        command(args=arguments, prog_name="newral", default_map=defaults)
    except NewralError as error:
        sys.stderr.write(f"newral: {error}\n")
        sys.exit(error.exit_code)
