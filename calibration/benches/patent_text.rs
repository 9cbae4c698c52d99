//! Throughput of finding the patents that name rare earths: of the screen alone, and of the whole pass over a file on disk.
#![allow(missing_docs, clippy::expect_used)]

use calibration::patent_text::labelled;
use calibration::patent_text::retrieval::{Settings, Source, retrieve};
use calibration::patent_text::synthetic::{Corpus, write_csv};
use calibration::patent_text::terms::Terms;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn retrieval(c: &mut Criterion) {
    let terms = Terms::shipped().expect("the shipped terms");
    let texts = labelled::shipped().expect("the shipped sample");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("corpus.csv");
    let out = std::io::BufWriter::new(std::fs::File::create(&file).expect("a file"));
    let written = write_csv(&Corpus::default(), &texts, 256 << 20, out).expect("written");
    let mut group = c.benchmark_group("patents");
    group.sample_size(10);
    let filler =
        labelled::shipped().expect("the sample").into_iter().filter(|t| !terms.may_name(t.text().as_bytes()));
    let filler: String = filler.map(|t| t.text()).collect::<Vec<_>>().join(" ").repeat(200);
    group.throughput(Throughput::Bytes(filler.len() as u64));
    group.bench_function("screen, one core", |b| b.iter(|| terms.may_name(black_box(filler.as_bytes()))));
    group.throughput(Throughput::Bytes(written.bytes));
    group.bench_function("retrieve from a CSV file of 256 MB", |b| {
        b.iter(|| {
            let source = Source::Csv(vec![file.clone()]);
            retrieve(&source, &terms, &folder.path().join("out"), &Settings::default(), |_| {}).expect("done")
        });
    });
    group.finish();
}

criterion_group!(benches, retrieval);
criterion_main!(benches);
