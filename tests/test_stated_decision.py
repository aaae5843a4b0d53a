import pytest

from recx.parsing.stated_decision import stated_decision

YES = (
    "Yes", " \"Yes", "yes, it would", "**Yes**.", "Absolutely! It", "Of course.", "I think so.",
    "I would recommend     .", "I'd recommend it.", "I would definitely recommend it, for it is not like the others.",
    "The recommender would probably suggest it.", "The recommender suggests      because of its genre.",
    "My answer is yes.", "The answer: yes.", "I would say yes, as it fits.", "Dear customer, you should play it.",
    "Would the recommender suggest it? Yes, because", "It is a great match for the history.", "You'll love it.",
    "They would likely enjoy this film.", "No doubt they would love it.", "It is not only a good fit but a bargain.",
    "This is a must-watch.", "Since they never liked racing, I would suggest it.", "It fits the history well.",
    "Explanation: I recommend it.", "As a fan of horror, you’ll enjoy it.", "Give it a try!",
    "No other game fits this person better.", "No-brainer: this is a great match.",
    "No surprise here: it is a great match.", "Nothing speaks against recommending it.",
    "I wouldn't hesitate to recommend it.", "I would not hesitate to recommend it.",
    "There is no reason not to recommend it.", "No title of the history speaks against it.",
    "It is hard not to recommend it.",
    "I see no reason not to recommend it.",
    "I cannot recommend it highly enough.",
    "Probably yes.",
    "Yes, no doubt.",
    "There is little doubt that they would enjoy it.",
    "I would recommend it without reservation.",
    "They would love it.",
    "It would be wrong not to suggest it.",
    "Nothing speaks against it, so I would recommend it.",
    "I'd say yes.",
    "Sure!",
    "It is a good match, no question.",
    "No other title fits better, so I recommend it.",
    "The recommender would certainly suggest it.",
    "There is nothing they would enjoy more.",
    "I would not miss this one: recommended.",
    "They can't go wrong with this; recommended.",
    "No wonder the recommender suggests it.",
    "The person dislikes horror, so this comedy would be recommended.",
    "You dislike horror, but this is a comedy, so a great match.",
    "The person tends to avoid puzzles, but this is an action game they would enjoy.",
)  # fmt: skip
NO = (
    "No.", "no, a", "Nope.", "Probably not.", "Definitely not, as it", "I would not recommend     .",
    "I wouldn’t recommend it.", "The recommender would probably not suggest it.",
    "I do not think the recommender would suggest it.",
    "I don't think it is a good match.", "My answer is no.", "It is a poor match.", "This would not be a good choice.",
    "It is unlikely that the recommender would suggest it.",
    "They would never enjoy this.", "I would advise against it.",
    "I doubt they would like it.", "You should skip it.", "It probably would not.", "It is far from the history.",
    "Even though it is popular, I would not suggest it.", "The answer would be: No.",
    "No – it is too slow.", "No\nIt is", "No the recommender would not.", "No (too slow).",
    "No one would recommend it.",
    "Nothing in the history would make it a good match.", "There is no reason to recommend it.", "No way!",
    "No; No; No",
    "No other game would be recommended.", '**No**',
    "It is hard to recommend this game to them.",
    "I find it difficult to recommend it.",
    "I am reluctant to recommend this title.",
    "I would hesitate to recommend it.",
    "It is anything but a good match.",
    "It would be a mistake to recommend it.",
    "I fail to see why it should be recommended.",
    "There is nothing that makes it a good match.",
    "I refuse to recommend it.",
    "They would struggle to enjoy it.",
    "It fails to be a good match.",
    "The recommender would rank it too low to recommend it.",
    "It is less likely to be a good match.",
    "I'd stop short of recommending it.",
    "This is not something I would recommend.",
    "It lacks what would make it a good match.",
    "It is out of line with what they like, so a bad choice.",
    "There is little reason to suggest it.",
    "They would probably not like it.",
    "The system is unlikely to suggest it.",
    "It would be wrong to suggest it.",
    "Sorry, no.",
    "The recommender does not recommend it.",
    "It would not be recommended.",
    "I'd say no.",
    "Definitely not.",
    "It would be a poor match.",
    "It would be a bad fit for this person.",
    "They wouldn't enjoy this.",
    "She won't like it.",
    "It doesn't fit this person.",
    "They would hate it.",
)  # fmt: skip
NONE = (
    "", "Perhaps", "Note", "It depends on the mood.", "I cannot say whether they would like it.",
    "As a language model, I have no access to it, but I would recommend it.", "I'm sorry, but I don't know.",
    "Maybe they would enjoy it.", "It is hard to say.", "You might enjoy it.", "Yes or no?", "Yes/no.",
    "The recommender may or may not suggest it.", "It is a platform game of 2007.", "Would the recommender suggest it?",
    "I am not sure that it is a good match.", "No. 5 of the series", "No 3D game is among them.",
)  # fmt: skip


@pytest.mark.parametrize("text", YES)
def test_what_recommends_is_a_yes(text):
    assert stated_decision(text)[0] is True


@pytest.mark.parametrize("text", NO)
def test_what_advises_against_is_a_no(text):
    assert stated_decision(text)[0] is False


@pytest.mark.parametrize("text", NONE)
def test_what_refuses_or_leaves_it_open_decides_nothing(text):
    assert stated_decision(text)[0] is None


def test_only_the_first_statement_counts():
    assert stated_decision("It is of 2007. I would recommend it.")[0] is None
    assert stated_decision("I would recommend it. No, I would not.")[0] is True


def test_the_rest_goes_on_behind_the_first_word():
    assert stated_decision("Yes. It")[1] == 4 and stated_decision("I would")[1] == 0
