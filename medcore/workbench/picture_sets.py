"""The sets of labelled pictures that can be trained and evaluated on: folders, uploads, and phantoms made here."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from medcore.errors import N_, CancelledError, DataSetError, MedcoreError, Message, StoreError, UnknownNameError
from medcore.exports.phantom_pictures import LABELS, write_phantom_pictures
from medcore.nn.training.recipe import EVERY, FIRST_LABEL, Source, source_from
from medcore.nn.training.sources import load_format
from medcore.nn.training.sources._tables import PICTURES, read_table
from medcore.settings import Settings

OWN = "pictures"  # folder within the data folder: uploads and phantoms
JOINED = "joined"  # folder within the data folder: links to sets of several roots that are trained on together
PHANTOMS = "phantom-chest"
TABLE = "index.csv"
DEPTH = 2  # levels below a root that are looked at
SHOWN_VALUES = 40
LABEL_COLUMNS = ("label", "class", "diagnosis", "finding", "target", "fractured", "kind", "nodule")
PATIENT_COLUMNS = ("patient", "patient_id", "patientid", "subject", "exam", "group")
SPLIT_COLUMNS = ("split", "part")
REPORTED = ("region", "age", "sex", "device", "site", "hospital", "hardware", "view", "plane", "side")
POSITIVE_WORDS = {"1", "true", "yes", "positive", "present", "pneumonia", "opacity", "fractured", "abnormal", "tumour"}
NAME = re.compile(r"[^0-9A-Za-z._-]+")

Progress = Callable[[float, Message], None]


@dataclass(frozen=True, slots=True)
class PictureSet:
    """One folder of labelled pictures.

    Args:
        id: Path below its root.
        root: Folder that a recipe's sources are below.
        format: Id of the adapter that reads it.
        own: It was uploaded or made here, so it may be deleted here.
    """

    id: str
    root: Path
    format: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class SetFacts:
    """What a set says about itself without a picture being opened.

    Args:
        form: Title of its form, for the catalogues.
        columns: Of its table; none without one.
        label: Column that holds the label.
        values: Of that column, or the classes, with how often they occur.
        patient: Column that names the patient, "" when nobody knows.
        split: Column that names the split, or "".
        reported: Columns to report by.
        positive: Values that are likely to mean "present".
        boxes: Whether boxes are drawn.
    """

    form: str
    columns: tuple[str, ...] = ()
    label: str = ""
    values: Mapping[str, int] = field(default_factory=dict)
    patient: str = ""
    split: str = ""
    reported: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    boxes: bool = False


@dataclass(frozen=True, slots=True)
class PictureSets:
    """All sets: those below the configured folder, and the own ones."""

    settings: Settings

    @property
    def own_root(self) -> Path:
        """Where uploads and phantoms are kept."""
        return self.settings.data_dir / OWN

    def list(self) -> tuple[PictureSet, ...]:
        """All sets, those of the configured folder first."""
        roots = dict.fromkeys((self.settings.pictures_dir, self.own_root))
        return tuple(found for root in roots for found in _below(root, own=root == self.own_root))

    def get(self, name: str) -> PictureSet:
        """The set of this id.

        Raises:
            UnknownNameError: There is none.
        """
        for one in self.list():
            if one.id == name:
                return one
        raise UnknownNameError(
            N_("There is no “{name}” among: {known}."), name=name, known=", ".join(one.id for one in self.list()) or "–"
        )

    def together(self, sets: Sequence[PictureSet]) -> Path:
        """One folder that all these sets are below: their own, or one of links to them where they lie apart.

        Raises:
            StoreError: The links cannot be made.
        """
        if len({one.root for one in sets}) == 1:
            return sets[0].root
        named = sorted({(one.id, str((one.root / one.id).resolve())) for one in sets})
        folder = self.settings.data_dir / JOINED / hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]
        try:
            for name, place in named:
                link = folder / name
                link.parent.mkdir(parents=True, exist_ok=True)
                if not link.is_symlink():
                    link.symlink_to(place, target_is_directory=True)
        except OSError as error:
            raise StoreError(N_("{path} cannot be written."), path=str(folder)) from error
        return folder

    def facts(self, chosen: PictureSet, label: str = "") -> SetFacts:
        """What the set says about itself; `label` is the column to count.

        Raises:
            DataSetError: Its table cannot be used.
        """
        folder = chosen.root / chosen.id
        form = load_format(chosen.format).title
        if chosen.format in ("table", "dicom"):
            return _table_facts(folder, form, label)
        values = _classes(chosen, folder)
        return SetFacts(
            form=form,
            values=values,
            positive=_positive(values) if len(values) > 1 else tuple(values),
            boxes=chosen.format in ("coco", "yolo", "masks"),
        )

    def make_phantoms(self, progress: Progress, *, cancelled: Callable[[], bool] = lambda: False) -> PictureSet:
        """Compute the phantom radiographs, unless they are there already.

        Raises:
            CancelledError: `cancelled` became true.
            StoreError: The disk is full.
        """

        def tell(done: int, total: int) -> None:
            if cancelled():
                raise CancelledError(N_("Stopped."))
            progress(done / total, Message(N_("{done} of {total} phantoms"), {"done": done, "total": total}))

        folder = self.own_root / PHANTOMS
        if not folder.is_dir():
            try:
                write_phantom_pictures(folder, tell=tell)
            except OSError as error:
                raise StoreError(N_("{path} cannot be written."), path=str(folder)) from error
        return PictureSet(PHANTOMS, self.own_root, "table", own=True)

    def add(self, name: str, file: Path) -> PictureSet:
        """Keep an uploaded zip of pictures, or a MedMNIST file, as a set of its own.

        Raises:
            DataSetError: It holds nothing that can be trained on, or too much.
            StoreError: The disk is full.
        """
        stem = NAME.sub("-", PurePosixPath(name.replace("\\", "/")).stem).strip("-.") or "upload"
        folder = self._free(stem)
        fresh = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            fresh.mkdir(parents=True)
            if name.lower().endswith(".npz"):
                shutil.copyfile(file, fresh / f"{stem}.npz")
            else:
                _unpack(file, fresh, self.settings)
            inside = _only_folder(fresh)
            if _format_of(inside) is None:
                raise DataSetError(
                    N_("“{name}” holds no labelled pictures."),
                    hint=N_("It needs a folder per class, a table index.csv, or images beside masks or boxes."),
                    name=name,
                )
            inside.rename(folder)
        except OSError as error:
            raise StoreError(N_("{path} cannot be written."), path=str(folder)) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return self.get(folder.name)

    def delete(self, chosen: PictureSet) -> None:
        """Delete an own set; others are left alone."""
        if chosen.own:
            shutil.rmtree(self.own_root / chosen.id, ignore_errors=True)

    def _free(self, stem: str) -> Path:
        """A folder that is not there yet."""
        taken = {one.id for one in self.list()}
        names = [stem, *(f"{stem}-{i}" for i in range(2, 1000))]
        return self.own_root / next(name for name in names if name not in taken and not (self.own_root / name).exists())


def source_of(
    chosen: PictureSet,
    facts: SetFacts,
    *,
    positive: Sequence[str],
    label: str = "",
    patient: str | None = None,
    columns: Sequence[str] | None = None,
) -> Source:
    """The recipe's source of a set; what is left out is as the set suggests."""
    tabled = bool(facts.columns)
    return source_from(
        {
            "name": chosen.id.rpartition("/")[2],
            "folder": chosen.id,
            "format": chosen.format,
            "column": label or facts.label or "label",
            "positive": {FIRST_LABEL: tuple(positive) or (EVERY,)},
            "group": (facts.patient if patient is None else patient) if tabled else "",
            "split": facts.split if tabled else "",
            "columns": tuple(facts.reported if columns is None else columns) if tabled else (),
            "weight": 1.0,
        }
    )


