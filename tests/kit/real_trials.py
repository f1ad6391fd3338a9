"""Small published data sets, typed in full, with what their papers and programs print about them in the tests."""

from __future__ import annotations

import numpy as np

from lmssim.trials.tests import TrialData, trial_data

AML = {
    1: "9 13 13+ 18 23 28+ 31 34 45+ 48 161+",
    0: "5 5 8 8 12 16+ 23 27 30 33 43 45",
}
"""Weeks of remission in acute myelogenous leukaemia, with (1) and without maintenance; + censored. Miller RG, Survival
Analysis, Wiley 1981, p. 49 (`survival::aml`)."""

VETERAN = {
    0: (
        "72 411 228 126 118 10 82 110 314 100+ 42 8 144 25+ 11 30 384 4 54 13 123+ 97+ 153 59 117 16 151 22 56 21 "
        "18 139 20 31 52 287 18 51 122 27 54 7 63 392 10 8 92 35 117 132 12 162 3 95 177 162 216 553 278 12 260 "
        "200 156 182+ 143 105 103 250 100"
    ),
    1: (
        "999 112 87+ 231+ 242 991 111 1 587 389 33 25 357 467 201 1 30 44 283 15 25 103+ 21 13 87 2 20 7 24 99 8 "
        "99 61 25 95 80 51 29 24 18 83+ 31 51 90 52 73 8 36 48 7 140 186 84 19 45 80 52 164 19 53 15 43 340 133 "
        "111 231 378 49"
    ),
}
"""Days of survival in lung cancer, standard (0) and test (1) chemotherapy. Kalbfleisch JD, Prentice RL, The Statistical
Analysis of Failure Time Data, Wiley 1980 (`survival::veteran`)."""

TRANSPLANTS = {
    0: (
        "0.67*2 131.77*0 24.03*2 1.47*2 2.23*2 124.83*0 10.53*2 123.9*0 2*1 1.7*2 3.57*1 0.4*2 0.87*2 121.1*0 7.5*2 "
        "6.13*1 2.8*2 5.37*1 2.87*1 3.07*1 1.7*1 1.8*1 3.63*2 112.23*0 1.67*1 7.53*1 6.03*2 2.53*1 8*2 82.6*0 6*2 "
        "4.23*1 7.47*2 13.07*1 1.43*2 72.93*0 71.83*0 8.17*2 7.57*1 2.4*1 1.1*2 3.3*2 1.23*1 56.6*0 8.63*1 1.1*1 "
        "5.43*2 45.3*0 43.67*0 4.17*2 20.83*1 0.37*2 0.27*2 35.5*0 4.07*1 7.93*1 17.23*1 3.43*2 12.17*2 29.2*0 3.63*1 "
        "24.77*0 6.6*2 9.43*1 1.87*1 19.9*0 7.63*1 2.23*1 3.23*2 16.83*0 16.13*0 2.7*2 10.3*1"
    ),
    1: (
        "9.5*1 6.33*2 2.3*2 5.27*2 6.3*2 10.9*2 114.7*0 114.1*0 35*1 112.93*0 7.63*2 110.37*0 20.93*2 2.83*2 9.63*2 "
        "3.17*2 9.97*2 5.7*1 106.13*0 4.2*1 9.17*2 8.73*2 85.1*0 4.8*2 3.57*2 81.67*0 6.2*1 3.47*2 1*2 6.1*2 77*0 "
        "76.03*0 28.53*1 1.97*2 67.8*0 70.2*0 3.03*1 5.87*1 68.83*0 9.13*1 6.07*1 59.17*0 58.23*0 58*0 3.6*2 1.6*1 "
        "5.63*1 4.4*2 13.8*2 49.27*0 9.2*2 6.7*2 12.57*1 11.8*2 43.2*0 6.63*1 42.5*0 1.87*1 1.23*2 41.3*0 3.9*2 4.57*2 "
        "4.4*2 3.7*2 3.4*2 8.6*2 1.3*1 35.5*0 2*2 8.8*2 32.63*0 7.2*2 9*2 6*1 29.9*0 28.7*0 42.17*1 0.13*2 12.27*1 "
        "26.13*0 4.73*1 3.93*2 2.03*1 5*1 5.6*1 1.2*1 5.23*2 3.5*2 2.8*2 1.47*2 0.87*2 7.2*2 3.57*2 4.57*2 1.77*2 "
        "16.6*0 15.17*0 7*1 2.53*1 14.5*0 2.3*1 10.2*0 9.97*0 7.63*1"
    ),
}
"""Months to relapse (1) or death in remission (2) after transplantation of stem cells, in lymphoblastic (0) and
myeloblastic (1) leukaemia. Scrucca L, Santucci A, Aversa F, Bone Marrow Transplant 45:1388-1395, 2010 (`bmtcrr`)."""


def censored_times(arms: dict[int, str]) -> TrialData:
    """Data of two arms, + censored."""
    rows = [
        (float(word.rstrip("+")), not word.endswith("+"), arm) for arm, text in arms.items() for word in text.split()
    ]
    time, event, arm = (np.array(column) for column in zip(*rows, strict=True))
    return trial_data(time, event, arm)


def competing_times(arms: dict[int, str]) -> TrialData:
    """Data of two arms, the cause behind each time."""
    rows = [(*map(float, word.split("*")), arm) for arm, text in arms.items() for word in text.split()]
    time, event, arm = (np.array(column) for column in zip(*rows, strict=True))
    return trial_data(time, event, arm)


def aml() -> TrialData:
    """Acute myelogenous leukaemia."""
    return censored_times(AML)


def veteran() -> TrialData:
    """Lung cancer."""
    return censored_times(VETERAN)


def transplants() -> TrialData:
    """Leukaemia after transplantation."""
    return competing_times(TRANSPLANTS)
