"""What was computed on demand about a comparison comes back after a restart, and only for what it was computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from medcore.comparison.proof import Proof
from medcore.records import Study
from medcore.workbench import kept_evidence
from medcore.workbench.workbench import Workbench
from tests.workbench.test_comparisons import head, put  # noqa: F401  (put: a fixture)

PROOF = Proof(2.0, 31.25, 30.7, 4.0, 3.9, 0.1, aligned=True, limit_longest_mm=1.7, limit_percent=6.5)


def test_a_proof_is_kept_to_the_last_digit_for_its_masks_and_motion_alone(
    workbench: Workbench,
    put: Callable[..., Study],  # noqa: F811
) -> None:
    before, _ = put(head(24.0, 18.0, later=False)), put(head(14.0, 11.0, later=True))
    door = workbench.comparisons
    draft = door.opened(before).draft
    assert door.proved(draft) is None
    kept_evidence.keep_proof(workbench.store, before.id, door.fingerprint(draft), PROOF)
    kept_evidence.keep_map(workbench.store, before.id, door.fingerprint(draft), 1)
    assert door.proved(draft) == PROOF
    assert kept_evidence.kept_maps(workbench.store, before.id, door.fingerprint(draft)) == {1}
    bent = replace(draft, motion="affine")
    assert door.proved(bent) is None and not kept_evidence.kept_maps(workbench.store, before.id, door.fingerprint(bent))


def test_a_lesion_that_was_not_found_again_stays_unfound_and_old_proofs_make_room(
    workbench: Workbench,
    put: Callable[..., Study],  # noqa: F811
) -> None:
    before = put(head(24.0, 18.0, later=False))
    lost = replace(PROOF, found_longest_mm=None, aligned=False)
    for number in range(kept_evidence.KEPT + 1):
        kept_evidence.keep_proof(workbench.store, before.id, f"state {number}", lost)
    kept = [kept_evidence.kept_proof(workbench.store, before.id, f"state {n}") for n in range(kept_evidence.KEPT + 1)]
    assert kept == [None, *[lost] * kept_evidence.KEPT]
