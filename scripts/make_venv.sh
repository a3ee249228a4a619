#!/bin/sh
# Makes .venv from requirements/dev.lock, or leaves it alone when it is up to date.
# Everything it prints goes to stderr: a target's stdout belongs to the program it runs.
set -eu
cd "$(dirname "$0")/.."
exec >&2

readonly STAMP=.venv/newral-installed

say() { printf 'newral: %s\n' "$*"; }

# The folder is part of the state: a virtual environment does not survive being moved.
state() {
    {
        pwd -P
        cat requirements/dev.lock pyproject.toml
    } | cksum
}

usable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
        if usable "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

can_apt() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

apt_install() {
    say "installing $* with apt"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"
}

if [ -x .venv/bin/python ] && [ -f "$STAMP" ] && [ "$(state)" = "$(cat "$STAMP")" ]; then
    exit 0
fi

if ! python=$(find_python); then
    if can_apt; then apt_install python3 python3-venv; fi
    if ! python=$(find_python); then
        say "Python 3.11, 3.12 or 3.13 is needed and was not found."
        say "Install it (Debian, Ubuntu: apt install python3 python3-venv) or set PYTHON=/path/to/python3"
        exit 1
    fi
fi

if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if can_apt; then apt_install "python$version-venv"; fi
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        say "$python cannot make virtual environments: its module ensurepip is missing."
        say "Install it (Debian, Ubuntu: apt install python$version-venv) and try again."
        exit 1
    fi
fi

say "making .venv with $python"
"$python" -m venv --clear .venv
pip=".venv/bin/python -m pip --disable-pip-version-check --no-input -q"
$pip install --require-hashes -r requirements/dev.lock
$pip install --no-deps --no-build-isolation -e .
say "compiling the kernels for this processor"
.venv/bin/python - <<'PYTHON'
from newral_kernels import registry

for kernel in registry.kernels():
    kernel.prepare()
PYTHON
state >"$STAMP"
