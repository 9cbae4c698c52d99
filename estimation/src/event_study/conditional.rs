//! Conditional and hybrid tests of moment inequalities with nuisance parameters (Andrews, Roth and Pakes 2023), for
//! relative magnitudes as Rambachan and Roth (2023) use them.

use ndarray::{Array1, Array2, ArrayView1};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::bounds::RobustInterval;
use super::simplex::Simplex;
use super::{EventPath, EventStudyError};
use crate::distribution::Reference;
use crate::resample::{quantile, stream};

/// Share of the test's size that a hybrid test spends on the least favourable critical value.
const FIRST_STAGE: f64 = 0.1;
const DRAWS: u64 = 1_000;
const SEED: u64 = 1;
/// Multiples of the grid's reach after which an end is infinite.
const FAR: f64 = 1e3;
/// Values tried on each side before the ends are bisected.
const GRID: usize = 40;

/// Which test is inverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MomentTest {
    /// Conditions on which inequality binds: adapts to those that are far from binding.
    Conditional,
    /// Conditional, after a test against the least favourable critical value at a tenth of the size: not much weaker
    /// where conditioning is (two inequalities nearly as binding), which is why Rambachan and Roth recommend it.
    Hybrid,
}

impl EventPath {
    /// The interval of [`relative_magnitudes`](Self::relative_magnitudes) by inverting a test of moment inequalities:
    /// all values of `l'tau` for which some effects, and a difference in trends whose yearly change is at most `mbar`
    /// times its largest before, are not rejected. It is the union over the change before that is the largest, and its
    /// sign, covers uniformly, and is shorter than the union of normal intervals where one change before stands out. Where
    /// several are nearly as large it can be longer: the statistic then conditions on which of them is.
    ///
    /// # Errors
    /// As [`relative_magnitudes`](Self::relative_magnitudes); [`EventStudyError::Programme`] when a linear programme does
    /// not come to an end.
    pub fn relative_magnitudes_by(
        &self,
        test: MomentTest,
        weights: ArrayView1<'_, f64>,
        mbar: f64,
        level: f64,
    ) -> Result<RobustInterval, EventStudyError> {
        let outer = self.relative_magnitudes(weights, mbar, level)?;
        let branches = self.branches(weights, mbar)?;
        let tests: Vec<Test> =
            branches.iter().map(|b| Test::new(b, test, 1.0 - level)).collect::<Result<_, _>>()?;
        let keeps = |value: f64| -> Result<bool, EventStudyError> {
            let kept = tests.par_iter().map(|t| t.keeps(value)).collect::<Result<Vec<bool>, _>>()?;
            Ok(kept.contains(&true))
        };
        let middle = 0.5 * (outer.lower + outer.upper);
        let reach = 0.75 * (outer.upper - outer.lower);
        let at = |step: i64| middle + reach * step as f64 / GRID as f64;
        let kept = (-(GRID as i64)..=GRID as i64)
            .map(|step| Ok((step, keeps(at(step))?)))
            .collect::<Result<Vec<(i64, bool)>, EventStudyError>>()?;
        let inside: Vec<i64> = kept.iter().filter(|k| k.1).map(|k| k.0).collect();
        let (Some(&first), Some(&last)) = (inside.first(), inside.last()) else {
            return Err(failed(
                "every value tried is rejected: the effects before contradict the restriction",
            ));
        };
        let end = |from: i64, sign: f64| -> Result<f64, EventStudyError> {
            let mut inner = at(from);
            let mut width = sign * reach / GRID as f64;
            // Outwards from the outermost value kept, past the grid if need be.
            let mut beyond = inner + width;
            while keeps(beyond)? {
                if width.abs() > FAR * reach.abs() {
                    return Ok(f64::INFINITY.copysign(sign));
                }
                inner = beyond;
                width *= 1.5;
                beyond = inner + width;
            }
            for _ in 0..30 {
                let middle = 0.5 * (inner + beyond);
                if keeps(middle)? { inner = middle } else { beyond = middle }
            }
            Ok(0.5 * (inner + beyond))
        };
        Ok(RobustInterval { bound: mbar, lower: end(first, -1.0)?, upper: end(last, 1.0)?, level })
    }

