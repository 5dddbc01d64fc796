"""U06, I05: what reads strangers' files cannot hurt the process that asks for it."""

import ctypes
import os
import signal
import struct
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from provisioning.adapters.files import contained as module
from provisioning.adapters.files.contained import ContainedFailure, Limits, contained
from provisioning.domain.errors import FieldError, Invalid, NotFound


@dataclass(frozen=True)
class Thing:
    name: str
    at: datetime
    parts: list[bytes]


def make_thing(content: bytes) -> Thing:
    return Thing("ż", datetime(2026, 11, 25, 9, tzinfo=UTC), [content, b"\x00\xff"])


def who() -> int:
    return os.getpid()


def environment() -> list[str]:
    return sorted(os.environ)


def open_files() -> list[str]:
    return [
        os.readlink(f"/proc/self/fd/{number}")
        for number in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{number}")
    ]


def eat(megabytes: int) -> int:
    return len(bytearray(megabytes * 2**20))


def spin() -> int:
    while True:
        pass


def sleep(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def crash() -> int:
    return ctypes.string_at(0)[0]


def raise_(name: str) -> int:
    raise {"struct": struct.error, "EOF": EOFError, "Type": TypeError, "Recursion": RecursionError}[name]("with a secret")


def refuse() -> int:
    raise Invalid([FieldError("file", "file_type")])


def miss() -> int:
    raise NotFound("7")


def lie() -> int:
    return "no number"  # type: ignore[return-value]


def chatter() -> int:
    os.write(1, b"x" * 100)
    print("hello")
    return 1


def much(size: int) -> bytes:
    return b"x" * size


def write_file(path: str) -> int:
    with open(path, "wb") as file:
        return file.write(b"x")


def test_an_answer_is_data_of_the_annotated_shape() -> None:
    content = os.urandom(100_000)
    assert contained(make_thing, content) == make_thing(content)


def test_a_child_is_used_again_and_is_another_process() -> None:
    first = contained(who)
    assert first == contained(who) != os.getpid()


def test_a_child_is_replaced_after_its_share_of_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOBS", 2)
    assert len({contained(who) for _ in range(6)}) >= 3


def test_p08_a_child_knows_no_secret_and_holds_no_file_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("IBOK_PERSONAL_DATA_KEY", "hush")
    with open(tmp_path / "open", "wb") as ours:
        os.set_inheritable(ours.fileno(), True)
        monkeypatch.setattr(module, "_pools", {})  # children that start now
        assert not [name for name in contained(environment) if name.startswith("IBOK")]
        assert not [name for name in contained(open_files) if str(tmp_path) in name]


def test_refusals_of_the_domain_pass_through_and_the_child_lives_on() -> None:
    child = contained(who)
    with pytest.raises(Invalid) as refusal:
        contained(refuse)
    assert refusal.value.errors == [FieldError("file", "file_type")]
    with pytest.raises(NotFound):
        contained(miss)
    assert contained(who) == child


@pytest.mark.parametrize(
    ("function", "arguments", "limits", "reason"),
    [
        (eat, (200,), Limits(memory=100 * 2**20), "memory"),
        (spin, (), Limits(cpu=1), "time"),
        (sleep, (30,), Limits(wall=0.5), "time"),
        (crash, (), Limits(), "crash"),
        (lie, (), Limits(), "crash"),
        (much, (1000,), Limits(output=100), "too_large"),
        *((raise_, (name,), Limits(), "crash") for name in ("struct", "EOF", "Type", "Recursion")),
    ],
)
def test_u06_whatever_becomes_of_a_job_is_one_exception_with_its_reason(function, arguments, limits, reason) -> None:
    before = contained(who)
    started = time.monotonic()
    with pytest.raises(ContainedFailure) as failure:
        contained(function, *arguments, limits=limits)
    assert failure.value.reason == reason
    assert "secret" not in str(failure.value)
    assert time.monotonic() - started < 20
    assert contained(who) != before  # a child that failed is not used again


def test_memory_is_counted_for_each_job_and_not_over_all() -> None:
    for _ in range(5):
        assert contained(eat, 80, limits=Limits(memory=100 * 2**20)) == 80 * 2**20


def test_what_a_library_prints_does_not_reach_the_answer() -> None:
    assert contained(chatter) == 1


def test_a_child_writes_no_file(tmp_path) -> None:
    with pytest.raises(ContainedFailure):
        contained(write_file, str(tmp_path / "x"))


def test_only_so_many_at_a_time_then_busy() -> None:
    threads = [threading.Thread(target=contained, args=(sleep, 3.0)) for _ in range(module.CHILDREN)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    with pytest.raises(ContainedFailure) as failure:
        contained(who, limits=Limits(wait=0.1))
    assert failure.value.reason == "busy"
    for thread in threads:
        thread.join()
    assert contained(who)


def test_a_child_that_was_killed_while_idle_is_replaced() -> None:
    child = contained(who)
    os.kill(child, signal.SIGKILL)
    time.sleep(0.2)
    assert contained(who) != child


def test_a_forked_process_has_children_of_its_own() -> None:
    child = contained(who)
    read, write = os.pipe()
    fork = os.fork()
    if fork == 0:
        os.write(write, str(contained(who)).encode())
        os._exit(0)
    os.waitpid(fork, 0)
    assert int(os.read(read, 20)) != child
