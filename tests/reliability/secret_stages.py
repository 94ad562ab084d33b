"""Stages that do with their secrets all that they should not; a program of its own, which the tests run."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from urllib.parse import quote

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx import Build, Derivation, Secret, stage


@frozen
class Login:
    user: str
    password: Secret


@stage
def answer(build: Build, to: str) -> str:
    return f"to {len(to)} letters"


@stage
def ping(build: Build, token: Secret) -> int:
    return len(build.reveal(token))


@stage(timeout=60)
def use(
    build: Build, how: str, token: Secret, login: Login, file: Secret | None = None
) -> Result[dict[str, object], list[str]]:
    for secret in (token, login.password, *([file] if file else [])):
        value = build.reveal(secret)
        assert "sesame" in value
        act(build, how, value)
    return Success({"how": how, "by": str(token), "user": login.user})


def act(build: Build, how: str, value: str) -> None:
    match how:
        case "print":
            print("the value is", value, [value], quote(value))
            print(base64.b64encode(f"user:{value}".encode()))
            build.log(value)
        case "warn":
            sys.stderr.write(f"careful, {value}\n")
            warnings.warn(value, stacklevel=1)
        case "start":
            subprocess.run(["sh", "-c", 'echo "$0" >&2; env', value], check=True)
        case "much":
            for _ in range(1000):
                print("a line before", value)
        case "raise":
            try:
                raise KeyError(value)
            except KeyError as error:
                error.add_note(f"note: {value}")
                raise ValueError(f"no {value}") from error
        case "long":
            raise ValueError("x" * 9990 + value + "y" * 20000)
        case "exit":
            raise SystemExit(value)
        case "group":
            raise ExceptionGroup("several", [OSError(2, "not there", f"/{value}"), ValueError(value)])
        case "half":
            (build.out / "half").write_text(value)
            raise ValueError("half-done")
        case "die":
            (build.out / "half").write_text(value)
            print(value, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            print(value, flush=True)
            (build.out.parent.parent.parent / "asleep").touch()
            time.sleep(30)
        case _:
            pass


@stage
def give(build: Build, how: str, token: Secret) -> Result[dict[str, object], list[str]]:
    value = build.reveal(token)
    match how:
        case "value":
            return Success({"deep": [1, {"in": f"it: {value}!"}]})
        case "key":
            return Success({value: 1})
        case "failure":
            return Failure(["no", value])
        case "file":
            (build.out / "a").mkdir()
            (build.out / "a" / "b.bin").write_bytes(b"\0" * (1 << 20) + value.encode() + b"\0")
        case "across":
            (build.out / "b.bin").write_bytes(b"\0" * ((1 << 20) - 5) + value.encode() + b"\0")
        case "closed":
            (build.out / "c").write_text(value)
            (build.out / "c").chmod(0)
        case "name":
            (build.out / value).touch()
        case "link":
            (build.out / "link").symlink_to(value)
        case _:
            raise AssertionError(how)
    return Success({})


@stage
def ask(build: Build, how: str, token: Secret) -> object:
    plan: Derivation[object] = answer(build.reveal(token)) if how == "value" else ping(token)
    return build.need(plan)


@stage
def file_of(build: Build, token: Secret) -> Path:
    (build.out / "safe.txt").write_text(str(token))
    build.reveal(token)
    return build.out / "safe.txt"


@stage
def linger(build: Build, token: Secret, flags: str) -> int:
    """Leave a program running that prints the value when it is told to."""
    script = 'until [ -e "$1/go" ]; do sleep 0.01; done; echo "late: $0"; touch "$1/gone"'
    subprocess.Popen(["sh", "-c", script, build.reveal(token), flags], start_new_session=True)
    return 0


@stage
def listen(build: Build, before: Derivation[int], flags: str, end: str) -> int:
    """Be there when it does."""
    Path(flags, "go").touch()
    while not Path(flags, "gone").exists():
        time.sleep(0.01)
    if end == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return build.need(before)


TOKEN, LOGIN, KEY = Secret.env("LFX_TOKEN"), Login("me", Secret.env("LFX_PASSWORD")), Secret.file("~/key.txt")
TOLD = ("print", "warn", "start", "much", "raise", "long", "exit", "group", "half")
GIVEN = ("value", "key", "failure", "file", "across", "closed", "name", "link")
tame = {
    **{how: use(how, TOKEN, LOGIN, KEY) for how in TOLD},
    **{("give", how): give(how, TOKEN) for how in GIVEN},
    **{("ask", how): ask(how, TOKEN) for how in ("value", "secret")},
    "file of": file_of(KEY),
}
wild = {**tame, "die": use("die", TOKEN, LOGIN)}
lacking = {
    "env": ping(Secret.env("LFX_NOT_SET")),
    "file": ping(Secret.file("~/no.txt")),
    "short": ping(Secret.env("LFX_SHORT")),
}
asleep = use("sleep", TOKEN, LOGIN)
