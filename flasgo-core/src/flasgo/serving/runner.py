"""Runs an app on uvicorn: one process, several workers, or one that reloads on changes."""

from __future__ import annotations

import contextlib
import copy
import errno
import importlib.util
import inspect
import ipaddress
import logging
import os
import socket
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flasgo.errors import ConfigurationError
from flasgo.kernel.log_lines import UnclaimedHandler
from flasgo.serving.bytecode import drop_bytecode
from flasgo.serving.target import (
    AppTarget,
    TargetError,
    find_target,
    is_loading,
    load_target,
    target_of,
    user_error,
)
from flasgo.settings.core import RUN_KEY

if TYPE_CHECKING:
    import uvicorn

    from flasgo.app import Flasgo

__all__ = ["ServingError", "UnclaimedHandler", "reload_for", "run"]

logger = logging.getLogger("flasgo.serving")

SERVERS = ("uvicorn", "granian")
GRANIAN_HINT = "granian is not installed. Next: pip install 'flasgo-core[cli,granian]'"
LOG_LEVELS = ("critical", "error", "warning", "info", "debug")
RELOAD_INCLUDES = ("*.py", "*.html", "*.jinja", "*.jinja2", "*.j2", "*.toml", ".env")
RELOAD_EXCLUDED_FOLDERS = (".git", ".venv", "venv", "node_modules", "__pycache__")

# Tells the processes a supervisor starts that their parent serves already. The value is the
# parent's process id, so that it means nothing to programs started from there.
SERVED_BY = "FLASGO_SERVED_BY"
INSTALL_HINT = "Serving needs uvicorn, which is not installed. Next: pip install 'flasgo-core[cli]'"
_RELOAD_GRACE_SECONDS = 2


class ServingError(ConfigurationError):
    """Raised when the arguments of `run` are out of range or do not go together."""


def reload_for(app: Flasgo, *, debug: bool, reload: bool | None) -> bool:
    """Return whether to start anew for changes, and see to it that `DEBUG` is on where asked for.

    Args:
        app: The app.
        debug: Whether to serve with `DEBUG` on.
        reload: What the caller says; None leaves it to `debug`.

    Raises:
        ConfigurationError: When `DEBUG` is off in this process, and there is to be no other.
    """
    if debug and not app.debug:
        if reload is False:
            raise ConfigurationError(
                "app.run(debug=True, reload=False): DEBUG is read when the app is made, which is "
                "too late here. Set FLASGO_DEBUG=1, or leave reload out."
            )
        os.environ["FLASGO_DEBUG"] = "1"  # for the process that makes the app anew
    return debug if reload is None else reload


def run(
    app: Flasgo | str | None,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    reload: bool = False,
    workers: int = 1,
    reload_dirs: Iterable[str | Path] = (),
    access_log: bool = True,
    log_level: str = "info",
    graceful_seconds: int = 10,
    server: str = "uvicorn",
) -> None:
    """Serve an app until the process is told to stop.

    Args:
        app: An app, a target such as `app.py` or `pkg.mod:app`, or None for the configured one.
        host: The address or host name to listen on.
        port: The port; 0 takes a free one.
        reload: Start anew when a source file, a template or `.env` changes. For development.
        workers: The number of processes.
        reload_dirs: What to watch; the app's project folder when left out.
        access_log: Whether requests are logged.
        log_level: critical, error, warning, info or debug.
        graceful_seconds: How long requests under way may take when the server stops, in seconds.
        server: uvicorn, or granian where it is installed.

    Raises:
        TargetError: When there is no app where the target points.
        ServingError: When the arguments do not go together.
        SystemExit: With status 1 when it cannot listen there or the app does not start. What the
            user's own module raises when it is imported passes through.
    """
    if _is_served_already():
        return
    grace = _RELOAD_GRACE_SECONDS if reload else graceful_seconds
    options = {"host": host, "port": port, "access_log": access_log, "log_level": log_level}
    options["timeout_graceful_shutdown"] = grace
    folders = [Path(folder) for folder in reload_dirs]
    _check(options, workers, folders, reload=reload)
    _check_server(server)
    found, target = _find(app, reload=reload, workers=2 if server == "granian" else workers)
    plan = _Plan(app=found, target=target, sockets=_listen(host, port), options=options)
    with _released(plan):
        if server == "granian":
            _run_granian(plan, workers, folders, reload=reload)
        elif reload:
            _run_reloading(plan, folders)
        elif workers > 1:
            _run_workers(plan, workers)
        else:
            _run_here(plan)


@dataclass(frozen=True)
class _Plan:
    """What to serve, and where."""

    app: Flasgo | None
    target: AppTarget | None
    sockets: Sequence[socket.socket]
    options: dict[str, Any]


