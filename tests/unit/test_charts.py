"""The pictures of the manager's reports."""

import itertools
from xml.etree import ElementTree

from provisioning.staff_ui.charts import bars, columns

SVG = "{http://www.w3.org/2000/svg}"


def parts(picture: bytes, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(picture).iter(SVG + tag))


def test_a_bar_is_as_long_as_its_number_and_says_it() -> None:
    picture = bars(["papier", "strona <www>"], [10, 40])
    short, long = (float(each.get("width", "")) for each in parts(picture, "rect"))
    assert 3.9 < long / short < 4.1
    assert [each.text for each in parts(picture, "text")] == ["papier", "10", "strona <www>", "40"]


def test_a_column_is_as_high_as_its_number_under_a_scale_of_whole_numbers() -> None:
    picture = columns(["02.11", "09.11"], {"Złożone": [31, 0], "Założone": [13, 4]})
    heights = [float(each.get("height", "")) for each in parts(picture, "rect")][2:]  # the first two explain the colours
    assert heights == [186, 78, 0, 24]
    assert [each.text for each in parts(picture, "text")] == ["Złożone", "Założone", "0", "20", "40", "02.11", "09.11"]


def test_labels_of_many_weeks_do_not_overlap() -> None:
    labels = [f"{number:03}" for number in range(520)]
    written = [float(each.get("x", "")) for each in parts(columns(labels, {"Złożone": [1] * 520}), "text") if each.text in labels]
    assert len(written) > 20
    assert all(after - before >= 15 for before, after in itertools.pairwise(written))


def test_nothing_to_show_is_still_a_picture() -> None:
    assert parts(columns([], {"Złożone": [], "Założone": []}), "line")
    assert bars([], []).endswith(b" />")
    assert len(parts(bars(["papier"], [0]), "rect")) == 1
