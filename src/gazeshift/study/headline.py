"""The answer in words: what the text added, how far it moved the gaze, why, and how sure that is. Sentences from figures, nothing else."""

from typing import Any

Figures = dict[str, Any]


def headline(summary: Figures, models: dict[str, str]) -> list[str]:
    """Sentences that answer the study's question.

    Args:
        summary: as ``summarise`` gives it.
        models: name to the sentence about its structure.
    """
    subject = "early-fusion" if "early-fusion" in summary["accuracy"] else next(reversed(summary["accuracy"]))
    sentences = [_accuracy(summary, subject), _shift(summary, subject), _place(summary, subject)]
    if subject in models:
        sentences.append(f"{subject}: {models[subject]}")
    return [sentence for sentence in sentences if sentence]


def _accuracy(summary: Figures, subject: str) -> str:
    own = summary["accuracy"][subject]["test"]
    gap = summary["gap"].get(subject)
    if gap is None or gap["mean"] is None:
        return f"{subject} reaches {_percent(own)} on the test pairs."
    image = summary["accuracy"]["image-only"]["test"]
    added = gap["mean"] * 100
    return (
        f"With the text, {subject} reaches {_percent(own)} on the test pairs; the image alone reaches {_percent(image)}: "
        f"the text {'adds' if added >= 0 else 'costs'} {abs(added):.1f} points{_points(gap)}."
    )


def _shift(summary: Figures, subject: str) -> str:
    edits = summary["edits"].get(subject, {})
    changes = [name for name in ("other-object", "other-class", "paper-colour", "colour") if name in edits]
    if not changes or edits[changes[0]]["js_bits"]["mean"] is None:
        return ""
    name, change = changes[0], edits[changes[0]]
    floor = edits.get("paraphrase", {}).get("js_bits", {}).get("mean")
    against = "" if floor is None else f", against {floor:.3f} for a paraphrase"
    parts = ""
    if change["switch"]["mean"] is not None:
        parts = (
            f" Of that, {change['switch']['mean']:.3f} bits come with a switch of the predicted class "
            f"(in {change['switched']['mean']:.0%} of the images) and {change['within']['mean']:.3f} bits from re-weighting what is seen "
            "for the same class."
        )
    return (
        f"Changing the text ({name}) moves the map of {subject} by {change['js_bits']['mean']:.3f} bits of Jensen-Shannon divergence"
        f"{_interval(change['js_bits'])}{against}.{parts}"
    )


def _place(summary: Figures, subject: str) -> str:
    maps = summary["maps"]
    if subject not in maps or "image-only" not in maps or maps[subject]["centre_bias"]["mean"] is None:
        return ""
    ours, image = maps[subject]["centre_bias"], maps["image-only"]["centre_bias"]
    if image["mean"] is None:
        return ""
    apart = (
        ours["interval"]
        and image["interval"]
        and (ours["interval"][1] < image["interval"][0] or image["interval"][1] < ours["interval"][0])
    )
    verdict = "the intervals do not overlap" if apart else "the intervals overlap, so no difference is shown"
    return (
        f"Centre bias (1 at the centre, 0 everywhere alike) is {image['mean']:.2f}{_interval(image)} for image only and "
        f"{ours['mean']:.2f}{_interval(ours)} for {subject}; {verdict}."
    )


def _percent(figure: Figures) -> str:
    return "nothing measurable" if figure["mean"] is None else f"{figure['mean']:.1%}"


def _interval(figure: Figures) -> str:
    return f" [{figure['interval'][0]:.3f}, {figure['interval'][1]:.3f}]" if figure["interval"] else ""


def _points(figure: Figures) -> str:
    return f" [{figure['interval'][0] * 100:.1f}, {figure['interval'][1] * 100:.1f}]" if figure["interval"] else ""
