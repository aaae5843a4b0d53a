"""The lines between which a prompt for a chat model shows text from elsewhere, and how that text cannot end them."""

LINE = "-----"


def harmless(text: str) -> str:
    """The text without the line that ends it in a prompt, so that the rest of it is not read as an instruction."""
    return text.replace(LINE, "- - -")
