"""Valid files of every kind, damaged at random, through the reading of uploads: each is taken or refused, nothing else (U01 to U07).

    python -m tests.fuzz.mutated_files --count 100000 --seed 7

prints the seed and what became of them, and exits with 1 when anything else than a refusal came out. The same seed damages the
same way; only which limit stops a file that asks for much may differ between machines.
"""

from __future__ import annotations

import argparse
import io
import random  # noqa: TID251  # repeatable on purpose: a seed is printed with every run
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import pikepdf
from PIL import Image, ImageDraw

from provisioning.adapters.files import contained, uploads
from provisioning.adapters.files.contained import CHILDREN, ContainedFailure
from provisioning.adapters.files.scan_pages import page_count, page_picture
from provisioning.domain.errors import Invalid, NotFound
from tests.support.hostile_files import Signer, everything_active, image, one_page, pdf, saved, stream, text_field, tiff

_NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"65535",
    b"2147483647",
    b"99999999999",
    b"1e400",
    b"0.0000001",
    b"[]",
    b"<<>>",
    b"null",
    b"/X",
    b"(x)",
    b"true",
)
_TOKEN = re.compile(rb"(?<=[\s\[/<(])[A-Za-z0-9.+-]+(?=[\s\]/>)])|/[A-Za-z0-9]+")
_WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
T = TypeVar("T")
_DRAWN_TOO = 5  # of so many files taken, one is drawn for the viewer as well
_SECONDS_THE_WEB_FORM_WAITS = 20
_JOBS = 2000  # of a child; the product's 200 would be half of the time, and an older child is only the harder trial
_TRIES_WHILE_BUSY = 60


@dataclass
class Outcomes:
    """What became of the files of one run.

    Attributes:
        failures: how often a child ended for which reason; `busy`: none was free, and the file was asked about again.
        slowest: seconds of one answer.
    """

    seed: int
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    errors: list[tuple[int, str, str]] = field(default_factory=list)
    slowest: float = 0.0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return not self.errors and self.slowest < _SECONDS_THE_WEB_FORM_WAITS

    def table(self) -> str:
        kinds = sorted({kind for kind, _ in self.counts})
        rows = [
            f"seed {self.seed}: {sum(self.counts.values())} files in {self.seconds:.0f} s, the slowest {self.slowest:.1f} s",
            "",
        ]
        rows.append("| outcome | " + " | ".join(kinds) + " |")
        rows.append("| --- |" + " ---: |" * len(kinds))
        for outcome in sorted({outcome for _, outcome in self.counts}):
            rows.append(f"| {outcome} | " + " | ".join(str(self.counts[kind, outcome]) for kind in kinds) + " |")
        rows += [
            "",
            "children ended: " + (", ".join(f"{reason} {n}" for reason, n in sorted(self.failures.items()) if n) or "none"),
        ]
        rows += [f"ERROR number {number} ({kind}): {error}" for number, kind, error in self.errors[:20]]
        return "\n".join(rows)


def valid_files() -> dict[str, list[bytes]]:
    """Small files of every kind that is taken, each with other parts of its format in use."""
    paper = Image.new("RGB", (120, 80), "white")
    ImageDraw.Draw(paper).line((5, 5, 110, 70), fill="navy", width=3)

    def picture(kind: str, mode: str = "RGB", **options: object) -> bytes:
        output = io.BytesIO()
        paper.convert(mode).save(output, kind, **options)
        return output.getvalue()

    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8825] = 6, "x" * 30, {1: "N", 2: (49.0, 49.0, 0.0)}
    drawing = one_page(
        stream(b"BT /T 40 Tf 50 700 Td (Wniosek) Tj ET q /G gs /F Do Q q 120 0 0 80 50 100 cm /I Do Q"),
        b"<< /Font << /T 5 0 R >> /ExtGState << /G << /ca 0.5 >> >> /XObject << /F 6 0 R /I 7 0 R >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman /FirstChar 32 /LastChar 33 /Widths [250 300] >>",
        stream(b"0 0 50 50 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 90 90] /Matrix [1 0 0 1 5 5] /Resources << >>"),
        stream(
            picture("JPEG"), b"/Subtype /Image /Width 120 /Height 80 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode"
        ),
    )
    packed = saved(pikepdf.open(io.BytesIO(drawing)), object_stream_mode=pikepdf.ObjectStreamMode.generate)
    locked = saved(pikepdf.open(io.BytesIO(drawing)), encryption=pikepdf.Encryption(owner="o", user=""))
    pages = [paper.convert("1"), paper.convert("L"), paper.convert("RGB")]
    return {
        "pdf": [drawing, packed, locked, pdf(text_field("Kowalski")), saved(everything_active()), pdf(pages=3)],
        "signed": [Signer().sign(drawing)],
        "jpeg": [picture("JPEG", exif=exif), picture("JPEG", progressive=True), picture("JPEG", "CMYK"), picture("JPEG", "L")],
        "png": [picture("PNG"), picture("PNG", "P"), picture("PNG", "RGBA", dpi=(72, 72)), image("PNG", (50, 50), "I;16", 500)],
        "tiff": [
            tiff(pages),
            tiff(pages[:1] * 2, compression="group4"),
            picture("TIFF", compression="tiff_lzw"),
            picture("TIFF", compression="jpeg"),
            picture("TIFF", "CMYK", compression="tiff_adobe_deflate"),
        ],
        "heic": [picture("HEIF"), picture("HEIF", quality=10, exif=exif)],
    }


