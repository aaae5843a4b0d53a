"""Synthetic titles, so that the teaching backbone learns to copy any title and not only those it knows.

A third of them form series whose titles differ only at the end, so they must be read to the last word to be copied.
Half are as long as in shops, with an edition, a platform or the maker of an accessory.
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
    "Nintendo 3DS", "Nintendo Switch", "GameCube", "Sony PSP", "Xbox", "Wii U", "Game Boy Advance", "Playstation 3",
    "Playstation 4", "PC/Mac", "PlayStation Vita", "Nintendo 64", "Wii", "Sega Saturn",
)  # fmt: skip
_SEQUELS = ("", " 2", " 3", " 4", " II", " III", " IV", ": Origins", ": The Return", " HD", " (2009)", " (2014)")
_EDITIONS = (
    "Limited Edition", "Collector's Edition", "Game of the Year Edition", "Special Edition", "Greatest Hits",
    "Platinum Hits", "Premium Edition", "Complete Collection", "Standard Edition", "Remastered", "Trilogy",
    "Bundle", "Starter Pack", "Anniversary Edition", "Day One Edition", "Director's Cut", "with Guide Book",
)  # fmt: skip
_DEVICES = (
    "Wireless Controller", "Charging Station", "Gaming Headset", "Memory Card", "Racing Wheel", "Carrying Case",
    "Screen Protector", "Console", "Charge Cable", "Battery Pack", "Gaming Mouse", "Stereo Headphones", "Arcade Stick",
    "Dock", "Remote", "Sensor Bar", "Silicone Sleeve", "AC Adapter", "HDMI Cable", "Travel Bag", "Keyboard", "Camera",
)  # fmt: skip
_COLOURS = ("Black", "White", "Red", "Blue", "Silver", "Pink", "Green", "Gold", "Crystal", "Midnight Blue")
_SIZES = ("8 GB", "16GB", "32GB", "64 MB", "250GB", "500GB", "1TB", "2 Pack", "6 ft", "10-in-1", "2.4 GHz", "7.1")
# Forms of a platform at the end of a title.
_ENDS = (" - {}", " - {}", " - {}", " ({})", " for {}", " - {} (Renewed)", " [{}]")


def synthetic_catalogue(rng: np.random.Generator, items: int) -> Catalogue:
    """A catalogue of titles made of random words and names.

    A third belong to series of three or four, in which a title may be repeated for another platform; every second title
    ends in a platform. Series and platform are their attributes.
    """
    titles: list[str] = []
    series: list[list[str]] = []
    while len(titles) < items:
        stem = _title(rng)
        together = rng.random() < 0.13
        ends = rng.choice(_SEQUELS, rng.integers(3, 5)).tolist() if together else [""]
        titles += [stem + end for end in ends]
        series += [[stem] if together else []] * len(ends)
    platforms = [[str(rng.choice(_PLATFORMS))] if rng.random() < 0.5 else [] for _ in titles]
    shown = [_as_sold(rng, title, platform) for title, platform in zip(titles, platforms, strict=True)]
    return build_catalogue(
        [str(n) for n in range(items)], shown[:items], {"platform": platforms[:items], "series": series[:items]}
    )


def _as_sold(rng: np.random.Generator, title: str, platform: list[str]) -> str:
    """Add an edition and a platform to a title, as shops do."""
    if rng.random() < 0.25:
        edition = str(rng.choice(_EDITIONS))
        title += str(rng.choice([": {}", " - {}", " {}", " ({})"])).format(edition)
    return title + str(rng.choice(_ENDS)).format(platform[0]) if platform else title


def _name(rng: np.random.Generator) -> str:
    return "".join(rng.choice(_SYLLABLES, rng.integers(2, 4))).capitalize()


def _device(rng: np.random.Generator) -> str:
    """An accessory: maker, kind, colour and size, in various orders."""
    thing, colour, size = (str(rng.choice(words)) for words in (_DEVICES, _COLOURS, _SIZES))
    maker = _name(rng)
    forms = (
        f"{maker} {thing} - {colour}",
        f"{maker} {colour} {thing}",
        f"{maker} {_name(rng).upper()[:3]}-{rng.integers(10, 990)} {thing}",
        f"{size} {thing}, {colour}",
        f"{maker} {thing} {size} with {rng.choice(_DEVICES)}",
        f"{maker} {size} {colour} {thing} + {rng.choice(_DEVICES)}",
        f"{thing} with {rng.choice(_WORDS)} {rng.choice(_WORDS)} {rng.choice(_EDITIONS)}",
        f"{maker} {rng.choice(_WORDS)} {thing} ({colour}/{rng.choice(_COLOURS)})",
    )
    return str(rng.choice(forms))


def _title(rng: np.random.Generator) -> str:
    if rng.random() < 0.2:
        return _device(rng)

    def word() -> str:
        return _name(rng) if rng.random() < 0.3 else str(rng.choice(_WORDS))

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
        lambda: f"{word()} {word()}: {word()} of the {word()} {word()}",
        lambda: f"{word()} {word()} {rng.integers(2, 5)}: {word()} {word()}",
        lambda: f"The {word()} of {word()}: {word()} {word()} {rng.choice(_SEQUELS[4:7]).strip()}",
        lambda: f"{word()} {word()} {rng.integers(1999, 2021)}",
        lambda: f"{word()} {word()}, The ({word()} {word().lower()} {word().lower()})",
        lambda: f"{word()} {word()}: {word()} {word()} {word()} {word()} and {word()} {word()}",
    )
    return forms[rng.integers(len(forms))]()
