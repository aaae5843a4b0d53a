"""What the relation mode reads about one history, as a table."""

import pandas as pd

from recx.attribution.effect_labels import EffectLabels
from recx.data.catalogue import Catalogue
from recx.prompts.entity_ids import ROLES
from recx.prompts.explanation_tasks import evidence_of_pair


def effect_table(catalogue: Catalogue, measured: EffectLabels, predicted: EffectLabels) -> pd.DataFrame:
    """Effects and roles of the titles of the longest history that was measured (of several, the first).

    Args:
        catalogue: titles of the items.
        measured: measured effects of K pairs.
        predicted: predicted effects of the same pairs.

    Returns:
        Columns `title, predicted, measured, role`, oldest title first; a role is one of `ROLES`, as the predicted
        effects have it, or empty. Effects are in nats of the log-probability of the item in question, which is
        `attrs["item"]`; `attrs["liked"]` is the target's decision.
    """
    pair = int((measured.shown > 0).sum(1).argmax())
    evidence = evidence_of_pair(predicted, pair)
    effects = zip(measured.shown[pair].tolist(), predicted.effects[pair], measured.effects[pair], strict=True)
    names = [*ROLES, ""]
    rows = [(catalogue.labels[i], p, e, names[evidence.role(i)]) for i, p, e in effects if i]
    frame = pd.DataFrame(rows, columns=["title", "predicted", "measured", "role"])
    frame.attrs |= {"item": catalogue.labels[evidence.item], "liked": evidence.liked}
    return frame
