//! One sweep through the equilibrium conditions: from a guess of prices, expenditure, factor prices, wedges and research to
//! the next.
//!
//! It costs one power for each country and traded sector, one `N x N` matrix-vector product for each traded sector and
//! equation, and one `J x J` product for each country and equation.

use super::block::Room;
use super::limit::{Controls, Overlay, controls};
use super::market::Market;
use super::nest::NestWork;
use super::observer::{MarketResidual, worst, worst_of};
use super::scalar::{Scalar, add_rows, dot, row_sums};
use super::system::{DeficitRule, Layout, System};
use crate::ces;
use crate::economy::CriticalInputs;
use crate::technology::ResearchCost;

/// Log excess demand beyond which factor prices move no faster.
const MAX_EXCESS: f64 = 10.0;

/// Room for the intermediate results of a sweep; after one, everything in it belongs to the state that was swept.
pub(super) struct Work<T = f64> {
    /// `ln c[i,j]`, country by country.
    pub(super) ln_cost: Vec<T>,
    /// New `ln P[n,j]`, country by country.
    pub(super) ln_price: Vec<T>,
    /// Expenditure of the state and of the sweep, output, `[n][j]`.
    pub(super) x: Vec<T>,
    pub(super) x_new: Vec<T>,
    pub(super) y: Vec<T>,
    /// What of output goes to factors and inputs outside the nest.
    outside: Vec<T>,
    /// By country.
    pub(super) tariff_revenue: Vec<T>,
    pub(super) export_tax_revenue: Vec<T>,
    /// Rents of restrictions that the country receives, and those that its exports give rise to.
    pub(super) quota_rent: Vec<T>,
    pub(super) quota_rent_made: Vec<T>,
    pub(super) deficit: Vec<T>,
    pub(super) income: Vec<T>,
    /// Log price of final consumption.
    pub(super) ln_consumption: Vec<T>,
    /// `[n][f]`.
    pub(super) factor_demand: Vec<T>,
    pub(super) factor_income: Vec<T>,
    /// By restriction.
    pub(super) volume: Vec<T>,
    pub(super) rent: Vec<T>,
    pub(super) nest: NestWork<T>,
    /// The state's research effort `[i][j]`, how far what the sweep's spending calls for lies from it, and the log price of
    /// research by country.
    pub(super) effort: Vec<T>,
    pub(super) effort_gap: Vec<T>,
    pub(super) ln_research_cost: Vec<T>,
    /// Of traded sectors, sector by sector: `e = exp(-theta ln c)` relative to the cheapest producer, `ln sum_i g e`, expenditure,
    /// and what producers get.
    pub(super) appeal: Vec<T>,
    pub(super) ln_sum: Vec<T>,
    spent: Vec<T>,
    sold: Vec<T>,
    /// By traded sector.
    least: Vec<f64>,
    shares: Vec<T>,
    /// One sector at a time: `X / sum`, exports, and by importer what of `sum_i g e` passes the border.
    q: Vec<T>,
    column: Vec<T>,
    /// Sales of joint products once their markets are solved, `[i][e]`.
    pub(super) product_sales: Vec<T>,
    kept: Vec<T>,
    pub(super) controls: Vec<Option<Controls>>,
    over: Overlay<T>,
    /// What is worked out for the markets that are solved at once.
    pub(super) room: Room<T>,
    /// How far the conditions of one kind are missed, `[n][j]`, and how far one country's factor prices move.
    gaps: Vec<f64>,
    moved: Vec<T>,
}

impl<T: Scalar> Work<T> {
    pub(super) fn new(system: &System<T>) -> Self {
        let Layout { n, j, f, limits, research, .. } = system.at;
        let zeros = |len| vec![T::from(0.0); len];
        let elements = system.nest.as_ref().map(|nest| nest.elements());
        Self {
            ln_cost: zeros(n * j),
            ln_price: zeros(n * j),
            x: zeros(n * j),
            x_new: zeros(n * j),
            y: zeros(n * j),
            outside: zeros(n * j),
            tariff_revenue: zeros(n),
            export_tax_revenue: zeros(n),
            quota_rent: zeros(n),
            quota_rent_made: zeros(n),
            deficit: zeros(n),
            income: zeros(n),
            ln_consumption: zeros(n),
            factor_demand: zeros(n * f),
            factor_income: zeros(n * f),
            volume: zeros(limits),
            rent: zeros(limits),
            nest: elements.map_or_else(|| NestWork::new(0, 0), |elements| NestWork::new(n * j, elements)),
            effort: zeros(research),
            effort_gap: zeros(research),
            ln_research_cost: zeros(n),
            appeal: zeros(n * system.traded.len()),
            ln_sum: zeros(n * system.traded.len()),
            spent: zeros(n * system.traded.len()),
            sold: zeros(n * system.traded.len()),
            least: vec![0.0; system.traded.len()],
            shares: zeros(j),
            q: zeros(n),
            column: zeros(n),
            product_sales: zeros(system.fixed.product_output.len()),
            kept: zeros(n),
            controls: controls(j, n, &system.limits),
            over: Overlay::default(),
            room: Room::default(),
            gaps: vec![0.0; n * j],
            moved: zeros(f),
        }
    }
}

