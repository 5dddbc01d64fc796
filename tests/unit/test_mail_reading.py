"""S1 by e-mail, one message: every leaf of it is looked at, whatever program made it, in bounded time (I01, I02, I05)."""

import base64
import email.policy
import time
from collections.abc import Callable
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.adapters.imap.mime import DEEPEST
from provisioning.adapters.imap.reading import ReadMail, read_mail
from tests.support.mime import (
    EXIM,
    FAILED,
    MACHINES,
    OTHER,
    OURS,
    OWN,
    PDF,
    RELAYED,
    eml,
    forwarded,
    headers_alone,
    html,
    inner,
    named,
    of,
    ours,
    pdf,
    plain,
    report,
    status,
)


def read(message: Message | bytes) -> ReadMail:
    return read_mail(message if isinstance(message, bytes) else message.as_bytes(policy=email.policy.SMTP), OWN)


@pytest.mark.parametrize(
    "message",
    [
        pdf(),
        of("mixed", plain("treść"), pdf()),
        of("mixed", plain("treść"), pdf(disposition="inline")),
        of("mixed", plain("treść"), pdf(kind="octet-stream")),
        of("alternative", plain("treść"), of("mixed", html("<p>treść</p>"), pdf(disposition="inline"))),
        of("alternative", plain("treść"), of("related", html("treść"), pdf())),
        of("mixed", of("mixed", plain("treść"), pdf()), plain("-- sprawdzono programem antywirusowym")),
        of("mixed", of("mixed", of("alternative", plain("a"), html("b")), of("mixed", pdf()))),
        of("mixed", plain("przekazuję"), forwarded(inner())),
        of("mixed", plain("przekazuję"), forwarded(inner(), "base64")),
        of("mixed", plain("przekazuję"), forwarded(inner(), "quoted-printable")),
        of("mixed", forwarded(of("mixed", forwarded(of("mixed", forwarded(inner())))))),
        of("digest", forwarded(inner())),
        of("mixed", plain("w załączniku"), eml()),
        of("signed", of("mixed", plain("treść"), pdf()), MIMEApplication(b"\x30\x80", "pkcs7-signature", name="smime.p7s")),
    ],
    ids=lambda message: message.get_content_subtype(),
)
def test_a_file_is_found_wherever_it_hangs_in_the_tree(message: Message) -> None:
    found = read(named(message))
    assert [(file.name, file.content) for file in found.files if file.content == PDF] == [("wniosek.pdf", PDF)]
    assert (found.machine, found.set_aside, found.whole) == (None, False, True)


@pytest.mark.parametrize("headers", MACHINES)
def test_i02_what_a_machine_wrote_is_set_aside(headers: dict[str, str]) -> None:
    found = read(named(plain("jestem na urlopie"), **headers))
    assert found.machine in ("automatic", "loop")
    assert (found.set_aside, found.text, found.files) == (True, "", [])


@pytest.mark.parametrize("headers", MACHINES)
@pytest.mark.parametrize(
    "part", [pdf(), MIMEApplication(b"PK\3\4", "zip", name="skany.zip"), MIMEApplication(b"x", "octet-stream")]
)
def test_a_file_that_could_be_an_application_waits_for_a_person_whatever_a_machine_wrote(
    headers: dict[str, str], part: Message
) -> None:
    found = read(named(of("mixed", plain("skan"), part), **headers))
    assert (found.set_aside, len(found.files)) == (False, 1)


def test_i02_the_logo_under_an_automatic_answer_is_no_application() -> None:
    logo = MIMEBase("image", "png")
    logo.set_payload(base64.encodebytes(bytes(2000)).decode())
    logo["Content-Transfer-Encoding"], logo["Content-ID"] = "base64", "<logo>"
    answer = of("related", html("urlop <img src=cid:logo>"), logo)
    assert read(named(answer, Auto_Submitted="auto-replied")).set_aside
    logo.set_payload(base64.encodebytes(bytes(200_000)).decode())
    assert not read(named(answer, Auto_Submitted="auto-replied")).set_aside


@pytest.mark.parametrize(
    "sender",
    [
        f"Jan <{OWN}.pl>",
        f"Jan <x{OWN}>",
        f"{OWN} <jan@example.com>",
        f'"{OWN}" <jan@example.com>',
        f"Jan <jan@example.com> ({OWN})",
    ],
)
def test_addresses_are_compared_whole(sender: str) -> None:
    assert read(named(plain("x"), From=sender)).machine is None


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ('attachment; filename="=?UTF-8?B?V25pb3NlaybFu8OzxYJ0eS5wZGY=?="', "Wniosek&Żółty.pdf"),
        ("attachment; filename==?iso-8859-2?Q?=AF=F3=B3ty=2Epdf?=", "Żółty.pdf"),
        ("attachment; filename*=utf-8''%C5%BB%C3%B3%C5%82ty.pdf", "Żółty.pdf"),
        ("attachment; filename*0*=utf-8''%C5%BB%C3%B3; filename*1*=%C5%82ty; filename*2=.pdf", "Żółty.pdf"),
        ("attachment; filename*=klingon''a%FFb.pdf", "aÿb.pdf"),
        ('attachment; filename="Żółty.pdf"', "Żółty.pdf"),
        ('attachment; filename="a\u202efdp.exe"', "a fdp.exe"),
    ],
)
def test_names_of_files_as_every_program_writes_them(written: str, name: str) -> None:
    raw = (
        b"From: a@example.com\r\nContent-Type: application/octet-stream\r\nContent-Disposition: " + written.encode() + b"\r\n\r\nx"
    )
    assert [file.name for file in read(raw).files] == [name]