    /// One set of inequalities for each change before the reference period that may be the largest, and its sign.
    fn branches(
        &self,
        weights: ArrayView1<'_, f64>,
        mbar: f64,
    ) -> Result<Vec<Inequalities>, EventStudyError> {
        let (before, after) = (self.before(), self.after());
        let (s, p) = (before.len(), after.len());
        let order: Vec<usize> = before.iter().chain(&after).copied().collect();
        let effects: Array1<f64> = order.iter().map(|k| self.effects[*k]).collect();
        let covariance =
            Array2::from_shape_fn((s + p, s + p), |(i, j)| self.covariance[[order[i], order[j]]]);
        // Changes of the difference in trends, whose value in the reference period is zero.
        let mut changes = Array2::<f64>::zeros((s + p, s + p));
        for k in 0..s {
            changes[[k, k]] = -1.0;
            if k + 1 < s {
                changes[[k, k + 1]] = 1.0;
            }
        }
        for k in s..s + p {
            changes[[k, k]] = 1.0;
            if k > s {
                changes[[k, k - 1]] = -1.0;
            }
        }
        let mut out = Vec::with_capacity(2 * s);
        for largest in 0..s {
            for sign in [1.0, -1.0] {
                let mut rows: Vec<Array1<f64>> = Vec::new();
                for k in 0..s + p {
                    let bound = &changes.row(largest) * (sign * if k < s { 1.0 } else { mbar });
                    rows.extend([&changes.row(k) - &bound, -&changes.row(k) - &bound]);
                }
                rows.retain(|row| row.iter().any(|v| *v != 0.0));
                let a = Array2::from_shape_fn((rows.len(), s + p), |(i, j)| rows[i][j]);
                out.push(Inequalities::new(&a, &effects, &covariance, weights, s)?);
            }
        }
        Ok(out)
    }
}

/// `E(Y - theta Y_theta) - X psi <= 0` for some `psi`.
struct Inequalities {
    y: Array1<f64>,
    /// What one unit of the tested value takes from `y`.
    slope: Array1<f64>,
    covariance: Array2<f64>,
    /// Root of the covariance, for draws.
    root: Array2<f64>,
    programme: Simplex,
}

impl Inequalities {
    /// `A beta <= A_post tau` with `l'tau` given: `tau = theta l / l'l + N psi`, `N` orthogonal to `l`.
    fn new(
        a: &Array2<f64>,
        effects: &Array1<f64>,
        covariance: &Array2<f64>,
        l: ArrayView1<'_, f64>,
        before: usize,
    ) -> Result<Self, EventStudyError> {
        let p = l.len();
        let post = Array2::from_shape_fn((a.nrows(), p), |(i, k)| a[[i, before + k]]);
        let squared = l.dot(&l);
        // A Householder reflection that takes l to an axis: its other columns are orthogonal to l.
        let pivot = (0..p).max_by(|&i, &j| l[i].abs().total_cmp(&l[j].abs())).unwrap_or(0);
        let mut v = l.to_owned();
        v[pivot] += l[pivot].signum() * squared.sqrt();
        let norm = v.dot(&v);
        let reflection =
            Array2::from_shape_fn((p, p), |(i, j)| f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / norm);
        let nuisance: Vec<usize> = (0..p).filter(|&j| j != pivot).collect();
        let covariance = a.dot(covariance).dot(&a.t());
        let mut w = Array2::zeros((p, a.nrows()));
        for (row, &j) in nuisance.iter().enumerate() {
            w.row_mut(row).assign(&post.dot(&reflection.column(j)));
        }
        w.row_mut(p - 1).assign(&covariance.diag().mapv(|v| v.max(0.0).sqrt()));
        let mut b = Array1::zeros(p);
        b[p - 1] = 1.0;
        let programme = Simplex::new(&w, b.view())
            .ok_or_else(|| failed("the dual programme of the moment inequalities has no solution"))?;
        let eigen = linalg::SymmetricEigen::new(covariance.view())?;
        let root = &eigen.vectors * &eigen.values.mapv(|v| v.max(0.0).sqrt());
        Ok(Self { y: a.dot(effects), slope: post.dot(&l) / squared, covariance, root, programme })
    }

