"""The verbs of the app from a shell: `python -m medcore VERB ...`, each with --json."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import typer

from medcore.errors import MedcoreError
from medcore.shell import (
    analyse,
    assess,
    catalogues,
    cohort,
    compare,
    evaluate,
    export,
    laboratory,
    models,
    prepare,
    published,
    quality,
    read,
    train,
)
from medcore.shell.output import print_error, stdout_for_the_answer_alone, t

USER_ERROR = 2
USAGE_ERROR = 64  # EX_USAGE of sysexits.h
TYPER_USAGE_ERROR = 2  # the code that typer itself gives a usage error

app = typer.Typer(
    name="python -m medcore",
    help=t("Read medical scans and run explained networks on them. Research and teaching; not a medical device."),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a bug shows its whole traceback
    rich_markup_mode=None,
)
app.command("read", help=t("Read scans and say what they are."))(read.read)
app.command("quality", help=t("Say what is wrong with scans, the worst first."))(quality.quality)
app.command("prepare", help=t("Put a scan through a recipe, or find a region in it."))(prepare.prepare)
app.command("tasks", help=t("List the clinical questions."))(catalogues.tasks)
app.add_typer(catalogues.models, name="models", help=t("List the models, or verify their weights."))
app.command("analyse", help=t("Run a model on a scan, with an explanation if asked for."))(analyse.analyse)
catalogues.models.command("compare", help=t("Compare two models on the same pictures."))(models.compare)
catalogues.models.command("add", help=t("Make a model of published weights that were downloaded."))(published.add)
catalogues.models.command("train", help=t("Train the shipped models anew from their recipes."))(models.train_all)
catalogues.models.command("complete", help=t("Give a trained model a gate and conformal sets."))(models.complete)
app.command("criteria", help=t("List the response criteria."))(assess.criteria)
app.command("assess", help=t("Tell the response to treatment from a table of measured lesions."))(assess.assess)
app.command("studies", help=t("List the stored studies."))(export.studies)
app.command("export", help=t("Write a stored study or result as files without identity."))(export.export)
app.command("deidentify", help=t("Write DICOM files again without identity."))(export.deidentify)
app.command("compare", help=t("Compare studies before and after treatment."))(compare.compare)
app.command("cohort", help=t("Compare the studies of many patients from one table."))(cohort.cohort)
app.command("evaluate", help=t("Measure a model on labelled pictures."))(evaluate.evaluate)
app.command("laboratory", help=t("Find out where a model breaks as pictures get worse."))(laboratory.laboratory)
app.command("train", help=t("Train a model by a recipe."))(train.train)


def main(arguments: list[str]) -> None:
    """Run one verb and exit: 0 done, 1 a bug, 2 an error the user can mend, 64 a wrong call."""
    as_json = "--json" in arguments
    with stdout_for_the_answer_alone() if as_json else nullcontext():
        try:
            app(arguments)
        except MedcoreError as error:
            print_error(error, as_json=as_json)
            sys.exit(USER_ERROR)
        except SystemExit as stop:
            sys.exit(USAGE_ERROR if stop.code == TYPER_USAGE_ERROR else stop.code)


if __name__ == "__main__":
    main(sys.argv[1:])
