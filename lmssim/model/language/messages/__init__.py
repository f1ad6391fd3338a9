"""What to say of a file that does not fit the language: which file and line, key, value, what is allowed."""

from lmssim.model.language.messages.origin import Origins
from lmssim.model.language.messages.schema import checked

__all__ = ["Origins", "checked"]
