"""Short lessons that a panel can open: what happens behind it, in our own words, with shapes and equations."""

LESSONS = {
    "history": (
        "The history is a row of item numbers h = (i<sub>1</sub> ... i<sub>n</sub>), oldest first, of which the "
        "target reads the latest L. It turns them into one user vector u of width d: shape (1, L) &rarr; (1, d). A "
        "history nobody ever had is as good as a real one, which is why it can be typed."
    ),
    "wishes": (
        "A wish is a line of text at the end of the prompt, nothing else: it reaches no file and no setting. The "
        "prompt becomes T tokens, (1, T) &rarr; logits (1, V) for the next one. Where the model reads vectors, two "
        "of those tokens are no words but the projected vectors of user and item (section 4.3). Quotes held to the "
        "history are another matter: once a quote is open, logits of tokens that lead along no title of the history "
        "or the item are set aside, so no other title can be cited. What is said of a title may still be wrong."
    ),
    "target": (
        "The target scores every item of the catalogue at once: s = E u, item vectors E of shape (N + 1, d), scores"
        " of shape (N + 1). Items of the history are left out, the rest is ranked. Within the best fifth of that "
        "ranking the target is taken to say yes, within the worse half no (task 3 of the paper, section 4.1); "
        "between them it is undecided."
    ),
    "models": (
        "<b>Unaligned</b> is the language model as it came, <b>behavior</b> was tuned on the target's answers with "
        "titles as text, <b>intention</b> reads the target's vectors instead: a projector f (two linear layers with"
        " GELU between them) turns u of shape (d) into one token of the language model's width, f(u) = "
        "W<sub>2</sub> GELU(W<sub>1</sub> u), which stands where a word would. <b>Hybrid</b> reads both. They were "
        "trained to make the target's answer probable: the mean of &minus;log p(answer token | prompt, tokens "
        "before), over answer tokens only (section 4.2)."
    ),
    "answers": (
        "The text is decoded greedily: at every step the most probable of V tokens, logits of shape (1, V). What is"
        " put in quotes is looked up in the history, values of attributes in the catalogue. A tick or a cross says "
        "what was found; text without a sign was not checked. A true statement need not be the target's reason."
    ),
    "what_if": (
        "A change of the history gives another u, so another ranking and another text. To turn a verdict, all "
        "single changes are tried, then all pairs, and so on, each scored by the target: R histories of shape (R, "
        "L) &rarr; scores (R, N + 1). Where a level has too many sets, only the most promising of the level before "
        "are extended. If a text cites the very items that turn the verdict, it named what mattered to the target."
    ),
    "keep": (
        "A state is the run's name, the titles, the item, the wishes and the models asked. Decoding draws nothing at "
        "random: y<sub>t</sub> = argmax p(y | prompt, y<sub>1</sub> ... y<sub>t&minus;1</sub>), so the same state on "
        "the same run gives the same answers. The fingerprints name settings, data and code that made each stage."
    ),
    "rating": (
        "Explanations come in a random order of your own, without their source. The mean rating of a method is "
        "compared over the same pairs of person and item; how far two raters agree beyond chance is Cohen's kappa, "
        "&kappa; = (p<sub>observed</sub> &minus; p<sub>chance</sub>) / (1 &minus; p<sub>chance</sub>) (Appendix "
        "A.3)."
    ),
}


def lesson(name: str) -> str:
    """A lesson as a part of the page that opens and closes, also by keyboard."""
    title = "What happens here" if name not in ("models", "answers") else f"What happens here: the {name}"
    return f"<details><summary>{title}</summary><div>{LESSONS[name]}</div></details>"
