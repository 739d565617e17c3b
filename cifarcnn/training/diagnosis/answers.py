"""What the network answers, on the validation images."""

from __future__ import annotations

from cifarcnn.training.diagnosis.figures import Figures, Finding

# The share of answers that counts as always.
_ALWAYS = 0.99
# A class with fewer validation images may go without an answer by chance.
_FEWEST = 10
_LISTED = 5


def find_commonest(figures: Figures) -> Finding | None:
    """Whether the answer is always the class with the most training images."""
    if figures.confusion is None or not figures.uneven:
        return None
    answers = [sum(column) for column in zip(*figures.confusion, strict=True)]
    total, commonest = sum(answers), figures.commonest
    if sum(map(bool, map(sum, figures.confusion))) < 2:
        return None
    if answers[commonest] < _ALWAYS * total:
        return None
    share = figures.class_counts[commonest] / sum(figures.class_counts)
    name = figures.class_names[commonest]
    return Finding(
        f"The answer is always {name!r}, the commonest class: {answers[commonest]:,} "
        f"of {total:,} validation pictures. {share:.1%} of the training pictures are "
        "of it, so that this accuracy is chance. Class weights make the rare classes "
        "count as much; a lower learning rate may help too.",
        "training: {class_weights: balanced}",
    )


def find_never_answered(figures: Figures) -> Finding | None:
    """Whether a class of which there are images is never the answer."""
    if figures.confusion is None:
        return None
    answers = [sum(column) for column in zip(*figures.confusion, strict=True)]
    never = [
        k
        for k, row in enumerate(figures.confusion)
        if sum(row) >= _FEWEST and not answers[k]
    ]
    if not never:
        return None
    listed = [repr(figures.class_names[k]) for k in never[:_LISTED]]
    more = f" and {len(never) - _LISTED} more" if len(never) > _LISTED else ""
    pictures = sum(sum(figures.confusion[k]) for k in never)
    are, them = ("is", "it") if len(never) == 1 else ("are", "them")
    text = (
        f"{', '.join(listed)}{more} {are} never answered, though {pictures:,} "
        f"validation pictures show {them}."
    )
    if figures.config.training.class_weights is None and figures.uneven:
        line = "training: {class_weights: balanced}"
    else:
        line = f"training: {{epochs: {2 * figures.config.training.epochs}}}"
    return Finding(text, line)
