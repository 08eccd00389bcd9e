"""The report of a response: one file, nothing from outside, texts escaped, pictures in it."""

import base64
import io

import numpy as np
from PIL import Image

from medcore.exports.response_report import KeyImage, Report, Table, report_html


def test_the_report_holds_its_pictures_and_escapes_what_was_typed() -> None:
    outline = np.zeros((20, 30), dtype=bool)
    outline[5, 5:10] = True
    image = KeyImage(np.full((20, 30), 0.5, np.float32), outline, 2.0, "T0 <b>")
    report = Report(
        "zh-CN", "T", "RECIST 1.1: PR", ["<script>"], Table(["a"], [["1"]]), Table(["b"], []), {"L1": [image]}, [], {}
    )
    html = report_html(report, lambda text: text.upper())
    assert "<script>" not in html and "&lt;script&gt;" in html and "T0 &lt;b&gt;" in html
    assert 'lang="zh-CN"' in html and "NOT A MEDICAL DEVICE" in html
    assert "http:" not in html and "https:" not in html and 'src="data:image/jpeg;base64,' in html
    picture = Image.open(io.BytesIO(base64.b64decode(image.source.partition(",")[2])))
    assert picture.size == (315, 420), "a pixel twice as high as wide is drawn so"
