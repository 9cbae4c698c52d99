"""Reference values for the GMM engine and the identification statistics.

    python -m venv venv && venv/bin/pip install linearmodels==7.1 pyfixest==0.60.0
    venv/bin/python estimation/parity/gmm.py

writes `gmm_data.csv` (simulated, seeded) and `gmm_reference.json`, which `cargo test -p estimation` reads. The package
versions are recorded in the file. What no Python package has (the Kleibergen-Paap statistics) is computed
here from the formulas of the paper, with its orthogonal complements, in numpy.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest as pf
from linearmodels.iv import IV2SLS, IVGMM, IVGMMCUE

HERE = Path(__file__).parent


def simulate():
    rng = np.random.default_rng(20100901)
    n, clusters = 240, 24
    cluster = np.repeat(np.arange(clusters), n // clusters)
    effect = rng.normal(size=clusters)[cluster]
    z = rng.normal(size=(n, 4))
    w = rng.normal(size=n)
    u = rng.normal(size=n) * np.sqrt(0.5 + z[:, 0] ** 2) + 0.7 * effect
    x1 = z @ [0.5, 0.4, 0.2, 0.0] + 0.3 * w + 0.6 * u + rng.normal(size=n)
    x2 = z @ [0.1, -0.3, 0.4, 0.5] - 0.2 * w - 0.4 * u + rng.normal(size=n)
    y = 1.0 + 0.5 * x1 - 0.8 * x2 + 0.4 * w + u
    single = 1.0 + 0.5 * x1 + 0.4 * w + u
    data = pd.DataFrame(dict(y_one=single, y_two=y, x1=x1, x2=x2, w=w, z1=z[:, 0], z2=z[:, 1], z3=z[:, 2], z4=z[:, 3]))
    data["cluster"] = cluster
    return data.round(6)


def result(fit, j=True):
    out = dict(theta=fit.params.tolist(), se=fit.std_errors.tolist())
    if j and fit.j_stat.df:
        out["j"] = fit.j_stat.stat
    return out


def designs(data):
    one = pd.DataFrame(dict(const=np.ones(len(data))))
    exog = pd.concat([one, data[["w"]]], axis=1)
    weights = {
        "heteroskedastic": ("robust", dict(center=False), "robust", {}),
        "centred": ("robust", dict(center=True), "robust", {}),
        "cluster": ("clustered", dict(center=False, clusters=data.cluster), "clustered", dict(clusters=data.cluster)),
        "newey_west": ("kernel", dict(center=False, kernel="bartlett", bandwidth=3), "kernel", dict(kernel="bartlett", bandwidth=3)),
    }
    endogenous = {"one": ["x1"], "two": ["x1", "x2"]}
    out = {}
    for width, names in endogenous.items():
        y = data[[f"y_{width}"]]
        instruments = data[["z1", "z2", "z3", "z4"]]
        for weight, (weight_type, config, cov_type, cov_config) in weights.items():
            for steps in ("two", "iterated", "cue"):
                if steps == "cue":
                    model = IVGMMCUE(y, exog, data[names], instruments, weight_type=weight_type, **config)
                    search = dict(method="Nelder-Mead", options=dict(xatol=1e-11, fatol=1e-13, maxiter=50_000, maxfev=50_000))
                    fit = model.fit(cov_type=cov_type, opt_options=search, **cov_config)
                else:
                    model = IVGMM(y, exog, data[names], instruments, weight_type=weight_type, **config)
                    iterations = dict(iter_limit=2) if steps == "two" else dict(iter_limit=1000, tol=1e-24)
                    fit = model.fit(cov_type=cov_type, **iterations, **cov_config)
                out[f"{width} {weight} {steps}"] = result(fit)
        fit = IV2SLS(y, exog, data[names], instruments).fit(cov_type="robust")
        out[f"{width} 2sls"] = dict(
            theta=fit.params.tolist(),
            se=fit.std_errors.tolist(),
            sargan=fit.sargan.stat,
        )
    return out


def partial(a, w):
    return a - w @ np.linalg.lstsq(w, a, rcond=None)[0]


def power(a, p):
    values, vectors = np.linalg.eigh(a)
    return vectors @ np.diag(values**p) @ vectors.T


def scores_covariance(scores, kind, cluster):
    """Sum of the scores' outer products over the dependence, not divided by n."""
    if kind == "heteroskedastic":
        return scores.T @ scores
    if kind == "cluster":
        sums = pd.DataFrame(scores).groupby(cluster).sum().to_numpy()
        return sums.T @ sums
    total = scores.T @ scores
    for lag in range(1, 4):
        cross = scores[lag:].T @ scores[:-lag]
        total += (1 - lag / 4) * (cross + cross.T)
    return total


def kleibergen_paap(x, z, kind, cluster, lm):
    """Kleibergen and Paap (2006), equations (6) to (11), with symmetric square roots as G and F."""
    n, k, l = len(x), x.shape[1], z.shape[1]
    pi = np.linalg.solve(z.T @ z, z.T @ x)
    v = x if lm else x - z @ pi
    g, f = power(z.T @ z / n, 0.5), power(v.T @ v / n, -0.5)
    theta = g @ pi @ f
    u, s, vt = np.linalg.svd(theta)
    q = k - 1
    u12, u22 = u[:q, q:], u[q:, q:]
    v12, v22 = vt.T[:q, q:], vt.T[q:, q:]
    a = np.vstack([u12, u22]) @ np.linalg.inv(u22) @ power(u22 @ u22.T, 0.5)
    b = power(v22 @ v22.T, 0.5) @ np.linalg.inv(v22.T) @ np.hstack([v12.T, v22.T])
    scores = np.einsum("ib,ia->iba", v @ f, z @ np.linalg.inv(g)).reshape(n, k * l)
    omega = scores_covariance(scores, kind, cluster) / n
    lam = (a.T @ theta @ b.T).flatten(order="F")
    select = np.kron(b, a.T)
    return n * lam @ np.linalg.solve(select @ omega @ select.T, lam)


def identification(data):
    w = np.column_stack([np.ones(len(data)), data.w])
    z = partial(data[["z1", "z2", "z3", "z4"]].to_numpy(), w)
    out = {}
    for width, names in {"one": ["x1"], "two": ["x1", "x2"]}.items():
        x = partial(data[names].to_numpy(), w)
        for kind in ("heteroskedastic", "cluster", "newey_west"):
            out[f"{width} {kind}"] = dict(
                lm=kleibergen_paap(x, z, kind, data.cluster, True),
                wald=kleibergen_paap(x, z, kind, data.cluster, False),
            )
    # pyfixest takes Z'Z of the raw instruments; Montiel Olea and Pflueger partial the exogenous variables out
    # first. Partialled instruments give both the same first stage.
    data = data.assign(**{f"z{c + 1}": z[:, c] for c in range(4)})
    for kind, vcov in (("heteroskedastic", "hetero"), ("cluster", {"CRV1": "cluster"})):
        fit = pf.feols("y_one ~ w | x1 ~ z1 + z2 + z3 + z4", data, vcov=vcov)
        fit.first_stage()
        fit.IV_Diag()
        out[f"one {kind}"]["effective_f"] = float(fit._eff_F)
    return out


def main():
    data = simulate()
    data.to_csv(HERE / "gmm_data.csv", index=False)
    packages = {name: version(name) for name in ("linearmodels", "pyfixest", "numpy", "scipy", "pandas")}
    reference = dict(
        command="python estimation/parity/gmm.py",
        python=platform.python_version(),
        packages=packages,
        gmm=designs(data),
        identification=identification(data),
    )
    (HERE / "gmm_reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
