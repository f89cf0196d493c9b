"""``make bench``: run the benches, each in a process of its own, and write their tables to ``docs/benchmarks.md``.

``make bench ARGS="areas"`` runs some of them and keeps the other tables as they are; ``handover:100x50`` gives a size. A bench is a module here with a
docstring, whose first line is its title, and ``run()`` that gives rows of what was measured and how much.
"""

import importlib
import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

BENCHES: Final = (
    "relay",
    "latency",
    "history",
    "handover",
    "memory",
    "oversize",
    "deadlines",
    "areas",
    "log",
    "board",
    "asking",
    "peers",
)
PAGE: Final = Path(__file__).parents[2] / "docs" / "benchmarks.md"
_INTRO: Final = """# Benchmarks

Made by `make bench`. Medians, and ratios to a floor or peer that ran in the same minutes on the same machine: absolute
numbers say more about the machine than about the program.
"""
_TABLE: Final = re.compile(r"<!-- (\w+) -->\n(.*?)(?=\n<!-- |\Z)", re.DOTALL)


def main(names: list[str]) -> None:
    """Run and write."""
    sizes = {name: size for name, _, size in (one.partition(":") for one in names)}
    names = list(sizes)
    unknown = sorted(set(names) - set(BENCHES))
    if unknown:
        sys.exit(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    tables = dict(_TABLE.findall(PAGE.read_text("utf-8"))) if PAGE.exists() else {}
    for name in names or BENCHES:
        print(f"{name} ...", flush=True)
        rows = _run(name, sizes.get(name, ""))
        for what, measured in rows:
            print(f"  {what:<60} {measured}", flush=True)
        tables[name] = _table(name, sizes.get(name, ""), rows)
    body = "\n".join(f"<!-- {name} -->\n{tables[name].strip()}\n" for name in BENCHES if name in tables)
    PAGE.write_text(f"{_INTRO}\n{body}", "utf-8")


def _run(name: str, size: str) -> list[tuple[str, str]]:
    code = f"import json; from tests.bench.{name} import run; print(json.dumps(run()))"
    env = {**os.environ, **({"HANDRAIL_BENCH_SIZE": size} if size else {})}
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, env=env
    )
    return [(what, measured) for what, measured in json.loads(done.stdout.splitlines()[-1])]


def _table(name: str, size: str, rows: list[tuple[str, str]]) -> str:
    about = (importlib.import_module(f"tests.bench.{name}").__doc__ or name).strip().split("\n", 1)
    asked = f":{size}" if size else ""
    where = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    head = f'## {about[0].rstrip(".")}\n\n`make bench ARGS="{name}{asked}"`, {datetime.now(UTC):%d %B %Y}; {where}.\n'
    rest = f"\n{about[1].strip()}\n" if len(about) > 1 else ""
    lines = "\n".join(f"| {what} | {measured} |" for what, measured in rows)
    return f"{head}{rest}\n| what | measured |\n|---|---|\n{lines}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
