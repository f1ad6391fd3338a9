"""The checks of the battery, by subject. Importing this package registers them, in the order of the imports."""

# isort: off
from lmssim.studies.verify.checks import effects, families, results, states, mortality, rewards, uncertainty
from lmssim.studies.verify.checks import subgroups
from lmssim.studies.verify.checks import decision, one_way, value
from lmssim.studies.verify.checks import overall, labels, agreement, awaiting

# isort: on
from lmssim.studies.verify.registry import CHECKS

__all__ = [
    "CHECKS",
    "agreement",
    "awaiting",
    "decision",
    "effects",
    "families",
    "labels",
    "mortality",
    "one_way",
    "overall",
    "results",
    "rewards",
    "states",
    "subgroups",
    "uncertainty",
    "value",
]
