"""The catalogues hold every text of the program, translated, with the placeholders of the original."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from medcore import errors
from medcore.errors import MedcoreError
from medcore.language import LANGUAGES, best_language, card_texts, catalogue, translator

ROOT = Path(__file__).resolve().parent.parent
WORDS = re.compile(r"(?<![:_/.\w-])[A-Z]?[a-z]{3,}[ ,.…]|^[A-Z][a-z]{2,}$")  # prose, not ids, icons, CSS or file names
SHOWN_BY_STREAMLIT = {
    *("write", "markdown", "caption", "title", "header", "subheader", "text", "info", "warning", "error", "success"),
    *("button", "download_button", "link_button", "page_link", "form_submit_button", "checkbox", "toggle", "radio"),
    *("selectbox", "multiselect", "pills", "segmented_control", "slider", "number_input", "text_input", "text_area"),
    *("file_uploader", "expander", "popover", "tabs", "metric", "toast", "spinner", "status", "progress", "dialog"),
}
TRANSLATED = [language for language in LANGUAGES if language != "en"]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every text the code and the cards hold now, collected just as `make words` does."""
    path = tmp_path_factory.mktemp("words") / "medcore.pot"
    options = ["--mapping=pyproject.toml", "--no-default-keywords", "--keywords=N_ t", f"--output-file={path}"]
    command = ["pybabel", "--quiet", "extract", *options, "medcore", "pages", "models", "docs/published"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        CommandLineInterface().run(command)
    return read(path)


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def texts(catalog: Catalog) -> Iterator[str]:
    return (str(entry.id) for entry in catalog if entry.id)


def placeholders(text: str) -> list[tuple[str, str, str]]:
    return sorted((name, spec or "", mark or "") for _, name, spec, mark in Formatter().parse(text) if name is not None)


def test_every_language_has_a_catalogue() -> None:
    assert all(catalogue(language).is_file() for language in LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_the_texts_of_the_code_and_no_others(words: Catalog, language: str) -> None:
    written = set(texts(read(catalogue(language))))
    assert written == set(texts(words)), "run `make words`"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_none_is_a_guess(words: Catalog, language: str) -> None:
    entries = {str(entry.id): entry for entry in read(catalogue(language)) if entry.id}
    missing = [text for text in texts(words) if text not in entries or not entries[text].string]
    assert not missing, f"{len(missing)} texts without translation: {missing[:5]}"
    assert not [text for text, entry in entries.items() if entry.fuzzy]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_original(language: str) -> None:
    for entry in read(catalogue(language)):
        if entry.id and entry.string:
            assert placeholders(str(entry.string)) == placeholders(str(entry.id)), entry.id


def test_placeholders_have_names_so_that_translations_may_reorder_them(words: Catalog) -> None:
    assert not [text for text in texts(words) if any(not name.isidentifier() for name, *_ in placeholders(text))]


def test_a_text_is_looked_up_in_the_chosen_language() -> None:
    error = MedcoreError("There is no setting {name}.", name="MEDCORE_X")
    assert error.message.text(translator("zh_CN")) != error.message.text()
    assert "MEDCORE_X" in error.message.text(translator("zh_CN"))


def test_an_unknown_language_or_text_stays_english() -> None:
    assert translator("tlh")("There is no setting {name}.") == "There is no setting {name}."
    assert translator("zh_CN")("never seen before") == "never seen before"


@pytest.mark.parametrize(
    ("preferred", "best"),
    [
        ("zh", "zh_CN"),
        ("zh-CN", "zh_CN"),
        ("zh_Hans", "zh_CN"),
        ("zh-Hans-SG", "zh_CN"),
        ("zh_CN.UTF-8", "zh_CN"),
        ("ZH-cn", "zh_CN"),
        ("en-GB", "en"),
        ("C.UTF-8", "en"),
        ("", "en"),
        ("fr", "en"),
    ],
)
def test_the_language_of_a_browser_or_shell_is_recognised(preferred: str, best: str) -> None:
    assert best_language(preferred) == best


def test_the_texts_of_a_card_are_those_that_people_read() -> None:
    table = {"title": "A", "summary": "B", "limits": ["C", "D"], "sha256": "x", "labels": [{"id": "i", "title": "E"}]}
    assert list(card_texts(table)) == ["A", "B", "C", "D", "E"]


def calls(*folders: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call in the Python files of these folders, with where it stands."""
    for file in (file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def receiver(call: ast.Call) -> str:
    return getattr(getattr(call.func, "value", None), "id", "")


def is_bare_text(node: ast.expr) -> bool:
    """A literal or an f-string with words in it, not wrapped in N_() or t()."""
    if isinstance(node, ast.JoinedStr):
        return any(is_bare_text(part) for part in node.values)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(WORDS.search(node.value))


def test_every_sentence_of_an_error_or_message_is_marked_for_translation() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, MedcoreError)}
    bare = []
    for place, call in calls("medcore", "pages"):
        if name_of(call) in kinds | {"Message"}:
            said = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "hint")]
            bare += [place for node in said if is_bare_text(node)]
    assert not bare


def test_what_is_translated_is_a_plain_text_and_never_an_f_string() -> None:
    marks = [(place, call) for place, call in calls("medcore", "pages") if name_of(call) in {"N_", "t"}]
    assert not [place for place, call in marks if call.args and isinstance(call.args[0], ast.JoinedStr | ast.BinOp)]


def test_no_marked_text_stands_where_the_collector_does_not_look(words: Catalog) -> None:
    """Babel does not look into f-strings."""
    marks = [(place, call) for place, call in calls("medcore", "pages") if name_of(call) in {"N_", "t"}]
    literal = [
        (place, call.args[0].value) for place, call in marks if call.args and isinstance(call.args[0], ast.Constant)
    ]
    assert not [place for place, text in literal if text not in words]


def test_no_page_shows_a_text_that_is_not_translated() -> None:
    shown = [(p, call) for p, call in calls("pages") if name_of(call) in SHOWN_BY_STREAMLIT and receiver(call) != "log"]
    texts = {"help", "placeholder", "label", "body", "text", "title", "page_title"}
    bare = []
    for place, call in shown:
        said = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg in texts)]
        bare += [place for node in said if is_bare_text(node)]
    assert not bare
