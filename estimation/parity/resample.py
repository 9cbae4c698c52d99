"""Reference values for the wild cluster bootstrap and the shift-share designs.

    python -m venv venv && venv/bin/pip install linearmodels==7.1 pyfixest==0.60.0 wildboottest==0.3.2
    venv/bin/python estimation/parity/resample.py

writes `resample_reference.json` with its simulated, seeded data, which `cargo test -p estimation` reads. With 9 clusters
Rademacher weights are enumerated, so the bootstrap distribution is the same in every program.
"""

import json
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest as pf
from linearmodels.iv import IV2SLS

HERE = Path(__file__).parent


def wild():
    rng = np.random.default_rng(2010)
    clusters, size = 9, 10
    g = np.repeat(np.arange(clusters), size)
    x = rng.normal(size=len(g)) + rng.normal(size=clusters)[g]
    e = rng.normal(size=len(g)) + 0.7 * rng.normal(size=clusters)[g]
    data = pd.DataFrame(dict(y=1 + 0.3 * x + e, x=x, w=rng.normal(size=len(g)), g=g)).round(6)
    fit = pf.feols("y ~ x + w", data, vcov={"CRV1": "g"})
    out = dict(data=data.to_dict(orient="list"))
    for name, null in (("wcr", True), ("wcu", False)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result, draws = fit.wildboottest(
                param="x", reps=999, cluster="g", impose_null=null, return_bootstrapped_t_stats=True
            )
        out[name] = dict(
            t=float(result["t value"]),
            p=float(result["Pr(>|t|)"]),
            draws=sorted(float(t) for t in np.ravel(draws)),
        )
    return out


def shift_share():
    rng = np.random.default_rng(2022)
    n, k = 60, 24
    # Incomplete: one more share is left out, so the sums vary and are a control.
    shares = rng.dirichlet(np.full(k + 1, 0.1), size=n)[:, :k].round(6)
    shocks = rng.uniform(-2, 2, size=k).round(6)
    w = rng.normal(size=n).round(6)
    common = shares @ rng.normal(size=k)
    total = shares.sum(1)
    x = (shares @ shocks + 0.3 * w + 0.5 * rng.normal(size=n)).round(6)
    y = (0.7 * x - 0.2 * w + common + 0.5 * rng.normal(size=n)).round(6)
    controls = np.column_stack([np.ones(n), w, total])
    out = dict(y=y.tolist(), x=x.tolist(), w=w.tolist(), shares=shares.tolist(), shocks=shocks.tolist())

    def net(v):
        return v - controls @ np.linalg.lstsq(controls, v, rcond=None)[0]

    # Unit level.
    z = shares @ shocks
    fit = IV2SLS(y, controls, x, z).fit(cov_type="robust")
    out["estimate"] = float(fit.params["endog"])
    # Adao, Kolesar and Morales, written out.
    zn, xn, yn = net(z), net(x), net(y)
    e = yn - out["estimate"] * xn
    net_shocks = np.linalg.lstsq(shares, zn, rcond=None)[0]
    out["akm"] = float(np.sqrt(np.sum((net_shocks * (shares.T @ e)) ** 2)) / abs(zn @ xn))
    # With the null imposed: where |b - b0| is the normal quantile times the standard error at b0.
    def excess(b0):
        null = np.sum((net_shocks * (shares.T @ (yn - b0 * xn))) ** 2)
        return (zn @ xn) ** 2 * (out["estimate"] - b0) ** 2 - 1.959963984540054**2 * null

    points = np.array([-1.0, 0.0, 1.0])
    parabola = np.polyfit(points, [excess(b0) for b0 in points], 2)
    out["akm0"] = dict(ends=sorted(np.roots(parabola).tolist()), interval=bool(parabola[0] > 0))
    # Borusyak, Hull and Jaravel: linearmodels on the shocks.
    exposure = shares.sum(0)
    level = dict(y=shares.T @ yn / exposure, x=shares.T @ xn / exposure)
    fit = IV2SLS(level["y"], np.ones(k), level["x"], shocks, weights=exposure).fit(cov_type="robust")
    out["exposure_estimate"] = float(fit.params["endog"])
    out["exposure_se"] = float(fit.std_errors["endog"])
    return out


def main():
    names = ("linearmodels", "pyfixest", "wildboottest", "numpy", "scipy", "pandas")
    reference = dict(
        command="python estimation/parity/resample.py",
        python=platform.python_version(),
        packages={name: version(name) for name in names},
        wild=wild(),
        shift_share=shift_share(),
    )
    (HERE / "resample_reference.json").write_text(json.dumps(reference) + "\n")


if __name__ == "__main__":
    main()
