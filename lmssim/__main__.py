"""`python -m lmssim` is the command line, which hears signals while it is still being loaded."""

from __future__ import annotations

import sys

from lmssim.execution.writing import interruption


def main() -> None:
    """Run the command line and exit."""
    with interruption.signals_heard():
        try:
            from lmssim.cli.app import main as run
        except BaseException:
            if (stop := interruption.received()) is None:  # else whatever the exception became on its way
                raise
            code, message = interruption.code_and_message(stop)
            print(f"lmssim: {message}", file=sys.stderr)
            sys.exit(code)
        run()


if __name__ == "__main__":
    main()
