#!/bin/sh
# install.sh NAME: makes .venvs/NAME hold exactly what requirements/NAME.txt lists, and the Node packages of
# requirements/NAME/package-lock.json where there is one: by the Node that NAME.txt brings, and without their scripts.
# NAME-build.txt, where there is one, lists what builds packages that come as source only.
# Nothing is done when it does already. The stamp is written last, so an interrupted install is started afresh.
set -eu

cd "$(dirname "$0")/.."
name=$1
if [ "$name" = bench ]; then wanted=benchmarks/requirements.txt; else wanted="requirements/$name.txt"; fi
venv=".venvs/$name"
stamp="$venv/.installed"
building="requirements/$name-build.txt"
node_packages="requirements/$name"

everything_wanted() {
    cat "$wanted"
    if [ -f "$building" ]; then cat "$building"; fi
    if [ -d "$node_packages" ]; then cat "$node_packages/package.json" "$node_packages/package-lock.json"; fi
}

if everything_wanted | cmp -s - "$stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
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

pip_install() {
    "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --require-hashes "$@" >>"$log" 2>&1
}

# pip would fetch what builds a package unpinned, and without its hash.
python_packages() {
    if [ ! -f "$building" ]; then
        pip_install --requirement "$wanted"
    else
        pip_install --requirement "$building" && pip_install --no-build-isolation --requirement "$wanted"
    fi
}

node_packages() {
    if [ ! -d "$node_packages" ]; then return 0; fi
    cp "$node_packages/package.json" "$node_packages/package-lock.json" "$venv/" &&
        sh requirements/npm.sh "$venv" ci --ignore-scripts --no-audit --no-fund >>"$log" 2>&1
}

if ! python_packages || ! node_packages; then
    tail -n 5 "$log" >&2
    echo "Installing .venvs/$name failed: see $log, then run the same command again." >&2
    exit 1
fi
everything_wanted >"$stamp.new"
mv "$stamp.new" "$stamp"
