//! Caliendo and Parro (2015) against its printed tables.

mod common;

use calibration::caliendo_parro::{ElasticityData, NaftaData, TripleSample};
use common::raw_data;
use estimation::Vcov;
use model_core::{Deficits, SolverSettings, welfare};

/// Table 1, full sample: sector, coefficient, robust standard error, observations.
const TABLE_1: [(&str, &str, &str, usize); 20] = [
    ("Agriculture", "8.11", "1.86", 496),
    ("Mining", "15.72", "2.76", 296),
    ("Food", "2.55", "0.61", 495),
    ("Textile", "5.56", "1.14", 437),
    ("Wood", "10.83", "2.53", 315),
    ("Paper", "9.07", "1.69", 507),
    ("Petroleum", "51.08", "18.05", 91),
    ("Chemicals", "4.75", "1.77", 430),
    ("Plastic", "1.66", "1.41", 376),
    ("Minerals", "2.76", "1.44", 342),
    ("Basic metals", "7.99", "2.53", 388),
    ("Metal products", "4.30", "2.15", 404),
    ("Machinery n.e.c.", "1.52", "1.81", 397),
    ("Office", "12.79", "2.14", 306),
    ("Electrical", "10.60", "1.38", 343),
    ("Communication", "7.07", "1.72", 312),
    ("Medical", "8.98", "1.25", 383),
    ("Auto", "1.01", "0.80", 237),
    ("Other transport", "0.37", "1.08", 245),
    ("Other", "5.00", "0.92", 412),
];

#[test]
fn table_1_has_the_printed_estimates() {
    let Some(folder) = raw_data("cp2015") else { return };
    let data = ElasticityData::load(&folder).unwrap();
    let estimate = |sample: &TripleSample| {
        let fit = sample.theta(&Vcov::Hc1).unwrap();
        let theta = fit.estimates().coefficient("theta").unwrap();
        (theta.estimate, theta.std_error, sample.y.len())
    };
    assert_eq!(data.sectors().len(), TABLE_1.len());
    for ((sector, theta, std_error, observations), (name, sample)) in TABLE_1.iter().zip(data.by_sector()) {
        assert_eq!(name, *sector);
        let (computed, error, n) = estimate(&sample);
        println!("{sector}: {computed:.4} ({error:.4}), N = {n}");
        assert_eq!(n, *observations, "{sector}");
        // Petroleum is 51.0851 and printed 51.08: the printed digits are those of the number, cut off.
        let same = format!("{computed:.2}") == *theta
            || *sector == "Petroleum" && format!("{computed:.3}") == "51.085" && *theta == "51.08";
        assert!(same, "{sector}: {computed}");
        assert_eq!(format!("{error:.2}"), *std_error, "{sector}: {error}");
        // The estimator of a regression through the origin, in one line, as a second opinion.
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let slope = -dot(&sample.x, &sample.y) / dot(&sample.x, &sample.x);
        assert!((slope - computed).abs() < 1e-10 * computed.abs());
    }
    let (theta, error, n) = estimate(&data.pooled());
    assert_eq!(
        (format!("{theta:.2}"), format!("{error:.2}"), n),
        ("4.55".to_owned(), "0.35".to_owned(), 7212)
    );
}

/// Table 2: welfare, terms of trade, volume of trade, real wage, percent.
const TABLE_2: [(&str, [&str; 4]); 3] = [
    ("CAN", ["-0.06", "-0.11", "0.04", "0.32"]),
    ("MEX", ["1.31", "-0.41", "1.72", "1.72"]),
    ("USA", ["0.08", "0.04", "0.04", "0.11"]),
];

#[test]
fn nafta_has_the_printed_welfare() {
    let Some(folder) = raw_data("cp2015") else { return };
    let data = NaftaData::load(&folder).unwrap();
    let settings = SolverSettings::default();
    let (baseline, start) = data.parts().equilibrate(&Deficits::Zero, &settings).unwrap();
    assert!(start.residual.max() <= 1e-10);
    let nafta = baseline.solve(&data.nafta(&baseline), &settings).unwrap();
    assert!(nafta.residual.max() <= 1e-10);
    let first_order = welfare::first_order(&baseline, &nafta).unwrap();
    for (code, printed) in TABLE_2 {
        let n = baseline.labels().country(code).unwrap();
        let computed = [
            first_order.welfare[n],
            first_order.terms_of_trade[n],
            first_order.volume_of_trade[n],
            first_order.real_factor_price[[n, 0]],
        ];
        println!("{code}: {computed:?}, exact welfare {:.4}%", 100.0 * (nafta.real_income_hat[n] - 1.0));
        for (value, digits) in computed.iter().zip(printed) {
            assert_eq!(format!("{:.2}", 100.0 * value), digits, "{code}: {computed:?}");
        }
    }
}
