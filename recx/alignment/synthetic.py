"""Made-up titles, so that the teaching backbone learns to copy any title and not only those it knows.

A third of them come in series whose titles differ in their ends only: what is copied must be read to the last word.
"""

import numpy as np

from recx.data.catalogue import Catalogue, build_catalogue

_WORDS = """
Ancient Arena Ashes Autumn Battle Beacon Beyond Black Blade Blue Bridge Bright Broken Captain Castle Chase
Chronicles Circle City Clock Cloud Code Coast Cold Colony Comet Copper Country Crimson Crown Crystal Dance
Dark Dawn Day Deep Desert Distant Dragon Dream Driver Dust Eagle Earth Echo Edge Eleven Empire Empty Engine
Escape Eternal Evening Eye Falcon Family Farm Father Fire First Flight Forest Forgotten Fortune Fox Friend
Frost Future Galaxy Garden Gate Ghost Giant Glass Golden Grand Gravity Great Green Grey Harbor Heart Hero
Hidden Hill Home Honor Horizon Hotel Hour House Hunter Ice Infinite Iron Island Ivory Journey Jungle Justice
Kingdom Knight Lady Lake Land Last Legend Letter Life Light Line Lion Little Lonely Lost Lucky Machine Magic
Man Map Marble Market Mask Master Memory Midnight Mirror Mission Moon Morning Mother Mountain Music Mystery
Name Night Ninth Noble North Ocean Office Old Orchid Origin Outlaw Palace Paper Paradise Parade Passage Path
Pearl People Phantom Pilot Pirate Planet Point Power Prince Promise Proud Puzzle Queen Quest Quiet Race Rain
Raven Red Return Rider Rift Ring Rise River Road Robot Rose Royal Runner Sacred Sand School Sea Second Secret
Seven Shadow Shield Ship Shore Silent Silver Simple Sister Sky Small Smoke Snow Soldier Song Soul South Space
Spirit Spring Star Station Steel Stone Storm Story Strange Street Summer Sun Sword Tale Tales Temple Third
Thunder Tide Tiger Time Tower Town Trail Train Treasure Tree True Twilight Twin Two Under Valley Velvet
Village Violet Voice Voyage Walker Wall War Watch Water Wave Way West White Wild Wind Window Winter Wolf Woman
Wonder World Year Young Zero
""".split()
_SYLLABLES = """
ba be bo da de di do fa fe ga go ha hi jo ka ke ki ko la le li lo lu ma me mi mo mu na ne ni no pa pe po ra re
ri ro ru sa se shi so ta te ti to tri va ve vi vo wa xi ya yo za zen zo
""".split()
_PLATFORMS = (
    "PC", "PlayStation 2", "PlayStation 3", "PlayStation 4", "Xbox 360", "Xbox One", "Nintendo Wii", "Nintendo DS",
    "Nintendo 3DS", "Nintendo Switch", "GameCube", "Sony PSP", "Xbox", "Wii U", "Game Boy Advance",
)  # fmt: skip


_SEQUELS = ("", " 2", " 3", " 4", " II", " III", " IV", ": Origins", ": The Return", " HD", " (2009)", " (2014)")


def synthetic_catalogue(rng: np.random.Generator, items: int) -> Catalogue:
    """Titles of made-up words and names.

    A third belong to series of three or four, every second title ends in a platform; these are their attributes.
    """
    titles: list[str] = []
    series: list[list[str]] = []
    while len(titles) < items:
        stem = _title(rng)
        together = rng.random() < 0.13
        ends = rng.choice(_SEQUELS, rng.integers(3, 5), replace=False).tolist() if together else [""]
        titles += [stem + end for end in ends]
        series += [[stem] if together else []] * len(ends)
    platforms = [[str(rng.choice(_PLATFORMS))] if rng.random() < 0.5 else [] for _ in titles]
    shown = [f"{t} - {p[0]}" if p else t for t, p in zip(titles, platforms, strict=True)]
    return build_catalogue(
        [str(n) for n in range(items)], shown[:items], {"platform": platforms[:items], "series": series[:items]}
    )


def _title(rng: np.random.Generator) -> str:
    def word() -> str:
        if rng.random() < 0.3:
            return "".join(rng.choice(_SYLLABLES, rng.integers(2, 4))).capitalize()
        return str(rng.choice(_WORDS))

    forms = (
        lambda: f"{word()} {word()}",
        lambda: f"The {word()} {word()}",
        lambda: f"{word()}: {word()} of {word()}",
        lambda: f"{word()} of the {word()}",
        lambda: f"{word()} {word()} {rng.integers(2, 10)}",
        lambda: f"{word()} {rng.choice(['II', 'III', 'IV', 'V'])}",
        lambda: f"{word()}'s {word()}",
        lambda: f"{word()} & {word()}",
        lambda: f"{word()} {word()} {word()}",
        lambda: f"{word()}",
        lambda: f"{word()}-{word()} ({rng.integers(1950, 2024)})",
        lambda: f"{word()}, {word()} and {word()}: {word()} Edition",
    )
    return forms[rng.integers(len(forms))]()
