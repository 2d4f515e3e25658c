"""The command `filmbadge`, also as `python -m filmbadge`. It hears Ctrl-C before it imports what it needs, which takes a while."""

import sys

from filmbadge import interruption


def main() -> None:
    interruption.listen()
    try:
        from filmbadge import cli
    except BaseException as error:
        if not interruption.is_behind(error):
            raise
        sys.stderr.write(f"filmbadge: {interruption.SAID}\n")
        sys.exit(interruption.CODE)
    cli.main()


if __name__ == "__main__":
    main()