@contextlib.contextmanager
def _released(plan: _Plan) -> Generator[None]:
    """Leave nothing of a server behind, however it ends."""
    try:
        yield
    except KeyboardInterrupt:
        logger.debug("Stopped from the keyboard.")
    finally:
        os.environ.pop(SERVED_BY, None)
        os.environ.pop(RUN_KEY, None)
        for sock in plan.sockets:
            sock.close()


def _is_served_already() -> bool:
    if is_loading():
        logger.warning(
            "app.run() does nothing while `flasgo` imports the app. "
            'Put it under `if __name__ == "__main__":`.'
        )
        return True
    return os.environ.get(SERVED_BY) == str(os.getppid())


def _check(options: Mapping[str, Any], workers: int, folders: list[Path], *, reload: bool) -> None:
    if not options["host"]:
        raise ServingError(
            "The host is empty. Use 127.0.0.1 for this machine alone, or 0.0.0.0 for every network "
            "it is in."
        )
    if not 0 <= options["port"] <= 65535:
        raise ServingError(
            f"The port is {options['port']}; ports go from 0 (any free one) to 65535."
        )
    if workers < 1:
        raise ServingError(f"The number of workers is {workers}; it takes at least 1.")
    if options["timeout_graceful_shutdown"] < 0:
        raise ServingError(
            f"The grace is {options['timeout_graceful_shutdown']} seconds; it takes 0 or more."
        )
    if options["log_level"] not in LOG_LEVELS:
        raise ServingError(
            f"The log level is {options['log_level']!r}; it takes {', '.join(LOG_LEVELS)}."
        )
    if reload and workers > 1:
        raise ServingError(
            f"Reloading and {workers} workers do not go together: reload while developing, with "
            "one worker; run several without reload."
        )
    if folders and not reload:
        raise ServingError("Folders are watched with reload only: add --reload.")
    for folder in folders:
        if not folder.is_dir():
            raise ServingError(f"Cannot watch {folder}: there is no such folder.")


def _check_server(server: str) -> None:
    if server not in SERVERS:
        raise ServingError(f"The server is {server!r}; it takes {' or '.join(SERVERS)}.")
    if importlib.util.find_spec(server) is None:
        sys.exit(INSTALL_HINT if server == "uvicorn" else GRANIAN_HINT)


def _find(
    app: Flasgo | str | None, *, reload: bool, workers: int
) -> tuple[Flasgo | None, AppTarget | None]:
    """Return the app, and where other processes can import it from; reloading imports it later."""
    if app is not None and not isinstance(app, str):
        return app, target_of(app) if reload or workers > 1 else None
    target = find_target(app)
    return None if reload else load_target(target), target


# --- listening --------------------------------------------------------------------------------


