"""Work on foreign files and messages in a child process with limits: what it eats, breaks or loops ends with the child (U06, I05).

A child is a fresh interpreter that inherits nothing: no settings, no connection, no open file. It serves many jobs, one at a time,
and is replaced after `JOBS` of them or after any failure. A request goes to it pickled. Its answer is only data: it is checked
against the return annotation of the function and never unpickled, since the child has read what strangers wrote.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pickle  # requests alone, and this process wrote them
import resource
import signal
import struct
import subprocess
import sys
import threading
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, TypeVar

import structlog
from pydantic import ConfigDict, TypeAdapter, ValidationError

from provisioning.domain.errors import DomainError, FieldError, Invalid, NotFound

Reason = Literal["memory", "time", "crash", "too_large", "busy"]
CHILDREN = max(2, min(4, os.cpu_count() or 2))
JOBS = 200
_GROWTH = 256 * 2**20  # a child that has kept so much more than at its start is replaced
_PRELOADED = (
    "provisioning.adapters.files.uploads",
    "provisioning.adapters.files.scan_batches",
    "provisioning.adapters.files.scan_pages",
)
_START_SECONDS = 60
_HEAD = struct.Struct(">cQ")
_READY, _ANSWER, _INVALID, _NOT_FOUND, _FAILED = b"r", b"a", b"i", b"n", b"f"
_KEPT_OF_THE_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
_log = structlog.get_logger()

T = TypeVar("T")
_Got = TypeVar("_Got")


@dataclass(frozen=True)
class Limits:
    """What one job may use.

    Attributes:
        memory: bytes of address space beyond what the child has before the job.
        cpu: seconds of processor time, over all threads.
        wall: seconds from the first byte of the request to the last of the answer; a child that has yet to start is waited for apart.
        output: bytes of the answer, in which every byte string is base64.
        wait: seconds to wait for a free child.
    """

    memory: int = 768 * 2**20
    cpu: int = 10
    wall: float = 40
    output: int = 64 * 2**20
    wait: float = 20


class ContainedFailure(DomainError):
    """The job came to no answer.

    Attributes:
        reason: `memory`, `time`, `too_large` (its answer): over a limit. `crash`: the child died or the function raised what
            is no refusal. `busy`: no child became free in time; nothing was tried.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.code = reason, reason
        if reason == "busy":
            self.status, self.retry_after = 503, 5
            self.public = "Too many files are being read now. Nothing was stored. Try again in a few seconds."


def contained(function: Callable[..., T], *arguments: Any, limits: Limits = Limits()) -> T:
    """Call a module-level function in a child process and return what it returns.

    Args:
        function: has a return annotation made of plain data: dataclasses, enums, dates, str, int, bytes, lists, tuples.
        arguments: can be pickled.

    Raises:
        Invalid, NotFound: as the function raised them.
        ContainedFailure.
    """
    return _pool().run(function, arguments, limits)