    /// The largest `g'y` over the duals, and the dual.
    fn largest(&self, y: ArrayView1<'_, f64>) -> Result<(f64, Array1<f64>), EventStudyError> {
        self.programme.clone().maximise(y).ok_or_else(|| failed("a linear programme did not come to an end"))
    }
}

fn failed(reason: &str) -> EventStudyError {
    EventStudyError::Programme(reason.into())
}

struct Test<'a> {
    inequalities: &'a Inequalities,
    size: f64,
    /// The least favourable critical value of the first stage, and the size that is left.
    first: Option<(f64, f64)>,
}

impl<'a> Test<'a> {
    fn new(inequalities: &'a Inequalities, test: MomentTest, size: f64) -> Result<Self, EventStudyError> {
        let first = match test {
            MomentTest::Conditional => None,
            MomentTest::Hybrid => {
                let spent = FIRST_STAGE * size;
                let largest = (0..DRAWS)
                    .into_par_iter()
                    .map(|draw| {
                        let mut rng = stream(SEED, draw);
                        let z =
                            Array1::from_shape_fn(inequalities.y.len(), |_| StandardNormal.sample(&mut rng));
                        Ok(inequalities.largest(inequalities.root.dot(&z).view())?.0)
                    })
                    .collect::<Result<Vec<f64>, EventStudyError>>()?;
                let critical = quantile(ArrayView1::from(&largest), 1.0 - spent);
                Some((critical, (size - spent) / (1.0 - spent)))
            }
        };
        Ok(Self { inequalities, size, first })
    }

    /// Whether a value of `l'tau` is not rejected.
    fn keeps(&self, value: f64) -> Result<bool, EventStudyError> {
        let all = self.inequalities;
        let y = &all.y - &(&all.slope * value);
        let (eta, dual) = all.largest(y.view())?;
        if eta <= 0.0 {
            return Ok(true);
        }
        let size = match self.first {
            Some((critical, _)) if eta > critical => return Ok(false),
            Some((_, left)) => left,
            None => self.size,
        };
        let image = all.covariance.dot(&dual);
        let variance = dual.dot(&image);
        if variance <= 0.0 {
            return Ok(false);
        }
        // Given what is independent of eta, the dual stays the best one for eta in an interval.
        let along = &image / variance;
        let rest = &y - &(&along * eta);
        let sd = variance.sqrt();
        let low = self.edge(&rest, &along, eta, eta - 40.0 * sd)?;
        let high = self.edge(&rest, &along, eta, eta + 40.0 * sd)?;
        let high = self.first.map_or(high, |(critical, _)| high.min(critical));
        Ok(eta <= truncated_quantile(low / sd, high / sd, 1.0 - size).max(0.0) * sd)
    }

    /// The end, towards `far`, of the values `v` at which the dual is still best: where the largest `g'(rest + along v)`
    /// stops being `v`. Each step goes to where the best dual at the last one crosses.
    fn edge(
        &self,
        rest: &Array1<f64>,
        along: &Array1<f64>,
        eta: f64,
        far: f64,
    ) -> Result<f64, EventStudyError> {
        let mut at = far;
        for _ in 0..100 {
            let (value, dual) = self.inequalities.largest((rest + &(along * at)).view())?;
            if value - at <= 1e-9 * (1.0 + at.abs()) {
                return Ok(if at == far { f64::INFINITY.copysign(far - eta) } else { at });
            }
            let (constant, slope) = (dual.dot(rest), dual.dot(along));
            if (1.0 - slope).abs() < 1e-12 {
                return Ok(eta);
            }
            let next = constant / (1.0 - slope);
            // Rounding must not carry it past the value that is known to be inside.
            at = if far < eta { next.min(eta) } else { next.max(eta) };
            if at == eta {
                return Ok(eta);
            }
        }
        Err(failed("the truncation of a conditional test was not found"))
    }
}

