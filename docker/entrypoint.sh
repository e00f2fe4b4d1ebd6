#!/bin/sh
# What a container does, by one word: web, worker, generate, generate-gpu, beat, migrate, or manage COMMAND ….
# Anything else is run as it is.
set -eu

role=${1:-web}
[ "$#" -eq 0 ] || shift

case "$role" in
web)
    export CHORUS_PROCESS=web
    exec granian --interface wsgi --no-ws --http 1 --host 0.0.0.0 --port "${CHORUS_PORT:-8000}" \
        --workers "${CHORUS_WEB_WORKERS:-2}" --blocking-threads "${CHORUS_WEB_THREADS:-4}" \
        --respawn-failed-workers --workers-kill-timeout 10 --log-level warning "$@" annotate.wsgi:application
    ;;
worker)
    # Everything but other people's servers, which have a worker of their own.
    export CHORUS_PROCESS=worker
    exec celery -A annotate.celery worker -Q short,compute,stream \
        --concurrency "${CHORUS_WORKER_PROCESSES:-4}" --hostname "worker@%h" \
        --without-gossip --without-mingle --without-heartbeat -O fair --loglevel INFO "$@"
    ;;
generate)
    export CHORUS_PROCESS=generate
    exec celery -A annotate.celery worker -Q network \
        --concurrency "${CHORUS_WORKER_PROCESSES:-2}" --hostname "generate@%h" \
        --without-gossip --without-mingle --without-heartbeat -O fair --loglevel INFO "$@"
    ;;
generate-gpu)
    # One process with one model on one GPU. It runs in the main thread, without a fork, which CUDA needs.
    export CHORUS_PROCESS=generate
    exec celery -A annotate.celery worker -Q generate --pool solo --hostname "generate-gpu@%h" \
        --without-gossip --without-mingle --without-heartbeat --loglevel INFO "$@"
    ;;
beat)
    # Its schedule is in memory; what is due on a date is a row with its next time.
    export CHORUS_PROCESS=beat
    exec celery -A annotate.celery beat --pidfile= --loglevel INFO "$@"
    ;;
migrate)
    # Checks the server, refuses a newer schema, migrates. The image holds its static files already.
    export CHORUS_PROCESS=command CHORUS_STATIC_FILES=live
    exec python manage.py prepare_run "$@"
    ;;
manage)
    export CHORUS_PROCESS=command
    exec python manage.py "$@"
    ;;
*)
    exec "$role" "$@"
    ;;
esac
