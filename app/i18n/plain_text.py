"""Names that others have written, as they may stand in a line of ours."""

import re
import unicodedata

# Zero-width joiners belong to emoji and to Persian; whatever else is invisible breaks a line, turns
# it round (U+202E and its kind), or hides something in it.
JOINERS = "\u200c\u200d"
INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories


NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """With U+FFFD for what neither UTF-8 nor PostgreSQL can hold: NUL and lone surrogates."""
    return NOT_STORABLE.sub("\ufffd", text)


def one_line(text: str, longest: int) -> str:
    """Without line breaks, controls and marks of direction; one space for any white space."""
    words = "".join(_visible(each) for each in text).split()
    line = " ".join(words)[:longest].rstrip()
    return line if line.strip(JOINERS) else ""


def isolated(name: str) -> str:
    """A name for the middle of a sentence: between isolates (UAX #9) if it is written from the
    right, so that what stands beside it keeps its place.
    """
    from_the_right = any(unicodedata.bidirectional(each) in ("R", "AL") for each in name)
    return f"\u2068{name}\u2069" if from_the_right else name


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    hidden = unicodedata.category(character) in INVISIBLE_CATEGORIES and character not in JOINERS
    return "" if hidden or ord(character) & 0xFFFE == 0xFFFE else character
