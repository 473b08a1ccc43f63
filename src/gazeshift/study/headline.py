"""The answer in words: what was found for these models in these data, then how far that generalises. Sentences from figures only."""

from collections.abc import Mapping, Sequence

from gazeshift.claims.register import CLAIMS, MIN_SEEDS
from gazeshift.claims.roles import ROLES, Roles
from gazeshift.claims.verdict import Verdict
from gazeshift.edits.telling import TEXTS, telling
from gazeshift.measures import Figure
from gazeshift.runs.summary import Measured, StudyFigures, applied
from gazeshift.study.comparing import compared_in_words


def headline(
    figures: StudyFigures, claims: Mapping[str, Verdict], roles: Roles, structures: Mapping[str, str]
) -> list[str]:
    """Paragraphs that answer the study's question, the first in a sentence that can be quoted.

    Args:
        figures: of all models.
        claims: the verdicts, if there are any.
        roles: the models.
        structures: by model, the sentence about what its head lets a text do.
    """
    subject = roles.lead or next(player.name for player in roles.players if player.sees_image)
    paragraphs = [
        _found(figures, roles, subject),
        _added(figures, roles, subject),
        _shift(figures, subject),
        _place(figures, roles, subject),
        f"{subject}: {structures[subject]}" if subject in structures else "",
        *compared_in_words(figures.comparisons),
        how_far(claims, trained=len(roles.given) < len(roles.players)),
        *doubled(roles),
    ]
    return [paragraph for paragraph in paragraphs if paragraph]


def _found(figures: StudyFigures, roles: Roles, subject: str) -> str:
    """The text's effect on accuracy and on the map; and that the text alone does as well, if it does."""
    return " ".join(
        sentence for sentence in (_accuracy(figures, roles, subject), _follows(figures, subject)) if sentence
    )


def _accuracy(figures: StudyFigures, roles: Roles, subject: str) -> str:
    accuracy, image, text = figures.accuracy, roles.without_text(subject), roles.without_image(subject)
    own = f"{_right(accuracy[subject])} ({subject})"
    if text is not None and (gap := _measured(figures.gap_to_text.get(subject))) and not _above(gap):
        alone = (
            f"{text} is right on {_right(accuracy[text])} of the test pairs, {subject} on {_right(accuracy[subject])}"
        )
        return f"{_verdict_on_the_image(gap)}: {alone}, a difference of {_points(gap)}."
    if image is None or (gap := _measured(figures.gap.get(subject))) is None:
        return f"{subject} is right on {_right(accuracy[subject])} of the test pairs."
    without = f"{_right(accuracy[image])} ({image})"
    if _above(gap) or _below(gap):
        return f"The text {'raises' if _above(gap) else 'lowers'} accuracy on the test pairs from {without} to {own}."
    return f"The text is not shown to change accuracy on the test pairs: {without} without it, {own} with it."


def _follows(figures: StudyFigures, subject: str) -> str:
    """Whether the map moves farther when the text is about something else than when it is paraphrased."""
    edits = figures.edits.get(subject, {})
    name = telling(applied(edits))
    if name is None or (excess := edits[name]["excess"]).mean is None:
        return ""
    if not _above(excess):
        beyond = f"no farther than a paraphrase{_bits(excess)}"
        return f"That the map of {subject} follows the text is not shown: {TEXTS[name]} moves it {beyond}."
    far, near = (_mean(edits[edit]["js_distance"]) for edit in (name, "paraphrase"))
    if far - near < CLAIMS["C3"].margin:
        return (
            f"The map of {subject} hardly follows the text: {TEXTS[name]} moves it farther than a paraphrase does, but by less than "
            f"counts as a change (a Jensen-Shannon distance of {far:.3f} against {near:.3f}; the maximum is 1)."
        )
    moved, floor = (_mean(edits[edit]["js_bits"]) for edit in (name, "paraphrase"))
    times = f"{moved / floor:.0f} times as far as" if moved >= 2 * floor > 0 else "farther than"
    return f"The map of {subject} follows the text: {TEXTS[name]} moves it {times} a paraphrase does."


