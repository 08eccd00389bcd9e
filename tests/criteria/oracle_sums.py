"""A second opinion on all criteria that sum lesions: written from the criteria's text, as tables over fractions.

A visit is a list of rows; a row is a dictionary with the columns of the command line, sizes in tenths (so that 20 %
is 20 %, not nearly). Nothing here is shared with medcore.
"""

from fractions import Fraction

F = Fraction

# criterion: (columns of a lesion, of a node (multiplied), too small, fall for PR, rise for PD, least rise, least fall)
TABLE = {
    "recist11": (["longest"], ["short"], F(5), F(30, 100), F(20, 100), F(5), F(0)),
    "mrecist": (["longest"], ["short"], F(5), F(30, 100), F(20, 100), F(0), F(0)),
    "who": (["longest", "perpendicular"], ["longest", "perpendicular"], F(25), F(50, 100), F(25, 100), F(0), F(0)),
    "rano2010": (["longest", "perpendicular"], ["longest", "perpendicular"], F(25), F(1, 2), F(1, 4), F(0), F(0)),
    "rano_bm": (["longest"], ["longest"], F(5), F(30, 100), F(20, 100), F(0), F(0)),
    "volumetric": (["volume"], ["volume"], None, 1 - F(343, 1000), F(1728, 1000) - 1, F(0), F(0)),
    "eortc_pet": (["suv"], ["suv"], F(0), F(1, 4), F(1, 4), F(0), F(0)),
    "percist": (["suv"], ["suv"], F(0), F(3, 10), F(3, 10), F(8, 10), F(8, 10)),
}
NODES_SHRINK_TO_NORMAL = {"recist11", "mrecist"}
HOTTEST = {"percist"}
RENAMED = {name: {"CR": "CMR", "PR": "PMR", "SD": "SMD", "PD": "PMD"} for name in ("percist", "eortc_pet")}


def amount(criterion, row):
    columns = TABLE[criterion][1 if row.get("node") else 0]
    if row["status"] in ("absent", "merged"):
        return F(0)
    if row["status"] == "not_assessed":
        return None
    if any(row.get(column) is None for column in columns):
        return TABLE[criterion][2] if row["status"] == "too_small" else None
    product = F(1)
    for column in columns:
        product *= F(row[column], 10)
    return product


def nothing_left(criterion, row):
    if row["status"] in ("absent", "merged"):
        return True
    if criterion in NODES_SHRINK_TO_NORMAL and row.get("node"):
        if row["status"] == "too_small":
            return True
        return row["status"] == "measured" and row["short"] is not None and row["short"] < 100
    return amount(criterion, row) == 0


def of_role(visit, role):
    return [row for row in visit if row["role"] == role]


def target_responses(criterion, visits):
    """One word a visit from the sums alone."""
    _, _, _, fall, rise, least_rise, least_fall = TABLE[criterion]
    combine = max if criterion in HOTTEST else sum
    rows = [of_role(visit, "target") for visit in visits]
    parts = [{row["lesion"]: amount(criterion, row) for row in visit} for visit in rows]
    sums = [None if not p or None in p.values() else combine(p.values()) for p in parts]
    answers = ["BASELINE"]
    for i in range(1, len(visits)):
        before = [(s, k) for k, s in enumerate(sums[:i]) if s is not None]
        known = [v for v in parts[i].values() if v is not None]
        lower_bound = combine(known) if known else F(0)
        if not rows[i]:
            answers.append("NA")
            continue
        if any(row["status"] == "unequivocal_progression" for row in rows[i]):
            answers.append("PD")
            continue
        if sums[0] is None:
            answers.append("NE")
            continue
        nadir, where = min(before)
        is_pd = lower_bound > nadir and lower_bound - nadir >= max(rise * nadir, least_rise)
        if criterion == "rano_bm":
            reference = parts[where]
            is_pd = is_pd and any(v is not None and v - (reference.get(name) or 0) >= 5 for name, v in parts[i].items())
        last_word = next((a for a in reversed(answers) if a != "NE"), None)
        returned = last_word == "CR" and any(
            not row.get("node") and not nothing_left(criterion, row)
            for row in rows[i]
            if row["status"] != "not_assessed"
        )
        if sums[i] is None:
            answers.append("PD" if is_pd else "NE")
        elif all(nothing_left(criterion, row) for row in rows[i]):
            answers.append("CR")
        elif returned or is_pd:
            answers.append("PD")
        elif sums[i] < sums[0] and sums[0] - sums[i] >= max(fall * sums[0], least_fall):
            answers.append("PR")
        else:
            answers.append("SD")
    return answers


def nontarget_response(criterion, visit):
    rows = of_role(visit, "nontarget")
    statuses = [row["status"] for row in rows]
    if "unequivocal_progression" in statuses:
        return "PD"
    if not rows:
        return "NA"
    if "not_assessed" in statuses:
        return "NE"
    return "CR" if all(nothing_left(criterion, row) for row in rows) else "non-CR/non-PD"


