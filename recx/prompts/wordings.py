"""Wordings of the tasks: sentences with slots for titles, entity tokens or both.

The slots and the meaning follow the templates in Figure B2 of the paper; the words are our own.
"""

RETRIEVAL = (
    "What comes next?",
    "Name the item to recommend next.",
    "Which title fits best now?",
    "Predict the next choice.",
    "What would the recommender put first?",
    "Suggest one new title.",
    "Which item should be shown on top?",
    "What is the best next pick?",
)
RANKING = (
    "Order these from best to worst: {candidates}.",
    "Rank {candidates} by how well they fit.",
    "Sort by preference: {candidates}.",
    "Put the best match first: {candidates}.",
    "Which goes first, which last? {candidates}.",
    "Arrange {candidates} as the recommender would.",
    "List these, the most suitable first: {candidates}.",
    "Give a ranking of {candidates}.",
)
PREFERENCE = (
    "Would the person like {item}?",
    "Is {item} a good match?",
    "Should {item} be recommended?",
    "Does {item} fit this taste?",
    "Like or dislike {item}?",
    "Would the recommender suggest {item}?",
    "Is {item} worth showing?",
    "Does {item} belong on the list?",
)
EXPLANATION = (
    "Would the recommender suggest {item}? Say why.",
    "Is {item} a good match? Explain.",
    "Should {item} be recommended? Give reasons.",
    "Does {item} fit? Explain the decision.",
    "Explain whether to recommend {item}.",
    "Decide about {item} and give the reason.",
    "Why would {item} be shown, or not?",
    "Recommend {item} or not, and why?",
)
NAME = (
    "Which title is {item}?",
    "Name {item}.",
    "What is {item} called?",
    "Give the title of {item}.",
    "Which item does {item} stand for?",
    "Read the title of {item}.",
    "Identify {item}.",
    "What product is {item}?",
)
ATTRIBUTE = (
    "What is the {attribute} of {item}?",
    "Give the {attribute} of {item}.",
    "{item}: which {attribute}?",
    "Tell me the {attribute} of {item}.",
    "State the {attribute} for {item}.",
    "Which {attribute} does {item} have?",
    "Look up the {attribute} of {item}.",
    "{item} has what {attribute}?",
)
DESCRIPTION = (
    "Describe {item}.",
    "What do you know about {item}?",
    "Give the facts about {item}.",
    "Introduce {item} briefly.",
    "Tell me about {item}.",
    "Sum up {item}.",
    "What is {item}?",
    "Give a short profile of {item}.",
)
RELATED = (
    "Which items are close to {item}?",
    "Name titles related to {item}.",
    "What goes together with {item}?",
    "List neighbours of {item}.",
    "What is similar to {item}?",
    "Give titles near {item}.",
    "Which titles resemble {item}?",
    "What do people choose beside {item}?",
)
HISTORY = (
    "List the titles of the history.",
    "Which items did the person choose?",
    "Read the history back.",
    "Name all past choices.",
    "What has the person picked so far?",
    "Write down the history.",
    "Repeat the choices in order.",
    "Which titles lie behind this person?",
)
SUMMARY = (
    "Sum up the taste of this person.",
    "What does this person prefer?",
    "Describe the preferences.",
    "Which tastes show here?",
    "Give a summary of the interests.",
    "What kind of items does the person go for?",
    "Characterise this taste.",
    "In short, what are the preferences?",
)
ATTRIBUTION = (
    "What in the history matters most for {item}?",
    "Which titles settle the decision about {item}?",
    "What mattered to the recommender about {item}?",
    "Which past choices move {item} most?",
    "Name the causes of the decision about {item}.",
    "On which titles does the decision about {item} rest?",
    "What makes the recommender decide so about {item}?",
    "Which titles of the history matter for {item}?",
)
# Instruction for models that were not trained on explanations; it asks for the paper's three points.
ZERO_SHOT = (
    "Begin with Yes or No. Then say in two or three sentences what pattern the history shows, whether the item is "
    "consistent with it, and how the recommender comes to its decision. Name titles of the history in quotation marks."
)
ALL_WORDINGS: dict[str, tuple[str, ...]] = {
    "retrieval": RETRIEVAL,
    "ranking": RANKING,
    "preference": PREFERENCE,
    "explanation": EXPLANATION,
    "name": NAME,
    "attribute": ATTRIBUTE,
    "description": DESCRIPTION,
    "related": RELATED,
    "history": HISTORY,
    "summary": SUMMARY,
    "attribution": ATTRIBUTION,
}
