"""An interim look as tables, sentences, figures and a page for a data monitoring committee."""
