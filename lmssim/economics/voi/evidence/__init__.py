"""What studies observe: a data set for each draw of the parameters, its summaries, and how likely any draw makes it.

Every kind of evidence has the same shape (`lmssim.economics.voi.evidence.kind`). Studies of different sizes hold each
other: the first patients of a larger study are those of a smaller one, so that curves over size are smooth.
"""
