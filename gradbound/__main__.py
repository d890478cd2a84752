"""Runs the command line as `python -m gradbound`.

The same as the `gradbound` script.
"""

import sys

from gradbound.cli import main

if __name__ == "__main__":  # worker processes import this module under another name
    sys.exit(main())
