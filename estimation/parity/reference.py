"""Reference values from pyfixest and linearmodels, on simulated data.

    python -m venv venv && venv/bin/pip install pyfixest==0.60.0 linearmodels==7.1
    venv/bin/python reference.py

writes data.csv (simulated, seed below) and reference.json (versions, designs, coefficients, standard errors).
The test `parity` of the crate estimates every design again and compares.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest as pf
from linearmodels.iv import IV2SLS, IVLIML
from pyfixest.utils.utils import ssc

HERE = Path(__file__).parent
SEED = 20101


def simulate():
    """A panel of 40 units and 12 periods, in 8 regions, with instruments, counts and weights."""
    rng = np.random.default_rng(SEED)
    units, periods = 40, 12
    unit = np.repeat(np.arange(units), periods)
    period = np.tile(np.arange(periods), units)
    n = unit.size
    region = unit % 8
    partner = rng.integers(0, 15, n)
    a, g, h = rng.normal(size=units), rng.normal(size=periods), rng.normal(size=15)
    z1, z2, v = rng.normal(size=n), rng.normal(size=n), rng.normal(size=n)
    x1 = rng.normal(size=n) + 0.5 * a[unit] + 0.3 * h[partner]
    x2 = rng.uniform(1, 5, n) + 0.2 * g[period]
    p = 0.6 * z1 - 0.4 * z2 + 0.5 * x1 + v
    e = rng.normal(size=n) * (0.5 + 0.3 * np.abs(x1)) + 0.6 * v + 0.4 * rng.normal(size=8)[region]
    y = 1 + 0.8 * x1 - 0.5 * np.log(x2) + 0.7 * p + a[unit] + g[period] + h[partner] + e
    mean = np.exp(0.2 + 0.3 * x1 - 0.4 * np.log(x2) + 0.4 * a[unit] + 0.3 * g[period] + 0.3 * h[partner])
    count = rng.poisson(mean * rng.gamma(2, 0.5, n))
    share = mean * rng.gamma(2, 0.5, n)
    return pd.DataFrame(
        dict(
            unit=unit, period=period, region=region, partner=partner, y=y, x1=x1, x2=x2, p=p, z1=z1, z2=z2,
            count=count.astype(float), share=share, aw=rng.uniform(0.5, 2, n), fw=rng.integers(1, 4, n).astype(float),
        )
    )


NONE = ssc(k_adj=False, G_adj=False)
TIGHT = {"fixef_tol": 1e-12}


def fixest_vcov(words):
    """(vcov, vcov_kwargs, ssc) of pyfixest for the words of the crate."""
    plain = {"classical": "iid", "HC1": "HC1"}
    if words in plain:
        return plain[words], None, ssc()
    if words in ("HC2", "HC3"):
        return words, None, NONE
    if words == "HC0":
        return "HC1", None, NONE
    if words.startswith("cluster("):
        return {"CRV1": words[8:-1]}, None, ssc()
    head, inner = words[:-1].split("(")
    options = dict(o.strip().split("=") for o in inner.split(","))
    kwargs = {"time_id": options["time"], "lag": int(options["lags"])}
    # pyfixest asks for the unit in both, though Driscoll-Kraay does not depend on it.
    if head == "DK" or "unit" in options:
        kwargs["panel_id"] = options.get("unit", "unit")
    return head, kwargs, ssc()


def fixest(data, method, formula, words, weights=None):
    vcov, kwargs, correction = fixest_vcov(words)
    if method == "ppml" and words == "classical":
        correction = NONE  # the inverse information, as maximum likelihood has it
    run = pf.feols if method in ("ols", "iv") else pf.fepois
    options = dict(vcov=vcov, ssc=correction, demeaner=DEMEANER)
    if kwargs:
        options["vcov_kwargs"] = kwargs
    if method == "ppml":
        options["iwls_tol"] = 1e-13
        options["iwls_maxiter"] = 100
    if weights:
        kind, column = weights
        options["weights"] = column
        options["weights_type"] = {"analytic": "aweights", "frequency": "fweights"}[kind]
    fit = run(formula, data, **options)
    return fit.coef(), fit.se(), fit._N


def linear(data, kind, formula, words):
    """linearmodels, its small-sample correction on."""
    formula_lm = formula.replace("log(x2)", "np.log(x2)")
    left, endogenous = formula_lm.split(" | ")
    y, exogenous = left.split(" ~ ")
    model = {"liml": IVLIML, "2sls": IV2SLS, "fuller": IVLIML}[kind]
    options = {"fuller": 1} if kind == "fuller" else {}
    text = f"{y} ~ 1 + {exogenous} + [{endogenous}]"
    model = model.from_formula(text, data, **options)
    if words == "classical":
        fit = model.fit(cov_type="unadjusted", debiased=True)
    elif words == "HC1":
        fit = model.fit(cov_type="robust", debiased=True)
    else:
        fit = model.fit(cov_type="clustered", clusters=data[words[8:-1]], debiased=True)
    rename = {"Intercept": "constant", "np.log(x2)": "log(x2)"}
    return fit.params.rename(rename), fit.std_errors.rename(rename), int(fit.nobs)


def designs():
    plain, one, two, three = "", " | unit", " | unit + period", " | unit + period + partner"
    crossed = " | unit + region^period"
    for effects in (plain, one, two, three, crossed):
        for words in ("classical", "HC0", "HC1", "cluster(unit)", "cluster(partner)", "cluster(unit + partner)"):
            yield "ols", "y ~ x1 + log(x2) + p" + effects, words, None
    for words in ("HC2", "HC3", "NW(time=period, unit=unit, lags=2)", "DK(time=period, lags=2)"):
        yield "ols", "y ~ x1 + log(x2) + p", words, None
    for words in ("NW(time=period, unit=unit, lags=3)", "DK(time=period, lags=3)"):
        yield "ols", "y ~ x1 + log(x2) + p | unit", words, None
    for weights in (("analytic", "aw"), ("frequency", "fw")):
        for words in ("classical", "HC1", "cluster(unit)"):
            yield "ols", "y ~ x1 + log(x2) + p | unit + period", words, weights
        yield "ols", "y ~ x1 + log(x2)", "HC1", weights
    yield "ols", "y ~ x1:p + x1 | partner", "HC1", None
    yield "ols", "log(share) ~ x1 + I(x2*x1) | unit + period", "cluster(region)", None
    for outcome in ("count", "share"):
        for effects in (plain, one, two, three, crossed):
            for words in ("classical", "HC1", "cluster(unit)"):
                yield "ppml", f"{outcome} ~ x1 + log(x2)" + effects, words, None
    yield "ppml", "count ~ x1 + log(x2) | unit + period", "cluster(unit + partner)", None
    for effects in (plain, one, two):
        for words in ("classical", "HC1", "cluster(unit)"):
            yield "iv", "y ~ x1 + log(x2)" + effects + " | p ~ z1 + z2", words, None
    for kind in ("2sls", "liml", "fuller"):
        for words in ("classical", "HC1", "cluster(region)"):
            yield kind, "y ~ x1 + log(x2) | p ~ z1 + z2", words, None


DEMEANER = None


def main():
    global DEMEANER
    from pyfixest.demeaners import MapDemeaner

    DEMEANER = MapDemeaner(fixef_tol=1e-13, fixef_maxiter=100_000)
    data = simulate()
    data.to_csv(HERE / "data.csv", index=False)
    data = pd.read_csv(HERE / "data.csv")
    out = []
    for method, formula, words, weights in designs():
        if method in ("ols", "ppml", "iv"):
            package = "pyfixest"
            coefficients, errors, n = fixest(data, method, formula, words, weights)
        else:
            package = "linearmodels"
            coefficients, errors, n = linear(data, method, formula, words)
        names = {name: name.replace("Intercept", "constant").replace(" ", "").replace("**", "^") for name in coefficients.index}
        out.append(
            dict(
                package=package, method=method, formula=formula, vcov=words, weights=weights, observations=int(n),
                coefficients={names[k]: float(v) for k, v in coefficients.items()},
                std_errors={names[k]: float(v) for k, v in errors.items()},
            )
        )
    versions = {p: version(p) for p in ("pyfixest", "linearmodels", "numpy", "pandas")}
    versions["python"] = platform.python_version()
    (HERE / "reference.json").write_text(
        json.dumps(dict(simulated=True, seed=SEED, versions=versions, designs=out), indent=1) + "\n"
    )
    print(len(out), "designs", versions)


if __name__ == "__main__":
    main()
