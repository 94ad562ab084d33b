"""R7: credentials that are wrong or may only read, names that nobody knows, certificates of nobody; none ever shows."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from attrs import frozen
from remotes import BUCKET, HERE, SECRET, credentials, free_port, printing_its_port, rclone

pytest.importorskip("obstore")
TOKEN = "a-session-token-of-mine"
WRONG = "another-secret-that-is-wrong"
PLAN = """
from lightfx import Build, stage

@stage(version="1")
def one(build: Build, number: int) -> int:
    return number

plan = [one(1), one(2)]
"""
pytestmark = pytest.mark.reliability(
    "R7", "credentials, names and certificates that are wrong", passes="one clear line each, no secret anywhere"
)


@frozen
class Said:
    code: int
    out: str
    err: str


class Desk:
    """A folder with a plan, a store and a key; commands in processes of their own."""

    def __init__(self, top: Path) -> None:
        self.top = top
        (top / "plan.py").write_text(PLAN)
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIGHTFX_"))
        }
        self.environment.update(
            PYTHONPATH=os.pathsep.join(sys.path),
            XDG_CONFIG_HOME=str(top / "settings"),
            LIGHTFX_STORE=str(top / "store"),
        )
        self.said = ""
        assert self("key", "new").code == 0
        assert self("run", "plan:plan", "-q").code == 0

    def __call__(self, *words: str) -> Said:
        command = [sys.executable, "-m", "lightfx.cli.main", *words]
        done = subprocess.run(
            command, cwd=self.top, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        self.said += done.stdout + done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def use(self, given: Mapping[str, str], *more: str) -> None:
        self.environment.update(given)
        assert self("cache", "add", "ours", f"s3://{BUCKET}", "--push", *more).code == 0

    def one_clear_line(self, said: Said, *parts: str) -> None:
        assert said.code == 3, said
        assert said.err.startswith("lightfx: the cache ours: ")
        assert said.err.count("\n") == 1, said.err
        assert any(part in said.err for part in parts), said.err
        assert len(said.err) < 400, said.err

    def a_run_goes_on(self, *parts: str) -> None:
        """Another store, the same caches: one warning, and the results."""
        other = self.top / "other"
        assert self("run", "plan:plan", "-q", "--store", str(other)).code == 0
        (other / "caches.json").write_bytes((self.top / "store" / "caches.json").read_bytes())
        (self.top / "plan.py").write_text(PLAN.replace('version="1"', 'version="2"'))
        said = self("run", "plan:plan", "--store", str(other))
        assert said.code == 0, said
        warned = [line for line in said.err.splitlines() if "cache ours" in line]
        assert len(warned) == 1, said.err
        assert any(part in warned[0] for part in parts), warned

    def nothing_shows(self) -> None:
        """No secret in what was said, and none in any file but the key's own."""
        key = (self.top / "settings/lightfx/keys/default.key").read_text().strip().partition(":")[2]
        secrets = [SECRET, WRONG, TOKEN, key]
        for secret in secrets:
            assert secret not in self.said
        for path in self.top.rglob("*"):
            if path.is_file() and path.suffix != ".key" and "tls" not in path.name:
                data = path.read_bytes()
                assert not any(secret.encode() in data for secret in secrets), path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_secret_that_is_wrong(desk: Desk, tmp_path: Path) -> None:
    with rclone(tmp_path / "server") as port:
        desk.use({**credentials(port, secret=WRONG), "AWS_SESSION_TOKEN": TOKEN})
        desk.one_clear_line(desk("push", "one"), "403", "401")
        desk.a_run_goes_on("403", "401")
    desk.nothing_shows()


def test_a_user_who_is_not_known(desk: Desk, tmp_path: Path) -> None:
    with rclone(tmp_path / "server") as port:
        desk.use(credentials(port, key="nobody"))
        desk.one_clear_line(desk("push", "one"), "403", "401")
        desk.a_run_goes_on("403", "401")
    desk.nothing_shows()


def test_no_credentials_at_all(desk: Desk, tmp_path: Path) -> None:
    with rclone(tmp_path / "server") as port:
        given = {name: value for name, value in credentials(port).items() if "KEY" not in name}
        desk.use({**given, "AWS_EC2_METADATA_DISABLED": "true"})
        said = desk("push", "one")
        desk.one_clear_line(said, "403", "401", "redential")
    desk.nothing_shows()