def _listen(host: str, port: int) -> list[socket.socket]:
    """Bind before anything is started, so that a taken port is one line and not a traceback."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        sys.exit(
            f"Error: Cannot listen on {host!r}: there is no such host. Use 127.0.0.1 for this "
            "machine alone, or 0.0.0.0 for every network it is in."
        )
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            # Port 0: the second family takes the port the first one got.
            chosen = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_bind(family, (address[0], chosen, *address[2:])))
        except OSError as error:
            failure = error
            # `localhost` names an IPv6 address also where there is no IPv6.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    if failure is not None and (not sockets or failure.errno == errno.EADDRINUSE):
        for sock in sockets:
            sock.close()
        sys.exit(_cannot_listen(host, port, failure))
    return sockets


def _bind(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    where = f"Error: Cannot listen on {host}:{port}: "
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 8000
        return (
            f"{where}the port is in use. Stop the other program, or take another port, "
            f"such as {other}."
        )
    if error.errno == errno.EACCES:
        return f"{where}this user may not. Ports below 1024 need privileges; take 8000."
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"{where}this machine does not have that address. Use 127.0.0.1 for this machine "
            "alone, or 0.0.0.0 for every network it is in."
        )
    return f"{where}{error.strerror or error}."


def _url(sockets: Sequence[socket.socket]) -> str:
    host, port = sockets[0].getsockname()[:2]
    if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
        return f"http://localhost:{port} (and every address of this machine)"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _is_public(hosts: Iterable[str]) -> bool:
    return not all(ipaddress.ip_address(host.partition("%")[0]).is_loopback for host in hosts)


# --- the three ways to run --------------------------------------------------------------------


def _run_here(plan: _Plan) -> None:
    server = _server_class()(_config(plan.options, plan.app, app=plan.app), plan.app)
    try:
        server.run(sockets=list(plan.sockets))
    except SystemExit:
        sys.exit(1)
    if not server.started:
        sys.exit(1)


def _run_workers(plan: _Plan, workers: int) -> None:
    from uvicorn.supervisors import Multiprocess

    from flasgo.serving.workers import Supervisor

    app, target = plan.app, plan.target
    if app is None or target is None:
        raise ServingError("Several workers need an app that can be imported.")
    config = _config(plan.options, _WorkerApp(target), app=app, workers=workers, factory=True)
    _announce(app, plan.sockets, f"{workers} workers")
    os.environ[SERVED_BY] = str(os.getpid())
    if app.settings.source("SECRET_KEY") == "default":
        _share_key(app)
    arguments: dict[str, Any] = {"sockets": list(plan.sockets)}
    if "target" in inspect.signature(Multiprocess).parameters:  # uvicorn before 0.40
        import uvicorn

        arguments["target"] = uvicorn.Server(config).run
    supervisor = Supervisor(config, **arguments)
    supervisor.run()
    if supervisor.has_failed:
        sys.exit(1)


def _share_key(app: Flasgo) -> None:
    """Have all workers sign with the random key of this process; warn where something may sign."""
    if any(plugin.status == "active" and not plugin.builtin for plugin in app.plugins):
        logger.warning(
            "SECRET_KEY is not set, so all workers sign with one random key: sessions and tokens "
            "will not survive a restart. Make one with `openssl rand -hex 32` and set "
            "FLASGO_SECRET_KEY to it."
        )
    os.environ[RUN_KEY] = f"{os.getpid()}:{app.settings.SECRET_KEY}"


def _run_reloading(plan: _Plan, folders: list[Path]) -> None:
    from uvicorn.supervisors import ChangeReload

    if plan.target is None:
        raise ServingError("Reloading needs an app that can be imported.")
    folders = folders or [_project_of(plan.target)]
    _say(f"Watching {', '.join(map(str, folders))} for changes.")
    config = _config(
        plan.options,
        # uvicorn watches only for apps it is given as text; the child puts the app in its place.
        plan.target.absolute,
        reload=True,
        # uvicorn would begin to watch after this many seconds, when the app may be up and edited
        # already. That a burst of changes is one is watchfiles' own care.
        reload_delay=0,
        reload_dirs=[str(folder) for folder in folders],
        reload_includes=list(RELOAD_INCLUDES),
        reload_excludes=[
            str(folder / name)
            for folder in folders
            for name in RELOAD_EXCLUDED_FOLDERS
            if (folder / name).is_dir()
        ],
    )
    os.environ[SERVED_BY] = str(os.getpid())
    child = _ReloadingServer(config, plan.target, tuple(folders))
    ChangeReload(config, target=child, sockets=list(plan.sockets)).run()


def _run_granian(plan: _Plan, workers: int, folders: list[Path], *, reload: bool) -> None:
    from flasgo.serving.granian_server import GranianOptions, serve_with_granian

    if plan.target is None:
        raise ServingError("granian needs an app that can be imported.")
    host, port = plan.sockets[0].getsockname()[:2]
    if plan.app is not None:
        _announce(plan.app, plan.sockets[:1], f"granian, {workers} workers")
        if plan.app.settings.source("SECRET_KEY") == "default":
            # Workers that are forked have the app, and warn by themselves when they sign.
            os.environ[RUN_KEY] = f"{os.getpid()}:{plan.app.settings.SECRET_KEY}"
    else:
        _say(f"Flasgo serves {_url(plan.sockets[:1])} with granian")
    if len(plan.sockets) > 1:
        _say(f"granian listens on one address: {host}, and no other one of this name.")
    _say(
        "granian holds a WebSocket message in memory before the app can refuse it as too long: "
        "have the proxy in front set a bound."
    )
    for sock in plan.sockets:
        sock.close()  # granian listens by itself; that the port is free is known now
    os.environ[SERVED_BY] = str(os.getpid())
    options = GranianOptions(
        target=plan.target.absolute,
        load=_WorkerApp(plan.target),
        address=host,
        port=port,
        workers=workers,
        reload_folders=(folders or [_project_of(plan.target)]) if reload else None,
        access_log=plan.options["access_log"],
        log_level=plan.options["log_level"],
        grace=plan.options["timeout_graceful_shutdown"],
    )
    serve_with_granian(options, plan.app)


def _project_of(target: AppTarget) -> Path:
    """Return the folder whose files make the app: what is imported, and what lies beside it."""
    return target.root.parent if target.root.name == "src" else target.root


@dataclass(frozen=True)
class _WorkerApp:
    """Loads the app in a process that a supervisor started."""

    target: AppTarget

    def __call__(self) -> Flasgo:
        try:
            app = load_target(self.target)
        except TargetError as error:
            _say(str(error))
        except Exception as error:  # noqa: BLE001 - whatever the user's module raises
            _say(user_error(error).rstrip())
        else:
            app._is_served_here = True
            return app
        from flasgo.serving.workers import DID_NOT_START

        sys.exit(DID_NOT_START)


@dataclass(frozen=True)
class _ReloadingServer:
    """One life between two reloads: loads the app and serves it on the parent's sockets."""

    config: uvicorn.Config
    target: AppTarget
    folders: tuple[Path, ...]

    def __call__(self, sockets: list[socket.socket] | None = None) -> None:
        drop_bytecode(self.folders, RELOAD_EXCLUDED_FOLDERS)
        try:
            app = _WorkerApp(self.target)()
        except SystemExit:
            _say("Waiting for a change.")
            raise
        self.config.app = app
        self.config.ws_max_size = _longest_message(app)
        server = _server_class()(self.config, app)
        server.run(sockets=sockets)


