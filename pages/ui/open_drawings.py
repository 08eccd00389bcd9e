"""What a session knows of a viewer that stands on its page: marks, masks, and the result that is being read in it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from medcore.volume import Mask, MaskFacts
from medcore.workbench.corrected import Review
from pages.ui.viewer.panes import DrawnMask, Focus, Measurement, Pick


@dataclass(slots=True)
class OpenMarks:
    """Marks of a viewer that stands on the page.

    Args:
        offered: What it started from.
        latest: What it showed when it was last looked at; all of it is in the store.
    """

    offered: tuple[Measurement, ...]
    latest: tuple[Measurement, ...]


@dataclass(slots=True)
class OpenMasks:
    """Masks of a viewer that stands on the page.

    Args:
        sitting: Another one reads the masks anew.
        saved: Id of the mask that holds what the brush has drawn, by pane, source and sitting.
        waiting: Drawn masks that the store has not taken yet.
        hidden: Ids of the masks that are not shown.
        chosen: The row of the list that is chosen: "mark:id" or "mask:id:number".
        focus: Where the viewer looks because of it.
        picked: What the reader clicked last, so that the same click counts once.
        deleted: The mask deleted last, which can be brought back.
    """

    sitting: str = field(default_factory=lambda: secrets.token_hex(4))
    saved: dict[tuple[int, str, str], str] = field(default_factory=dict)
    waiting: list[DrawnMask] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    chosen: str = ""
    focus: Focus | None = None
    picked: Pick | None = None
    deleted: tuple[MaskFacts, Mask] | None = None

    def renew(self) -> None:
        """Read the masks anew at the next run."""
        self.sitting = secrets.token_hex(4)


@dataclass(slots=True)
class OpenReview:
    """A result whose lesions are being read in a viewer.

    Args:
        sitting: Of the viewer's masks, when `given` was handed to it.
        given: What the viewer was given; what the brush has done since is on the screen.
        mask: Of `given`, without the hidden lesions.
        hidden: Ids of the lesions that are too improbable to be shown.
        view: How it is looked at.
        picked: What the reader clicked last, so that the same click counts once.
    """

    sitting: str = ""
    given: Review | None = None
    mask: Mask | None = None
    hidden: frozenset[str] = frozenset()
    view: str = ""
    picked: Pick | None = None
