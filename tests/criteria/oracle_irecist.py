"""A second opinion on iRECIST, written from its rules: every visit is judged by replaying the whole history before it.

Sizes are tenths of a millimetre. Nothing here is shared with medcore.
"""

from tests.criteria.oracle_sums import amount, new_lesions, nontarget_response, target_responses

BETTER = {"CR": 0, "PR": 1, "SD": 2, "PD": 3}


def immune_responses(visits, days):  # noqa: PLR0912  (one branch a rule of the paper)
    """One word a visit.

    Args:
        visits: Lists of rows.
        days: Day of each visit.
    """
    words, pending, accepted, done = ["BASELINE"], None, {}, False
    targets = target_responses("recist11", visits)
    for i in range(1, len(visits)):
        now = snapshot(visits, i, targets)
        kinds = {kind for kind in ("target", "nontarget") if now[kind] == "PD"}
        if now["new"] == "YES" and any(fresh(name, size, accepted, now) for name, size in now["new_sizes"].items()):
            kinds.add("new")
        if done:
            words.append("iCPD")
        elif pending is None:
            if kinds:
                pending = {"day": days[i], "kinds": kinds, "first": now, "low": now["sum"], "small": dict(now["sizes"])}
                words.append("iUPD")
            else:
                words.append(calm(now))
        else:
            proof = confirmation(pending, now, kinds)
            if proof and days[i] - pending["day"] >= 26:
                done = True
                words.append("iCPD")
            elif proof:
                words.append("iUPD")
            elif not kinds and "NE" in (now["target"], now["nontarget"], now["new"]):
                words.append("NE")
            elif not kinds or (kinds == {"new"} and rank(now) < rank(pending["first"])):
                pending = None
                for name, size in now["new_sizes"].items():
                    accepted[name] = min(size, accepted.get(name, size))
                words.append(calm(now))
            else:
                if now["complete"]:
                    pending["low"] = min(pending["low"], now["sum"])
                for name, size in now["sizes"].items():
                    pending["small"][name] = min(size, pending["small"].get(name, size))
                words.append("iUPD")
    return words


def rank(view):
    return BETTER.get(view["target"], 3)


def snapshot(visits, i, targets):
    rows = visits[i]
    parts = [amount("recist11", row) for row in rows if row["role"] == "target"]
    others = {
        row["lesion"]: amount("recist11", row)
        for row in rows
        if row["role"] != "target" and amount("recist11", row) is not None
    }
    present = [row for row in rows if row["role"] == "new" and row["status"] in ("measured", "too_small")]
    return {
        "target": targets[i],
        "nontarget": nontarget_response("recist11", rows),
        "new": new_lesions(visits[: i + 1]),
        "sum": sum(p for p in parts if p is not None),
        "complete": None not in parts,
        "sizes": others,
        "new_sizes": {row["lesion"]: amount("recist11", row) for row in present},
        "worse_nontarget": {
            row["lesion"]: amount("recist11", row)
            for row in rows
            if row["role"] == "nontarget" and row["status"] not in ("absent", "not_assessed")
        },
        "stated": {row["lesion"] for row in rows if row["status"] == "unequivocal_progression"},
        "chosen": measured_new(visits[: i + 1]),
    }


def measured_new(visits):
    """New lesions big enough for the five new targets when first seen: 10 mm, nodes 15 mm short axis."""
    chosen, judged = [], set()
    for visit in visits:
        arrivals = [r for r in visit if r["role"] == "new" and r["status"] in ("measured", "too_small")]
        for row in sorted(arrivals, key=lambda r: (-(amount("recist11", r) or 0), r["lesion"])):
            if row["lesion"] in judged:
                continue
            judged.add(row["lesion"])
            size = row.get("short" if row.get("node") else "longest")
            if size is not None and size >= (150 if row.get("node") else 100) and len(chosen) < 5:
                chosen.append(row["lesion"])
    return set(chosen)


def fresh(name, size, accepted, now):
    if name not in accepted or name in now["stated"]:
        return True
    return size > accepted[name] and size - accepted[name] >= max(accepted[name] / 5, 5)


def confirmation(pending, now, kinds):  # noqa: PLR0911
    if kinds - pending["kinds"]:
        return True
    if "target" in kinds and now["sum"] - pending["low"] >= 5:
        return True
    if "nontarget" in kinds:
        for name, size in now["worse_nontarget"].items():
            was = pending["small"].get(name)
            if (size is None or was is None) and name in now["stated"]:
                return True
            if size is not None and was is not None and size > was:
                return True
    if "new" in kinds:
        if set(now["new_sizes"]) - set(pending["first"]["new_sizes"]):
            return True
        chosen = [name for name in now["new_sizes"] if name in now["chosen"]]
        if chosen and sum(now["new_sizes"][n] - pending["small"].get(n, 0) for n in chosen) >= 5:
            return True
        for name, size in now["new_sizes"].items():
            if name not in now["chosen"] and size > pending["small"].get(name, size):
                return True
    return False


def calm(now):
    """The word where nothing progresses."""
    if now["new"] == "NE" or now["target"] == "NE":
        return "NE"
    if now["target"] == "CR" and (now["nontarget"] in ("NE", "non-CR/non-PD") or now["new"] == "YES"):
        return "iPR"
    return "i" + now["target"]