/// A sweep to be compiled for a vector width. It is not a closure because only this is sure to be inlined.
struct Sweep<'s, 'a, T> {
    system: &'s System<'a, T>,
    u: &'s [T],
    next: &'s mut [T],
    work: &'s mut Work<T>,
    apart: bool,
}

impl<T: Scalar> pulp::WithSimd for Sweep<'_, '_, T> {
    type Output = MarketResidual;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> MarketResidual {
        self.system.sweep_any_width(self.u, self.next, self.work, self.apart)
    }
}

impl<T: Scalar> System<'_, T> {
    /// One sweep: from `u` to `next`. Prices come first and everything after uses them.
    ///
    /// It is compiled once for each vector width and takes the widest that the processor has. The order of every sum is
    /// fixed, so the bits are the same on all.
    pub(super) fn sweep(&self, u: &[T], next: &mut [T], work: &mut Work<T>) -> MarketResidual {
        pulp::Arch::new().dispatch(Sweep { system: self, u, next, work, apart: false })
    }

    /// A sweep in which every unknown answers its own condition: no market is solved at once, and prices do not run ahead to
    /// factor prices. By itself it does not converge, but its gaps are those of the conditions.
    pub(super) fn sweep_apart(&self, u: &[T], next: &mut [T], work: &mut Work<T>) -> MarketResidual {
        pulp::Arch::new().dispatch(Sweep { system: self, u, next, work, apart: true })
    }

    #[inline(always)]
    fn sweep_any_width(&self, u: &[T], next: &mut [T], work: &mut Work<T>, apart: bool) -> MarketResidual {
        let Layout { n, j, f, .. } = self.at;
        let old = self.at.split(u);
        let mut new = self.at.split_mut(next);
        let mut residual = MarketResidual::default();

        self.costs(old.price, old.factor, old.research, work);
        self.add_products(old.product, work);
        for ((x, hat), level) in work.x.iter_mut().zip(old.expenditure).zip(&self.fixed.expenditure_level) {
            *x = *hat * *level;
        }
        for revenue in [
            &mut work.tariff_revenue,
            &mut work.export_tax_revenue,
            &mut work.quota_rent,
            &mut work.quota_rent_made,
        ] {
            revenue.fill(T::from(0.0));
        }
        self.domestic(work);
        self.traded(old.wedge, work);
        self.prices(new.price, work);
        work.ln_price.copy_from_slice(new.price);
        for ((gap, new), old) in work.gaps.iter_mut().zip(new.price.iter()).zip(old.price) {
            *gap = (*new - *old).re();
        }
        worst_of(&mut residual.prices, &work.gaps);

        // Factor markets.
        if self.nest.is_some() {
            for (outside, (y, keep)) in work.outside.iter_mut().zip(work.y.iter().zip(&work.nest.keep)) {
                *outside = *y * *keep;
            }
        } else {
            work.outside.copy_from_slice(&work.y);
        }
        for i in 0..n {
            let sales = &work.outside[i * j..(i + 1) * j];
            for (g, demand) in work.factor_demand[i * f..(i + 1) * f].iter_mut().enumerate() {
                *demand = dot(self.factor_row(i, g), sales);
            }
        }
        for m in &self.moved_shares {
            work.factor_demand[m.country * f + m.factor] += m.by * work.outside[m.country * j + m.sector];
        }
        let mut world = T::from(0.0);
        for ((income, value), w) in work.factor_income.iter_mut().zip(&self.endowment_value).zip(old.factor) {
            *income = *value * w.exp();
            world += *income;
        }
        let to_numeraire = (world / self.fixed.world_income).ln();
        for (cell, (out, &old)) in new.factor.iter_mut().zip(old.factor).enumerate() {
            *out = T::from(0.0);
            if self.endowment_value[cell].re() > 0.0 {
                let excess = (work.factor_demand[cell] / work.factor_income[cell]).ln();
                worst(&mut residual.factors, excess.re());
                let limited = match excess.re() {
                    high if high > MAX_EXCESS => T::from(MAX_EXCESS),
                    low if low < -MAX_EXCESS => T::from(-MAX_EXCESS),
                    _ => excess,
                };
                *out = old + limited * self.fixed.wage_step[cell] - to_numeraire;
            }
        }
        worst(&mut residual.factors, to_numeraire.re());

        // Income and goods markets.
        for i in 0..n {
            let factors = work.factor_income[i * f..(i + 1) * f].iter();
            work.income[i] = factors.fold(T::from(0.0), |sum, v| sum + *v)
                + work.tariff_revenue[i]
                + work.export_tax_revenue[i]
                + work.quota_rent[i];
        }
        self.deficits(work);
        work.income.iter_mut().zip(&work.deficit).for_each(|(i, d)| *i += *d);
        for i in 0..n {
            let cells = i * j..(i + 1) * j;
            work.ln_consumption[i] = self.final_shares(i, &new.price[cells.clone()], &mut work.shares);
            let x_new = &mut work.x_new[cells.clone()];
            for (x, share) in x_new.iter_mut().zip(&work.shares) {
                *x = *share * work.income[i];
            }
            add_rows(&work.outside[cells.clone()], self.inputs_of(i), x_new);
            let Some(nest) = &self.nest else { continue };
            for cell in cells {
                if nest.share[cell] > 0.0 {
                    let spent = work.y[cell] * work.nest.share[cell];
                    for (e, k) in nest.sectors.iter().enumerate() {
                        x_new[*k] += spent * work.nest.element_share[cell * nest.elements() + e];
                    }
                }
            }
        }
        let scaled = work.x_new.iter().zip(&self.fixed.expenditure_scale);
        for (x_out, (x_new, scale)) in new.expenditure.iter_mut().zip(scaled) {
            *x_out = *x_new * *scale;
        }
        for ((gap, x), x_new) in work.gaps.iter_mut().zip(&work.x).zip(&work.x_new) {
            *gap = if x_new.re() == x.re() { 0.0 } else { x_new.re() / x.re() - 1.0 };
        }
        worst_of(&mut residual.goods, &work.gaps);
        self.wedges(old.wedge, new.wedge, work, &mut residual);
        self.products(old.product, new.product, work, &mut residual);
        self.research(old.factor, old.research, new.research, work, &mut residual);
        if apart {
            return residual;
        }
        self.solve_blocks(&old, &mut new, to_numeraire, work);
        // Prices follow factor prices at once, or the next sweep would see the move half done.
        for i in 0..n {
            let factors = i * f..(i + 1) * f;
            for (moved, (now, before)) in
                work.moved.iter_mut().zip(new.factor[factors.clone()].iter().zip(&old.factor[factors]))
            {
                *moved = *now - *before;
            }
            let follows = &self.price_follows[i * f * j..(i + 1) * f * j];
            add_rows(&work.moved, follows, &mut new.price[i * j..(i + 1) * j]);
        }
        residual
    }

    /// `ln c[i,j]` of a state, and the nest's shares.
    #[inline(always)]
    fn costs(&self, ln_p: &[T], ln_w: &[T], research: &[T], work: &mut Work<T>) {
        let Layout { n, j, f, .. } = self.at;
        if let Some(nest) = &self.nest {
            nest.technology(n, j, research, &mut work.nest);
        }
        for i in 0..n {
            let p = &ln_p[i * j..(i + 1) * j];
            let ln_cost = &mut work.ln_cost[i * j..(i + 1) * j];
            row_sums(self.inputs_of(i), p, ln_cost);
            add_rows(&ln_w[i * f..(i + 1) * f], &self.fixed.by_factor[i * j * f..(i + 1) * j * f], ln_cost);
            for m in self.moved_shares.iter().filter(|m| m.country == i) {
                ln_cost[m.sector] += m.by * ln_w[i * f + m.factor];
            }
            let Some(nest) = &self.nest else { continue };
            for (s, ln_cost) in ln_cost.iter_mut().enumerate() {
                let cell = i * j + s;
                if nest.share[cell] > 0.0 {
                    *ln_cost = nest.cost(cell, s, *ln_cost, p, &mut work.nest);
                }
            }
        }
        if let Some(a) = &self.ln_productivity {
            work.ln_cost.iter_mut().zip(a).for_each(|(c, a)| *c -= *a);
        }
    }

    /// Joint products: the price of each is the process's cost times its `lambda`.
    fn add_products(&self, ln_product: &[T], work: &mut Work<T>) {
        let Some(nest) = self.nest.as_ref().filter(|_| !ln_product.is_empty()) else { return };
        for (i, own) in ln_product.chunks_exact(nest.elements()).enumerate() {
            for (e, ln_lambda) in nest.sectors.iter().zip(own) {
                work.ln_cost[i * self.at.j + e] += *ln_lambda;
            }
        }
    }

    /// Sales of joint products in `work`, `[i][e]`.
    pub(super) fn fill_product_sales(&self, work: &mut Work<T>) {
        let Some(nest) = self.nest.as_ref().filter(|_| !self.fixed.product_output.is_empty()) else { return };
        for (i, own) in work.product_sales.chunks_exact_mut(nest.elements()).enumerate() {
            own.iter_mut().zip(&nest.sectors).for_each(|(sales, e)| *sales = work.y[i * self.at.j + e]);
        }
    }

    /// By how much a country's sales of its joint products together have grown; one where it makes none.
    pub(super) fn process_sales(&self, i: usize, work: &Work<T>) -> T {
        let Some(nest) = &self.nest else { return T::from(1.0) };
        let before: f64 =
            self.fixed.product_output[i * nest.elements()..(i + 1) * nest.elements()].iter().sum();
        let now = nest.sectors.iter().fold(T::from(0.0), |sum, e| sum + work.y[i * self.at.j + e]);
        if before > 0.0 && now.re() > 0.0 { now / before } else { T::from(1.0) }
    }

    /// Quantities of joint products move with that of the process, `Y^[i,e] / lambda[i,e] = Y^[i]`, or are worthless.
    fn products(&self, old: &[T], new: &mut [T], work: &Work<T>, residual: &mut MarketResidual) {
        let Some(nest) = self.nest.as_ref().filter(|_| !old.is_empty()) else { return };
        for i in 0..self.at.n {
            let process = self.process_sales(i, work).ln();
            for (e, sector) in nest.sectors.iter().enumerate() {
                let k = i * nest.elements() + e;
                let (before, now) = (self.fixed.product_output[k], work.y[i * self.at.j + sector]);
                new[k] = old[k];
                if before > 0.0 && now.re() > 0.0 {
                    let gap = (now / before).ln() - process - old[k];
                    worst(&mut residual.products, gap.re().max(ln_worthless() - old[k].re()));
                    let steepest = 1.0 + self.theta[*sector].re();
                    let (gap, active) = product_gap(old[k], gap, steepest);
                    let limited = T::from(gap.re().clamp(-MAX_EXCESS, MAX_EXCESS) - gap.re()) + gap;
                    new[k] = if active { old[k] + limited * (1.0 / steepest) } else { old[k] - gap };
                }
            }
        }
    }

    /// Output and revenue of the sectors that nobody imports.
    #[inline(always)]
    fn domestic(&self, work: &mut Work<T>) {
        let Layout { n, j, .. } = self.at;
        for (s, market) in self.markets.iter().enumerate() {
            let Market::Domestic { keep_border, keep_producer, taxed, .. } = market else { continue };
            for i in 0..n {
                let cell = i * j + s;
                work.y[cell] = work.x[cell] * keep_producer[i];
                if *taxed {
                    let border = work.x[cell] * keep_border[i];
                    work.tariff_revenue[i] += work.x[cell] - border;
                    work.export_tax_revenue[i] += border - work.y[cell];
                }
            }
        }
    }

    /// Flows, output and revenue of traded sectors at the costs and expenditures in `work`. Each sector's numbers are put side by
    /// side for it.
    #[inline(always)]
    fn traded(&self, wedge: &[T], work: &mut Work<T>) {
        let Layout { n, j, .. } = self.at;
        work.least.fill(f64::INFINITY);
        for row in work.ln_cost.chunks_exact(j) {
            for (least, s) in work.least.iter_mut().zip(&self.traded) {
                let cost = row[*s].re();
                *least = if cost < *least { cost } else { *least };
            }
        }
        for (place, s) in self.traded.iter().enumerate() {
            let (theta, least) = (self.theta[*s], work.least[place]);
            for i in 0..n {
                work.appeal[place * n + i] = theta * (-work.ln_cost[i * j + s] + least);
                work.spent[place * n + i] = work.x[i * j + s];
            }
        }
        T::exp_each(&mut work.appeal);
        for s in &self.traded {
            self.sector(*s, wedge, work);
        }
        for (place, s) in self.traded.iter().enumerate() {
            for i in 0..n {
                work.y[i * j + s] = work.sold[place * n + i];
            }
        }
    }

    /// Flows, output and revenue of one traded sector.
    #[inline(always)]
    fn sector(&self, s: usize, wedge: &[T], work: &mut Work<T>) {
        let n = self.at.n;
        let Market::Traded { place, g, shift, border, producer } = &self.markets[s] else { return };
        let own = place * n..(place + 1) * n;
        // Taken out of `work` while it is lent to the equations.
        let controls = work.controls[s].take();
        let mut over = std::mem::take(&mut work.over);
        let (g, border, producer) = if let Some(controls) = &controls {
            controls.overlay((g, border.as_ref(), producer.as_ref()), self.theta[s], wedge, &mut over);
            (&over.g, border.as_ref().map(|_| &over.border), Some(&over.producer))
        } else {
            (g, border.as_ref(), producer.as_ref())
        };
        let (e, spent) = (&work.appeal[own.clone()], &work.spent[own.clone()]);
        let (sums, sold) = (&mut work.ln_sum[own.clone()], &mut work.sold[own]);
        g.imports(e, sums);
        for (((sum, q), spent), shift) in sums.iter_mut().zip(&mut work.q).zip(spent).zip(shift.iter()) {
            let positive = if sum.re() < f64::MIN_POSITIVE { T::from(f64::MIN_POSITIVE) } else { *sum };
            let buys = *shift > f64::NEG_INFINITY;
            *sum = if buys { positive } else { T::from(1.0) };
            *q = if buys { *spent / positive } else { T::from(0.0) };
        }
        if let Some(border) = border {
            border.imports(e, &mut work.kept);
            border.exports(&work.q, &mut work.column);
            let kept = work.q.iter().zip(&work.kept);
            for ((revenue, spent), (q, kept)) in work.tariff_revenue.iter_mut().zip(spent).zip(kept) {
                *revenue += *spent - *q * *kept;
            }
        } else {
            g.exports(&work.q, &mut work.column);
        }
        for ((sold, column), e) in sold.iter_mut().zip(&work.column).zip(e) {
            *sold = *column * *e;
        }
        if let Some(producer) = producer {
            producer.exports(&work.q, &mut work.column);
            let kept = work.column.iter().zip(e);
            for ((revenue, sold), (column, e)) in work.export_tax_revenue.iter_mut().zip(sold).zip(kept) {
                let kept = *column * *e;
                *revenue += *sold - kept;
                *sold = kept;
            }
        }
        if let Some(controls) = &controls {
            self.rents(controls, &over, s, wedge, work);
        }
        work.over = over;
        work.controls[s] = controls;
    }

    /// Volumes and rents of a sector's restrictions; the rents come out of what was counted as export-tax revenue.
    fn rents(&self, controls: &Controls, over: &Overlay<T>, s: usize, wedge: &[T], work: &mut Work<T>) {
        let Layout { n, j, .. } = self.at;
        let Market::Traded { place, .. } = &self.markets[s] else { return };
        for &l in &controls.limits {
            (work.volume[l], work.rent[l]) = (T::from(0.0), T::from(0.0));
        }
        for ((flow, covering), (rate, ln_mu)) in
            controls.flows.iter().zip(over.rate.iter().zip(&over.ln_wedge))
        {
            let (m, i) = (flow / n, flow % n);
            let value = work.q[m] * over.producer.at(*flow) * work.appeal[place * n + i];
            let volume = value * (-work.ln_cost[i * j + s]).exp();
            let rent = value * *rate;
            for &l in covering {
                work.volume[l] += volume;
                if ln_mu.re() > 0.0 {
                    let own = rent * wedge[l] / *ln_mu;
                    let abroad = own * self.limits[l].rent_share;
                    work.rent[l] += own;
                    work.quota_rent[m] += abroad;
                    work.quota_rent[i] += own - abroad;
                }
            }
            if ln_mu.re() > 0.0 {
                work.quota_rent_made[i] += rent;
                work.export_tax_revenue[i] -= rent;
            }
        }
    }

    /// `ln P` from the sums of all sectors.
    #[inline(always)]
    fn prices(&self, ln_price: &mut [T], work: &mut Work<T>) {
        let Layout { n, j, .. } = self.at;
        T::ln_each(&mut work.ln_sum);
        for (s, market) in self.markets.iter().enumerate() {
            match market {
                Market::Domestic { ln_tau, buys, .. } => {
                    for i in 0..n {
                        let cell = i * j + s;
                        ln_price[cell] = if buys[i] { work.ln_cost[cell] + ln_tau[i] } else { T::from(0.0) };
                    }
                }
                Market::Traded { place, shift, .. } => {
                    let (theta, least) = (self.theta[s], work.least[*place]);
                    for i in 0..n {
                        let value = -(work.ln_sum[place * n + i] + shift[i]) / theta + least;
                        ln_price[i * j + s] = if shift[i] > f64::NEG_INFINITY { value } else { T::from(0.0) };
                    }
                }
            }
        }
    }

    /// Final expenditure shares of one country at new prices; returns the log price of its consumption.
    #[inline(always)]
    pub(super) fn final_shares(&self, i: usize, ln_p: &[T], shares: &mut [T]) -> T {
        let j = self.at.j;
        ces::shares(&self.final_share[i * j..(i + 1) * j], ln_p, self.kappa, shares)
    }

    #[inline(always)]
    fn deficits(&self, work: &mut Work<T>) {
        match &self.deficit {
            DeficitRule::Levels(levels) => work.deficit.copy_from_slice(levels),
            DeficitRule::ShareOfIncome(share) => {
                let (mut total, mut missing) = (T::from(0.0), T::from(0.0));
                for (r, d) in work.income.iter().zip(share) {
                    total += *r;
                    missing += *r * *d;
                }
                missing /= total;
                for ((d, s), r) in work.deficit.iter_mut().zip(share).zip(&work.income) {
                    *d = *r * (-missing + *s);
                }
            }
        }
    }

    /// Misses of the restrictions, and wedges that follow them.
    fn wedges(&self, old: &[T], new: &mut [T], work: &Work<T>, residual: &mut MarketResidual) {
        for (l, limit) in self.limits.iter().enumerate() {
            let (gap, active) = limit.gap(old[l], work.volume[l], 1.0 + self.theta[limit.sector].re());
            worst(&mut residual.restrictions, limit.missed(old[l].re(), work.volume[l].re()));
            let moved = if active { old[l] + gap } else { old[l] - gap };
            new[l] = if moved.re() > 0.0 { moved } else { T::from(0.0) };
        }
    }

    /// Research effort that the sweep's spending calls for.
    fn research(
        &self,
        ln_w: &[T],
        old: &[T],
        new: &mut [T],
        work: &mut Work<T>,
        residual: &mut MarketResidual,
    ) {
        let Layout { n, j, f, .. } = self.at;
        let Some((nest, innovation)) =
            self.nest.as_ref().and_then(|nest| nest.innovation.as_ref().map(|innovation| (nest, innovation)))
        else {
            return;
        };
        work.effort.copy_from_slice(old);
        for i in 0..n {
            work.ln_research_cost[i] = match innovation.paid_in {
                ResearchCost::FinalGood => work.ln_consumption[i],
                ResearchCost::Factor(g) => ln_w[i * f + g],
            };
            for s in 0..j {
                let cell = i * j + s;
                let (share, cost) = (work.nest.share[cell], work.ln_research_cost[i]);
                let effort = innovation.effort(cell, nest.share[cell], share, work.y[cell], cost);
                let gap = effort.map_or(T::from(0.0), |effort| effort - old[cell]);
                worst(&mut residual.technology, gap.re());
                work.effort_gap[cell] = gap;
                new[cell] = old[cell] + gap * innovation.step(s);
            }
        }
    }
}

/// Log of the least price of a joint product over the cost of its process.
pub(super) fn ln_worthless() -> f64 {
    CriticalInputs::WORTHLESS.ln()
}

/// What is to become zero as `ln lambda` moves, and whether that is its market's excess demand: it is unless a step of the
/// steepest slope that it can have would take the price below the least. Then it is the distance to that.
#[inline(always)]
pub(super) fn product_gap<T: Scalar>(ln_lambda: T, excess: T, steepest: f64) -> (T, bool) {
    let above = ln_lambda - ln_worthless();
    if above.re() * steepest + excess.re() > 0.0 { (excess, true) } else { (above, false) }
}
