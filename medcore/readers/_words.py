"""A neutral name for a scan: a series description is free text and may hold a name, so only known words pass."""

from __future__ import annotations

import re
from typing import Any

from medcore.readers import Label

_WORDS_TEXT = """
2d 3d 4d abd abdomen abdominal ac adc angio ankle aorta ap arm arterial ascending asl ax axial axl bilat
bilateral bone brain breast c c+ cardiac carotid cc cerebral cervical chest cine clavicle contrast cor coronal
coronary corrected cr cspine ct cta ctac deep delay delayed diffusion dix dixon dti dual dwi dx dynamic early
echo elbow enhanced ep2d epi expiration fast fat femoral femur fgre field fiesta filter finger fl2d fl3d flair
flash foot forearm frontal fs fse fspgr gd ge gre hand hard haste head heart hip hires hr hrct humerus in
inspiration iso isotropic iv kidney knee lat late lateral left leg liver loc localiser localization localizer
lower lspine lumbar lung lungs mammo mammography map mediastinum medium mip mlo moco mpr mprage mr mra mrcp mri
nac native nc neck nm no non noncontrast obl oblique opp orbit original out pa pancreas parenchyma pd pelvis
perfusion pet phase plain pons portable portal post postcontrast posterior pre precontrast prone prostate proton
pt qc radiograph recon reformat ribs right sag sagittal scan scout se segmentation series sharp shoulder sinus
skull slab slice slices small smooth soft space spgr spin spine spiral spleen standard stir supine survey suv
swi t1 t1w t2 t2star t2w tfe thick thin thoracic thorax tibia tissue toe tof topogram tra trace transverse trufi
tse tumor tumour turbo ultrafast ultrasound unenhanced upper us venous vibe view volume w water wb weighted
whole with without wo wrist x-ray xr xray
"""
WORDS = frozenset(_WORDS_TEXT.split())
_CODES_TEXT = """
ABDOMEN ANKLE AORTA AP ARM BLADDER BRAIN BREAST CALCANEUS CAP CAROTID CC CHEST CLAVICLE COLON CORONARY CSPINE
EAR ELBOW ESOPHAGUS EXTREMITY EYE FB FEMUR FIBULA FINGER FOOT HAND HEAD HEART HIP HUMERUS ISO JAW KIDNEY KNEE
LAT LATERAL LEG LIVER LL LLD LLO LM LSPINE LUNG MANDIBLE MAXILLA ML MLO NECK ORBIT OVARY PA PELVIS PHANTOM
PROSTATE RADIUS RIB RIBS RL RLD RLO SCALP SHOULDER SINUS SIO SKULL SPINE SSPINE STOMACH TAP THORAX THUMB THYROID
TIBIA TOE TRUNK TSPINE ULNA UTERUS WHOLEBODY WRIST XCCL
"""
CODES = frozenset(_CODES_TEXT.split())
WORD = re.compile(r"[^\W_]+")
PEOPLE_TAGS = frozenset({0x00080050, 0x00080080, 0x00081010, 0x00081040, 0x00100020, 0x00101000})  # ids, institution
TOKEN = re.compile(r"[A-Za-z0-9+.*-]+")
MEASURE = re.compile(
    r"[+-]?\d{1,3}(\.\d{1,3})?|\d{1,4}(\.\d{1,3})?(mm|cm|s|ms|kv|kvp|t|hu|b|x\d{1,3})"
)  # no year, no date
KERNEL_NAME = re.compile(
    r"[A-Z][A-Za-z]?\d{1,3}[a-z]{0,2}(\^\d)?|\d|FC\d{2}|Y?[A-E]|STANDARD|STD|BONE|BONEPLUS|LUNG|DETAIL|SOFT|EDGE"
    r"|ULTRA|CHST|ORTHO|SHARP|SMOOTH|MEDIUM"
)
KERNEL = re.compile(r"[a-z]\d{1,2}[a-z]?")


def safe_description(text: str) -> str:
    """The description if every word of it is a known technical word or a short number, else ""."""
    words = TOKEN.findall(text.replace("_", " ").replace("/", " "))
    if not words or len(text) > 64:
        return ""
    known = all(
        word.lower() in WORDS or MEASURE.fullmatch(word.lower()) or KERNEL.fullmatch(word.lower()) for word in words
    )
    has_word = any(word.lower() in WORDS for word in words)
    return " ".join(words) if known and has_word else ""


def volume_name(label: Label, plane: str, slices: int) -> str:
    """What to call a scan, without a word that the file's author typed freely.

    >>> volume_name(Label("CT", body_part="CHEST"), "axial", 16)
    'CT chest axial, 16 slices'
    """
    if label.description:
        repeats = label.modality.lower() in label.description.lower().split()
        parts = [label.description] if repeats else [label.modality, label.description]
    else:
        parts = [label.modality or "DICOM", label.body_part.lower(), plane if slices > 1 else label.view]
    name = " ".join(part for part in parts if part)
    return f"{name}, {slices} slices" if slices > 1 else name


def names_of_people(dataset: Any) -> frozenset[str]:
    """Every word of the header that may name the patient, a physician or the hospital, in small letters."""
    found: set[str] = set()
    for element in dataset:
        if element.VR == "PN" or element.tag in PEOPLE_TAGS:
            found |= {word for word in WORD.findall(str(element.value).lower()) if len(word) > 2}
    return frozenset(found - WORDS)


def safe_label(text: str, people: frozenset[str]) -> str:
    """The name of a drawn region, unless a word or number of it may name a person; then ""."""
    label = re.sub(r"[^\w .,+()/-]", " ", text).strip()[:64]
    words = WORD.findall(label.replace("_", " ").lower())
    named = "^" in text or any(word in people for word in words) or bool(re.search(r"\d{5}", label))
    return "" if named else " ".join(label.split())


def is_kernel(text: str) -> bool:
    """Whether a Convolution Kernel is one as scanners name them ("B30f", "STANDARD"); it is free text otherwise."""
    return bool(KERNEL_NAME.fullmatch(text.strip()))


def safe_code(text: str) -> str:
    """A body part or view in capitals if it looks like a code, else ""."""
    text = text.upper().strip()
    words = re.findall(r"[A-Z0-9]+", text)
    return text if len(text) <= 16 and all(w.lower() in WORDS or w in CODES for w in words) and words else ""
