"""What a picture may be called: the words of its file name that cannot name a person, and a short code."""

from __future__ import annotations

import re

from medcore.readers._words import CODES, WORDS

_SUBJECTS_TEXT = """
abnormal acute adult after atelectasis bacteria bacterial baseline before benign birads brats calcification cancer
case child chronic consolidation control covid cyst disease dislocation edema effusion emphysema example export
female im dicom fibrosis finding findings flu followup fracture fractured frame glioma hemorrhage hernia image img index
infiltrate infiltration ischemia label lesion lesions malignant male mask mass meningioma metastasis nodule
nodules none normal number oedema one opacity osteosarcoma outside page patient pediatric person phantom picture
pituitary placebo pleural pneumonia pneumothorax pre progression quiz rano recist response result sample seg
seven sick six slide small large flat round blurred sharp dark bright grey gray colour color left right
 stable stroke stack stage study subject test text thickening three timepoint train true
tuberculosis tumors two unknown valid validation virus viral visit volume vol four five eight nine ten zoom
"""
SUBJECTS = frozenset(_SUBJECTS_TEXT.split())
SPLIT = re.compile(r"[A-Za-z]+|\d+|[^\W\d_]+")  # letters, digits, and letters of other scripts
NUMBER = re.compile(r"0{0,4}\d{1,3}")  # no year, no date, no hospital number
MOST_WORDS = 8


def safe_title(text: str, code: str, *, fallback: str) -> str:
    """A title without anything that may be a name, a number of a patient or a date.

    Args:
        text: File name without folders and ending.
        code: A few letters that tell this picture from others; appended when a word was left out.
        fallback: What to call it when no word is left.

    >>> safe_title("chest", "K7QX", fallback="Picture")
    'chest'
    >>> safe_title("Doe_John_19510203_chest_02", "K7QX", fallback="Picture")
    'chest 02 K7QX'
    >>> safe_title("王小明", "K7QX", fallback="Picture")
    'Picture K7QX'
    """
    found = SPLIT.findall(text)
    kept = [word for word in found if is_safe(word)]
    if kept == found and found:
        return text
    if not any(len(word) > 1 and word[0].isalpha() for word in kept):
        kept = [fallback]
    return " ".join([*kept[:MOST_WORDS], code])


def is_safe(word: str) -> bool:
    """Whether a word is technical, a short number or a single letter."""
    known = word.lower() in WORDS or word.lower() in SUBJECTS or word.upper() in CODES
    return known or bool(NUMBER.fullmatch(word)) or (len(word) == 1 and word.isascii())
