"""Extraction of a video game's platform from a title or a list of categories."""

import re

# Spellings of platforms in shop titles, by canonical name.
_PLATFORMS = {
    "PC": r"PC ?/ ?Mac|Mac ?/ ?PC|PC|Windows(?! of\b)",
    "Mac": r"Mac",
    **{f"PlayStation {n}": rf"PlayStation ?{n}|PS ?{n}" for n in "2345"},
    "PlayStation Vita": r"(?:PlayStation |PS ?)Vita",
    "PlayStation": r"PlayStation(?: ?1\b)?(?! ?(?:\d|VR|TV|Eye|Move|Plus|Network|Store|Camera|Portable|All|Now))",
    "PSP": r"(?:Sony )?PSP|PlayStation Portable",
    "Xbox 360": r"Xbox ?360",
    "Xbox One": r"Xbox ?One",
    "Xbox Series": r"Xbox ?Series(?: ?[XS]\b(?: ?[|/&]+ ?(?:Series )?[XS]\b)?)?",
    "Xbox": r"(?:Original )?Xbox(?! ?(?:Live|Game|Series|\d))",
    "Wii U": r"(?:Nintendo )?Wii ?U",
    "Wii": r"(?:Nintendo )?Wii",
    "Nintendo 3DS": r"(?:Nintendo )?3DS(?: XL)?",
    "Nintendo DS": r"(?:Nintendo )?DS(?:i| Lite)?",
    "Nintendo 64": r"Nintendo 64|N64",
    "Nintendo Switch": r"Nintendo Switch",
    "GameCube": r"(?:Nintendo )?Game ?Cube",
    "Game Boy Advance": r"Game ?Boy Advance|GBA",
    "Game Boy": r"Game ?Boy(?: Color)?",
    "Sega Dreamcast": r"(?:Sega )?Dreamcast",
    "Sega Genesis": r"Sega Genesis",
}
_MENTION = re.compile(rf"(?<!\w)(?:{'|'.join(f'({pattern})' for pattern in _PLATFORMS.values())})(?!\w)", re.IGNORECASE)


def platform_of(title: str) -> list[str]:
    """The platform that an Amazon title mentions ("... - Xbox 360", "... for PS4"); empty if none or several."""
    mentioned = {list(_PLATFORMS)[match.lastindex - 1] for match in _MENTION.finditer(title)}
    return sorted(mentioned) if len(mentioned) == 1 else []
