"""Ends a process as soon as the one that started it is gone, however that ended."""

import os
import threading
from collections.abc import Callable


def end_after(parent_is_gone: Callable[[], object]) -> None:
    """Ends this process at once when the call returns: it must block as long as the parent lives.

    Reading a pipe whose other end the parent alone holds does so: the system closes that end even
    when the parent is killed and can run no code of its own.
    """

    def follow() -> None:
        parent_is_gone()
        os._exit(1)  # not sys.exit, which would end this thread alone

    threading.Thread(target=follow, daemon=True).start()