def _verdict_on_the_image(gap: Figure) -> str:
    """The sentence about an image that is not shown to add anything to the text."""
    if _below(gap):
        return "The text alone does better than text and image together"
    if _mean(gap) <= CLAIMS["C0"].margin:
        return "The text alone does as well as text and image together"
    return "That seeing the image helps is not shown"


def _added(figures: StudyFigures, roles: Roles, subject: str) -> str:
    """What each input adds to the other on the same test pairs; the engineer's question: does it just read the text?"""
    image, text = roles.without_text(subject), roles.without_image(subject)
    sentences = []
    if image is not None and (gap := _measured(figures.gap.get(subject))):
        sentences.append(
            f"Against {image} the text changes accuracy by {_points(gap)} on the same test pairs{_unshown(gap)}."
        )
    if text is None and subject == roles.lead:
        sentences.append(
            f"Whether {subject} just reads the text is not answered: the study has no {ROLES['text'].words}."
        )
    elif text is not None and (gap := _measured(figures.gap_to_text.get(subject))):
        alone = f"{text}, which sees no image, is right on {_right(figures.accuracy[text])}"
        just = f"does not just read the text: {alone}, and" if _above(gap) else "may just read the text:"
        sentences.append(f"{subject} {just} the image changes accuracy by {_points(gap)}{_unshown(gap)}.")
    return " ".join(sentences)


def _shift(figures: StudyFigures, subject: str) -> str:
    """How far a changed text moves the map, and why; the whole and its parts over the same images."""
    edits = figures.edits.get(subject, {})
    name = telling(applied(edits))
    if name is None:
        return ""
    change = edits[name]
    if change["js_split"].mean is None:
        return f"How far {TEXTS[name]} moves the map of {subject} cannot be measured: {_undefined(change)}."
    floor = _measured(edits.get("paraphrase", {}).get("js_bits"))
    against = "" if floor is None else f" A paraphrase moves it by {_fine(_mean(floor))} bits."
    said = TEXTS[name]
    return (
        f"{said[0].upper()}{said[1:]} moves the map of {subject} by {_fine(_mean(change['js_split']))} bits of Jensen-Shannon divergence"
        f"{_interval(change['js_split'])}: {_fine(_mean(change['switch']))} of them come with a switch of the predicted class (in "
        f"{_mean(change['switched_split']):.0%} of the images) and {_fine(_mean(change['within']))} from re-weighting what is seen for "
        f"the same class ({change['js_split'].n} images for which all four maps are defined).{against}"
    )


def _place(figures: StudyFigures, roles: Roles, subject: str) -> str:
    """Centre bias of both models, and their difference on the same images."""
    maps, reference = figures.maps, roles.without_text(subject)
    if reference is None or reference == subject or subject not in maps or reference not in maps:
        return ""
    ours, image, gap = maps[subject]["centre_bias"], maps[reference]["centre_bias"], maps[subject]["centre_bias_gap"]
    if gap.interval is None:
        rates = f"{reference}: {_undefined(maps[reference])}; {subject}: {_undefined(maps[subject])}"
        return f"A difference in centre bias cannot be measured ({rates})."
    return (
        f"Centre bias (1 at the centre, 0 for a uniform map) is {_mean(image):z.2f} for {reference} and {_mean(ours):z.2f} for {subject}; "
        f"on the same images the difference is {_fine(_mean(gap), '+')}{_interval(gap)}{_unshown(gap)}."
    )


