"""Names a browser for people: "Chrome Mobile, Android"."""

from __future__ import annotations

from flask_babel import gettext

# The first word found wins: nearly every browser also names the ones it descends from.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Vivaldi/": "Vivaldi",
    "FxiOS/": "Firefox",
    "Firefox/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iOS",
    "iPad": "iPadOS",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def device(user_agent: str) -> str:
    """What a browser's User-Agent says, in a few words; for people who look for a session that is not theirs."""
    browser = next((name for word, name in _BROWSERS.items() if word in user_agent), "")
    if browser and "Mobile" in user_agent:
        browser += " Mobile"
    system = next((name for word, name in _SYSTEMS.items() if word in user_agent), "")
    return ", ".join(filter(None, (browser, system))) or gettext("nieznane urządzenie")
