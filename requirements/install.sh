#!/bin/sh
# install.sh NAME: makes .venvs/NAME hold exactly what requirements/NAME.txt lists.
# Nothing is done when it does already. The stamp is written last, so an interrupted install is started afresh.
set -eu

cd "$(dirname "$0")/.."
name=$1
if [ "$name" = bench ]; then wanted=benchmarks/requirements.txt; else wanted="requirements/$name.txt"; fi
venv=".venvs/$name"
stamp="$venv/.installed"

if cmp -s "$wanted" "$stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

python=$(sh requirements/find-python.sh)
# Nothing of a caller's own environment may take part.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_TARGET PIP_USER PIP_PREFIX PIP_REQUIRE_VIRTUALENV
mkdir -p .venvs .local/logs
log=".local/logs/install-$name.log"
echo "Installing .venvs/$name (once; log: $log)" >&2
rm -rf "$venv"
trap 'echo "Interrupted: run the same command again." >&2; exit 130' INT
if ! "$python" -m venv "$venv" >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "Making .venvs/$name failed: see $log, then run the same command again." >&2
    exit 1
fi
if ! "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --require-hashes \
    --requirement "$wanted" >>"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "Installing .venvs/$name failed: see $log, then run the same command again." >&2
    exit 1
fi
cp "$wanted" "$stamp.new"
mv "$stamp.new" "$stamp"
