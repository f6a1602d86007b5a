"""Started as root, the server becomes the user of its config, for good; and how many files it may open."""

import grp
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from unittest import mock

import harness

USER, GROUP = "daemon", "nogroup"  # both exist on every Debian, and the group is not the user's own
OTHER = "nobody"
PLAIN, TLS = 0, 1
CAP_SYS_RESOURCE = 24  # linux/capability.h
NEEDS_ROOT = unittest.skipUnless(os.geteuid() == 0, "only root can become another user")


def low_port():
    """A free port that root alone may bind (unless the machine is set up otherwise)."""
    for port in range(1023, 511, -1):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise unittest.SkipTest("no port below 1024 is free")


def as_user(name):
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def owner(path):
    return pwd.getpwuid(os.stat(path).st_uid).pw_name


class Case(unittest.TestCase):
    def server(self, *, owner=USER, popen=None, **settings):
        """A server whose folder and all that is in it belong to `owner`."""
        server = harness.Server(**settings)
        self.addCleanup(server.close)
        server.popen = popen or {}
        server.write_config()
        self.give(server, owner)
        return server

    def let_everybody_run_it(self):
        """The tree may be in a folder that is root's alone."""
        folder = tempfile.mkdtemp(prefix="portcullis-test-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        patch = mock.patch.dict(os.environ, PORTCULLIS_BIN=shutil.copy(harness.program(), folder))
        patch.start()
        self.addCleanup(patch.stop)

    def give(self, server, owner):
        uid = pwd.getpwnam(owner).pw_uid
        os.chown(server.folder, uid, -1)
        for name in os.listdir(server.folder):
            os.chown(os.path.join(server.folder, name), uid, -1)

    def begin(self, server):
        """As Server.start(), with the config file as it is: its owner matters."""
        server.launch()
        server.wait_log("ready")
        server.ports = [int(one["address"].rpartition(":")[2]) for one in server.records("listening")]
        return server

    def refused(self, server, message):
        server.launch()
        server.check_exit(expected=1)
        self.assertIn(message, server.stderr_text)

    def reload(self, server, event):
        mark = server.mark()
        server.signal(signal.SIGHUP)
        return server.wait_log(event, after=mark)

    def converse(self, server, listener=PLAIN):
        with server.session(listener=listener) as peer:
            peer.echo("hello")
            peer.finish()


def check_config(server):
    command = [harness.program(), "-c", server.config_file, "--check-config"]
    return subprocess.run(command, env=harness.environment(), capture_output=True, text=True, timeout=harness.DEADLINE_S)


@NEEDS_ROOT
class Dropped(Case):
    def threads(self, server):
        """The status of each thread, by name. The first thread of a name that is not the server's is the sanitizer's."""
        folder = f"/proc/{server.process.pid}/task"
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/status", encoding="ascii") as status:
                fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
            own = fields["Name"] != "portcullis" or int(task) == server.process.pid
            yield fields["Name"], own, fields

    def check_threads(self, server, user, group):
        uid, gid = pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
        names = []
        for name, own, fields in self.threads(server):
            with self.subTest(thread=name):
                self.assertEqual(fields["Uid"].split(), [str(uid)] * 4)
                self.assertEqual(fields["Gid"].split(), [str(gid)] * 4)
                self.assertEqual(set(map(int, fields["Groups"].split())), set(os.getgrouplist(user, gid)))
                for sets in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    self.assertEqual(int(fields[sets], 16), 0, sets)
                if own:  # a sanitizer starts its thread before main()
                    self.assertEqual(int(fields["CapBnd"], 16), 0)
                    self.assertEqual(fields["NoNewPrivs"], "1")
            names.append(name)
        for name in ("portcullis", "log", "lobby-0", "sessions-0", "upgrade-0"):
            self.assertIn(name, names)

    def test_secret(self):
        """A secret that is made at the first start is the user's, and a reload that reads it again can."""
        keys = ({"id": "k", "algorithm": "HS256", "secret_file": "jwt.secret"},)
        server = self.server(user=USER, group=GROUP, auth={"keys": keys})
        self.begin(server)
        for name in ("state", "state/jwt.secret"):
            with self.subTest(name):
                status = os.stat(os.path.join(server.folder, name))
                self.assertEqual((pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid).gr_name), (USER, GROUP))
                self.assertEqual(status.st_mode & 0o077, 0)
        self.assertEqual(server.records("reload_would_fail"), [])
        self.reload(server, "reloaded")
        server.stop()

    def test_life(self):
        """A port below 1024 and a key that were opened as root; files that belong to the user; reloads and an orderly end."""
        port = low_port()
        listeners = ({"address": f"127.0.0.1:{port}"}, {"address": "127.0.0.1:0", "tls": True})
        server = self.server(listeners=listeners, user=USER, group=GROUP, log={"audit_file": "audit.log"})
        self.begin(server)
        self.assertEqual(server.ports[PLAIN], port)
        self.assertEqual(server.wait_log("privileges_dropped")["user"], USER)
        self.assertEqual(server.records("running_as_root") + server.records("reload_would_fail"), [])
        self.check_threads(server, USER, GROUP)
        self.converse(server, PLAIN)
        self.converse(server, TLS)
        self.reload(server, "reloaded")
        self.converse(server, TLS)
        for name in ("errors.log", "audit.log"):
            path = os.path.join(server.folder, name)
            self.assertEqual(owner(path), USER)
            os.rename(path, path + ".1")  # as logrotate does
        self.reload(server, "reloaded")
        for name in ("errors.log", "audit.log"):
            path = os.path.join(server.folder, name)
            harness.wait_until(lambda path=path: os.path.exists(path), path)
            self.assertEqual(owner(path), USER)
        server.stop()

    def test_group_of_the_user(self):
        server = self.begin(self.server(user=USER))
        self.check_threads(server, USER, grp.getgrgid(pwd.getpwnam(USER).pw_gid).gr_name)
        server.stop()

    def test_what_a_reload_cannot_read(self):
        """Root could read the key, the user cannot: that is said at the start, and a reload is refused without harm."""
        server = self.server(listeners=({"address": "127.0.0.1:0", "tls": True},), user=USER)
        key = server.sections["tls"]["key"]
        os.chown(key, 0, 0)
        self.begin(server)
        self.assertIn(f"{key} cannot be read: Permission denied", server.wait_log("reload_would_fail")["line"])
        self.converse(server)
        self.reload(server, "reload_refused")
        self.converse(server)
        os.chown(key, pwd.getpwnam(USER).pw_uid, -1)
        self.reload(server, "reloaded")
        server.stop()

    def test_failed_start_is_in_the_users_log(self):
        """Even what goes wrong before the change of user is logged, to a file that the next start can write to."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            server = self.server(listeners=({"address": address},), user=USER, log={"file": "main.log"})
            self.refused(server, "Address already in use")
        path = os.path.join(server.folder, "main.log")
        self.assertEqual(owner(path), USER)
        with open(path, encoding="utf-8") as log:
            self.assertRegex(log.read(), r" error cannot_start what=listener detail=")

    def test_without_user(self):
        """One warning, and no more than that."""
        server = self.begin(self.server())
        self.assertEqual([one["event"] for one in server.records(level="warning")], ["running_as_root"])
        self.converse(server)
        server.stop()

    def test_root_on_purpose(self):
        """Root by name is root."""
        server = self.begin(self.server(user="root"))
        self.assertEqual([one["event"] for one in server.records(level="warning")], ["running_as_root"])
        self.assertEqual(server.records("privileges_dropped"), [])
        server.stop()


class Checked(Case):
    def server(self, **settings):
        return super().server(owner=pwd.getpwuid(os.geteuid()).pw_name, **settings)

    def test_names(self):
        for settings, message in (
            ({"user": "portcullis-nobody-has-this"}, 'user: "portcullis-nobody-has-this" does not exist'),
            ({"user": USER, "group": "portcullis-no-group"}, 'group: "portcullis-no-group" does not exist'),
            ({"group": GROUP}, "group: user is missing"),
            ({"user": "-x"}, "user: "),
            ({"user": "a b"}, "user: "),
        ):
            with self.subTest(settings):
                server = self.server(**settings)
                done = check_config(server)
                self.assertEqual(done.returncode, 1)
                self.assertIn(message, done.stderr)
                self.refused(server, message)

    def test_existing(self):
        """Who checks a config need not be able to become its user."""
        done = check_config(self.server(user=USER, group=GROUP))
        self.assertEqual((done.returncode, done.stderr), (0, ""))


@NEEDS_ROOT
class NotRoot(Case):
    """Started as an ordinary user."""

    def setUp(self):
        self.let_everybody_run_it()

    def test_another_user(self):
        server = self.server(owner=OTHER, popen=as_user(OTHER), user=USER)
        self.refused(server, f"only root can become the user {USER}")
        server = self.server(owner=OTHER, popen=as_user(OTHER), user=OTHER, group="daemon")
        self.refused(server, "only root can change to the group daemon")

    def test_own_name(self):
        for settings in ({}, {"user": OTHER}, {"user": OTHER, "group": GROUP}):
            with self.subTest(settings):
                server = self.begin(self.server(owner=OTHER, popen=as_user(OTHER), **settings))
                self.assertEqual(server.records("running_as_root") + server.records("privileges_dropped"), [])
                with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
                    self.assertIn("NoNewPrivs:\t1\n", status.read())
                self.converse(server)
                server.stop()


def has_capability(number):
    with open("/proc/self/status", encoding="ascii") as status:
        effective = next(line.split()[1] for line in status if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> number & 1)


def limited(soft, hard):
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))}


class OpenFiles(Case):
    """RLIMIT_NOFILE follows the config, or the log says by how much it does not."""

    SOFT, HARD = 256, 4096
    LOBBY = 64
    FITS, TOO_MANY = 512, 100000  # max_connections

    def server(self, max_connections, **settings):
        sections = {"limits": {"max_connections": max_connections, "max_lobby": self.LOBBY}, **settings}
        return super().server(owner=settings.get("user", pwd.getpwuid(os.geteuid()).pw_name), **sections)

    def soft(self, server):
        with open(f"/proc/{server.process.pid}/limits", encoding="ascii") as limits:
            return next(int(line.split()[3]) for line in limits if line.startswith("Max open files"))

    def change(self, server, max_connections):
        server.sections["limits"]["max_connections"] = max_connections
        stat = os.stat(server.config_file)
        server.write_config()
        os.chown(server.config_file, stat.st_uid, stat.st_gid)
        self.reload(server, "reloaded")

    def test_soft_limit(self):
        server = self.begin(self.server(self.FITS, popen=limited(self.SOFT, self.HARD)))
        self.assertEqual(server.records("file_limit"), [])
        before = self.soft(server)
        self.assertGreater(before, self.FITS + self.LOBBY)
        self.change(server, self.FITS + 100)
        self.assertEqual(self.soft(server), before + 100)
        self.change(server, self.FITS)  # what is enough stays
        self.assertEqual(self.soft(server), before + 100)
        server.stop()

    @NEEDS_ROOT
    def test_hard_limit(self):
        """Raised at the start by who may, with nothing to warn of; not every root may, in a container say."""
        server = self.begin(self.server(self.TOO_MANY, user=USER, popen=limited(self.SOFT, self.HARD)))
        if has_capability(CAP_SYS_RESOURCE):
            self.assertEqual(server.records("file_limit"), [])
            self.assertGreater(self.soft(server), self.TOO_MANY + self.LOBBY)
        else:
            server.wait_log("file_limit", limit=self.HARD)
            self.assertEqual(self.soft(server), self.HARD)
        server.stop()

    @NEEDS_ROOT
    def test_hard_limit_at_a_reload(self):
        """Too late to raise it: the log has both numbers."""
        server = self.begin(self.server(self.FITS, user=USER, popen=limited(self.SOFT, self.HARD)))
        self.assertEqual(server.records("file_limit"), [])
        before = self.soft(server)
        self.change(server, self.TOO_MANY)
        warning = server.wait_log("file_limit", limit=self.HARD)
        self.assertEqual(int(warning["needed"]), before + self.TOO_MANY - self.FITS)
        self.assertEqual(self.soft(server), self.HARD)
        self.converse(server)
        server.stop()

    @NEEDS_ROOT
    def test_too_low(self):
        self.let_everybody_run_it()
        server = self.server(self.TOO_MANY, popen={**limited(self.SOFT, self.HARD), **as_user(OTHER)})
        self.give(server, OTHER)
        self.begin(server)
        warning = server.wait_log("file_limit", limit=self.HARD)
        self.assertGreater(int(warning["needed"]), self.TOO_MANY + self.LOBBY)
        self.assertEqual(self.soft(server), self.HARD)
        self.converse(server)
        server.stop()


if __name__ == "__main__":
    harness.main()