def _below(root: Path, *, own: bool) -> list[PictureSet]:
    if not root.is_dir():
        return []
    found = []
    waiting = [(path, 1) for path in _folders(root)]
    for path, depth in waiting:
        kind = _format_of(path)
        if kind is not None:
            found.append(PictureSet(path.relative_to(root).as_posix(), root, kind, own))
        elif depth < DEPTH:
            waiting += [(below, depth + 1) for below in _folders(path)]
    return sorted(found, key=lambda one: one.id)


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        return []


def _format_of(folder: Path) -> str | None:
    """The adapter that reads a folder; None when it holds nothing labelled."""
    if (folder / TABLE).is_file():
        return _table_format(folder)
    if (folder / "annotations.json").is_file():
        return "coco"
    for beside, kind in (("masks", "masks"), ("labels", "yolo")):
        if (folder / "images").is_dir() and (folder / beside).is_dir():
            return kind
    if any(folder.glob("*.npz")):
        return "medmnist"
    classes = [below for below in _folders(folder) if any(p.suffix.lower() in PICTURES for p in below.iterdir())]
    if len(classes) > 1:
        return "folders"
    parts = [below for below in _folders(folder) if below.name.lower() in ("train", "val", "validation", "test")]
    return "folders" if len(parts) > 1 and all(_format_of(part) == "folders" for part in parts) else None


