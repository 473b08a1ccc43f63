"""The answer in words: which claims stand, what the text added, how far it moved the gaze and why. Sentences from figures, nothing else."""

from typing import Any

Figures = dict[str, Any]

LEAST_SEEDS = 5
"""From so many seeds on a claim's interval is told, over seeds and classes; below it the one over seeds and images, of these models."""


def headline(summary: Figures, models: dict[str, str]) -> list[str]:
    """Sentences that answer the study's question.

    Args:
        summary: as ``summarise`` gives it, with the verdicts as ``judge`` gives them under ``claims``, if there are any.
        models: name to the sentence about its structure.
    """
    subject = "early-fusion" if "early-fusion" in summary["accuracy"] else next(reversed(summary["accuracy"]))
    sentences = [
        _verdicts(summary.get("claims", {})),
        _accuracy(summary, subject),
        _shift(summary, subject),
        _place(summary, subject),
    ]
    if subject in models:
        sentences.append(f"{subject}: {models[subject]}")
    return [sentence for sentence in sentences if sentence]


def _verdicts(claims: Figures) -> str:
    """How many claims stand, and which.

    Example:
        >>> _verdicts({"C0": {"verdict": "supported"}, "C1": {"verdict": "undecided"}, "C2": {"verdict": "undecided"}})
        'Of 3 claims, 1 is supported (C0) and 2 are undecided (C1, C2).'
    """
    by_verdict: dict[str, list[str]] = {}
    for verdict in ("supported", "not supported", "undecided", "not testable"):
        if names := [name for name, claim in claims.items() if claim["verdict"] == verdict]:
            by_verdict[verdict] = names
    parts = [
        f"{len(names)} {'is' if len(names) == 1 else 'are'} {verdict} ({', '.join(names)})"
        for verdict, names in by_verdict.items()
    ]
    *first, last = parts or [""]
    return f"Of {len(claims)} claims, {', '.join(first)}{' and ' if first else ''}{last}." if claims else ""


def _accuracy(summary: Figures, subject: str) -> str:
    own = summary["accuracy"][subject]["test"]
    gap = summary["gap"].get(subject)
    if gap is None or gap["mean"] is None:
        return f"{subject} reaches {_percent(own)} on the test pairs."
    image = summary["accuracy"]["image-only"]["test"]
    added = gap["mean"] * 100
    claim = _told(summary, "C0")
    interval = f"{_points(claim)} over seeds and classes" if claim else _points(gap)
    return (
        f"With the text, {subject} reaches {_percent(own)} on the test pairs; the image alone reaches {_percent(image)}: "
        f"the text changes accuracy by {added:+.1f} points{interval}{'' if _shown(claim or gap) else ': no difference is shown'}."
    )


def _shown(figure: Figures) -> bool:
    """Whether an interval lies on one side of 0; without one nothing is claimed either way."""
    interval = figure["interval"]
    return interval is None or interval[0] > 0 or interval[1] < 0


def _told(summary: Figures, claim: str) -> Figures | None:
    """A claim whose interval is there and rests on enough seeds."""
    found = summary.get("claims", {}).get(claim)
    return found if found and found["interval"] and found["seeds"] >= LEAST_SEEDS else None


def _shift(summary: Figures, subject: str) -> str:
    """How far a changed text moves the map, and why; the whole and its parts over the same images."""
    edits = summary["edits"].get(subject, {})
    name = next((name for name in ("other-object", "other-class", "paper-colour", "colour") if name in edits), None)
    if name is None:
        return ""
    change = edits[name]
    if change["js_split"]["mean"] is None:
        return f"How far a changed text ({name}) moves the map of {subject} cannot be measured: {_undefined(change)}."
    floor = edits.get("paraphrase", {}).get("js_bits", {}).get("mean")
    against = "" if floor is None else f", against {floor:.3f} for a paraphrase"
    return (
        f"Changing the text ({name}) moves the map of {subject} by {change['js_split']['mean']:.3f} bits of Jensen-Shannon divergence"
        f"{_interval(change['js_split'])}{against}. Of that, {change['switch']['mean']:.3f} bits come with a switch of the predicted "
        f"class (in {change['switched_split']['mean']:.0%} of the images) and {change['within']['mean']:.3f} bits from re-weighting "
        f"what is seen for the same class ({change['js_split']['n']} images whose four maps are defined)."
    )


def _place(summary: Figures, subject: str) -> str:
    """Centre bias of both models, and their difference on the same images."""
    maps = summary["maps"]
    if subject == "image-only" or subject not in maps or "image-only" not in maps:
        return ""
    ours, image, gap = maps[subject]["centre_bias"], maps["image-only"]["centre_bias"], maps[subject]["centre_bias_gap"]
    if gap["interval"] is None:
        rates = f"image only: {_undefined(maps['image-only'])}; {subject}: {_undefined(maps[subject])}"
        return f"A difference in centre bias cannot be measured ({rates})."
    claim = _told(summary, "C1")
    if claim:
        return (
            f"Centre bias (1 at the centre, 0 everywhere alike) is {image['mean']:.2f} for image only and {ours['mean']:.2f} for "
            f"{subject}; over seeds and classes image only has {claim['effect']:+.3f}{_interval(claim)} more (C1: {claim['verdict']})."
        )
    verdict = "" if _shown(gap) else ": no difference is shown"
    return (
        f"Centre bias (1 at the centre, 0 everywhere alike) is {image['mean']:.2f} for image only and {ours['mean']:.2f} for {subject}; "
        f"on the same images the difference is {gap['mean']:+.3f}{_interval(gap)}{verdict}."
    )


def _undefined(figures: Figures) -> str:
    rate = figures["undefined"]["mean"]
    return "nothing was explained" if rate is None else f"{rate:.1%} of its maps are undefined"


def _percent(figure: Figures) -> str:
    return "nothing measurable" if figure["mean"] is None else f"{figure['mean']:.1%}"


def _interval(figure: Figures) -> str:
    return f" [{figure['interval'][0]:.3f}, {figure['interval'][1]:.3f}]" if figure["interval"] else ""


def _points(figure: Figures) -> str:
    return f" [{figure['interval'][0] * 100:.1f}, {figure['interval'][1] * 100:.1f}]" if figure["interval"] else ""
