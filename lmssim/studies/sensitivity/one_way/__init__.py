"""One-way analysis: what each uncertain parameter does to an increment of net benefit or a cost per QALY."""