/// The quantile of a standard normal truncated to an interval.
fn truncated_quantile(low: f64, high: f64, p: f64) -> f64 {
    if high <= low {
        return low;
    }
    // In the tail that holds the interval, so that differences keep their digits.
    let flip = low > 0.0;
    let (a, b) = if flip { (-high, -low) } else { (low, high) };
    let (below, above) = (normal_cdf(a), normal_cdf(b));
    let mass = above - below;
    if mass <= 0.0 {
        return low;
    }
    let share = if flip { 1.0 - p } else { p };
    let at =
        Reference::Normal.quantile((below + share * mass).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0));
    let at = if flip { -at } else { at };
    at.clamp(low, high)
}

fn normal_cdf(x: f64) -> f64 {
    if x == f64::NEG_INFINITY {
        0.0
    } else if x == f64::INFINITY {
        1.0
    } else {
        0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Without nuisance parameters the dual is a single inequality and its truncation has a formula.
    #[test]
    fn one_effect_has_a_closed_form() {
        let covariance = array![[0.04, 0.01, 0.01], [0.01, 0.05, 0.012], [0.01, 0.012, 0.06]];
        let effects = array![0.15, -0.1, 0.5];
        let path = EventPath::new(&[1, 2, 4], 3, effects.view(), covariance.view()).unwrap();
        let branches = path.branches(array![1.0].view(), 1.2).unwrap();
        let mut decided = [0, 0];
        for branch in &branches {
            let test = Test::new(branch, MomentTest::Conditional, 0.05).unwrap();
            for step in -60..=60 {
                let value = 0.5 + 0.05 * f64::from(step);
                let y = &branch.y - &(&branch.slope * value);
                let sd = branch.covariance.diag().mapv(f64::sqrt);
                let z = &y / &sd;
                let best = (0..z.len()).max_by(|&i, &j| z[i].total_cmp(&z[j])).unwrap();
                let low = (0..z.len())
                    .filter(|&j| j != best)
                    .map(|j| {
                        let rho = branch.covariance[[j, best]] / (sd[j] * sd[best]);
                        (z[j] - rho * z[best]) / (1.0 - rho)
                    })
                    .fold(f64::NEG_INFINITY, f64::max);
                let keeps = z[best] <= truncated_quantile(low, f64::INFINITY, 0.95).max(0.0);
                assert_eq!(test.keeps(value).unwrap(), keeps, "{value}");
                decided[usize::from(keeps)] += 1;
            }
        }
        assert!(decided[0] > 50 && decided[1] > 50, "{decided:?}");
    }

    /// The inequalities of a branch hold at a difference in trends exactly when no change before is larger than the
    /// branch's and no change after than `mbar` times it.
    #[test]
    fn a_branch_is_the_set_of_trends_it_allows() {
        let mbar = 1.5;
        let covariance = Array2::eye(5);
        let mut rng = stream(61, 0);
        let mut counts = [0, 0];
        for draw in 0..400 {
            let mut trend = Array1::<f64>::from_shape_fn(5, |_| StandardNormal.sample(&mut rng));
            if draw % 2 == 0 {
                // One change before stands out: most trends break some inequality otherwise.
                trend[0] = trend[1] + 3.0 * trend[0].signum();
            }
            let path = EventPath::new(&[1, 2, 3, 5, 6], 4, trend.view(), covariance.view()).unwrap();
            let branches = path.branches(array![0.7, 0.3].view(), mbar).unwrap();
            assert_eq!(branches.len(), 6);
            let before = [trend[1] - trend[0], trend[2] - trend[1], -trend[2]];
            let after = [trend[3], trend[4] - trend[3]];
            for (k, branch) in branches.iter().enumerate() {
                let largest = before[k / 2] * if k % 2 == 0 { 1.0 } else { -1.0 };
                let allowed = before.iter().all(|c| c.abs() <= largest)
                    && after.iter().all(|c| c.abs() <= mbar * largest);
                // Rounding aside: a branch's own change is as large as itself.
                assert_eq!(branch.y.iter().all(|v| *v <= 1e-12), allowed, "{k} {trend}");
                counts[usize::from(allowed)] += 1;
            }
        }
        assert!(counts[1] > 50 && counts[0] > 500, "{counts:?}");
    }

    /// `Phi(q) = (1 - p) Phi(low) + p Phi(high)`, in whichever tail keeps the digits.
    #[test]
    fn quantiles_of_the_truncated_normal_split_its_mass() {
        let upper = |x: f64| 0.5 * libm::erfc(x / std::f64::consts::SQRT_2);
        let infinity = f64::INFINITY;
        let intervals = [
            (-1.0, 2.0),
            (-infinity, 0.5),
            (-0.3, infinity),
            (0.4, 1.7),
            (2.0, infinity),
            (8.2, 9.0),
            (-9.0, -8.2),
        ];
        for (low, high) in intervals {
            for p in [0.05, 0.5, 0.95] {
                let q = truncated_quantile(low, high, p);
                assert!(low < q && q < high, "{low} {high} {p}: {q}");
                let side = if low > 0.0 { 1.0 } else { -1.0 };
                let mass = |x: f64| upper(side * x);
                let expected = (1.0 - p) * mass(low) + p * mass(high);
                assert!((mass(q) / expected - 1.0).abs() < 1e-6, "{low} {high} {p}: {q}");
            }
        }
        // The whole line, symmetry, and intervals without mass.
        assert!((truncated_quantile(-infinity, infinity, 0.975) - 1.959963984540054).abs() < 1e-9);
        assert!((truncated_quantile(1.0, 3.0, 0.2) + truncated_quantile(-3.0, -1.0, 0.8)).abs() < 1e-9);
        assert_eq!(truncated_quantile(1.5, 1.5, 0.3), 1.5);
        assert_eq!(truncated_quantile(2.0, 1.0, 0.3), 2.0);
        assert_eq!(truncated_quantile(60.0, 61.0, 0.3), 60.0);
    }

    /// With two effects one nuisance parameter is left: duals are vertices with at most two inequalities, few enough to list.
    /// The interval on which the best one stays so is bounded by all the others.
    #[test]
    fn two_effects_condition_on_the_best_of_all_vertices() {
        let covariance = Array2::from_shape_fn((4, 4), |(i, j)| {
            0.04 * (1.0 + 0.3 * i as f64).sqrt()
                * (1.0 + 0.3 * j as f64).sqrt()
                * if i == j { 1.0 } else { 0.35 }
        });
        let effects = array![0.2, -0.15, 0.4, 0.7];
        let (weights, mbar) = (array![0.8, 0.3], 0.9);
        let path = |effects: &Array1<f64>| {
            EventPath::new(&[1, 2, 4, 5], 3, effects.view(), covariance.view()).unwrap()
        };
        let branches = path(&effects).branches(weights.view(), mbar).unwrap();
        let unit = |k: usize| Array1::from_shape_fn(4, |j| f64::from(u8::from(j == k)));
        let columns: Vec<Vec<Inequalities>> =
            (2..4).map(|k| path(&unit(k)).branches(weights.view(), mbar).unwrap()).collect();
        let mut decided = [0, 0];
        for (k, branch) in branches.iter().enumerate() {
            // What the nuisance parameter, along (-l_2, l_1), takes from each inequality.
            let nuisance = &columns[0][k].y * -weights[1] + &columns[1][k].y * weights[0];
            let sd = branch.covariance.diag().mapv(f64::sqrt);
            let m = sd.len();
            let mut vertices: Vec<Array1<f64>> = Vec::new();
            for i in 0..m {
                if nuisance[i].abs() < 1e-12 {
                    vertices.push(Array1::from_shape_fn(m, |r| if r == i { 1.0 / sd[i] } else { 0.0 }));
                }
                for j in (0..m).filter(|j| nuisance[i] > 1e-12 && nuisance[*j] < -1e-12) {
                    let (a, b) = (-nuisance[j], nuisance[i]);
                    let total = a * sd[i] + b * sd[j];
                    let entry = |r: usize| {
                        if r == i {
                            a / total
                        } else if r == j {
                            b / total
                        } else {
                            0.0
                        }
                    };
                    vertices.push(Array1::from_shape_fn(m, entry));
                }
            }
            for kind in [MomentTest::Conditional, MomentTest::Hybrid] {
                let test = Test::new(branch, kind, 0.1).unwrap();
                for step in -60..=60 {
                    let value = 0.5 + 0.03 * f64::from(step);
                    let y = &branch.y - &(&branch.slope * value);
                    let best = vertices.iter().max_by(|a, b| a.dot(&y).total_cmp(&b.dot(&y))).unwrap();
                    let eta = best.dot(&y);
                    let image = branch.covariance.dot(best);
                    let sigma = best.dot(&image).sqrt();
                    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
                    for other in &vertices {
                        // other'y <= eta along y = rest + image eta / sigma^2.
                        let slope = other.dot(&image) / (sigma * sigma);
                        let edge = (other.dot(&y) - slope * eta) / (1.0 - slope);
                        if slope < 1.0 - 1e-9 {
                            low = low.max(edge);
                        } else if slope > 1.0 + 1e-9 {
                            high = high.min(edge);
                        }
                    }
                    let (critical, size) = test.first.unwrap_or((f64::INFINITY, 0.1));
                    let bound = truncated_quantile(low / sigma, high.min(critical) / sigma, 1.0 - size);
                    let expected = eta <= 0.0 || eta <= critical && eta <= bound.max(0.0) * sigma;
                    assert_eq!(test.keeps(value).unwrap(), expected, "{k} {kind:?} {value}");
                    decided[usize::from(expected)] += 1;
                }
            }
        }
        assert!(decided[0] > 100 && decided[1] > 100, "{decided:?}");
    }

    /// With one effect the hybrid test's least favourable value is that of the largest of correlated normals, and the
    /// interval the union of what the formula keeps.
    #[test]
    fn the_hybrid_interval_of_one_effect_is_what_its_formula_keeps() {
        let covariance = array![[0.04, 0.01, 0.01], [0.01, 0.05, 0.012], [0.01, 0.012, 0.06]];
        for effects in [array![0.15, -0.1, 0.5], array![0.02, 0.6, -0.4]] {
            let path = EventPath::new(&[1, 2, 4], 3, effects.view(), covariance.view()).unwrap();
            let weights = array![1.0];
            let branches = path.branches(weights.view(), 0.8).unwrap();
            let tests: Vec<Test> =
                branches.iter().map(|b| Test::new(b, MomentTest::Hybrid, 0.1).unwrap()).collect();
            for test in &tests {
                let (critical, left) = test.first.unwrap();
                assert!((left - 0.09 / 0.99).abs() < 1e-12);
                // The share of other draws above it is a tenth of the size.
                let all = test.inequalities;
                let sd = all.covariance.diag().mapv(f64::sqrt);
                let above = (0..20_000)
                    .filter(|draw| {
                        let mut rng = stream(62, *draw);
                        let z = Array1::from_shape_fn(sd.len(), |_| StandardNormal.sample(&mut rng));
                        let largest = (all.root.dot(&z) / &sd).fold(f64::NEG_INFINITY, |a, b| a.max(*b));
                        largest > critical
                    })
                    .count() as f64
                    / 20_000.0;
                assert!((above - 0.01).abs() < 0.008, "{above}");
            }
            let kept = |test: &Test, value: f64| {
                let all = test.inequalities;
                let (critical, left) = test.first.unwrap();
                let sd = all.covariance.diag().mapv(f64::sqrt);
                let z = (&all.y - &(&all.slope * value)) / &sd;
                let best = (0..z.len()).max_by(|&i, &j| z[i].total_cmp(&z[j])).unwrap();
                let edge = |j: usize| {
                    let rho = all.covariance[[j, best]] / (sd[j] * sd[best]);
                    (z[j] - rho * z[best]) / (1.0 - rho)
                };
                let low = (0..z.len()).filter(|&j| j != best).map(edge).fold(f64::NEG_INFINITY, f64::max);
                z[best] <= critical && z[best] <= truncated_quantile(low, critical, 1.0 - left).max(0.0)
            };
            for (k, test) in tests.iter().enumerate() {
                for step in -80..=80 {
                    let value = effects[2] + 0.03 * f64::from(step);
                    assert_eq!(test.keeps(value).unwrap(), kept(test, value), "{k} {value}");
                }
            }
            let interval = path.relative_magnitudes_by(MomentTest::Hybrid, weights.view(), 0.8, 0.9).unwrap();
            let any = |value: f64| tests.iter().any(|t| kept(t, value));
            let scan: Vec<f64> =
                (-4_000..=4_000).map(|k| effects[2] + 0.001 * f64::from(k)).filter(|v| any(*v)).collect();
            let (first, last) = (scan[0], scan[scan.len() - 1]);
            assert!(first > effects[2] - 3.9 && last < effects[2] + 3.9);
            assert!((interval.lower - first + 0.0005).abs() < 0.0006, "{interval:?} {first}");
            assert!((interval.upper - last - 0.0005).abs() < 0.0006, "{interval:?} {last}");
            assert!((interval.bound, interval.level) == (0.8, 0.9));
        }
    }

    /// At the edge of the identified set both tests reject in at most 5% of the draws, and the interval by the hybrid one
    /// is shorter than the union of normal intervals.
    #[test]
    fn tests_hold_their_size_and_shorten_the_interval() {
        let (mbar, draws) = (1.0, 400_u64);
        // Changes before: 0.3, 0.1, -0.1, so that the largest is 0.3; trends go on rising by it.
        let trend = array![-0.3, 0.0, 0.1, 0.3, 0.6];
        let covariance = Array2::from_shape_fn((5, 5), |(i, j)| 0.01 * if i == j { 1.0 } else { 0.4 });
        let root = linalg::SymmetricEigen::new(covariance.view()).unwrap();
        let half = &root.vectors * &root.values.mapv(f64::sqrt);
        let weights = array![0.5, 0.5];
        let rejections: Vec<[bool; 2]> = (0..draws)
            .map(|draw| {
                let mut rng = stream(77, draw);
                let z = Array1::from_shape_fn(5, |_| StandardNormal.sample(&mut rng));
                let effects = &trend + &half.dot(&z);
                let path = EventPath::new(&[1, 2, 3, 5, 6], 4, effects.view(), covariance.view()).unwrap();
                let branches = path.branches(weights.view(), mbar).unwrap();
                [MomentTest::Conditional, MomentTest::Hybrid].map(|test| {
                    branches.iter().all(|b| !Test::new(b, test, 0.05).unwrap().keeps(0.0).unwrap())
                })
            })
            .collect();
        for k in 0..2 {
            let size = rejections.iter().filter(|r| r[k]).count() as f64 / draws as f64;
            assert!(size < 0.075, "{k}: {size}");
        }
        let path = EventPath::new(
            &[1, 2, 3, 5, 6],
            4,
            (&trend + &array![0.0, 0.0, 0.0, 1.0, 1.0]).view(),
            covariance.view(),
        );
        let path = path.unwrap();
        let union = path.relative_magnitudes(weights.view(), mbar, 0.95).unwrap();
        let hybrid = path.relative_magnitudes_by(MomentTest::Hybrid, weights.view(), mbar, 0.95).unwrap();
        assert!(hybrid.upper - hybrid.lower < union.upper - union.lower, "{hybrid:?} {union:?}");
        assert!(hybrid.lower < 1.45 && hybrid.upper > 1.45, "{hybrid:?}");
    }
}
