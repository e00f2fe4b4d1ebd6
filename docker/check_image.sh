#!/bin/sh
# Take the image's steps without Docker: check_image.sh
#
# Makes its environment in a temporary folder, collects its static files with it, and loads every
# process's code there. So it finds what works only where the tests' packages are installed.
# CI runs it; it needs pip's index and takes about half a minute.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cd "$root"
docker/build_environment.sh "$scratch/environment"
PATH="$scratch/environment/bin:$PATH"
export PATH PYTHONDONTWRITEBYTECODE=1
docker/collect_static.sh "$scratch/environment/bin/python" "$scratch/static"
test -s "$scratch/static/staticfiles.json"

SECRET_KEY=$(python -c 'import secrets; print(secrets.token_urlsafe(50))')
export SECRET_KEY CHORUS_DATA="$scratch/data" CHORUS_STATIC="$scratch/static"
export DATABASE_URL=postgresql://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0
export CHORUS_PUBLIC_URL=https://chorus.example.org CHORUS_TRUSTED_PROXIES=1
docker/entrypoint.sh manage check --deploy --fail-level WARNING
docker/entrypoint.sh python -c 'import annotate.wsgi'
docker/entrypoint.sh celery -A annotate.celery report >/dev/null
docker/entrypoint.sh python - <<'PYTHON'
import annotate.wsgi  # sets Django up
from annotate.celery import app
from tasks.vocabulary import JobName

app.loader.import_default_modules()
missing = sorted(set(JobName) - set(app.tasks))
if missing:
    raise SystemExit(f"No worker answers these jobs: {', '.join(missing)}.")
PYTHON
echo "The image's steps work."
