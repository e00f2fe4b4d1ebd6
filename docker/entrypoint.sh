#!/bin/sh
# What a container does, by one word: web, worker, generate, beat, migrate, or manage COMMAND ….
# Anything else is run as it is.
set -eu

role=${1:-web}
[ "$#" -eq 0 ] || shift

case "$role" in
web)
    export CHORUS_PROCESS=web
    exec granian --interface wsgi --no-ws --http 1 --host 0.0.0.0 --port "${CHORUS_PORT:-8000}" \
        --workers "${CHORUS_WEB_WORKERS:-2}" --blocking-threads "${CHORUS_WEB_THREADS:-4}" \
        --respawn-failed-workers "$@" annotate.wsgi:application
    ;;
worker)
    # Everything but other people's servers, which have a worker of their own.
    export CHORUS_PROCESS=worker
    exec celery -A annotate.celery worker -Q short,compute,stream \
        --concurrency "${CHORUS_WORKER_PROCESSES:-4}" --hostname "worker@%h" \
        --without-gossip --without-mingle "$@"
    ;;
generate)
    export CHORUS_PROCESS=generate
    exec celery -A annotate.celery worker -Q network \
        --concurrency "${CHORUS_WORKER_PROCESSES:-2}" --hostname "generate@%h" \
        --without-gossip --without-mingle "$@"
    ;;
beat)
    # Its schedule is in memory; what is due on a date is a row with its next time.
    export CHORUS_PROCESS=beat
    exec celery -A annotate.celery beat --pidfile= "$@"
    ;;
migrate)
    export CHORUS_PROCESS=command
    exec python manage.py migrate --noinput "$@"
    ;;
manage)
    export CHORUS_PROCESS=command
    exec python manage.py "$@"
    ;;
*)
    exec "$role" "$@"
    ;;
esac
