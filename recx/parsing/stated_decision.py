"""Finds the decision that a text states: yes, no, or neither."""

import re

_LONGEST = 1000  # characters of a sentence that are searched
_FIRST_WORD = re.compile(
    r"\W*(?:(?P<yes>yes|(?:yeah|yep|absolutely|certainly|definitely|of course|sure|i (?:do )?think so)"
    r"(?=\W*$|[,.!:;]))|(?:probably|most likely|definitely) (?P<likely>yes)|"
    r"no(?=\W*$|[^\w\s.'’-]|\.(?!\s*\d)|\s*\n|\s+\(|\s*[–—-](?!\w)|\s+(?:because|since|as|for|it|its|this|that|the|they|he|she|i|you|"
    r"we|there|not|thanks?|way|chance)\b)|nope|not really|(?:definitely|probably|certainly|absolutely) not)\b"
    r"(?!\s*(?:/|or|and)\s*(?:yes|no)\b)[.,:;!]?",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?](?!\s|$)[^.!?\n]*)*([.!?\n]|$)")
_GREETING = re.compile(
    r"\W*(?:(?:dear|hello|hi|hey)\b[^,:!.\n]{0,30}[,:!.\n]|(?:answer|decision|verdict|prediction|explanation)\s*:)\W*",
    re.IGNORECASE,
)
# Refusals, and phrases that leave the decision open.
_OPEN = re.compile(
    r"\b(?:as an? (?:ai|large|language)|language model|i(?:'m| am) (?:sorry|not sure|unsure)|apologi[sz]e|depends|"
    r"can(?:not|'t| not) (?:say|tell|know|provide|give|answer|determine|predict|make|be sure|recommend|judge|decide)|"
    r"(?:hard|difficult|impossible) to (?:say|tell|know|predict|judge)|do(?:n't| not) (?:know|have)|unable|unclear|"
    r"uncertain|not (?:enough|clear|certain|sure|possible)|unsure|whether|maybe|perhaps|possibly|"
    r"(?:might|may) (?:or|not)|could go either way|only if|unless)\b",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"\b(?:answer|say|verdict|decision|guess|prediction|reply)\b(?: \w+){0,3}?[\s:,*]+(?P<what>yes|no)\b|"
    r"[,:;–—-]\s*(?:so\s+)?(?P<last>yes|no)\W*$",
    re.IGNORECASE,
)
_RECOMMENDS = (
    r"recommend(?:s|ed|ing|able)?|suggest(?:s|ed|ing)?"
    r"(?! (?:that|you|they|he|she|a (?:taste|preference|liking|interest))\b)|propos(?:e|es|ed)|"
    r"advis(?:e|es|ed)|endorse[sd]?|pick(?:s|ed)?|choos(?:e|es)|chosen|go for|opt for"
)
_ENJOYS = (
    r"lik(?:e|es)|lov(?:e|es)|enjoy(?:s|ed|able)?|appreciate[sd]?|appeals?(?: to)?|suit(?:s|ed)?|"
    r"fits?|match(?:es)?|aligns? (?:well )?with|interest(?:ed)?"
)
_NOUNS = (
    r"match|fit|choice|recommendation|suggestion|pick|option|candidate|addition|must-(?:see|play|read|watch|have|try)"
)
_GOOD = (
    r"good|great|perfect|excellent|ideal|strong|solid|natural|fine|fantastic|wonderful|likely|obvious|top|right|clear|"
    r"logical|sensible|safe|worthy|suitable|reasonable|compelling|terrific|superb|sure|amazing"
)
_BAD = r"bad|poor|weak|unlikely|wrong|terrible|odd|mis|questionable|unsuitable|risky"
_SIGN = re.compile(
    rf"\b(?P<verb>{_RECOMMENDS})\b(?! (?:against|avoiding|another|(?:a |some |something )?(?:different|other|else)))|"
    rf"(?:\b|(?<='))(?:would|will|should|must|'d|'ll|wo|likely to|sure to)(?:n't)?(?: (?!an?\b|the\b)\w+){{0,3}}? "
    rf"(?P<joy>{_ENJOYS})\b|\b(?:does|do)(?:n't| not)(?: \w+)? (?P<does>{_ENJOYS})\b|"
    rf"\b(?:should|must|ought to|have to|need to) (?:\w+ )?"
    r"(?P<do>play|watch|read|try|buy|get|see|check|give|consider)\b|"
    rf"\b(?P<good>{_GOOD})(?: \w+){{0,2}}? (?:{_NOUNS})\b|\b(?P<fits>(?:fits|suits|matches|aligns|appeals)) |"
    rf"\b(?P<must>must-(?:see|play|read|watch|have|try))\b|\bgive (?:it|this|\w+) a (?P<try>try|go|shot|chance)\b|"
    rf"\b(?P<bad>{_BAD})(?: \w+){{0,2}}? (?:{_NOUNS})\b|(?P<mis>mismatch)\b|"
    r"\b(?P<against>(?:recommend(?:s|ed)?|advis(?:e|es|ed)|decid(?:e|es|ed)|speaks?|argues?) against|"
    r"(?<!tends to )(?<!tend to )avoid|skip|steer clear|pass on|far from|rejects?|ignore|"
    r"(?:has|have) (?:little|nothing) to do with)\b|"
    r"\b(?:would|will|'d|'ll)(?:n't)?(?: \w+){0,2}? (?P<hates>dislike|hate(?! to miss))\b|(?P<miss>hate to miss)\b|"
    r"\b(?P<alone>would|should|will)(?: not|n't)?\W*$",
    re.IGNORECASE,
)
_HEDGED = re.compile(r"\b(?:might|may|could)\b(?:\W+\w+){0,4}\W*$", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:not|never|nothing|nobody|none|hardly|unlikely|doubt\w*|neither|nor|no|little|cannot|without|"
    r"(?:hard|difficult|reluctant|hesitant|hesitate|refus\w+|fail\w*|struggl\w+|mistake|wrong|unwise|pointless)"
    r"(?= (?:not )?to\b)|anything but|less likely|(?:stop|stops|falls?) short of|lacks?|too \w+ to|instead of|"
    r"rather than|slim|opposite of|(?:small|low|little) (?:chance|probability)|"
    r"(?:someone|somebody|anyone|anybody|everyone|everybody) else)\b|n't\b",
    re.IGNORECASE,
)
_NOT_NEGATED = re.compile(
    r"\b(?:not (?:only|just)|no doubt|without (?:a )?doubt|no wonder|no question|(?:not|n't) hesitate|"
    r"without hesitation|no reason not to|little doubt|go wrong|not hurt to|"
    r"(?:cannot|can't) (?=recommend (?:\w+ ){1,2}(?:highly )?enough)|nothing (?=(?:\w+ ){1,5}?(?:better|more)\b)|"
    r"no (?:other )?(?=(?:\w+ ){1,8}?(?:better|more)\b))|n't (?:hesitate|hurt to)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[,;:]\s|\b(?:because|since|(?<!anything )but|although|though|while|if|even though)\b", re.IGNORECASE
)
# Words behind a sign that reverse it: "fits poorly", "advise them to look elsewhere", "enjoy other games more".
_REVERSED = re.compile(
    r"\s*(?:\w+ ){0,4}?(?:poorly|badly|(?:very )?little(?=\W*$)|not to|skipping|avoiding|elsewhere|"
    r"(?:other|another|different) (?:\w+ ){1,2}(?:more|better|instead))\b",
    re.IGNORECASE,
)
# The main clause decides: "Although they like puzzles, I would not ...", "They dislike puzzles, so this would ...".
_SUBORDINATE = re.compile(
    r"\W*(?:while|although|though|even though|since|because|as|despite|in spite of|given)\b[^,]*,(?P<main>.*)",
    re.IGNORECASE | re.DOTALL,
)
_THEREFORE = re.compile(
    r",? (?:so|therefore|hence|thus)(?: that)?,? (?=(?:this|it|they|the|i|that|you|he|she)\b)", re.IGNORECASE
)
_BAD_SIGNS = ("bad", "mis", "against", "hates")


