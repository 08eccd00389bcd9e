"""The models page's door: cards, and whether the weights are the ones the cards were written for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medcore.cards import CARD_FILE, ModelCard, gate_bytes, load_card, load_cards, rating_bytes, verify_weights
from medcore.errors import N_, CardError, MedcoreError, Message, UnknownNameError


@dataclass(frozen=True, slots=True)
class Verified:
    """Outcome of checking one model: `reason` says what is wrong, None when all is well."""

    id: str
    ok: bool
    reason: Message | None


@dataclass(frozen=True, slots=True)
class Models:
    """The shipped models. Cards are read anew at each call, so that a new model appears without a restart."""

    folder: Path

    def cards(self) -> tuple[ModelCard, ...]:
        """All usable cards, by id; a damaged card is left out here and named by `verify`."""
        return tuple(self._readable().values())

    def card(self, model: str) -> ModelCard:
        """The card of this id.

        Raises:
            UnknownNameError: No model has this id.
            CardError: Its card is damaged.
        """
        if not (self.folder / model / CARD_FILE).is_file() or Path(model).name != model:
            raise UnknownNameError(
                N_("There is no model “{name}”."),
                hint=N_("Known models: {known}."),
                name=model,
                known=", ".join(self._readable()) or "–",
            )
        return load_card(self.folder / model)

    def for_task(self, task: str) -> tuple[ModelCard, ...]:
        """Cards of one task, the preferred first."""
        return tuple(sorted((c for c in self.cards() if c.task == task), key=lambda card: not card.preferred))

    def verify(self) -> tuple[Verified, ...]:
        """Check every card and the hashes of every weight file, gate and rating."""
        return tuple(self._verify(path.parent) for path in sorted(self.folder.glob(f"*/{CARD_FILE}")))

    def _readable(self) -> Mapping[str, ModelCard]:
        try:
            return load_cards(self.folder)
        except CardError:
            return {c.id: c for path in sorted(self.folder.glob(f"*/{CARD_FILE}")) if (c := _try(path.parent))}

    @staticmethod
    def _verify(folder: Path) -> Verified:
        try:
            card = load_card(folder)
            verify_weights(card)
            gate_bytes(card)
            if card.rating_sha256:
                rating_bytes(card)
        except MedcoreError as error:
            return Verified(folder.name, ok=False, reason=error.message)
        return Verified(folder.name, ok=True, reason=None)


def _try(folder: Path) -> ModelCard | None:
    try:
        return load_card(folder)
    except CardError:
        return None