def test_credentials_that_may_only_read(desk: Desk, tmp_path: Path) -> None:
    with rclone(tmp_path / "server") as port:
        desk.use(credentials(port))
        assert desk("push", "one").code == 0
    with rclone(tmp_path / "server", "--read-only") as port:
        desk.environment.update(credentials(port))
        (tmp_path / "plan.py").write_text(PLAN.replace("one(2)", "one(3)"))
        said = desk("run", "plan:plan")
        assert said.code == 0
        assert len([line for line in said.err.splitlines() if "trouble with the cache" in line]) == 1, said.err
        desk.one_clear_line(desk("push", "one"), "cannot be written to")
        assert desk("run", "plan:plan", "-q", "--store", str(tmp_path / "third")).code == 0
        (tmp_path / "third" / "caches.json").write_bytes((tmp_path / "store" / "caches.json").read_bytes())
        refs = {each["name"]: each["dref"] for each in json.loads(desk("ls", "--json").out)}
        assert desk("pull", refs["one"], "--store", str(tmp_path / "third")).code == 0
    desk.nothing_shows()


EXPIRING = """
import os
from urllib.request import urlopen
from lightfx import Build, Derivation, stage

@stage(version="1")
def first(build: Build) -> int:
    return 1

@stage(version="1")
def until(build: Build, number: Derivation[int], url: str) -> int:
    urlopen(url).close()
    return build.need(number)

@stage(version="1")
def after(build: Build, number: Derivation[int], more: int) -> int:
    return build.need(number) + more

def long(port: int):
    last = until(first(), f"http://127.0.0.1:{port}/-/expire")
    for more in range(10):
        last = after(last, more)
    return last

plan = long(int(os.environ["PORT"]))
"""


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ExpiredToken"), (403, "ExpiredToken"), (400, "TokenRefreshRequired")]
)
def test_credentials_that_expire_while_a_run_goes_on(desk: Desk, tmp_path: Path, status: int, code: str) -> None:
    """The answer of S3 has the token itself in it, which is a trap for whoever shows answers."""
    (tmp_path / "expiring.py").write_text(EXPIRING)
    with printing_its_port(HERE / "expiring_s3.py", str(status), code) as port:
        desk.use({**credentials(port), "AWS_SESSION_TOKEN": TOKEN, "PORT": str(port)})
        assert desk("push", "one").code == 0
        said = desk("run", "expiring:plan", "--workers", "1")
        assert said.code == 0, said
        (warned,) = [line for line in said.err.splitlines() if "cache ours" in line]
        assert "the credentials have expired: get new ones, and try again" in warned
        assert f"{status} " in warned and code in warned
        with urlopen(f"http://127.0.0.1:{port}/-/refused") as answer:
            assert 1 <= int(answer.read()) <= 3, "it was tried again and again"
        assert "have expired" in desk("runs", "show", "last").out
        desk.one_clear_line(desk("push", "one"), "the credentials have expired: get new ones")
    desk.nothing_shows()


def test_a_bucket_that_is_not_there(desk: Desk, tmp_path: Path) -> None:
    with rclone(tmp_path / "server") as port:
        desk.environment.update(credentials(port))
        assert desk("cache", "add", "ours", "s3://nowhere", "--push").code == 0
        desk.one_clear_line(desk("push", "one"), "404", "not found", "NotFound")
    desk.nothing_shows()


@pytest.mark.parametrize("url", ["https://no-such-host.invalid/results", f"s3://{BUCKET}"])
def test_a_name_that_nobody_knows(desk: Desk, url: str) -> None:
    given = {**credentials(1), "AWS_ENDPOINT_URL": "http://no-such-host.invalid"}
    desk.environment.update(given)
    assert desk("cache", "add", "ours", url).code == 0
    refs = {each["name"]: each["dref"] for each in json.loads(desk("ls", "--json").out)}
    desk.one_clear_line(desk("pull", refs["one"][:32] + "-other"), "Name or service not known")
    desk.a_run_goes_on("Name or service not known")
    desk.nothing_shows()


def test_a_server_that_is_down(desk: Desk) -> None:
    desk.use(credentials(free_port()))
    desk.one_clear_line(desk("push", "one"), "Connection refused")
    desk.a_run_goes_on("Connection refused")
    desk.nothing_shows()


def self_signed(top: Path) -> tuple[Path, Path]:
    """A certificate that nobody vouches for, and its key."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (top / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (top / "tls.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return top / "tls.crt", top / "tls.pem"


@pytest.mark.parametrize("kind", ["s3", "https"])
def test_a_certificate_of_nobody(desk: Desk, tmp_path: Path, kind: str) -> None:
    certificate, key = self_signed(tmp_path)
    with ExitStack() as held:
        port = held.enter_context(rclone(tmp_path / "server", "--cert", str(certificate), "--key", str(key)))
        desk.environment.update({**credentials(port), "AWS_ENDPOINT_URL": f"https://localhost:{port}"})
        url = f"s3://{BUCKET}" if kind == "s3" else f"https://localhost:{port}/{BUCKET}"
        assert desk("cache", "add", "ours", url).code == 0
        refs = {each["name"]: each["dref"] for each in json.loads(desk("ls", "--json").out)}
        desk.one_clear_line(desk("pull", refs["one"][:32] + "-other"), "ertificate", "CERTIFICATE")
        desk.a_run_goes_on("ertificate", "CERTIFICATE")
    desk.nothing_shows()
