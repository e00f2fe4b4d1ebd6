#!/bin/sh
# Collect the files that the site serves: collect_static.sh PYTHON FOLDER
#
# Nothing is reached and nothing secret is needed for it: addresses and key are made up here and
# end with this script.
set -eu

python=${1:?usage: collect_static.sh PYTHON FOLDER}
folder=${2:?usage: collect_static.sh PYTHON FOLDER}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cd "$root"
SECRET_KEY=$("$python" -c 'import secrets; print(secrets.token_urlsafe(50))')
export SECRET_KEY
export DATABASE_URL=postgresql://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0
export CHORUS_DATA="$scratch" CHORUS_STATIC="$folder"
"$python" manage.py collectstatic --noinput --verbosity 0