@pytest.mark.parametrize(
    "charset", ["utf-8", "iso-8859-2", "windows-1250", "us-ascii", "klingon", "punycode", "zlib", "utf-7\0", ""]
)
def test_i01_text_is_read_whatever_its_charset_claims(charset: str) -> None:
    words = "Zażółć gęślą jaźń"
    content = words.encode(charset if charset in ("iso-8859-2", "windows-1250") else "utf-8")
    found = read(b"From: a@example.com\r\nContent-Type: text/plain; charset=" + charset.encode() + b"\r\n\r\n" + content)
    assert found.text == words


def test_headers_may_be_cut_in_the_middle_of_a_letter_or_hold_bytes() -> None:
    raw = b"From: =?iso-8859-2?Q?=A6wi=EAtos=B3awa?= <s@example.com>\r\nSubject: =?UTF-8?Q?za=C5?= =?UTF-8?Q?=82o=C5=BCenie?=\r\n\r\nx"
    assert (read(raw).sender, read(raw).subject) == ("Świętosława <s@example.com>", "założenie")
    assert read("Subject: założenie\r\n\r\nx".encode("cp1250")).subject == "założenie"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<p>Numer: 12345678</p><p>Telefon: 600100200<br>Jan</p>", "Numer: 12345678\n\nTelefon: 600100200\nJan"),
        ("<div>raz</div><div>dwa<br/>trzy</div>", "raz\ndwa\ntrzy"),
        ("<table><tr><td>PESEL</td><td>44051401359</td></tr><tr><td>a</td></tr></table>", "PESEL  44051401359\na"),
        ("<ul><li>raz<li>dwa</ul>", "* raz\n  * dwa"),
        ("<style>p{}</style><script>x()</script><head><title>t</title></head><p>tak <b>jest</b></p>", "tak jest"),
        ("<p>1 &lt; 2 &amp; 3", "1 < 2 & 3"),
        ("", ""),
        ("<?xml version='1.0' encoding='utf-8'?><html><p>tak</p></html>", "tak"),
    ],
)
def test_breaks_of_a_page_stay_breaks(page: str, words: str) -> None:
    lines = [line.rstrip() for line in read(named(html(page))).text.splitlines()]
    assert "\n".join(lines) == words


# -- mails of ours that came back ------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        report(status(FAILED), forwarded(ours())),
        report(status(FAILED), forwarded(ours(), "base64")),
        report(status(FAILED), forwarded(ours(), "quoted-printable")),
        report(status(FAILED), headers_alone("7bit")),
        report(status(FAILED), headers_alone("quoted-printable")),
        report(status(FAILED), headers_alone("base64")),
        report(status(FAILED), In_Reply_To=OURS),
        report(status(FAILED), References=f"<older@wpwik.com>\r\n {OURS}"),
        report(status(RELAYED, FAILED), forwarded(ours())),
        report(status(OTHER, FAILED), forwarded(ours())),
        report(status(FAILED, RELAYED), forwarded(ours())),
        named(
            plain(EXIM), From="Mailer-Daemon@mx.example.com", X_Failed_Recipients="jan@example.com", Message_ID="<x@mx.example.com>"
        ),
    ],
)
def test_a_returned_mail_names_ours_and_the_answer_of_the_recipient_that_failed(message: Message) -> None:
    found = read(message)
    assert (found.machine, found.set_aside) == ("bounce", True)
    assert found.bounces[0].message_id == OURS
    assert "550 5.1.1 nie ma takiego" in found.bounces[0].answer
    assert found.text == ""  # S5: a temporary password that came back is not kept


def test_a_delay_and_a_success_are_no_bounces() -> None:
    for block in (RELAYED, OTHER):
        found = read(report(status(block), forwarded(ours())))
        assert (found.machine, found.bounces, found.set_aside) == ("bounce", [], True)


def test_a_person_who_quotes_a_report_is_no_mail_system() -> None:
    found = read(named(plain(EXIM), In_Reply_To=OURS))
    assert (found.machine, found.bounces, found.set_aside) == (None, [], False)


