"""The workbench: everything a user can do, opened once and shared by all sessions."""

from __future__ import annotations

from dataclasses import dataclass

from medcore.errors import N_, Message
from medcore.intake import WARM
from medcore.logs import set_up_logging
from medcore.sandbox import Sandbox
from medcore.settings import Settings
from medcore.store.store import Store
from medcore.workbench.about import About
from medcore.workbench.analyse import Analyse
from medcore.workbench.comparison_readings import Readings
from medcore.workbench.comparisons import Comparisons
from medcore.workbench.corrections import ResultCorrections
from medcore.workbench.engine_opener import EngineOpener
from medcore.workbench.evaluate import Evaluate
from medcore.workbench.evaluated_pictures import Gallery
from medcore.workbench.export import Export
from medcore.workbench.jobs import Job, Jobs
from medcore.workbench.marks import ScanMarks
from medcore.workbench.masks import Masks
from medcore.workbench.models import Models
from medcore.workbench.originals import Originals
from medcore.workbench.picture_sets import PictureSets
from medcore.workbench.prepare import Prepare
from medcore.workbench.quality import Quality
from medcore.workbench.release import Release
from medcore.workbench.studies import Studies
from medcore.workbench.train import Train
from medcore.workbench.train_runs import TrainRuns

QUIET = "quality"  # owner of jobs that nobody waits for: the tray does not show them


@dataclass(frozen=True, slots=True)
class Workbench:
    """One part a page. All of it may be used from many threads."""

    settings: Settings
    studies: Studies
    marks: ScanMarks
    masks: Masks
    export: Export
    originals: Originals
    prepare: Prepare
    quality: Quality
    analyse: Analyse
    corrections: ResultCorrections
    comparisons: Comparisons
    readings: Readings
    models: Models
    train: Train
    evaluate: Evaluate
    gallery: Gallery
    about: About
    jobs: Jobs
    sandbox: Sandbox
    store: Store

    @classmethod
    def open(cls, settings: Settings) -> Workbench:
        """Open the store and make the parts ready; torch is loaded when the first network runs.

        Raises:
            StoreError: The data folder or its database cannot be used.
        """
        store = Store.open(settings)
        release = Release(store)
        sandbox = open_sandbox(settings)
        engine = EngineOpener(settings)
        models = Models(settings.models_dir)
        return cls(
            settings=settings,
            studies=Studies(store, sandbox, settings),
            marks=ScanMarks(store),
            masks=Masks(store),
            export=Export(store, release),
            originals=Originals(store, sandbox, settings),
            prepare=Prepare(store),
            quality=Quality(store),
            analyse=Analyse(store, models, engine),
            corrections=ResultCorrections(store),
            comparisons=Comparisons(store),
            readings=Readings(store, release),
            models=models,
            train=Train(settings, models, PictureSets(settings), TrainRuns(settings)),
            evaluate=Evaluate(settings, models, engine),
            gallery=Gallery(settings, models, engine),
            about=About(settings, store, engine),
            jobs=Jobs(),
            sandbox=sandbox,
            store=store,
        )

    def warm_up(self) -> None:
        """Set up the log and start a decoding process in the background, so that the first upload is fast."""
        set_up_logging()
        self.sandbox.warm(WARM)

    def check_quality(self, *, owner: str = "") -> Job:
        """Check the quality of all scans that were not checked yet, as a job.

        Args:
            owner: Who sees the job; `QUIET` for nobody.
        """
        return self.jobs.start(
            Message(N_("Checking the quality of the scans")),
            lambda progress: self.quality.check_missing(progress=progress, cancelled=progress.cancelled),
            owner=owner,
        )

    def close(self) -> None:
        """Stop all jobs and decoding processes and close the store."""
        self.jobs.close()
        self.sandbox.close()
        self.store.close()


def open_sandbox(settings: Settings) -> Sandbox:
    """The decoding processes with the limits of the settings."""
    return Sandbox(
        workers=settings.decode_workers,
        memory_mb=settings.decode_memory_mb,
        seconds=settings.decode_seconds,
        output_mb=settings.decode_memory_mb,
    )
