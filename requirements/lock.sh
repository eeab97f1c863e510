#!/bin/sh
# Resolves every *.in file into a hash-pinned *.txt file that names no registry. Arguments go to pip-compile, for
# example requirements/lock.sh --upgrade-package requests
set -eu

cd "$(dirname "$0")"
sh install.sh lock
python="$(cd .. && pwd)/.venvs/lock/bin/python"
export CUSTOM_COMPILE_COMMAND="make lock"

# The layer comes first, since dev.in uses its versions.
for file in ../layers/token_broker/requirements ../functions/storefronts/proof_authorizer/requirements runtime lambda \
    ../benchmarks/requirements local dev mutation audit docs js botocore-oldest client client-newest client-oldest reference-build \
    reference lock; do
    (
        cd "$(dirname "$file")"
        name=$(basename "$file")
        "$python" -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-options \
            --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
            --output-file "$name.txt" "$@" "$name.in"
    )
done

# npm writes no registry's address and runs no scripts of packages.
(cd .. && sh requirements/install.sh reference)
for name in reference docs client js; do
    NPM_FOLDER="$PWD/$name" sh npm.sh "$(cd .. && pwd)/.venvs/reference" install --package-lock-only --ignore-scripts \
        --omit-lockfile-registry-resolved --no-audit --no-fund
done
