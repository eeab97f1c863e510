#!/bin/sh
# Prints the path of a Python 3.13, or says in one sentence what to install.
# It checks $PYTHON313, python3.13 on PATH, pyenv's versions, python3 on PATH, and uv, in this order.
# A pyenv shim named python3.13 exists even where no such version is selected, so each candidate is run.
set -u

works() {
    [ -n "$1" ] && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

offer() {
    if works "$1"; then
        printf '%s\n' "$1"
        exit 0
    fi
}

offer "${PYTHON313:-}"
offer "$(command -v python3.13 2>/dev/null)"
for candidate in "${PYENV_ROOT:-${HOME:-/}/.pyenv}"/versions/3.13*/bin/python3.13; do
    offer "$candidate"
done
offer "$(command -v python3 2>/dev/null)"
if command -v uv >/dev/null 2>&1; then
    offer "$(uv python find 3.13 2>/dev/null)"
fi
echo "Token Broker needs Python 3.13 with its venv module and found none. Install it (python.org, 'pyenv install 3.13'," \
    "'uv python install 3.13', 'brew install python@3.13', or python3.13 and python3.13-venv from your system)," \
    "or set PYTHON313 to its path." >&2
exit 1
