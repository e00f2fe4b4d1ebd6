#!/bin/sh
# Is the process of this container at work? check_health.sh web|worker|generate
#
# The web process is asked over HTTP whether it answers, without its database. A worker is asked by
# Celery's ping, which travels through Valkey: it is also unhealthy while Valkey is away.
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
*)
    echo "check_health.sh knows web, worker and generate, not $1" >&2
    exit 2
    ;;
esac
