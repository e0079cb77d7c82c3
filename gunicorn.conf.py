"""How gunicorn serves the doors; read from the working directory, so that plain `gunicorn` is the command.

Override for one place with GUNICORN_CMD_ARGS, for example `--bind 0.0.0.0:8000` behind a proxy.
"""

from pathlib import Path

import webhooks  # noqa: F401  # read once and forked: a process that died answers again in half a second, not in two
from ivr import draining
from ivr.logs import stdlib_config
from ivr.settings import WEB_PORT, Settings

_settings = Settings.from_environment()
_on_sqlite = _settings.database_url.startswith("sqlite")

wsgi_app = "webhooks:create_app()"
bind = f"127.0.0.1:{WEB_PORT}"
worker_class = "gthread"
# SQLite has one writer at a time, and threads of one process queue for it more fairly than processes do. On PostgreSQL
# two processes of four threads answer more turns, and sooner, than more threads, which only wait for each other's GIL.
workers, threads = (1, 8) if _on_sqlite else (2, 4)
# Twilio gives up on a webhook after 15 s; a worker silent for twice that is stuck.
timeout = 30
# Below what a proxy waits, so that the proxy is not left holding a connection just closed here.
keepalive = 5
# A turn takes well under a second, and whoever stops the line should not wait for idle connections.
graceful_timeout = 5
# The heartbeat is a file: on a busy disk it can stall a healthy worker, in memory it cannot.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
# Nobody steers it but whoever runs it; the socket would be one per home folder, not one per line.
control_socket_disable = True
logconfig_dict = stdlib_config(_settings.log_level)


def when_ready(master):
    """Behind a proxy SIGTERM is heard twice: first by who asks `/readyz/web`, and later by gunicorn itself."""
    if _settings.drain_seconds:
        draining.put_before(master.signal, _settings.drain_seconds)
