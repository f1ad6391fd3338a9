"""`python -m lmssim` is the command line."""

from lmssim.cli.app import main

if __name__ == "__main__":
    main()