def _table_format(folder: Path) -> str | None:
    try:
        first = read_table(folder / TABLE)[0]
    except MedcoreError:
        return None
    file = first.get("file", "")
    if not file:
        return None
    return "table" if PurePosixPath(file).suffix.lower() in PICTURES else "dicom"


def _table_facts(folder: Path, form: str, label: str) -> SetFacts:
    rows = read_table(folder / TABLE)
    columns = tuple(rows[0])
    lower = {name.lower(): name for name in columns}
    guess = next((lower[name] for name in LABEL_COLUMNS if name in lower), columns[-1])
    label = label if label in columns else guess
    values = Counter(row[label] for row in rows)
    most = dict(values.most_common(SHOWN_VALUES))
    return SetFacts(
        form=form,
        columns=columns,
        label=label,
        values=most,
        patient=next((lower[name] for name in PATIENT_COLUMNS if name in lower), ""),
        split=next((lower[name] for name in SPLIT_COLUMNS if name in lower), ""),
        reported=tuple(lower[name] for name in REPORTED if name in lower and lower[name] != label),
        positive=_positive(most),
        boxes=(folder / "boxes.csv").is_file(),
    )


def _classes(chosen: PictureSet, folder: Path) -> dict[str, int]:
    """Classes of a set without a table; their answers are not asked for yet."""
    source = Source(name=chosen.id, folder=chosen.id, format=chosen.format, positive={FIRST_LABEL: (EVERY,)})
    cases = load_format(chosen.format).cases(source, folder, ("finding",))
    if chosen.format in ("folders", "medmnist"):
        return dict(sorted(Counter(case.columns["class"] for case in cases).items()))
    return {EVERY: sum(case.truth[0] for case in cases)}


def _positive(values: Mapping[str, int]) -> tuple[str, ...]:
    """What is likely to mean "present": a word that says so, else the rarest value."""
    known = tuple(value for value in values if value.lower() in {*POSITIVE_WORDS, LABELS[True]})
    return known or tuple(sorted(values, key=values.__getitem__)[:1])


def _unpack(file: Path, folder: Path, settings: Settings) -> None:
    """Unpack the pictures and tables of a zip within the limits; names that lead out of the folder are refused."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            size = sum(entry.file_size for entry in entries)
            if len(entries) > settings.zip_max_entries or size > settings.zip_max_total_mb << 20:
                raise DataSetError(
                    N_("The zip would unpack to {count} files of {size} MB together, which is more than is allowed."),
                    hint=N_("Send it in parts, or raise MEDCORE_ZIP_MAX_ENTRIES and MEDCORE_ZIP_MAX_TOTAL_MB."),
                    count=len(entries),
                    size=size >> 20,
                )
            for entry in entries:
                path = PurePosixPath(entry.filename.replace("\\", "/"))
                if path.is_absolute() or ".." in path.parts or path.parts[0] == "__MACOSX":
                    continue
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as packed, target.open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise DataSetError(N_("The zip cannot be unpacked ({reason})."), reason=str(error)) from error


def _only_folder(folder: Path) -> Path:
    """The folder itself, or the single folder in which everything lies."""
    inside = list(folder.iterdir())
    return _only_folder(inside[0]) if len(inside) == 1 and inside[0].is_dir() else folder
