"""What people read: figures, tables, the state diagram and the HTML report. Nothing here computes an outcome."""

import logging

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its caches and fonts, which are not the user's
