"""The designs of benches/three_way.rs through pyfixest, and both times side by side.

    venv/bin/python speed.py [rows]

Run it on an idle machine. It times pyfixest (second of two calls, so that its compilation is not counted), runs
`cargo bench -p estimation --bench three_way`, reads criterion's estimates and prints one line per design.
"""

import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest as pf

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
WORKSPACE = Path(__file__).parents[2]


def panel(matching):
    """Ten years of each worker; 23 workers a firm; the same coefficients as the bench."""
    rng = np.random.default_rng(1)
    workers = ROWS // 10
    firms = max(workers // 23, 2)
    row = np.arange(ROWS)
    worker = np.minimum(row // 10, workers - 1)
    home = worker % firms
    firm = {
        "random": rng.integers(0, firms, ROWS),
        "rotating": row % firms,
        "few_movers": np.where((worker // firms % 10 == 0) & (row % 10 >= 5), (home + 1) % firms, home),
    }[matching]
    a, f, g = rng.normal(size=workers), rng.normal(size=firms), rng.normal(size=10)
    x1 = a[worker] + f[firm] ** 2 + rng.normal(size=ROWS)
    x2 = rng.normal(size=ROWS) + 0.5 * x1
    eta = 0.05 * x1 - 0.02 * x2 + 0.3 * (a[worker] + f[firm] + g[row % 10])
    return pd.DataFrame(
        dict(
            y=rng.poisson(np.exp(eta)).astype(float), ln_y=eta + 0.5 * rng.normal(size=ROWS), x1=x1, x2=x2,
            worker=worker, firm=firm, year=row % 10,
        )
    )


def timed(run):
    run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main():
    theirs = {}
    for matching in ("random", "rotating", "few_movers"):
        data = panel(matching)
        cluster = {"CRV1": "worker"}
        for name, run in (
            ("ols", lambda: pf.feols("ln_y ~ x1 + x2 | worker + firm + year", data, vcov=cluster)),
            ("poisson", lambda: pf.fepois("y ~ x1 + x2 | worker + firm + year", data, vcov=cluster)),
        ):
            try:
                theirs[f"{name}/{matching}"] = timed(run)
            except Exception as error:
                theirs[f"{name}/{matching}"] = f"fails: {type(error).__name__}"
    environment = dict(os.environ, LODESTONE_BENCH_ROWS=str(ROWS))
    subprocess.run(["cargo", "bench", "-p", "estimation", "--bench", "three_way"], cwd=WORKSPACE, env=environment, check=True)
    print(f"rows {ROWS}, pyfixest {version('pyfixest')}, cores {os.cpu_count()}")
    for name, seconds in theirs.items():
        file = WORKSPACE / "target/criterion/three_way" / name.replace("/", "_") / "new/estimates.json"
        ours = json.loads(file.read_text())["median"]["point_estimate"] / 1e9
        if isinstance(seconds, float):
            print(f"{name}: {ours:.3f} s, pyfixest {seconds:.3f} s, {seconds / ours:.1f} times")
        else:
            print(f"{name}: {ours:.3f} s, pyfixest {seconds}")


if __name__ == "__main__":
    main()
