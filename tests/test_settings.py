"""Settings come from MEDCORE_* variables; a misspelt one is an error, and the README documents each."""

from dataclasses import fields
from pathlib import Path

import pytest

from medcore.errors import SettingsError
from medcore.settings import PREFIX, Settings

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def test_without_variables_everything_has_a_default() -> None:
    assert Settings.from_environment({}) == Settings()


def test_other_variables_are_none_of_our_business() -> None:
    assert Settings.from_environment({"PATH": "/bin", "MEDCOREX": "1"}) == Settings()


def test_a_variable_takes_the_type_of_its_setting() -> None:
    settings = Settings.from_environment(
        {"MEDCORE_DATA_DIR": "/x/y", "MEDCORE_THREADS": "3", "MEDCORE_DECODE_SECONDS": "2.5", "MEDCORE_DEVICE": "cpu"}
    )
    assert (settings.data_dir, settings.threads, settings.decode_seconds) == (Path("/x/y"), 3, 2.5)
    assert settings.device == "cpu"


def test_a_misspelt_setting_is_named_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="MEDCORE_DATADIR") as error:
        Settings.from_environment({"MEDCORE_DATADIR": "/x"})
    assert "MEDCORE_DATA_DIR" in error.value.hint.text()


def test_a_setting_with_choices_names_them_when_it_takes_another_value() -> None:
    assert Settings.from_environment({"MEDCORE_DATES": "shift"}).dates == "shift"
    with pytest.raises(SettingsError, match="MEDCORE_DATES") as error:
        Settings.from_environment({"MEDCORE_DATES": "blur"})
    assert "keep, shift, drop" in error.value.hint.text()


@pytest.mark.parametrize("text", ["many", "-1", "nan", "", "1e", "0x10"])
def test_a_value_that_is_no_sensible_number_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="MEDCORE_DECODE_SECONDS"):
        Settings.from_environment({"MEDCORE_DECODE_SECONDS": text})


def test_the_store_is_sqlite_in_the_data_folder_unless_a_database_is_named(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).store_url == f"sqlite:///{tmp_path / 'medcore.db'}"
    assert Settings(database_url="postgresql://db/medcore").store_url == "postgresql://db/medcore"


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda f: f.name)
def test_every_setting_is_explained_in_the_readme_with_its_own_help(setting: object) -> None:
    name = PREFIX + setting.name.upper()  # type: ignore[attr-defined]
    row = next((line for line in README.splitlines() if line.startswith(f"| `{name}`")), "")
    assert setting.metadata["help"] in row, f"README.md needs a row for {name}"  # type: ignore[attr-defined]