def new_lesions(visits):
    """YES, NO or NE; one that was seen stays until it is written down as absent."""
    last_seen = {}
    for visit in visits:
        doubtful = False
        for row in of_role(visit, "new"):
            if row["status"] != "not_assessed":
                last_seen[row["lesion"]] = row["status"]
            elif last_seen.get(row["lesion"]) in (None, "absent"):
                doubtful = True
    here = {row["lesion"] for row in of_role(visits[-1], "new")}
    if any(status not in ("absent", "merged") for name, status in last_seen.items() if name in here):
        return "YES"
    return "NE" if doubtful else "NO"


# Tables 1 and 2 of RECIST 1.1: (target, non-target, new) -> overall, first match; "*" is anything.
OVERALL = [
    ("PD", "*", "*", "PD"),
    ("*", "PD", "*", "PD"),
    ("*", "*", "YES", "PD"),
    ("*", "*", "NE", "NE"),
    ("CR", "CR", "NO", "CR"),
    ("CR", "NA", "NO", "CR"),
    ("CR", "non-CR/non-PD", "NO", "PR"),
    ("CR", "NE", "NO", "PR"),
    ("PR", "*", "NO", "PR"),
    ("SD", "*", "NO", "SD"),
    ("NE", "*", "NO", "NE"),
    ("NA", "CR", "NO", "CR"),
    ("NA", "non-CR/non-PD", "NO", "non-CR/non-PD"),
    ("NA", "*", "NO", "NE"),
]


def look_up(target, nontarget, new):
    for t, n, w, answer in OVERALL:
        if t in (target, "*") and n in (nontarget, "*") and w in (new, "*"):
            return answer
    raise AssertionError((target, nontarget, new))


def overall_responses(criterion, visits):
    targets = target_responses(criterion, visits)
    words = ["BASELINE"]
    for i in range(1, len(visits)):
        word = look_up(targets[i], nontarget_response(criterion, visits[i]), new_lesions(visits[: i + 1]))
        words.append(RENAMED.get(criterion, {}).get(word, word))
    return words


def choi_responses(visits):
    """Size ±10 %, density −15 %: PR by either, PD by size unless density says PR, NE where density would decide."""
    rows = [of_role(visit, "target") for visit in visits]
    sizes = [[amount("recist11", row) for row in visit] for visit in rows]
    sums = [None if None in visit else sum(visit) for visit in sizes]
    words = ["BASELINE"]
    for i in range(1, len(visits)):
        density = []
        for k in (0, i):
            there = [row["hu"] for row in rows[k] if row["status"] == "measured"]
            density.append(None if not there or None in there else F(sum(there), len(there)))
        if sums[0] is None or sums[i] is None:
            words.append("NE")
        elif all(row["status"] == "absent" for row in rows[i]):
            words.append("CR")
        elif next((w for w in reversed(words) if w != "NE"), None) == "CR":
            words.append("PD")
        else:
            nadir = min(s for s in sums[:i] if s is not None)
            bigger = sums[i] > nadir and sums[i] - nadir >= nadir / 10
            smaller = not bigger and sums[0] - sums[i] >= sums[0] / 10
            unknown = None in density or density[0] <= 0
            paler = not unknown and density[0] - density[1] >= F(15, 100) * density[0]
            if smaller or paler:
                words.append("PR")
            elif unknown:
                words.append("NE")
            else:
                words.append("PD" if bigger else "SD")
    return words


def mixed_tumour(enhancing, other):
    """RANO 2.0: PD + any = PD; CR + (SD, MR, PR) = the lesser; PR or MR + SD = PR or MR; SD + SD = SD."""
    pair = {enhancing, other}
    if "PD" in pair:
        return "PD"
    if "NE" in pair:
        return "NE"
    if len(pair) == 1:
        return enhancing
    if "CR" in pair:
        return (pair - {"CR"}).pop()
    return (pair - {"SD"}).pop() if "SD" in pair else "MR"


def rano2_arm(values, *, volume, minor):
    """CR, PR, MR, SD or PD of one series of areas or volumes."""
    fall, rise, little = (F(65, 100), F(40, 100), F(40, 100)) if volume else (F(1, 2), F(1, 4), F(1, 4))
    words = ["BASELINE"]
    for i in range(1, len(values)):
        nadir, first, now = min(values[:i]), values[0], values[i]
        if now == 0:
            words.append("CR")
        elif (words[-1] == "CR") or (now > nadir and now - nadir >= rise * nadir):
            words.append("PD")
        elif first - now >= fall * first:
            words.append("PR")
        elif minor and first - now >= little * first:
            words.append("MR")
        else:
            words.append("SD")
    return words
