"""Language models that know users and items by their ids."""

import torch

from recx.models.id_embedding import ContextModel, pepler, peter

KNOWN = torch.tensor([False, True, True, False, True])


def test_ids_of_training_have_vectors_and_others_are_zero(backbone):
    model, _ = backbone
    import copy

    model = pepler(copy.deepcopy(model), KNOWN)
    first = model.entities.vocabulary
    ids = torch.tensor([[5, first + 1, first + 3]])
    embedded = model.embed(ids)
    assert torch.equal(embedded[0, 0], model.entities.base.weight[5])
    assert embedded[0, 1].any() and not embedded[0, 2].any()
    model.requires_grad_(True)
    labels = torch.tensor([[-100, -100, -100, 7]])
    model(input_ids=torch.cat([ids, torch.tensor([[7]])], dim=1), labels=labels)["loss"].backward()
    gradient = model.entities.vectors.weight.grad
    assert gradient[1].any() and not gradient[3].any(), "an unknown id is not learnt"


def test_peter_learns_a_text_for_each_item_and_its_words_from_the_ids(backbone):
    base, _ = backbone
    model = peter(base, torch.ones(5, dtype=torch.bool), seed=1)
    assert isinstance(model, ContextModel)
    first = model.entities.vocabulary
    ids = torch.tensor([[first + 4, first + item, *range(20 + 10 * item, 26 + 10 * item)] for item in range(4)])
    labels = ids.masked_fill(torch.arange(ids.shape[1]) < 2, -100)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = model(input_ids=ids, labels=labels)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    # The order of words cannot be told by the ids: six equally probable words are the least loss of that part.
    assert losses[0] > 10 and losses[-1] < torch.log(torch.tensor(6.0)) + 0.5
    with torch.no_grad():
        states = model.decoder_outputs(input_ids=ids).last_hidden_state
        top = model.logits(states[:, 1]).topk(6).indices.sort(dim=1).values
    assert torch.equal(top, ids[:, 2:]), "the item's position names exactly the words of its text"
