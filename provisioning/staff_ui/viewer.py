"""The viewer of scans: one page of a file at a time, beside what is decided about it or typed from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from provisioning.adapters.files.scan_pages import ROTATIONS, page_picture
from provisioning.domain.document import Document

SCALES = (100, 150, 200, 300)  # per cent
_DETAILED = 200  # from here on a picture has all its detail


@dataclass(frozen=True)
class Viewer:
    """What `staff/viewer.html` shows.

    Attributes:
        name: of the file.
        picture: the address of the picture of a page; page 0 is what js/case.js puts its own number in.
        link: the address of this page with another place, for browsers without JavaScript; takes page, rotation, scale.
    """

    name: str
    pages: int
    picture: Callable[..., str]
    link: Callable[..., str]
    page: int = 1
    rotation: int = 0
    scale: int = SCALES[0]


def picture(document: Document, number: int) -> Response:
    """One page as the viewer asks for it (`obrot`, `skala`). A file never changes, so this person's browser keeps its pictures.

    Raises:
        NotFound. Invalid. ContainedFailure: as `page_picture`.
    """
    turned, scale = request.args.get("obrot", "0"), request.args.get("skala", "")
    rotation = next((each for each in ROTATIONS if str(each) == turned), 0)
    large = scale in {str(each) for each in SCALES if each >= _DETAILED}
    content = page_picture(document, number, rotation, large=large)
    return Response(content, mimetype="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})
