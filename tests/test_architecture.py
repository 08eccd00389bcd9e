"""The house rules of ARCHITECTURE.md, checked on every import of every file, also those inside functions."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

# Room: (floor, heavy packages it may import). A room imports rooms of lower floors only; a decimal is a step within a
# floor where one room needs another: readers report Issues (records), intake calls readers.
ROOMS: dict[str, tuple[float, set[str]]] = {
    "errors": (0, set()),
    "language": (0, {"babel"}),
    "logs": (0, set()),
    "volume": (1, {"numpy"}),
    "registry": (1, set()),
    "settings": (1, set()),
    "wire": (1.1, {"numpy"}),
    "sandbox": (1.2, {"numpy"}),
    "records": (2, {"numpy"}),
    "predictions": (2.05, {"numpy"}),
    "recipes": (2, set()),
    "readers": (2.1, {"numpy", "isal", "pydicom", "nibabel", "nrrd", "PIL", "cv2", "SimpleITK"}),
    "intake": (2.2, {"numpy"}),
    "imaging": (3, {"numpy", "scipy", "SimpleITK", "skimage", "cv2", "pytesseract"}),
    "deidentify": (3, {"numpy", "pydicom", "dicomanonymizer"}),
    "cards": (3, set()),
    "store": (3, {"numpy", "sqlalchemy", "alembic"}),
    "criteria": (3, {"numpy", "scipy"}),
    "engine": (4, {"numpy"}),
    "tasks": (4.1, {"numpy", "scipy"}),
    "evaluation": (4.1, {"numpy", "scipy", "sklearn"}),
    "comparison": (4.1, {"numpy", "scipy"}),
    "exports": (4.1, {"numpy", "pydicom", "highdicom", "nibabel", "nrrd", "SimpleITK", "jinja2", "PIL", "reportlab"}),
    "analysis": (4.2, {"numpy"}),
    "nn": (5, {"numpy", "torch", "torchvision", "captum", "monai", "safetensors", "cv2", "lightning_fabric"}),
    "workbench": (6, {"numpy"}),
    "shell": (7, {"typer", "rich", "numpy"}),
    "__main__": (7.1, {"typer", "rich"}),
}
TOP = {"app", "pages"}
OPEN_TO_PAGES = {"workbench", "records", "predictions", "recipes", "volume", "errors", "language", "cards"}
STATE = Path("pages/ui/state.py")  # opens the workbench, so it alone also reads the settings
PAGE_PACKAGES = {"streamlit", "plotly", "pandas", "numpy", "starlette", "anyio"}
OWN_READER = {"nibabel": "nifti", "nrrd": "nrrd", "PIL": "picture"}
DISTRIBUTIONS = {
    "dicomanonymizer": "dicom-anonymizer",
    "PIL": "Pillow",
    "cv2": "opencv-python-headless",
    "sklearn": "scikit-learn",
    "lightning_fabric": "lightning-fabric",
    "nrrd": "pynrrd",
    "skimage": "scikit-image",
}
COME_WITH_STREAMLIT = {"starlette", "anyio"}
CATALOGUES = {
    "medcore/tasks": "TASK",
    "medcore/criteria": "CRITERION",
    "medcore/readers": "READER",
    "medcore/imaging/steps": "STEP",
    "medcore/imaging/regions": "REGION",
    "medcore/imaging/quality": "CHECK",
    "medcore/nn/networks": "NETWORK",
    "medcore/nn/explainers": "EXPLAINER",
    "medcore/nn/training/sources": "SOURCE",
}


def code_files() -> list[Path]:
    """Every Python file of the program (not the tests)."""
    files = [ROOT / "app.py", *ROOT.glob("medcore/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("benchmarks/*.py")]
    return sorted(file.relative_to(ROOT) for file in files if file.exists())


def program_files() -> list[Path]:
    return [file for file in code_files() if file.parts[0] != "benchmarks"]


def plugins() -> list[Path]:
    return [f for f in code_files() if f.parent.as_posix() in CATALOGUES and not f.name.startswith("_")]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def module_name(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(file: Path) -> tuple[str, ...]:
    """Every module a file imports, at the top, inside functions and under TYPE_CHECKING, by its full name."""
    return tuple(dict.fromkeys(_imports(file)))


def _imports(file: Path) -> Iterator[str]:
    known = {module_name(other) for other in code_files()}
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} relative import"
            assert node.module is not None
            # `from medcore.store import schema` imports a module; `from medcore.store import Store` a name of one.
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in inner)


def room(module: str) -> str:
    parts = module.split(".")
    return parts[0] if parts[0] in TOP or len(parts) == 1 else parts[1]


def floor(module: str) -> float:
    name = room(module)
    return 7.2 if name in TOP else 8 if module.startswith("benchmarks") else ROOMS[name][0]


def own(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in {"medcore", *TOP}


@pytest.mark.parametrize("file", program_files(), ids=str)
def test_a_file_imports_only_from_floors_below_its_own(file: Path) -> None:
    if file == Path("medcore/__init__.py"):
        assert not imports(file)
        return
    here = module_name(file)
    wrong = [
        other
        for other in imports(file)
        if own(other) and other != "medcore" and room(other) != room(here) and floor(other) >= floor(here)
    ]
    if room(here) in TOP:
        wrong = [other for other in wrong if room(other) not in TOP]
    assert not wrong, f"{file} (floor {floor(here)}) imports {wrong}"


@pytest.mark.parametrize("file", program_files(), ids=str)
def test_a_room_imports_only_the_heavy_packages_of_its_row(file: Path) -> None:
    here = module_name(file)
    allowed = PAGE_PACKAGES if room(here) in TOP else set() if here == "medcore" else ROOMS[room(here)][1]
    packages = {other.split(".")[0] for other in imports(file) if not own(other)}
    wrong = packages - allowed - sys.stdlib_module_names
    assert not wrong, f"{file} imports {sorted(wrong)}; its row allows {sorted(allowed)}"


@pytest.mark.parametrize("file", [f for f in program_files() if f.parts[:2] == ("medcore", "readers")], ids=str)
def test_a_decoder_library_stays_in_its_own_reader(file: Path) -> None:
    if file.name.startswith("_"):
        return  # what the formats share: loading the decoders early, reduced-resolution previews
    for package, reader in OWN_READER.items():
        if package in {other.split(".")[0] for other in imports(file)}:
            assert reader in file.stem, f"{file} imports {package}, which belongs to readers/{reader}.py"


def test_every_imported_package_is_named_in_the_requirements() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = {re.split(r"[<>=\[;]", line)[0].strip().lower() for line in lines if line and not line.startswith("#")}
    imported = {other.split(".")[0] for file in program_files() for other in imports(file) if not own(other)}
    missing = {DISTRIBUTIONS.get(name, name).lower() for name in imported - sys.stdlib_module_names} - named
    assert missing <= COME_WITH_STREAMLIT, missing


def test_no_import_goes_in_a_circle() -> None:
    graph = {module_name(file): {o for o in imports(file) if own(o)} - {module_name(file)} for file in code_files()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"import circle: {' -> '.join(error.args[1])}")


def test_every_room_has_a_floor_in_the_table_of_the_architecture_document() -> None:
    rooms = {room(module_name(file)) for file in program_files() if len(file.parts) > 1 and file.parts[0] == "medcore"}
    rooms -= {"medcore"}  # medcore/__init__.py
    table = "".join(line for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines() if line.startswith("| "))
    assert {name for name in rooms if name not in ROOMS or f"`{name}`" not in table} == set()


def test_torch_stays_in_its_room() -> None:
    torch = {"torch", "torchvision", "captum", "monai"}
    for file in program_files():
        if file.parts[:2] != ("medcore", "nn"):
            assert not torch & {other.split(".")[0] for other in imports(file)}, file


@pytest.mark.parametrize("file", [f for f in program_files() if f.parts[0] in {"pages", "app.py"}], ids=str)
def test_pages_enter_medcore_through_the_workbench_and_plain_records(file: Path) -> None:
    open_rooms = OPEN_TO_PAGES | ({"settings"} if file == STATE else set())
    wrong = [other for other in imports(file) if other.startswith("medcore.") and room(other) not in open_rooms]
    assert not wrong, f"{file} imports {wrong}"
    froms = [node for node in ast.walk(tree(file)) if isinstance(node, ast.ImportFrom) and node.module]
    names = [alias.name for node in froms if node.module == "medcore.cards" for alias in node.names]
    assert all(name[0].isupper() for name in names), f"{file}: of medcore.cards only the records, not {names}"


@pytest.mark.parametrize("file", plugins(), ids=str)
def test_plugins_of_one_folder_never_import_each_other(file: Path) -> None:
    siblings = {module_name(other) for other in plugins() if other.parent == file.parent}
    assert not siblings & set(imports(file))


@pytest.mark.parametrize("file", plugins(), ids=str)
def test_the_last_statement_of_a_catalogue_entry_is_its_constant(file: Path) -> None:
    constant = CATALOGUES[file.parent.as_posix()]
    last = tree(file).body[-1]
    targets = last.targets if isinstance(last, ast.Assign) else [getattr(last, "target", None)]
    assert [getattr(target, "id", None) for target in targets] == [constant]


@pytest.mark.parametrize("file", [f for f in program_files() if f.parts[0] in {"pages", "app.py"}], ids=str)
def test_only_state_py_touches_session_keys_and_caches(file: Path) -> None:
    if file == STATE:
        return
    names = {node.attr for node in ast.walk(tree(file)) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree(file)) if isinstance(node, ast.Name)}
    assert not names & {"session_state", "cache_resource", "cache_data"}


@pytest.mark.parametrize("file", code_files(), ids=str)
def test_a_module_opens_with_one_sentence_saying_what_it_is(file: Path) -> None:
    text = ast.get_docstring(tree(file)) or ""
    assert text.split("\n\n")[0].rstrip().endswith((".", "?")), f"{file}: {text[:80]!r}"


@pytest.mark.parametrize("file", code_files(), ids=str)
def test_files_and_functions_stay_short(file: Path) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_FILE_LINES, f"{file} has {lines} lines"
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{file}:{node.lineno} {node.name} has {length} lines"


def test_a_package_file_holds_a_docstring_or_the_base_of_its_catalogue() -> None:
    for file in code_files():
        if file.name == "__init__.py" and file.parent.as_posix() not in {*CATALOGUES, "medcore"}:
            assert len(tree(file).body) <= 1, f"{file} holds more than its docstring"


@pytest.mark.parametrize("module", ["medcore.workbench.workbench", "medcore.__main__"])
def test_torch_is_not_loaded_by_importing(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'streamlit'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