def how_far(claims: Mapping[str, Verdict], *, trained: bool = True) -> str:
    """Which claims about kinds of models hold: those that generalise to other trainings and other classes.

    Args:
        claims: the verdicts, by name.
        trained: whether the study trained any model.

    Example:
        >>> how_far({"C0": Verdict(claim="The text raises accuracy.", verdict="supported", seeds=5)})
        'Beyond these trainings and classes: of 1 claim, 1 is supported (C0, the text raises accuracy).'
    """
    if not claims:
        return ""
    seeds = max(claim.seeds or 0 for claim in claims.values())
    few = _too_few(seeds, trained)
    named = {
        verdict: [
            name if few else f"{name}, {claim.claim[0].lower()}{claim.claim[1:].removesuffix('.')}"
            for name, claim in claims.items()
            if claim.verdict == verdict
        ]
        for verdict in ("supported", "not supported", "undecided", "not testable")
    }
    parts = [
        f"{len(names)} {'is' if len(names) == 1 else 'are'} {verdict} ({(', ' if few else '; ').join(names)})"
        for verdict, names in named.items()
        if names
    ]
    count = f"of {len(claims)} claim{'s' if len(claims) > 1 else ''}"
    return f"Beyond these {'trainings' if trained else 'models'} and classes: {few}{count}, {_listed(parts)}."


def _too_few(seeds: int, trained: bool) -> str:
    """Why the claims cannot be tested here; empty if there are enough seeds."""
    if not trained:
        return f"a claim about a kind of model needs {MIN_SEEDS} trainings of it, and this study trained nothing; "
    return f"a claim about a kind of model needs {MIN_SEEDS} training seeds, and this study has {seeds}; " * (
        seeds < MIN_SEEDS
    )


def doubled(roles: Roles) -> list[str]:
    """Which model represents a role, if several could play it."""
    return [
        f"{roles[role]} is the {ROLES[role].words} of this page and of its claims because it is listed first; "
        f"{_listed(others)} {'is' if len(others) == 1 else 'are'} shown for comparison."
        for role, others in roles.others.items()
    ]


def _listed(parts: Sequence[str]) -> str:
    """A list in a sentence.

    Example:
        >>> _listed(["one", "two", "three"])
        'one, two and three'
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _measured(figure: Figure | None) -> Figure | None:
    """A figure that has a mean, or None."""
    return figure if figure is not None and figure.mean is not None else None


def _mean(figure: Figure) -> float:
    """NaN where nothing was measured, so that every comparison with it fails."""
    return float("nan") if figure.mean is None else figure.mean


def _above(figure: Figure) -> bool:
    """Whether a figure is shown to be above 0; without an interval, only its sign counts."""
    return bool((figure.interval or [_mean(figure)])[0] > 0)


def _below(figure: Figure) -> bool:
    return bool((figure.interval or [_mean(figure)])[-1] < 0)


def _unshown(figure: Figure) -> str:
    return "" if _above(figure) or _below(figure) else "; no difference is shown"


def _undefined(figures: Measured) -> str:
    rate = figures["undefined"].mean
    return "nothing was explained" if rate is None else f"{rate:.1%} of its maps are undefined"


def _right(splits: Measured) -> str:
    mean = splits["test"].mean
    return "none that could be measured" if mean is None else f"{mean:.1%}"


def _interval(figure: Figure) -> str:
    return " [{}, {}]".format(*map(_fine, figure.interval)) if figure.interval else ""


def _fine(value: float, sign: str = "") -> str:
    """Three decimals, or five if three would round a nonzero value to 0.

    Example:
        >>> _fine(0.0123), _fine(0.000107), _fine(0.0), _fine(-1e-18)
        ('0.012', '0.00011', '0.000', '0.00000')
    """
    return f"{value:{sign}z.{3 if round(value, 3) or not value else 5}f}"


def _bits(figure: Figure) -> str:
    return f" ({_fine(_mean(figure), '+')} bits{_interval(figure)})"


def _points(gap: Figure) -> str:
    interval = f" [{', '.join(f'{100 * bound:z.1f}' for bound in gap.interval)}]" if gap.interval else ""
    return f"{100 * _mean(gap):+z.1f} points{interval}"
