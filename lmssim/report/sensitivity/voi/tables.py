"""Tables of the value of information for its page and for the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
from rich.text import Text

from lmssim.economics.voi.draws import PARAMETER
from lmssim.report.parts.digits import MISSING, amount, plain, with_error
from lmssim.report.parts.labels import short
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.voi.words import (
    convergence_text,
    leading_sentences,
    noise_sentence,
    perfect_sentences,
    population_sentence,
    records,
    small_set_sentences,
    trust_sentences,
    who_sentence,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from lmssim.studies.sensitivity.voi.study import InformationStudy

IN_TERMINAL, ON_PAGE = 12, 30
LONGEST = 58


def voi_table_text(study: InformationStudy) -> Table:
    """The sets worth most, a line each, at every willingness to pay."""
    table = plain_table()
    table.add_column("Learnt", no_wrap=True, max_width=LONGEST)
    for wtp in study.wtps:
        heading = "EVPPI" if study.source.is_net_benefit else f"EVPPI\nat {amount(wtp)}"
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("R2", justify="right", no_wrap=True)
    table.add_column("Half the\ndraws", justify="right", no_wrap=True)
    found = {(row.name, row.wtp): row for row in records(study.evppi)}
    best = sorted(study.source.sets, key=lambda each: -max(found[each.name, w].evppi for w in study.wtps))
    for each in best[:IN_TERMINAL]:
        rows = [found[each.name, wtp] for wtp in study.wtps]
        cells = [with_error(row.evppi, row.se) for row in rows]
        last = rows[-1]
        table.add_row(
            Text(short(each.label, LONGEST)), *cells, f"{last.r2:.2f}", convergence_text(last.evppi, last.se, last.half)
        )
    lines = [*perfect_sentences(study), *leading_sentences(study, 3), *small_set_sentences(study)]
    said = [who_sentence(study), population_sentence(study), noise_sentence(study), *trust_sentences(study)]
    table.caption = Text("\n".join([*lines, " ".join([*said, *study.source.notes])]))
    return table


def report_tables(study: InformationStudy) -> Iterator[ReportTable]:
    """Every table of the page."""
    yield perfect_table(study)
    for wtp in study.wtps:
        yield partial_table(study, wtp, single=True)
        if (study.evppi["kind"] != PARAMETER).any():
            yield partial_table(study, wtp, single=False)
    yield small_set_table(study)


def perfect_table(study: InformationStudy) -> ReportTable:
    """Value of perfect information at the willingness to pay of the tables."""
    rows = []
    for row in records(study.evpi[study.evpi["wtp"].isin(study.wtps)]):
        cells = (with_error(row.evpi, row.se), plain(row.patient_noise_bias))
        people = with_error(row.population, row.population_se)
        done = with_error(row.implementation, row.implementation_se)
        rows.append((amount(row.wtp), short(study.source.labels[row.optimal], 60), *cells, people, done))
    columns = ["willingness to pay", "optimal now", "EVPI", "bias of patient noise, taken out"]
    columns += ["EVPI of the population", "perfect implementation"]
    caption = f"{study.source.currency}, per patient where not said otherwise, ± Monte-Carlo error. "
    return ReportTable(
        "Value of perfect information", caption + population_sentence(study), pd.DataFrame(rows, columns=columns)
    )


def partial_table(study: InformationStudy, wtp: float, *, single: bool) -> ReportTable:
    """Values of single parameters, or of groups and posteriors."""
    frame = study.evppi[(study.evppi["wtp"] == wtp) & ((study.evppi["kind"] == PARAMETER) == single)]
    rows = []
    for row in records(frame.head(ON_PAGE)):
        share = f"{100.0 * row.share:.0f}%" if math.isfinite(row.share) else MISSING
        people = with_error(row.population, row.population_se)
        place = f"{row.rank} ({row.rank_low} to {row.rank_high})"
        checks = (with_error(row.policy, row.policy_se), f"{row.r2:.2f}", f"{row.residual_t:.1f}")
        rows.append(
            (
                short(row.label, 90),
                with_error(row.evppi, row.se),
                share,
                people,
                place,
                *checks,
                convergence_text(row.evppi, row.se, row.half),
                f"{row.terms} ({row.n_terms:.0f})",
            )
        )
    columns = ["learnt", "EVPPI", "of EVPI", "in the population", "rank (95% interval)", "by policy", "R2"]
    columns += ["largest residual t", "from half the draws", "terms (effective number)"]
    what = "each parameter alone" if single else "groups and posteriors"
    at = "" if study.source.is_net_benefit else f", at {amount(wtp)}"
    more = f" The {ON_PAGE} largest of {len(frame)}; the others stand in evppi.csv." if len(frame) > ON_PAGE else ""
    caption = (
        f"{study.source.currency} per patient ± standard error, by regression; estimates may lie below 0. By policy: "
        "what decisions by fits to other draws would really gain, which no fit can exceed in expectation. R2: of draws "
        "that the fit has not seen."
    )
    return ReportTable(f"Value of knowing {what}{at}", caption + more, pd.DataFrame(rows, columns=columns))


def small_set_table(study: InformationStudy) -> ReportTable:
    """Steps towards a small set."""
    rows = [
        (amount(r.wtp), r.step, short(r.label, 90), with_error(r.evppi, r.se), f"{100.0 * r.share:.0f}%")
        for r in records(study.smallest_set)
    ]
    columns = ["willingness to pay", "step", "joins the set", "EVPPI of the set", "of EVPI"]
    caption = (
        "At each step the parameter or posterior joins that raises the joint value most, until the set holds 90% of "
        "EVPI or no further one adds 1%."
    )
    return ReportTable("A small set that holds most of the value", caption, pd.DataFrame(rows, columns=columns))