def damaged(content: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """The file with one to six wounds."""
    found = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        wound = chance.choice(_WOUNDS)
        wound(found, chance, others)
        if not found:
            found += b"%"
    return bytes(found)


def _flip(found: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    for _ in range(chance.randint(1, 8)):
        found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)


def _overwrite(found: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    start = chance.randrange(len(found))
    found[start : start + chance.randint(1, 16)] = chance.randbytes(chance.randint(1, 16))


def _wrong_number(found: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    """A length, an offset or a size of a binary format."""
    size = chance.choice((1, 2, 4))
    start = chance.randrange(max(1, len(found) - size))
    number = chance.choice(_WORDS) & (256**size - 1)
    found[start : start + size] = number.to_bytes(size, chance.choice(("big", "little")))


def _wrong_token(found: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    """A number or a word of a PDF becomes another thing: numbers where arrays belong."""
    tokens = [each.span() for each in _TOKEN.finditer(found[:60_000])]
    if tokens:
        start, end = chance.choice(tokens)
        found[start:end] = chance.choice(_NUMBERS)


def _cut(found: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    start = chance.randrange(len(found))
    del found[start : start + chance.randint(1, max(1, len(found) // 4))]


def _end_early(found: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    del found[chance.randrange(len(found)) :]


def _repeat(found: bytearray, chance: random.Random, _others: list[bytes]) -> None:
    start = chance.randrange(len(found))
    piece = found[start : start + chance.randint(1, 200)]
    found[start:start] = piece * chance.randint(1, 20)


def _splice(found: bytearray, chance: random.Random, others: list[bytes]) -> None:
    other = chance.choice(others)
    start, place = chance.randrange(len(other)), chance.randrange(len(found))
    found[place : place + 50] = other[start : start + chance.randint(1, 400)]


_WOUNDS: tuple[Callable[[bytearray, random.Random, list[bytes]], None], ...] = (
    _flip,
    _overwrite,
    _wrong_number,
    _wrong_token,
    _wrong_token,
    _cut,
    _end_early,
    _repeat,
    _splice,
)


def run(
    count: int,
    seed: int,
    threads: int = CHILDREN,
    say: Callable[[str], None] = lambda words: None,
    *,
    first: int = 0,
    minutes: float = float("inf"),
) -> Outcomes:
    """Damage and read so many files; each depends on the seed and its own number alone.

    Args:
        first: the number of the first one, to go on with a campaign.
        minutes: an end by the clock.
    """
    kinds = valid_files()
    every = [content for contents in kinds.values() for content in contents]
    found, lock, started = Outcomes(seed), threading.Lock(), time.monotonic()
    inner = uploads.contained

    def counted(*arguments: object, **limits: object) -> object:
        def asked() -> object:
            began, reason = time.monotonic(), ""
            try:
                return inner(*arguments, **limits)
            except ContainedFailure as failure:
                reason = failure.reason
                raise
            finally:
                with lock:
                    found.failures[reason] += bool(reason)
                    found.slowest = max(found.slowest, 0 if reason == "busy" else time.monotonic() - began)

        return when_not_busy(asked)

    def one(number: int) -> None:
        if time.monotonic() - started > minutes * 60:
            return
        chance = random.Random(f"{seed}:{number}")
        kind = list(kinds)[number % len(kinds)]
        content = damaged(chance.choice(kinds[kind]), chance, every)
        as_kind = "electronic" if kind == "signed" and chance.random() < 0.5 else "scan"
        outcome, error = _read(content, as_kind, draw=number % _DRAWN_TOO == 0)
        with lock:
            found.counts[kind, outcome] += 1
            if error:
                found.errors.append((number, kind, error))
            done = sum(found.counts.values())
        if done % 1000 == 0:
            say(f"{done} of {count}, {time.monotonic() - started:.0f} s, {len(found.errors)} errors")

    uploads.contained, jobs, contained.JOBS = counted, contained.JOBS, _JOBS
    try:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(one, range(first, first + count)):
                pass
    finally:
        uploads.contained, contained.JOBS = inner, jobs
    found.seconds = time.monotonic() - started
    return found


def when_not_busy(deed: Callable[[], T]) -> T:
    """Do it, again while no child is free: nothing was tried then, and this machine has other work."""
    for left in reversed(range(_TRIES_WHILE_BUSY)):
        try:
            return deed()
        except ContainedFailure as failure:
            if failure.reason != "busy" or not left:
                raise
            time.sleep(1)
    raise AssertionError


def _read(content: bytes, kind: str, *, draw: bool) -> tuple[str, str | None]:
    try:
        document = uploads.harmless_document("", kind, "x", content)
    except Invalid as refusal:
        return f"refused, {refusal.errors[0].code}", None
    except Exception as error:
        return "ERROR", f"{type(error).__name__}: {error}"[:200]
    if not draw:
        return "taken", None
    try:
        assert page_count(document) >= 1
        page_picture(document, 1, 0)
    except (Invalid, NotFound, ContainedFailure, AssertionError) as error:  # what was taken must be shown
        return "ERROR", f"taken and cannot be drawn: {type(error).__name__}: {error}"[:200]
    return "taken", None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--threads", type=int, default=CHILDREN)
    parser.add_argument("--first", type=int, default=0, help="number of the first file, to go on with a campaign")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="an end by the clock")
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}", flush=True)
    found = run(
        wanted.count,
        wanted.seed,
        wanted.threads,
        lambda words: print(words, file=sys.stderr, flush=True),
        first=wanted.first,
        minutes=wanted.minutes,
    )
    print(found.table())
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
