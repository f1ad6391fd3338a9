"""An interim look at real patients: what a data monitoring committee reads."""