def test_a_report_with_a_strangers_file_waits_and_one_with_ours_does_not() -> None:
    assert read(report(status(FAILED), forwarded(ours()))).set_aside
    found = read(report(status(FAILED), forwarded(inner())))
    assert (found.set_aside, [file.name for file in found.files]) == (False, ["wniosek.pdf"])


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: image/p\0ng\r\n\r\nx",
        b'Content-Type: application/a; name="a\0b"\r\n\r\nx',
        b"Subject: a\0b\r\nFrom: a\0b\r\nMessage-ID: <a\0b>\r\n\r\na\0b",
        b"Subject: =?utf-8?b?AA==?=\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
        b"Content-Type: text/html\r\n\r\n<p>a&#0;b&#xD800;c\0</p>",
        b"X-Failed-Recipients: a@b.pl\r\nIn-Reply-To: <a\0b@c>\r\n\r\na@b.pl\r\n  550 a\0b",
        b"X-Failed-Recipients: a@b.pl\r\nContent-Type: text/plain; charset=utf-7\r\n\r\nMessage-ID: <a\0b@c>\r\n550 a+2AA-b\0",
        b"X-Failed-Recipients: a@b.pl\r\nIn-Reply-To: <abc@c>\r\n\r\na@b.pl\r\n  gone\0\r\n",
    ],
)
def test_i05_nothing_that_the_database_refuses_comes_out_of_a_message(raw: bytes) -> None:
    found = read(raw)
    for words in every_word_of(found):
        words.encode()  # no halves of characters
        assert "\0" not in words


def every_word_of(found: ReadMail) -> list[str]:
    bounced = [words for bounce in found.bounces for words in (bounce.message_id, bounce.answer)]
    return [found.sender, found.subject, found.text, found.message_id or "", *(file.name for file in found.files), *bounced]


# -- hostile ------------------------------------------------------------------------------------------


def nested(depth: int, leaf: bytes = b"x") -> bytes:
    return b"From: a@example.com\r\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)) + b"\r\n" + leaf  # fmt: skip


def page(unit: bytes, size: int) -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + unit * (size // len(unit))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "900 brackets": lambda: b"From: " + b"(" * 900 + b"\r\n\r\nx",
    "100,000 brackets": lambda: b"From: " + b"(" * 100_000 + b"\r\n\r\nx",
    "112 kB of <style ": lambda: page(b"<style ", 112_000),
    "2 MB of <style>": lambda: page(b"<style>", 2_000_000),
    "2 MB of <!--": lambda: page(b"<!--", 2_000_000),
    "2 MB of <": lambda: page(b"<", 2_000_000),
    "2 MB of nested lists": lambda: page(b"<ul><li>", 2_000_000),
    "7 MB of empty parts": lambda: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n\r\n" * 800_000,
    "7 MB of pictures": lambda: (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" * 190_000
    ),
    "1,000 nested": lambda: nested(1000),
    "1,000 nested, 5 MB in them": lambda: nested(1000, b"line\r\n" * 800_000),
    "1,000 forwarded": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 1000,
    "a million headers": lambda: b"a: b\r\n" * 1_000_000 + b"\r\nx",
    "7 MB of one header": lambda: b"Subject: " + b"=?utf-8?q?a?= " * 500_000 + b"\r\n\r\nx",
    "10,000 parameters": lambda: b"Content-Type: text/plain" + b"; a*0=b" * 10_000 + b"\r\n\r\nx",
    "punycode": lambda: b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * 2_000_000,
    "a report of 2 MB": lambda: b"From: mailer-daemon@x\r\n\r\n" + b"The following address(es) failed:\r\n" * 60_000,
    "digits in a report": lambda: b"From: mailer-daemon@x\r\nX-Failed-Recipients: a@b\r\n\r\n" + b"550 " * 500_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_i05_hostile_messages_are_read_in_bounded_time(what: str) -> None:
    raw = HOSTILE[what]()
    start = time.process_time()
    found = read(raw)
    assert time.process_time() - start < 2
    assert len(found.files) <= 100
    assert len(found.text) <= 50_000


@pytest.mark.parametrize("what", ["7 MB of pictures", "1,000 nested", "1,000 forwarded"])
def test_i01_a_message_that_is_not_read_whole_says_so_and_waits(what: str) -> None:
    found = read(b"Precedence: bulk\r\n" + HOSTILE[what]())
    assert (found.whole, found.set_aside) == (False, False)


def test_what_is_nested_as_deep_as_people_do_is_read() -> None:
    message: Message = inner()
    for _ in range(DEEPEST // 2 - 3):
        message = named(of("mixed", forwarded(message)))
    assert [file.content for file in read(message).files] == [PDF]


@given(st.binary(max_size=600), st.sampled_from(["mixed", "report", "alternative", "digest", "related", "signed"]))
def test_i05_no_bytes_whatsoever_make_the_reading_raise(raw: bytes, kind: str) -> None:
    found = read(f"MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary=x\r\n".encode() + raw)
    for words in every_word_of(found):
        words.encode()
        assert "\0" not in words


def test_i01_a_message_of_the_standard_library_is_read_as_it_was_written() -> None:
    made = EmailMessage(policy=email.policy.SMTP)
    named(made)
    made.set_content("Proszę o konto.\n")
    made.add_alternative("<p>Proszę o konto.</p>", subtype="html")
    made.add_attachment(PDF, maintype="application", subtype="pdf", filename="wniosek żółty.pdf")
    found = read(made)
    assert (found.text, [file.name for file in found.files]) == ("Proszę o konto.", ["wniosek żółty.pdf"])
