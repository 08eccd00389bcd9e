"""The about page's door: versions, licences, the device, the data folder and what is kept there."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import medcore
from medcore.errors import N_, Message
from medcore.settings import Settings
from medcore.store.faults import disk_faults
from medcore.store.store import Store
from medcore.workbench.engine_opener import EngineOpener

SHOWN = ("streamlit", "torch", "torchvision", "numpy", "pydicom", "SimpleITK", "opencv-python-headless", "SQLAlchemy")
NVIDIA_DRIVER = Path("/proc/driver/nvidia/gpus")
LICENCE_LENGTH = 80  # a longer "License" field holds the whole text, not a name
OSI = "License :: "


@dataclass(frozen=True, slots=True)
class Licence:
    """An installed package and the licence it states ("" when it states none)."""

    package: str
    version: str
    licence: str


@dataclass(frozen=True, slots=True)
class Storage:
    """The data folder.

    Args:
        folder: Where it is.
        database: "sqlite", "postgresql" ...
        used_bytes: What the arrays take.
        free_bytes: What is left on its disk.
        studies: How many are stored.
    """

    folder: Path
    database: str
    used_bytes: int
    free_bytes: int
    studies: int


@dataclass(frozen=True, slots=True)
class About:
    """What runs here."""

    settings: Settings
    store: Store
    engine: EngineOpener

    def version(self) -> str:
        """MedCore's own version."""
        return medcore.__version__

    def versions(self) -> Mapping[str, str]:
        """Versions of MedCore, Python and the packages that matter most, by name; none of them is loaded for it."""
        found = {"MedCore": medcore.__version__, "Python": platform.python_version()}
        for name in SHOWN:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        return found

    def licences(self) -> tuple[Licence, ...]:
        """All installed packages with the licences they state, by name."""
        found = {}
        for distribution in metadata.distributions():
            name = distribution.metadata["Name"]
            if name:
                found[name.lower()] = Licence(name, distribution.version, stated_licence(distribution.metadata))
        return tuple(found[name] for name in sorted(found))

    def device(self) -> Message:
        """The device that networks run on; before the first run, what is known without loading torch."""
        engine = self.engine.opened
        if engine is not None:
            device = engine.device
            if device.memory_mb:
                return Message(
                    N_("{title} ({id}, {memory} GB)"),
                    {"title": device.title, "id": device.id, "memory": round(device.memory_mb / 1024, 1)},
                )
            return Message("{title} ({id})", {"title": device.title, "id": device.id})
        if self.settings.device != "auto":
            return Message(N_("{id}, as set; it is opened with the first analysis"), {"id": self.settings.device})
        if NVIDIA_DRIVER.is_dir():
            return Message(N_("A graphics card if it can be used; it is opened with the first analysis"))
        return Message(N_("The processor; no graphics card was found"))

    def storage(self) -> Storage:
        """Where the studies lie, and how much room is left.

        Raises:
            StoreError: The data folder cannot be read.
        """
        with disk_faults(self.store.folder):
            free = shutil.disk_usage(self.store.folder).free
        return Storage(
            folder=self.store.folder,
            database=self.store.backend,
            used_bytes=self.store.array_bytes(),
            free_bytes=free,
            studies=self.store.count_studies(),
        )

    def privacy(self) -> tuple[Message, ...]:
        """What is kept about a patient and what leaves this machine, as it is set up here."""
        where = (
            Message(N_("Studies are kept in {folder}, on this machine."), {"folder": str(self.store.folder)})
            if self.store.backend == "sqlite"
            else Message(
                N_("Pixels are kept in {folder}, what is known of the studies in the database server that was set up."),
                {"folder": str(self.store.folder)},
            )
        )
        return (
            where,
            Message(N_("Names, patient numbers and birth dates in DICOM files are not stored.")),
            Message(
                N_("A patient is known by a pseudonym that only the key file of this data folder can make again."),
            ),
            Message(N_("The title of a picture is its file name at first: rename it if it names a person.")),
            Message(N_("Deleting a study deletes its pixels, results and measurements at once.")),
            Message(N_("What was added, analysed, changed and deleted is written to an audit trail without names.")),
            Message(N_("Nothing is sent to anybody.")),
        )


def stated_licence(facts: metadata.PackageMetadata) -> str:
    """The licence that a package's metadata states: its expression, else its short name, else its classifiers.

    >>> from email.message import Message
    >>> facts = Message(); facts["Classifier"] = "License :: OSI Approved :: MIT License"
    >>> stated_licence(facts)
    'MIT License'
    """
    expression = facts.get_all("License-Expression") or []
    if expression:
        return str(expression[0])
    names = [text.split("::")[-1].strip() for text in facts.get_all("Classifier") or [] if text.startswith(OSI)]
    text = str((facts.get_all("License") or [""])[0]).strip()
    short = text if 0 < len(text) <= LICENCE_LENGTH and "\n" not in text and text != "UNKNOWN" else ""
    return short or ", ".join(names)
