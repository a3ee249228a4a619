"""`python -m newral` is `newral`."""

from newral.cli import main

if __name__ == "__main__":
    main()
