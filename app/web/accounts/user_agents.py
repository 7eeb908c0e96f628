"""User-Agent headers as names of browser and system, for lists of sessions. Pure."""

# The order matters: most browsers also name those that they are compatible with.
BROWSERS = (
    ("YaBrowser/", "Яндекс Браузер"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """ "Chrome, Windows", "Safari, iPhone", "Неизвестное устройство"."""
    found = [_first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)]
    return ", ".join(each for each in found if each) or "Неизвестное устройство"


def is_hand_held(user_agent: str) -> bool:
    return any(each in user_agent for each in ("iPhone", "iPad", "Android", "Mobile"))


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for mark, name in names if mark in user_agent), "")
