#!/bin/sh
# install.sh NAME: installs exactly the packages of requirements/NAME.txt into .venvs/NAME. If there is a
# requirements/NAME/package-lock.json, it also installs those Node packages, with the Node from NAME.txt and without
# running their scripts. NAME-build.txt, if there is one, lists the packages that build others from source.
# The environments `local` and `dev` import the Python client from this checkout.
# An environment that is complete is left as it is. The stamp is written last, so an interrupted install starts again.
# Each process of an install holds the lock. This script waits for other installs, also for the rest of a killed one.
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

# A path file does what an editable installation would do, without a build.
link_client() {
    case "$name" in local | dev)
        for site in "$venv"/lib/python*/site-packages; do
            [ -d "$site" ] || continue
            echo ../../../../../clients/python/src >"$site/token-broker-client.pth"
        done
    ;; esac
}

if everything_wanted | cmp -s - "$stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
    link_client
    exit 0
fi

python=$(sh requirements/find-python.sh)
mkdir -p .venvs .local/logs
if [ "${TOKEN_BROKER_INSTALLING:-}" != "$name" ]; then
    export TOKEN_BROKER_INSTALLING="$name"
    exec "$python" -I requirements/one_at_a_time.py "$venv.lock" sh requirements/install.sh "$name"
fi
# The caller's own Python settings must not have an effect.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_TARGET PIP_USER PIP_PREFIX PIP_REQUIRE_VIRTUALENV
log=".local/logs/install-$name.log"
echo "Installing .venvs/$name (once; log: $log)" >&2
rm -rf "$venv"
trap 'echo "Interrupted: run the same command again." >&2; exit 130' INT
if ! "$python" -m venv "$venv" >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "Making .venvs/$name failed. See $log, then run the same command again." >&2
    exit 1
fi

# Prints the end of the log and what to do, then exits.
fail() {
    tail -n 5 "$log" | cut -c 1-300 >&2
    echo "The whole log: $log" >&2
    if grep -Eq 'NewConnectionError|NameResolutionError|ConnectTimeout|Network is unreachable|ProxyError' "$log" ||
        grep -Eq 'ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENETUNREACH' "$log"; then
        echo "No package registry responds. Connect this machine to the network, then run the same command again." >&2
    elif grep -Eq 'CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY' "$log"; then
        echo "A package registry's certificate is not trusted here. Set PIP_CERT and NODE_EXTRA_CA_CERTS to your network's" \
            "own certificates, then run the same command again." >&2
    else
        echo "$1 failed. Fix the problem in the log, then run the same command again." >&2
    fi
    exit 1
}

pip_install() {
    "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --require-hashes "$@" >>"$log" 2>&1
}

# By itself pip would install build packages without versions and hashes.
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
    fail "Installing .venvs/$name"
fi
link_client
everything_wanted >"$stamp.new"
mv "$stamp.new" "$stamp"
