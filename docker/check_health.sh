#!/bin/sh
# Is the process of this container at work? check_health.sh web|worker|generate|generate-gpu
#
# The web process is asked over HTTP whether it answers, without its database. A worker is asked by
# Celery's ping, which travels through Valkey: it is also unhealthy while Valkey is away. One with a model
# answers no ping while it generates; it says every ten seconds in the database that it lives.
set -eu

case "${1:-web}" in
web)
    exec python - "${CHORUS_PORT:-8000}" <<'PYTHON'
import sys
from urllib.request import urlopen

with urlopen(f"http://localhost:{sys.argv[1]}/healthz", timeout=5) as answer:
    sys.exit(answer.status != 200)
PYTHON
    ;;
worker | generate)
    exec celery -A annotate.celery inspect --timeout 3 --destination "$1@$(uname -n)" ping
    ;;
generate-gpu)
    exec python "$(dirname -- "$0")/../manage.py" generate --health
    ;;
*)
    echo "check_health.sh knows web, worker, generate and generate-gpu, not $1" >&2
    exit 2
    ;;
esac
