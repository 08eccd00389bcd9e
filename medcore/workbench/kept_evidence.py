"""What was computed on demand about a comparison, kept with its baseline: the proof, and which maps there are."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace

from medcore.comparison.proof import Proof
from medcore.store.json_values import Json, as_list, as_number, as_optional, as_table, from_number
from medcore.store.store import Store
from medcore.workbench.kept_alignments import change_part

EVIDENCE = "evidence"  # name in the annotations of the baseline's study
KEPT = 8  # states of the masks, scans and motion that are remembered, so that an undo finds its proof again


def keep_proof(store: Store, baseline: str, fingerprint: str, proof: Proof) -> None:
    """Keep what a proof found.

    Args:
        baseline: Id of the baseline's study.
        fingerprint: Of the draft that it was made with: another mask or motion needs another proof.

    Raises:
        NotFoundError: The study of the baseline was deleted.
        StoreError: It could not be saved.
    """
    _change(store, baseline, fingerprint, {"proof": _from_proof(proof)})


def keep_map(store: Store, baseline: str, fingerprint: str, visit: int) -> None:
    """Keep that the change of a later study was mapped; the map is large and the same whenever it is made again.

    Raises:
        NotFoundError: The study of the baseline was deleted.
        StoreError: It could not be saved.
    """
    _change(store, baseline, fingerprint, {"maps": [*sorted({*kept_maps(store, baseline, fingerprint), visit})]})


def kept_proof(store: Store, baseline: str, fingerprint: str) -> Proof | None:
    """The latest proof that was made with this draft.

    Raises:
        NotFoundError: The study of the baseline was deleted.
    """
    proof = _kept(store, baseline, fingerprint).get("proof")
    return None if proof is None else _to_proof(proof)


def kept_maps(store: Store, baseline: str, fingerprint: str) -> frozenset[int]:
    """Numbers of the later studies whose change was mapped with this draft.

    Raises:
        NotFoundError: The study of the baseline was deleted.
    """
    return frozenset(int(as_number(one)) for one in as_list(_kept(store, baseline, fingerprint).get("maps", [])))


def _kept(store: Store, baseline: str, fingerprint: str) -> dict[str, Json]:
    content = store.annotations(baseline).content
    every = as_table((content.get(EVIDENCE) if isinstance(content, dict) else None) or {})
    return as_table(every.get(_name(fingerprint)) or {})


def _change(store: Store, baseline: str, fingerprint: str, fresh: dict[str, Json]) -> None:
    name = _name(fingerprint)

    def changed(now: Json) -> Json:
        every = dict(as_table(now or {}))
        one = {**as_table(every.pop(name, None) or {}), **fresh}
        return dict([*every.items(), (name, one)][-KEPT:])

    change_part(store, baseline, EVIDENCE, changed)


def _name(fingerprint: str) -> str:
    return hashlib.sha256(fingerprint.encode()).hexdigest()


def _from_proof(proof: Proof) -> Json:
    facts = asdict(replace(proof, aligned=False)).items()
    figures: dict[str, Json] = {name: None if value is None else from_number(float(value)) for name, value in facts}
    return {**figures, "aligned": proof.aligned}


def _to_proof(value: Json) -> Proof:
    table = as_table(value)
    return Proof(
        grown_mm=as_number(table["grown_mm"]),
        injected_percent=as_number(table["injected_percent"]),
        found_percent=as_number(table["found_percent"]),
        injected_longest_mm=as_number(table["injected_longest_mm"]),
        found_longest_mm=as_optional(table["found_longest_mm"]),
        null_percent=as_number(table["null_percent"]),
        aligned=bool(table["aligned"]),
        limit_longest_mm=as_number(table["limit_longest_mm"]),
        limit_percent=as_number(table["limit_percent"]),
        limit_null_percent=as_number(table["limit_null_percent"]),
    )
