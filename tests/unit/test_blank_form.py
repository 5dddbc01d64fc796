"""The blank form BOK-27: what a pen needs."""

from datetime import date

import pypdfium2
import pytest

from ibok_idp.texts import LANGUAGES
from provisioning.adapters.pdf import blank_form
from provisioning.form.catalogue import current_form
from tests.support.letters import UTILITY

APART = 6  # points between a label and the line to write on


@pytest.mark.parametrize("language", LANGUAGES)
def test_s1_no_label_touches_the_line_beside_it(language: str) -> None:
    found = 0
    with pypdfium2.PdfDocument(blank_form(current_form(date(2026, 12, 1)), UTILITY, language)) as pdf:
        for page in pdf:
            text = page.get_textpage()
            labels = [text.get_rect(number) for number in range(text.count_rects())]
            for line in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_PATH]):
                left, bottom, right, top = line.get_bounds()
                if right - left < 100 or top - bottom > 2:
                    continue  # a box to tick
                beside = [each for each in labels if each[0] < left and each[1] - APART <= bottom <= each[3]]
                found += len(beside)
                assert all(label[2] + APART <= left for label in beside), (left, beside)
    assert found > 10
