"""The about page gets versions, licences, the device and the data folder, without loading what it names."""

from dataclasses import replace
from email.message import Message as Facts
from types import SimpleNamespace

import pytest

from medcore.engine import Device
from medcore.settings import Settings
from medcore.workbench.about import stated_licence
from medcore.workbench.studies import uploaded
from medcore.workbench.workbench import Workbench
from tests.workbench.test_studies import png


def test_versions_name_what_matters(workbench: Workbench) -> None:
    versions = workbench.about.versions()
    assert list(versions)[:2] == ["MedCore", "Python"]
    assert versions["MedCore"] == workbench.about.version()
    assert {"torch", "pydicom", "numpy"} <= set(versions)


def test_licences_of_all_packages_are_listed_and_none_forbids_our_use(workbench: Workbench) -> None:
    licences = workbench.about.licences()
    names = [entry.package.lower() for entry in licences]
    assert names == sorted(set(names))
    assert {"numpy", "torch", "sqlalchemy"} <= set(names)
    required = {"numpy", "torch", "pydicom", "sqlalchemy", "alembic", "streamlit", "typer", "opencv-python-headless"}
    stated = {entry.package.lower(): entry.licence for entry in licences if entry.package.lower() in required}
    assert all(stated.values()), stated
    assert not [text for text in stated.values() if "GPL" in text], stated


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License-Expression": "BSD-3-Clause", "License": "x"}, "BSD-3-Clause"),
        ({"License": "MIT"}, "MIT"),
        ({"License": "Permission is\ngranted", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT License"),
        ({"License": "UNKNOWN"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_licence_is_found_wherever_a_package_states_it(fields: dict[str, str], licence: str) -> None:
    facts = Facts()
    for name, value in fields.items():
        facts[name] = value
    assert stated_licence(facts) == licence  # type: ignore[arg-type]


def test_the_device_is_named_once_the_engine_is_open(workbench: Workbench, settings: Settings) -> None:
    about = workbench.about
    assert "first analysis" in about.device().text() or "processor" in about.device().text()
    chosen = replace(about, settings=replace(settings, device="cuda:1"))
    assert chosen.device().text().startswith("cuda:1")
    opened = replace(about, engine=SimpleNamespace(opened=SimpleNamespace(device=Device("cuda:0", "H100", 81920))))
    assert opened.device().text() == "H100 (cuda:0, 80.0 GB)"
    opened = replace(about, engine=SimpleNamespace(opened=SimpleNamespace(device=Device("cpu", "CPU, 4 threads", 0))))
    assert opened.device().text() == "CPU, 4 threads (cpu)"


def test_the_storage_grows_with_what_is_stored(workbench: Workbench, settings: Settings) -> None:
    before = workbench.about.storage()
    workbench.studies.add([uploaded("a.png", png())])
    after = workbench.about.storage()
    assert (before.studies, after.studies, before.used_bytes) == (0, 1, 0)
    assert after.used_bytes >= 20 * 30
    assert after.free_bytes > 0
    assert (after.folder, after.database) == (settings.data_dir, "sqlite")


def test_privacy_says_where_studies_are_and_what_is_not_kept(workbench: Workbench, settings: Settings) -> None:
    text = " ".join(message.text() for message in workbench.about.privacy())
    assert str(settings.data_dir) in text
    assert "not stored" in text
    assert "Nothing is sent" in text
