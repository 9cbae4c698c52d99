//! The solver against the textbook algorithm, an independent code path (`tests::naive`).

use tests::critical::solve;
use tests::naive;
use tests::questions::everything;

/// Whether the two agree to a hundred-millionth.
fn compare(seed: u64) -> Result<(), String> {
    let (economy, shock) = everything(seed);
    let fast = solve(&economy, &shock);
    let Some(slow) = naive::solve(&economy, &shock, 1e-11, 400_000) else {
        return Err(format!("{seed}: the reference does not converge"));
    };
    let gap = |what: &str, a: f64, b: f64| {
        let gap = (a - b).abs() / a.abs().max(b.abs()).max(1e-300);
        if gap <= 1e-8 { Ok(()) } else { Err(format!("{seed}: {what} {a} against {b}")) }
    };
    for n in 0..economy.dims().countries {
        gap("real income", fast.real_income_hat[n], slow.real_income[n])?;
        for j in (0..economy.dims().sectors).filter(|j| economy.expenditure()[[n, *j]] > 0.0) {
            gap("price", fast.price_hat[[n, j]], slow.price[n][j])?;
        }
        for j in (0..economy.dims().sectors).filter(|j| economy.output()[[n, *j]] > 0.0) {
            gap("output", fast.output[[n, j]], slow.output[n][j])?;
            if let Some(critical) = fast.critical.as_ref().filter(|_| economy.critical_share()[[n, j]] > 0.0)
            {
                gap("A_R", critical.augmentation.critical[[n, j]], slow.augmentation[n][j])?;
            }
        }
        for f in (0..economy.dims().factors).filter(|f| economy.factor_income()[[n, *f]] > 0.0) {
            gap("factor price", fast.factor_price_hat[[n, f]], slow.factor_price[n][f])?;
        }
    }
    for (restriction, (outcome, wedge)) in
        shock.restrictions.iter().zip(fast.restrictions.iter().zip(&slow.wedge))
    {
        let (i, k) = (restriction.exporter, restriction.sector);
        // Without flows to act on there is no wedge.
        if (0..economy.dims().countries).any(|n| n != i && economy.trade_share()[[n, i, k]] > 0.0) {
            gap("wedge", outcome.wedge, *wedge)?;
        }
    }
    Ok(())
}

#[test]
fn five_hundred_random_economies_agree() {
    let all: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let part = |first: u64| scope.spawn(move || (first..500).step_by(4).map(compare).collect::<Vec<_>>());
        let parts: Vec<_> = (0..4).map(part).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let misses: Vec<&String> = all.iter().filter_map(|one| one.as_ref().err()).collect();
    assert!(misses.is_empty(), "{} of 500: {:#?}", misses.len(), &misses[..misses.len().min(12)]);
}
