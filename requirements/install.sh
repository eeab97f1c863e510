#!/bin/sh
# install.sh NAME: makes .venvs/NAME hold exactly what requirements/NAME.txt lists, and the Node packages of
# requirements/NAME/package-lock.json where there is one: by the Node that NAME.txt brings, and without their scripts.
# NAME-build.txt, where there is one, lists what builds packages that come as source only.
# Nothing is done when it does already. The stamp is written last, so an interrupted install is started afresh.
# Who installs the same at the same time is waited for; and what a killed install has left running, too: each of its
# processes holds the lock.
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
mkdir -p .venvs .local/logs
if [ "${TOKEN_BROKER_INSTALLING:-}" != "$name" ]; then
    export TOKEN_BROKER_INSTALLING="$name"
    exec "$python" -I requirements/one_at_a_time.py "$venv.lock" sh requirements/install.sh "$name"
fi
# Nothing of a caller's own environment may take part.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_TARGET PIP_USER PIP_PREFIX PIP_REQUIRE_VIRTUALENV
log=".local/logs/install-$name.log"
echo "Installing .venvs/$name (once; log: $log)" >&2
rm -rf "$venv"
trap 'echo "Interrupted: run the same command again." >&2; exit 130' INT
if ! "$python" -m venv "$venv" >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "Making .venvs/$name failed: see $log, then run the same command again." >&2
    exit 1
fi

# The end of the log, and a sentence: what to do, where that can be told.
give_up() {
    tail -n 5 "$log" | cut -c 1-300 >&2
    echo "The whole log: $log" >&2
    if grep -Eq 'NewConnectionError|NameResolutionError|ConnectTimeout|Network is unreachable|ProxyError' "$log" ||
        grep -Eq 'ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENETUNREACH' "$log"; then
        echo "No package registry answers: connect this machine to the network, then run the same command again." >&2
    elif grep -Eq 'CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY' "$log"; then
        echo "A package registry's certificate is not trusted here: name your network's own certificates in PIP_CERT" \
            "and NODE_EXTRA_CA_CERTS, then run the same command again." >&2
    else
        echo "$1 failed: mend what the log says, then run the same command again." >&2
    fi
    exit 1
}

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
        sh requirements/npm.sh "$venv" ci --ignore-scripts --no-audit --no-fund >>"$log" 2>&1 &&
        rm -rf "$venv/.npm"
}

if ! python_packages || ! node_packages; then
    give_up "Installing .venvs/$name"
fi
everything_wanted >"$stamp.new"
mv "$stamp.new" "$stamp"
