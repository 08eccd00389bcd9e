"""The command line as a program sees it: one JSON object on stdout, exit codes, and files that can be loaded."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from medcore.__main__ import main
from tests.nn.model_folder import make_model
from tests.nn.training.test_training import RECIPE
from tests.nn.training.test_training import data as discs  # noqa: F401  (a fixture)
from tests.readers.factory import saved
from tests.readers.regions_factory import ct_slices, seg

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Outcome:
    """What one call of the command line left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:  # type: ignore[type-arg]
        return json.loads(self.out)


Call = Callable[..., Outcome]


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_model(folder, network="resnet18", name="small", width=8)
    return folder


@pytest.fixture
def surroundings(models_dir: Path, tmp_path: Path) -> dict[str, str]:
    """An English environment with the small random model and no store."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("MEDCORE_", "LC_", "LANG"))}
    clean["OMP_NUM_THREADS"] = "1"  # more threads only fight over the cores of a test machine
    return {**clean, "MEDCORE_MODELS_DIR": str(models_dir), "MEDCORE_DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def call(surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Run a verb in this process, which loads torch only once for all tests."""

    def run(*arguments: object, **environment: str) -> Outcome:
        monkeypatch.setattr(os, "environ", {**surroundings, **environment})
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        code = stop.value.code
        return Outcome(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def process(surroundings: dict[str, str]) -> Call:
    """Run `python -m medcore ...` as a process of its own."""

    def run(*arguments: object, **environment: str) -> Outcome:
        command = [sys.executable, "-m", "medcore", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=ROOT, env={**surroundings, **environment}, capture_output=True, text=True, check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A grey ramp of 48 × 64 pixels."""
    path = tmp_path / "ramp.png"
    PIL.Image.fromarray(np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)).save(path)
    return path


def test_read_says_what_a_file_holds(call: Call, picture: Path, tmp_path: Path) -> None:
    outcome = call("read", picture, "--npy", tmp_path / "arrays", "--json")
    assert outcome.code == 0, outcome.err
    (volume,) = outcome.json["volumes"]
    assert outcome.json["refused"] == []
    assert (volume["name"], volume["shape"], volume["unit"]) == ("ramp", [1, 48, 64], "GREY")
    assert volume["spacing_mm"] is None
    assert volume["value_range"] == [0, 48 * 64 - 1]
    assert {issue["severity"] for issue in volume["issues"]} <= {"INFO", "WARN", "BLOCK"}
    voxels = np.load(volume["npy"], allow_pickle=False)
    assert np.array_equal(voxels[0], np.arange(48 * 64).reshape(48, 64))


def test_read_goes_on_beside_a_bad_file(process: Call, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.dcm").write_text("this is a text")
    (tmp_path / "empty.png").touch()
    outcome = process("read", picture, tmp_path / "bad.dcm", tmp_path / "empty.png", "--json")
    assert outcome.code == 0
    assert len(outcome.json["volumes"]) == 1
    refused = {refusal["name"]: refusal for refusal in outcome.json["refused"]}
    assert refused["bad.dcm"]["type"] == "UnknownFormatError"
    assert refused["empty.png"]["type"] == "EmptyFileError"
    assert all(refusal["message"] and refusal["hint"] for refusal in refused.values())


def test_read_opens_folders_and_zips(call: Call, picture: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        archive.write(picture, "inner/ramp.png")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "ramp.png").write_bytes(picture.read_bytes())
    volumes = call("read", tmp_path / "scans.zip", folder, "--json").json["volumes"]
    assert [volume["shape"] for volume in volumes] == [[1, 48, 64]] * 2


def test_tables_are_for_people(call: Call, picture: Path) -> None:
    for arguments in (["read", picture], ["tasks"], ["models"], ["models", "verify"]):
        outcome = call(*arguments)
        assert outcome.code == 0, outcome.err
        assert "{" not in outcome.out


def test_tasks_and_models_list_the_catalogues(call: Call) -> None:
    (task,) = [task for task in call("tasks", "--json").json["tasks"] if task["id"] == "chest_xray"]
    assert task["models"] == ["small"]
    (model,) = call("models", "--json").json["models"]
    assert {"id", "task", "network", "version", "sha256", "labels", "metrics"} <= set(model)
    assert (model["id"], model["task"], model["network"]) == ("small", "chest_xray", "resnet18")
    assert (model["labels"], model["thresholds"]) == (["pneumonia"], {"pneumonia": 0.4})
    assert len(model["sha256"]) == 64


@pytest.mark.parametrize("verb", [["models"], ["tasks"], ["models", "verify"]], ids=" ".join)
def test_the_catalogues_answer_without_torch(verb: list[str], models_dir: Path) -> None:
    code = f"""
import sys
from medcore.__main__ import main
try:
    main({[*verb, "--json"]!r})
except SystemExit as stop:
    heavy = {{"torch", "torchvision", "sqlalchemy"}} & set(sys.modules)
    sys.exit(f"loaded {{heavy}}" if heavy or stop.code else 0)
"""
    environment = {**os.environ, "MEDCORE_MODELS_DIR": str(models_dir)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_verify_names_the_model_whose_weights_changed(call: Call, tmp_path: Path) -> None:
    make_model(tmp_path / "models", name="good", width=8)
    make_model(tmp_path / "models", name="changed", width=8).weights.write_bytes(b"others")
    outcome = call("models", "verify", "--json", MEDCORE_MODELS_DIR=str(tmp_path / "models"))
    assert outcome.code == 0
    assert outcome.json["ok"] is False
    states = {model["id"]: model for model in outcome.json["models"]}
    assert states["good"] == {"id": "good", "ok": True, "reason": ""}
    assert "SHA-256" in states["changed"]["reason"]


def test_analyse_gives_scores_and_a_heat_map_on_the_scan_s_own_grid(call: Call, picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--task", "chest_xray", "--explain", "grad_cam", "--out", out, "--device", "cpu", "--json"]
    outcome = call("analyse", picture, *options)
    assert outcome.code == 0, outcome.err
    answer = outcome.json
    assert answer["kind"] == "classification"
    (score,) = answer["scores"]
    assert 0 <= score["probability"] <= 1
    assert score["positive"] == (score["probability"] >= score["threshold"])
    assert (answer["run"]["model"], answer["run"]["device"]) == ("small", "cpu")
    assert (answer["explanation"]["method"], answer["explanation"]["target"]) == ("grad_cam", "pneumonia")
    heat = np.load(answer["explanation"]["heat"], allow_pickle=False)
    assert heat.shape == (1, 48, 64)
    assert heat.min() >= 0
    assert heat.max() <= 1 + 1e-6
    for path in answer["pictures"]:
        assert Path(path).parent == out
        with PIL.Image.open(path) as shown:
            assert min(shown.size) >= 32


def test_analyse_writes_no_store(call: Call, picture: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o555)
    outcome = call("analyse", picture, "--task", "chest_xray", "--json")
    assert outcome.code == 0, outcome.err
    assert list(data.iterdir()) == []


def test_the_same_scan_gives_the_same_answer(call: Call, picture: Path) -> None:
    answers = [call("analyse", picture, "--task", "chest_xray", "--device", "cpu", "--json").json for _ in range(2)]
    assert answers[0]["scores"] == answers[1]["scores"]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["read", "absent.dcm"], "NotFoundError"),
        (["analyse", "absent.dcm", "--task", "chest_xray"], "NotFoundError"),
        (["analyse", "PICTURE", "--task", "palm_reading"], "UnknownNameError"),
        (["analyse", "PICTURE", "--task", "chest_xray", "--model", "none"], "UnknownNameError"),
        (["analyse", "PICTURE", "--task", "chest_xray", "--explain", "tea_leaves"], "UnknownNameError"),
        (["analyse", "PICTURE", "--task", "chest_xray", "--explain", "grad_cam", "--target", "x"], "CardError"),
        (["analyse", "PICTURE", "--task", "chest_xray", "--device", "abacus"], "DeviceError"),
        (["analyse", "TEXT", "--task", "chest_xray"], "UnknownFormatError"),
        (["analyse", "FOLDER", "--task", "chest_xray"], "UnfitInputError"),
        (["read", "PICTURE", "--npy", "PICTURE"], "StoreError"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_an_error_of_the_user_is_one_json_object_and_exit_2(
    call: Call, picture: Path, tmp_path: Path, arguments: list[str], kind: str
) -> None:
    (tmp_path / "text.dcm").write_text("text")
    (tmp_path / "folder").mkdir()
    for name in ("a.png", "b.png"):  # two scans, and the task takes one
        (tmp_path / "folder" / name).write_bytes(picture.read_bytes())
    places = {"PICTURE": picture, "TEXT": tmp_path / "text.dcm", "FOLDER": tmp_path / "folder"}
    outcome = call(*[places.get(argument, argument) for argument in arguments], "--json")
    assert outcome.code == 2, outcome.err
    assert set(outcome.json) == {"error"}
    assert outcome.json["error"]["type"] == kind
    assert outcome.json["error"]["message"]
    assert "Traceback" not in outcome.err


def test_without_json_an_error_is_words_on_stderr(process: Call) -> None:
    outcome = process("read", "absent.dcm")
    assert (outcome.code, outcome.out) == (2, "")
    assert "absent.dcm" in outcome.err


@pytest.mark.parametrize(
    "arguments", [[], ["heal"], ["read"], ["analyse", "x.png"], ["tasks", "--yaml"], ["models", "delete"]], ids=" ".join
)
def test_a_wrong_call_exits_64(call: Call, arguments: list[str]) -> None:
    outcome = call(*arguments)
    assert outcome.code == 64
    assert "Traceback" not in outcome.err


def test_a_misspelt_setting_is_an_error_of_the_user(call: Call) -> None:
    outcome = call("models", "--json", MEDCORE_MODEL_DIR="/x")
    assert outcome.code == 2
    assert outcome.json["error"]["type"] == "SettingsError"


def test_a_bug_is_a_traceback_and_exit_1() -> None:
    code = "import medcore.shell.catalogues as c, medcore.__main__ as m; c._models = lambda: 1 / 0; m.main(['models'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_the_shell_speaks_the_language_of_its_user(process: Call) -> None:
    english, chinese = (process("read", "absent.dcm", LANG=language).err for language in ("C", "zh_CN.UTF-8"))
    assert english != chinese
    assert "absent.dcm" in chinese
    assert process("read", "absent.dcm", LANG="C", MEDCORE_LANGUAGE="zh_CN").err == chinese


@pytest.mark.slow
def test_train_writes_a_model_that_can_be_used_at_once(
    call: Call,
    discs: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    recipe, out, work = tmp_path / "toy.toml", tmp_path / "models" / "toy", tmp_path / "work"
    recipe.write_text(RECIPE.format(epochs=1), encoding="utf-8")
    outcome = call("train", recipe, "--data", discs, "--out", out, "--work", work, "--device", "cpu", "--json")
    assert outcome.code == 0, outcome.err
    assert (outcome.json["model"]["id"], outcome.json["model"]["labels"]) == ("toy", ["disc"])
    assert {path.name for path in out.iterdir()} >= {"card.toml", "weights.safetensors", "evaluation.json"}
    assert "epoch 1 of 1" in Path(outcome.json["log"]).read_text(encoding="utf-8")
    picture = next((discs / "one").glob("*.png"))
    answer = call("analyse", picture, "--task", "chest_xray", "--json", MEDCORE_MODELS_DIR=str(out.parent))
    assert answer.json["scores"][0]["label"] == "disc"


def test_a_recipe_that_cannot_be_used_is_named_before_anything_is_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("task = 'chest_xray'")
    outcome = call("train", tmp_path / "bad.toml", "--out", tmp_path / "m", "--work", tmp_path / "w", "--json")
    assert (outcome.code, outcome.json["error"]["type"]) == (2, "CardError")
    assert not (tmp_path / "m").exists()
    assert not (tmp_path / "w").exists()


@pytest.mark.slow
def test_a_real_chest_x_ray_is_analysed_with_a_shipped_model(call: Call, shared_data: Path, tmp_path: Path) -> None:
    image = next(iter(sorted((shared_data / "kermany").rglob("*.jp*g"))))
    shipped = {"MEDCORE_MODELS_DIR": str(ROOT / "models")}
    if not call("models", "--json", **shipped).json["models"]:
        pytest.skip("no model is shipped yet")
    options = ["--task", "chest_xray", "--explain", "grad_cam", "--json"]
    outcome = call("analyse", image, *options, **shipped)
    assert outcome.code == 0, outcome.err
    heat = np.load(outcome.json["explanation"]["heat"], allow_pickle=False)
    with PIL.Image.open(image) as picture:
        assert heat.shape == (1, picture.height, picture.width)


def test_read_lists_masks_beside_volumes_and_a_segmentation_alone_as_an_image(call: Call, tmp_path: Path) -> None:
    slices, drawn = ct_slices(), np.zeros((8, 20, 24, 1), np.uint8)
    drawn[2:5, 4:9, 6:12] = 1
    (tmp_path / "scan").mkdir()
    for k, ds in enumerate(slices):
        (tmp_path / "scan" / f"{k}.dcm").write_bytes(saved(ds))
    (tmp_path / "liver.dcm").write_bytes(seg(slices, drawn, ["Liver"]))
    answer = call("read", tmp_path / "scan", tmp_path / "liver.dcm", "--npy", tmp_path / "npy", "--json").json
    (mask,) = answer["masks"]
    assert (mask["kind"], mask["volume"], mask["shape"]) == ("SEG", 0, [8, 20, 24]) and not answer["refused"]
    assert mask["labels"] == [{"value": 1, "name": "Liver", "voxels": 90, "volume_ml": pytest.approx(90 * 1.4e-3)}]
    assert np.array_equal(np.load(mask["npy"], allow_pickle=False), drawn[..., 0])
    alone = call("read", tmp_path / "liver.dcm", "--json").json
    assert alone["masks"] == [] and [i["code"] for i in alone["volumes"][0]["issues"]] == ["scan_missing"]


def test_read_stacks_numbered_pictures_with_the_spacing_given(call: Call, tmp_path: Path) -> None:
    for k in (8, 9, 10):
        PIL.Image.fromarray(np.full((6, 7), k, np.uint8)).save(tmp_path / f"img{k}.png")
    (volume,) = call("read", tmp_path, "--stack", "2.0,0.5,0.4", "--json").json["volumes"]
    assert volume["shape"] == [3, 6, 7] and volume["spacing_mm"] == [2.0, 0.5, 0.4]
    assert call("read", tmp_path, "--stack", "2,0", "--json").code == 64
    assert call("read", tmp_path, "--stack", "2,0,nan", "--json").code == 64
