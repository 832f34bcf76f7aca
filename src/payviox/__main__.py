"""`python -m payviox` is the command `payviox`; `serve` starts its children so."""

from payviox.cli.main import main

if __name__ == "__main__":
    main()
