"""Finds the rules of a group recommendation that a text states: sum, least misery, most pleasure, approval."""

import re

_MEMBER = r"(?:member|person|user|participant|friend|player|viewer|reader)"
_PEOPLE = rf"(?:{_MEMBER}s?|people|of (?:them|you|us|the (?:group|{_MEMBER}s|people)))"
_ONE = (
    rf"(?:(?:one|a single|any|some|at least one) (?:of (?:them|you|us|the {_MEMBER}s|the group)|{_MEMBER})|"
    r"someone|somebody|anyone|anybody)"
)
_COUNT = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|many|several|most|all|more)"
_NOBODY = rf"(?:nobody|no[- ]one|none of (?:them|you|us|the (?:{_MEMBER}s|people))|no (?:single )?{_MEMBER})"
_NUMBER = (
    r"(?:ratings?|scores?|satisfaction|places?|liking|pleasure|wish(?:es)?|preferences?|enjoyment|happiness|opinions?|"
    r"values?|points)"
)
_LOW = r"(?:lowest|(?<!at )least|minimum|minimal|smallest|weakest|worst|poorest)"
_HIGH = r"(?:highest|best|strongest|top|greatest|largest|maximum|maximal)"
_ACCEPTS = (
    r"(?:accepts?|agrees?|likes?|wants?|approves?|(?:are|be|is) (?:happy|fine|content|pleased)|"
    r"(?:find|count) (?:it|this)|in favou?r)"
)
_FORMS: dict[str, str] = {
    "additive utilitarian": (
        r"\b(?:averages?(?! (?:length|price|game|title|player))|averaged|averaging|utilitarian|additive|altogether|"
        rf"collective|arithmetic mean|the mean\b|means? (?:of|{_NUMBER})|"
        r"(?<!in )sums?\b(?! up| of its parts)|summed|summing|totals?|totalling|"
        rf"add(?:s|ed|ing)? (?:\w+ ){{0,3}}?(?:up|together|{_NUMBER})|adding|(?:is|are|was|were) added(?! to)|"
        rf"(?:combined|joint|overall) (?:\w+ )?{_NUMBER}|{_NUMBER} (?:are|were|is) (?:all )?combined|"
        rf"(?:taken|put|counted|counting|combined?) (?:\w+ ){{0,4}}?together|(?:group|{_MEMBER}s) as a whole)\b"
    ),
    "least misery": (
        rf"\b(?:misery|(?:least|less) (?:satisfied|happy|content|pleased|keen|enthusiastic|convinced)|unhappiest|"
        rf"worst[- ]off|most (?:reluctant|sceptical|skeptical|critical) {_MEMBER}|"
        rf"{_LOW}(?: of the| among the)? (?:\w+ )?(?:{_NUMBER}|{_MEMBER})|{_LOW} of (?:all|them|these|the {_NUMBER})|"
        rf"{_NOBODY} (?:\w+ ){{0,6}}?(?:hates?|dislikes?|unhappy|dissatisfied|miserable|left out|suffers?|minds?|"
        r"objects?|disappointed|too low|against)|suffers? (?:the )?most|"
        r"(?:everyone|everybody|all(?: of (?:them|you|us))?|each(?: member)?) can (?:live|put up) with|"
        r"(?:hates?|dislikes?|likes?|enjoys?|wants?) it (?:the )?least|(?:hate|mind|dislike)s? it (?:the )?most)\b"
    ),
    "most pleasure": (
        rf"\b(?:most pleasure|happiest (?={_MEMBER}|one\b|of)|(?:most|more) (?:enthusiastic|delighted|eager)|"
        rf"most (?:satisfied|pleased) {_MEMBER}|keenest|best[- ]off {_MEMBER}|biggest fan|"
        rf"{_HIGH} (?:single|individual|personal) (?:\w+ )?{_NUMBER}|single (?:best|highest)|strongest wish|"
        rf"(?:maximum|maximal) (?:\w+ )?{_NUMBER}|(?:maximum|maxima|peak) (?:over|of|among) |"
        rf"{_MEMBER} with the {_HIGH}|"
        rf"{_HIGH} {_NUMBER} (?:that |of |from |by |in |given )*(?:with)?"
        r"(?:in |any(?:one|body)?|someone|somebody|one |a single|the group)|"
        rf"{_ONE}(?: |['’]s )(?:\w+ ){{0,5}}?(?:loves?|adores?|favou?rite|delighted|thrilled|first choice|enthusiasm|"
        r"wants (?:it )?(?:the )?most)|a single member|"
        r"(?<!group )(?:loves?|likes?|enjoys?|wants?) (?:it )?(?:the )?most\b|"
        r"favou?rite of (?:one|a single))\b"
    ),
    "approval": (
        r"\b(?:approv(?:al|als|e|es|ed|ing)|votes?|voted|voting|majority|thumbs[- ]up|supporters|backers|threshold|"
        rf"ticks?|ticked|in favou?r|(?:how many|(?:largest |highest )?number of|count of|most) {_PEOPLE}|"
        rf"{_COUNT} {_PEOPLE} (?:\w+ ){{0,2}}?{_ACCEPTS}|"
        rf"{_COUNT} (?:out )?of (?:the )?(?:{_COUNT} )?{_PEOPLE} (?:\w+ ){{0,2}}?{_ACCEPTS}|"
        rf"(?:liked|accepted|wanted|chosen) by (?:the )?{_COUNT}|fewer {_PEOPLE} (?:\w+ ){{0,2}}?{_ACCEPTS}|"
        rf"(?:favou?rites|lists?) of (?:more|most) {_PEOPLE}|acceptable (?:to|for) {_COUNT}|"
        r"good enough for (?:the )?(?:most|more|greatest number))\b"
    ),
}
_RULES = {rule: re.compile(form, re.IGNORECASE) for rule, form in _FORMS.items()}
_CLAUSE = re.compile(r"[.;:!?]\s|,\s|\n|\b(?:but|while|whereas)\b", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|never|rather than|instead of|regardless of|irrespective of|no matter|ignor(?:e|es|ed|ing)|without|"
    r"unlike|neither|nor)\b|n['’]t\b",
    re.IGNORECASE,
)


def stated_rules(text: str) -> tuple[str, ...]:
    """Return the rules that a text names or implies, in a fixed order; a rule that it denies does not count.

    Args:
        text: the text, with its titles replaced by blanks, since a title may contain any word.

    Returns:
        Keys of `recx.recommenders.group_rules.RULES`; empty if no rule can be told from the text.
    """
    return tuple(
        rule for rule, form in _RULES.items() if any(not _denied(text, m.start()) for m in form.finditer(text))
    )


def _denied(text: str, place: int) -> bool:
    start = max((m.end() for m in _CLAUSE.finditer(text, max(place - 200, 0), place)), default=max(place - 200, 0))
    return bool(_DENIED.search(text, start, place))