def stated_decision(text: str) -> tuple[bool | None, int]:
    """Return the decision that a text states, and the position after a leading "Yes" or "No" (0 if there is none).

    The first word decides; otherwise the first sentence that is neither a greeting nor a question does: "I would
    recommend it", "a poor match", "I do not think so". A refusal, a condition or a mere possibility is not a decision.

    Args:
        text: the text, with its titles replaced by blanks, since a title may contain any word.
    """
    first = _FIRST_WORD.match(text)
    return (_by_sentence(text), 0) if first is None else ((first["yes"] or first["likely"]) is not None, first.end())


def _by_sentence(text: str) -> bool | None:
    place = 0
    while place < len(text):
        greeting = _GREETING.match(text, place)
        place = greeting.end() if greeting else place
        sentence = _SENTENCE.match(text, place)
        if sentence is None or sentence.end() == place:
            return None
        said, place = sentence[0], sentence.end()
        first = _FIRST_WORD.match(text, sentence.start())
        if first:
            return (first["yes"] or first["likely"]) is not None
        if sentence[1] != "?" and any(letter.isalpha() for letter in said):
            return _of_sentence(said[:_LONGEST].replace("’", "'"))
    return None


def _of_sentence(sentence: str) -> bool | None:
    sentence = _NOT_NEGATED.sub(lambda found: " " * len(found[0]), sentence)
    if _OPEN.search(sentence):
        return None
    said = _SAID.search(sentence)
    if said:
        return (said["what"] or said["last"]).casefold() == "yes"
    main = _SUBORDINATE.match(sentence)
    parts = [main["main"]] if main else []
    parts += [sentence[m.end() :] for m in list(_THEREFORE.finditer(sentence))[-1:]]
    return next((d for d in map(_of_clauses, [*parts, sentence]) if d is not None), None)


def _of_clauses(sentence: str) -> bool | None:
    """The decision of the first sign that states one."""
    for sign in _SIGN.finditer(sentence):
        clauses = [m.end() for m in _CLAUSE.finditer(sentence, 0, sign.start())]
        start = clauses[-1] if clauses else 0
        if _HEDGED.search(sentence, start, sign.start()):
            continue
        bad = any(sign[name] for name in _BAD_SIGNS)
        said = sentence[start : sign.start() if bad else sign.end()]
        negations = len(_NEGATED.findall(said)) + bool(not bad and _REVERSED.match(sentence, sign.end()))
        return bad == bool(negations % 2)  # two negations cancel: "hard not to recommend"
    return None
