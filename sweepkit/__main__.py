"""`python -m sweepkit`."""

from sweepkit.cli import main

if __name__ == "__main__":
    main()
