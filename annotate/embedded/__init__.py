"""The embedded run: PostgreSQL and Valkey from wheels, and the supervisor that keeps everything up.

Nothing here imports Django's models or settings: it runs before Django is set up, and tests start
engines with it. Read `places.py` first (what lies where), then `postgres.py` and `valkey.py`
(one engine each), `engines.py` (both together) and `supervisor.py` (`make run`).
"""