def _config(
    options: dict[str, Any], served: object, *, app: Flasgo | None = None, **more: Any
) -> uvicorn.Config:
    import uvicorn

    from flasgo.serving.lingering_websocket import websocket_protocol
    from flasgo.serving.protocol import GuardedProtocol

    if os.environ.get("FLASGO_LOG_FORMAT"):
        # The app logs its own access lines; uvicorn's would say everything twice.
        options = {**options, "access_log": False}
    if app is not None:
        # A longer message is refused while it comes in, before it is held in memory.
        more["ws_max_size"] = _longest_message(app)
    return uvicorn.Config(
        served,  # ty: ignore[invalid-argument-type]
        http=GuardedProtocol,
        loop="auto",
        ws=websocket_protocol(),
        lifespan="auto",
        log_config=_log_config(app),
        server_header=False,
        # SECURITY: limits and allow-lists are keyed on the peer's address. uvicorn would let a
        # client on a loopback proxy replace it with X-Forwarded-For.
        proxy_headers=False,
        **options,
        **more,
    )


def _longest_message(app: Flasgo) -> int:
    """Return how many bytes the longest WebSocket message of any route may have."""
    own = [route.max_message_bytes or 0 for route in app.routes]
    return max([app.settings.WEBSOCKET_MAX_MESSAGE_BYTES, *own])


def _server_class() -> Any:
    """Return a uvicorn server that says where it serves once it does."""
    import uvicorn

    class Server(uvicorn.Server):
        def __init__(self, config: uvicorn.Config, app: Flasgo) -> None:
            super().__init__(config)
            self._app = app
            app._is_served_here = True

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and sockets:
                _announce(self._app, sockets)

    return Server


# --- what is printed --------------------------------------------------------------------------


def _announce(app: Flasgo, sockets: Sequence[socket.socket], *details: str) -> None:
    plugins = [
        plugin.name for plugin in app.plugins if plugin.status == "active" and not plugin.builtin
    ]
    facts = [
        *details,
        f"debug {'on' if app.settings.DEBUG else 'off'}",
        f"plugins: {', '.join(plugins) or 'none'}",
    ]
    _say(f"Flasgo serves {_url(sockets)}\n  {'; '.join(facts)}. Ctrl+C stops it.")
    if app.settings.DEBUG and _is_public(sock.getsockname()[0] for sock in sockets):
        logger.warning(
            "DEBUG is on and other machines can reach this server: error pages show them source "
            "code and values. Set DEBUG to False, or listen on 127.0.0.1."
        )


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _log_config(app: Flasgo | None) -> dict[str, Any]:
    """Return uvicorn's logging, with Flasgo's loggers heard too, and without query strings."""
    log_format = os.environ.get("FLASGO_LOG_FORMAT")
    if log_format:
        from flasgo.serving.logs import log_config

        config = log_config(log_format)
    else:
        config = _uvicorn_logging()
    wanted = os.environ.get("FLASGO_ACCESS_LOG_QUERY", "").lower() in ("1", "true", "yes", "on")
    if not wanted and not (app is not None and app.settings.read("ACCESS_LOG_QUERY", bool)):
        config["filters"] = {"flasgo": {"()": "flasgo.serving.logs.WithoutQuery"}}
        for name in ("uvicorn.access", "uvicorn.error"):
            config["loggers"].setdefault(name, {})["filters"] = ["flasgo"]
    return config


def _uvicorn_logging() -> dict[str, Any]:
    from uvicorn.config import LOGGING_CONFIG

    config = copy.deepcopy(LOGGING_CONFIG)
    ours = logging.getLogger("flasgo")
    if all(isinstance(handler, UnclaimedHandler) for handler in ours.handlers):
        config["formatters"]["flasgo"] = {
            "()": "flasgo.serving.level_lines.LevelFormatter",
            "fmt": "%(levelprefix)s %(name)s: %(message)s",
            "use_colors": None,
        }
        config["handlers"]["flasgo"] = {
            "class": "flasgo.kernel.log_lines.UnclaimedHandler",
            "formatter": "flasgo",
            "stream": "ext://sys.stderr",
        }
        config["loggers"]["flasgo"] = {
            "handlers": ["flasgo"],
            "level": logging.getLevelName(ours.level) if ours.level else "INFO",
        }
    return config
