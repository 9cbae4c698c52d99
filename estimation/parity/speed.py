"""Three-way regressions on simulated worker-firm-year panels: this crate and pyfixest, on the same data, in one run.

    venv/bin/python speed.py [rows] > speed.txt        # from this folder; speed.txt is what a run printed

Every fit has a process of its own, so that its peak of memory is its own. The first of three fits in a process is
not counted (pyfixest compiles in it), the better of the other two is. The crate is built as `cargo test` builds it.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

WORKSPACE = Path(__file__).resolve().parents[2]
PATIENCE = 45
COLUMNS = ("x1", "x2", "worker", "firm", "year")
DESIGNS = {
    "random": "a firm at random in every year: well connected",
    "rotating": "firms in rotation: neighbours share workers, distant firms do not",
    "few_movers": "one worker in ten moves once, to a neighbouring firm: alternating projections crawl",
}


def panel(matching, rows):
    """Ten years of each worker, 23 workers a firm."""
    rng = np.random.default_rng(1)
    workers = max(rows // 10, 1)
    firms = max(workers // 23, 2)
    row = np.arange(rows)
    worker = np.minimum(row // 10, workers - 1)
    home = worker % firms
    firm = {
        "random": rng.integers(0, firms, rows),
        "rotating": row % firms,
        "few_movers": np.where((worker // firms % 10 == 0) & (row % 10 >= 5), (home + 1) % firms, home),
    }[matching]
    a, f, g = rng.normal(size=workers), rng.normal(size=firms), rng.normal(size=10)
    x1 = a[worker] + f[firm] ** 2 + rng.normal(size=rows)
    x2 = rng.normal(size=rows) + 0.5 * x1
    eta = 0.05 * x1 - 0.02 * x2 + 0.3 * (a[worker] + f[firm] + g[row % 10])
    outcomes = {"poisson": rng.poisson(np.exp(eta)).astype(float), "ols": eta + 0.5 * rng.normal(size=rows)}
    return outcomes, dict(zip(COLUMNS, (x1, x2, worker, firm, row % 10)))


def theirs(model, file, rows, repeats):
    """Runs in a process of its own: pyfixest on the same file."""
    import resource
    import time

    import pandas as pd
    import pyfixest as pf

    columns = np.fromfile(file).reshape(6, rows)
    data = pd.DataFrame(dict(zip(("y", *COLUMNS), columns)))
    data = data.astype({"worker": "int64", "firm": "int64", "year": "int64"})
    fit = {"ols": pf.feols, "poisson": pf.fepois}[model]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = fit("y ~ x1 + x2 | worker + firm + year", data, vcov={"CRV1": "worker"})
        seconds.append(time.perf_counter() - start)
    print(
        json.dumps(
            dict(
                seconds=seconds,
                data_bytes=int(data.memory_usage(index=False).sum()),
                peak_before=before,
                peak_after=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                coefficients=list(result.coef()),
                std_errors=list(result.se()),
            )
        )
    )


def measured(command):
    """The last line of a fit's output, read as JSON; or why there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"> {PATIENCE} s for three"
    if done.returncode:
        return "fails: " + (done.stderr.strip().splitlines() or ["?"])[-1][:80]
    return json.loads(done.stdout.strip().splitlines()[-1])


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def main(rows):
    subprocess.run(
        ["cargo", "build", "--quiet", "-p", "estimation", "--example", "three_way"], cwd=WORKSPACE, check=True
    )
    binary = WORKSPACE / "target/debug/examples/three_way"
    names = ("pyfixest", "numpy", "pandas", "formulaic")
    versions = []
    for name in names:
        try:
            versions.append(f"{name} {version(name)}")
        except Exception:
            pass
    print(f"Three-way fixed effects (worker, firm, year), two regressors, clusters by worker: {rows:,} rows, simulated data")
    print(f"measured on: {processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    print("against: " + ", ".join(versions))
    print("seconds: the better of two fits after a first; memory as multiples of the data (six columns of 64 bits): what")
    print("the fit adds to the peak of its process, and the whole peak")
    print()
    head = ("model", "design", "seconds", "pyfixest", "ratio", "extra/data", "peak/data", "pyfixest extra/data", "differs by")
    print("{:<8} {:<11} {:>8} {:>19} {:>6} {:>11} {:>10} {:>20} {:>11}".format(*head))
    for matching in DESIGNS:
        outcomes, columns = panel(matching, rows)
        for model, y in outcomes.items():
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "panel.bin"
                np.concatenate([y, *(c.astype(float) for c in columns.values())]).astype("<f8").tofile(file)
                ours = measured([binary, model, file, str(rows), "3"])
                other = measured([sys.executable, __file__, "--fit", model, file, str(rows), "3"])
            if isinstance(ours, str):
                sys.exit(f"{model} {matching}: {ours}")
            mine = min(ours["seconds"][1:])
            extra = (ours["peak_after"] - ours["peak_before"]) / ours["data_bytes"]
            peak = ours["peak_after"] / ours["data_bytes"]
            line = f"{model:<8} {matching:<11} {mine:>8.3f} "
            if isinstance(other, str):
                line += f"{other:>19} {'':>6} {extra:>11.2f} {peak:>10.2f}"
            else:
                best = min(other["seconds"][1:])
                gap = max(abs(a - b) for a, b in zip(ours["coefficients"], other["coefficients"]))
                their_extra = (other["peak_after"] - other["peak_before"]) / other["data_bytes"]
                line += f"{best:>19.3f} {best / mine:>6.1f} {extra:>11.2f} {peak:>10.2f} {their_extra:>20.2f} {gap:>11.1e}"
            print(line, flush=True)
    print()
    for name, text in DESIGNS.items():
        print(f"{name}: {text}")
    print(f"> {PATIENCE} s for three: the process, which makes three fits, was stopped then")
    print("differs by: largest absolute difference between the coefficients of the two")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fit"]:
        theirs(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