class _Pool:
    """At most CHILDREN children of this process; idle ones wait, the last used first."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(CHILDREN)
        self._idle: list[_Child] = []
        self._lock = threading.Lock()

    def run(self, function: Callable[..., T], arguments: tuple[Any, ...], limits: Limits) -> T:
        if not self._places.acquire(timeout=limits.wait):
            raise ContainedFailure("busy", f"{CHILDREN} jobs are running")
        try:
            child = self._take()
            try:
                answer = child.ask(function, arguments, limits)
            except (Invalid, NotFound):
                self._give_back(child)
                raise
            except BaseException:
                self._replace(child)
                raise
            self._give_back(child)
            return answer
        finally:
            self._places.release()

    def _take(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.lives():
                    return child
                child.end()
        return _Child()

    def _give_back(self, child: _Child) -> None:
        if child.worn:
            self._replace(child)
            return
        with self._lock:
            self._idle.append(child)

    def _replace(self, child: _Child) -> None:
        child.end()
        fresh = _Child()  # it gets ready while nobody waits for it
        with self._lock:
            self._idle.append(fresh)


class _Child:
    """One interpreter, seen from the process that asks it."""

    def __init__(self) -> None:
        environment = {name: os.environ[name] for name in _KEPT_OF_THE_ENVIRONMENT if name in os.environ}
        environment |= {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            close_fds=True,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests: Any = self._process.stdin
        self._answers: Any = self._process.stdout
        self._jobs = 0
        self._ready = False
        self.worn = False

    def lives(self) -> bool:
        return self._process.poll() is None

    def ask(self, function: Callable[..., T], arguments: tuple[Any, ...], limits: Limits) -> T:
        if not self._ready:  # the clock of a job does not run while an interpreter starts on a busy machine
            self._within(_START_SECONDS, ContainedFailure("busy", "no child became ready"), lambda: _read_head(self._answers))
            self._ready = True
        request = pickle.dumps((function, arguments, limits), protocol=5)
        kind, body = self._within(limits.wall, ContainedFailure("time"), lambda: self._exchange(request, limits))
        self._jobs += 1
        self.worn = self.worn or self._jobs >= JOBS
        return _outcome(function, kind, body)

    def _within(self, seconds: float, late: ContainedFailure, deed: Callable[[], _Got]) -> _Got:
        """Do it, or kill the child when the time is over."""
        over = threading.Event()

        def stop() -> None:
            over.set()
            self._process.kill()

        watch = threading.Timer(seconds, stop)
        watch.daemon = True
        watch.start()
        try:
            return deed()
        except (OSError, EOFError) as error:
            code = self._process.wait()
            if over.is_set():
                raise late from error
            if code == -signal.SIGXCPU:
                raise ContainedFailure("time") from error
            raise ContainedFailure("crash", f"the child ended with {code}") from error
        finally:
            watch.cancel()

    def _exchange(self, request: bytes, limits: Limits) -> tuple[bytes, bytes]:
        _write(self._requests, b"j", request)
        kind, size = _read_head(self._answers)
        if size > limits.output:
            raise ContainedFailure("too_large", f"an answer of {size} bytes")
        self.worn = kind.isupper()
        return kind.lower(), _read_exactly(self._answers, size)

    def end(self) -> None:
        """Kill it and forget it."""
        self._process.kill()
        for stream in (self._requests, self._answers):
            with contextlib.suppress(OSError):  # a broken pipe has nothing left to flush
                stream.close()
        self._process.wait()


def _outcome(function: Callable[..., T], kind: bytes, body: bytes) -> T:
    try:
        if kind == _ANSWER:
            return typing.cast(T, _adapter(function).validate_json(body)[0])
        if kind == _INVALID:
            raise Invalid(_FIELD_ERRORS.validate_json(body))
    except ValidationError as error:
        raise ContainedFailure("crash", "an answer of another shape") from error
    words = body.decode("utf-8", "replace")[:200]
    if kind == _NOT_FOUND:
        raise NotFound(words)
    reason, _, detail = words.partition(" ")
    if reason not in ("memory", "too_large"):
        reason = "crash"
    _log.warning("contained.failed", function=function.__qualname__, reason=reason, detail=detail)
    raise ContainedFailure(typing.cast(Reason, reason), detail)


_FIELD_ERRORS = TypeAdapter(list[FieldError])


@functools.cache
def _adapter(function: Callable[..., Any]) -> TypeAdapter[Any]:
    one_answer: Any = types.GenericAlias(tuple, (typing.get_type_hints(function)["return"],))
    return TypeAdapter(one_answer, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))


_pools: dict[int, _Pool] = {}
_pools_lock = threading.Lock()


def _pool() -> _Pool:
    """The pool of this process: a forked one gets its own, the children belong to its parent."""
    with _pools_lock:
        if os.getpid() not in _pools:
            _pools[os.getpid()] = _Pool()
        return _pools[os.getpid()]


def _write(stream: BinaryIO, kind: bytes, body: bytes) -> None:
    stream.write(_HEAD.pack(kind, len(body)))
    stream.write(body)
    stream.flush()


def _read_head(stream: BinaryIO) -> tuple[bytes, int]:
    kind, size = _HEAD.unpack(_read_exactly(stream, _HEAD.size))
    return kind, size


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


def serve() -> None:
    """The child: answer jobs until the other side closes."""
    requests, answers = _private_streams()
    os.nice(5)  # whoever waits for a page comes before whoever sends a file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for name in _PRELOADED:
        importlib.import_module(name)
    first = _address_space()
    _write(answers, _READY, b"")
    while True:
        try:
            _, size = _read_head(requests)
        except EOFError:
            return
        kind, body = _answer(_read_exactly(requests, size))
        worn = _address_space() > first + _GROWTH
        _write(answers, kind.upper() if worn else kind, body)


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Our pipes under other numbers: what a library prints or reads goes nowhere."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return requests, answers


def _answer(request: bytes) -> tuple[bytes, bytes]:
    function, arguments, limits = pickle.loads(request)  # noqa: S301  # from the process that started this one
    adapter = _adapter(function)
    del request
    _limit(limits)
    try:
        body = adapter.dump_json((function(*arguments),))
    except Invalid as refusal:
        return _INVALID, _FIELD_ERRORS.dump_json(refusal.errors)
    except NotFound as missing:
        return _NOT_FOUND, str(missing).encode("utf-8", "replace")
    except MemoryError:
        return _FAILED, b"memory"
    except Exception as error:
        # whatever a reader raises over a stranger's file is the file's fault; its words may hold what stands in the file
        return _FAILED, f"crash {type(error).__module__}.{type(error).__qualname__}".encode()
    finally:
        _lift_limit_of_memory()
    if len(body) > limits.output:
        return _FAILED, f"too_large an answer of {len(body)} bytes".encode()
    return _ANSWER, body


def _limit(limits: Limits) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + limits.cpu, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + limits.memory, resource.RLIM_INFINITY))


def _lift_limit_of_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as pages:  # noqa: PTH123
        return int(pages.read().split()[0]) * resource.getpagesize()
