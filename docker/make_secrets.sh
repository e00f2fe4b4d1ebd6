#!/bin/sh
# Make the secrets that compose.yaml names: make_secrets.sh [FOLDER]
#
# What is there already is kept. The folder is closed to others (0700); the files in it are readable
# (0444), because containers read them under a user of their own.
set -eu

folder=${1:-"$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/secrets"}
umask 077
mkdir -p "$folder"
chmod 0700 "$folder"

make_random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

keep_or_write() {
    if [ -s "$folder/$1" ]; then
        echo "kept    $folder/$1"
        return
    fi
    printf '%s\n' "$2" >"$folder/$1.new"
    chmod 0444 "$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1"
    echo "written $folder/$1"
}

keep_or_write secret_key "$(make_random)$(make_random)"
keep_or_write postgres_password "$(make_random)"
keep_or_write valkey_password "$(make_random)"
keep_or_write database_url "postgresql://chorus:$(cat "$folder/postgres_password")@postgres:5432/chorus"
keep_or_write redis_url "redis://:$(cat "$folder/valkey_password")@valkey:6379/0"
