"""The black-box battery: change a model's inputs, run it, and compare the results with those that must follow.

Every check is generic: it knows the model language, never a model's states or parameters. Directions come from what the
model declares. A check that does not apply to a model is listed as not applicable, with the reason.

References
----------
Buyukkaramikli NC et al. TECH-VER: a verification checklist to reduce errors in models and improve their credibility.
PharmacoEconomics 37:1391-1408, 2019. doi:10.1007/s40273-019-00844-y
"""

from lmssim.studies.verify.battery import Battery, Result, chosen, default_engine, run_battery
from lmssim.studies.verify.checks import CHECKS
from lmssim.studies.verify.finding import Finding, Status
from lmssim.studies.verify.registry import SECTIONS, Check, Scope, in_order

__all__ = [
    "CHECKS",
    "SECTIONS",
    "Battery",
    "Check",
    "Finding",
    "Result",
    "Scope",
    "Status",
    "chosen",
    "default_engine",
    "in_order",
    "run_battery",
]
