"""Runs every benchmark and keeps its JSON lines, with versions, threads and load, in a file.

`python benchmarks/record.py OUT` is `make bench`. A run on a busy machine says so by its load: the
committed `benchmarks/recorded.jsonl` is of an idle one.
"""

import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
LEFT_OUT = ("record", "costs", "zoo")
"""What measures nothing, and a table of models, which takes an hour."""


def scripts() -> list[Path]:
    found = sorted((*HERE.glob("*.py"), *HERE.glob("models/*.py")))
    return [each for each in found if each.stem not in LEFT_OUT]


def recorded(script: Path) -> list[str]:
    """The lines of one benchmark, the conditions beside what it measured."""
    load, started = os.getloadavg()[0], time.perf_counter()
    made = subprocess.run(
        [sys.executable, script],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE.parent), str(HERE)))},
    )
    around = {
        "script": script.relative_to(HERE).as_posix(),
        "took_s": round(time.perf_counter() - started, 1),
        "load_before": round(load, 2),
        "cpus": os.cpu_count(),
        "versions": {each: version(each) for each in ("torch", "numpy", "sympy")},
    }
    lines = [line for line in made.stdout.splitlines() if line.startswith("{")]
    return [json.dumps(json.loads(line) | around) for line in lines]


def main(out: Path) -> None:
    whole = out.with_suffix(".part")
    with whole.open("w", encoding="utf-8") as kept:
        for script in scripts():
            for line in recorded(script):
                print(line, flush=True)
                print(line, file=kept, flush=True)
    whole.replace(out)  # what stopped halfway leaves the record before it


if __name__ == "__main__":
    main(Path(sys.argv[1]))
