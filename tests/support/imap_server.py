"""A small IMAP server that can be as awkward as those of other people: namespaces, refusals, lines that break."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_DATE = b'"24-Nov-2026 10:00:00 +0100"'
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\S+)')


@dataclass
class AwkwardServer:
    """What the server is like, and what lies in its folders.

    Attributes:
        prefix: of the personal namespace, `INBOX.` on Courier; folders elsewhere cannot be made.
        says_namespace: answers the command NAMESPACE (RFC 2342).
        can_move: has MOVE (RFC 6851); else the client copies and deletes.
        unmovable, undeletable, unfetchable: UIDs it says no to.
        breaks_at: commands at which it closes the line, each once.
        commands: everything it was asked, without the passwords.
    """

    prefix: str = ""
    says_namespace: bool = True
    can_move: bool = True
    refuses_login: bool = False
    refuses_create: bool = False
    unmovable: set[int] = field(default_factory=set)
    undeletable: set[int] = field(default_factory=set)
    unfetchable: set[int] = field(default_factory=set)
    breaks_at: list[str] = field(default_factory=list)
    breaks_always_at_fetch_of: set[int] = field(default_factory=set)
    inbox: str = "INBOX"
    uid_validity: int = 7
    folders: dict[str, dict[int, bytes]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    port: int = 0
    _next_uid: int = 0

    def __post_init__(self) -> None:
        self.folders.setdefault(self.inbox, {})

    def deliver(self, *messages: bytes) -> None:
        for raw in messages:
            self._next_uid += 1
            self.folders[self.inbox][self._next_uid] = raw

    def url(self, folder: str = "INBOX") -> str:
        return f"imap://ibok%40wpwik.com:s%25cret@127.0.0.1:{self.port}/{folder}"

    def count(self, folder: str) -> int:
        return len(self.folders.get(folder, {}))

    def fetched(self, uid: int) -> int:
        """How often the body of a message was fetched."""
        return sum(1 for each in self.commands if each.startswith(f"UID FETCH {uid} (BODY.PEEK[])"))


@contextmanager
def imap_server(awkward: AwkwardServer) -> Iterator[AwkwardServer]:
    """Serve it on a free port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _Session(awkward, self).serve()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        awkward.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield awkward
        finally:
            server.shutdown()


class _Session:
    def __init__(self, server: AwkwardServer, handler: socketserver.StreamRequestHandler) -> None:
        self._server, self._in, self._out = server, handler.rfile, handler.wfile
        self._folder = ""

    def serve(self) -> None:
        self._say(b"* OK ready")
        while line := self._in.readline():
            tag, _, rest = line.strip().partition(b" ")
            self._server.commands.append("LOGIN" if rest.upper().startswith(b"LOGIN") else rest.decode("latin-1"))
            name = b" ".join(rest.split()[:2] if rest[:4].upper() == b"UID " else rest.split()[:1]).decode().upper()
            if name in self._server.breaks_at:
                self._server.breaks_at.remove(name)
                return
            answer = getattr(self, f"_{name.lower().replace(' ', '_')}", lambda words: b"OK")
            said = answer([one.replace(b"\\", b"") or two for one, two in _WORD.findall(rest)])
            if said is None:
                return
            self._say(tag + b" " + said + b" done")
            if name == "LOGOUT":
                return

    def _say(self, line: bytes) -> None:
        self._out.write(line + b"\r\n")
        self._out.flush()

    def _messages(self) -> dict[int, bytes]:
        return self._server.folders[self._folder]

    def _capability(self, words: list[bytes]) -> bytes:
        more = (b" NAMESPACE" if self._server.says_namespace else b"") + (b" MOVE" if self._server.can_move else b"")
        self._say(b"* CAPABILITY IMAP4rev1" + more)
        return b"OK"

    def _login(self, words: list[bytes]) -> bytes:
        refused = self._server.refuses_login or words[1:3] != [b"ibok@wpwik.com", b"s%cret"]
        return b"NO [AUTHENTICATIONFAILED] Authentication failed." if refused else b"OK"

    def _authenticate(self, words: list[bytes]) -> bytes:
        return b"NO [CANNOT] Not this way."

    def _namespace(self, words: list[bytes]) -> bytes:
        self._say(b'* NAMESPACE (("%s" ".")) NIL NIL' % self._server.prefix.encode())
        return b"OK"

    def _select(self, words: list[bytes]) -> bytes:
        if words[1].decode() not in self._server.folders:
            return b"NO Mailbox does not exist"
        self._folder = words[1].decode()
        self._say(b"* %d EXISTS" % len(self._messages()))
        self._say(b"* OK [UIDVALIDITY %d] valid" % self._server.uid_validity)
        return b"OK [READ-WRITE]"

    def _list(self, words: list[bytes]) -> bytes:
        if words[2].decode() in self._server.folders:
            self._say(b'* LIST (\\HasNoChildren) "." "%s"' % words[2])
        return b"OK"

    def _create(self, words: list[bytes]) -> bytes:
        if self._server.refuses_create or not words[1].decode().startswith(self._server.prefix):
            return b"NO Invalid mailbox name."
        self._server.folders[words[1].decode()] = {}
        return b"OK"

    def _uid_search(self, words: list[bytes]) -> bytes:
        self._say(b"* SEARCH " + b" ".join(b"%d" % uid for uid in self._messages()))
        return b"OK"

    def _uid_fetch(self, words: list[bytes]) -> bytes | None:
        uid, asked = int(words[2]), b" ".join(words[3:])
        if uid in self._server.breaks_always_at_fetch_of and b"BODY" in asked:
            return None
        if uid in self._server.unfetchable:
            return b"NO [SERVERBUG] Internal error occurred."
        raw = self._messages().get(uid)
        if raw is None:
            return b"OK"
        if b"BODY" not in asked:
            self._say(b"* 1 FETCH (UID %d RFC822.SIZE %d INTERNALDATE %s)" % (uid, len(raw), _DATE))
            return b"OK"
        part = b"HEADER" if b"HEADER" in asked else b""
        content = raw.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n" if part else raw
        self._out.write(b"* 1 FETCH (UID %d BODY[%s] {%d}\r\n%s)\r\n" % (uid, part, len(content), content))
        return b"OK"

    def _uid_move(self, words: list[bytes]) -> bytes:
        said = self._uid_copy(words)
        if said == b"OK":
            del self._messages()[int(words[2])]
        return said

    def _uid_copy(self, words: list[bytes]) -> bytes:
        uid, target = int(words[2]), words[3].decode()
        if target not in self._server.folders:
            return b"NO [TRYCREATE] Must create mailbox before append"
        if uid in self._server.unmovable:
            return b"NO [CANNOT] This one stays."
        self._server.folders[target][uid] = self._messages()[uid]
        return b"OK"

    def _uid_store(self, words: list[bytes]) -> bytes:
        if int(words[2]) in self._server.undeletable:
            return b"NO [NOPERM] Permission denied"
        del self._messages()[int(words[2])]  # what is marked is expunged next
        return b"OK"

    def _logout(self, words: list[bytes]) -> bytes:
        self._say(b"* BYE")
        return b"OK"
