//! Retrieval on files: both sources, damage, resumption, and what the pipeline makes of a simulated corpus.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use calibration::patent_text::Patent;
use calibration::patent_text::labelled;
use calibration::patent_text::retrieval::{Settings, Source, Summary, retrieve};
use calibration::patent_text::synthetic::{Corpus, write_csv};
use calibration::patent_text::terms::Terms;
use std::io::Write;
use std::path::Path;

fn run(source: &Source, out: &Path, settings: &Settings) -> Summary {
    retrieve(source, &Terms::shipped().unwrap(), out, settings, |_| {}).unwrap()
}

fn candidates(out: &Path) -> Vec<Patent> {
    let text = std::fs::read_to_string(out.join("candidates.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn small() -> Settings {
    Settings { block_bytes: 4096, blocks_per_checkpoint: 1 }
}

#[test]
fn every_row_of_a_csv_file_is_taken_or_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.csv");
    std::fs::write(
        &file,
        b"id,year,country,title,abstract,ipc\n\
          A1,2011-05-03,JP,Magnet,\"Contains Nd2Fe14B, and \"\"more\"\"\",H01F 1/057\n\
          A2,2012,US,Valve,A valve of brass,F16K 31/06\n\
          A3,soon,US,Lamp,Phosphor with europium,C09K11/77\n\
          A4,2013,US,Leach,No element is named,\"C22B 59/00; C22B3/04\"\n\
          A1,2011,JP,Magnet again,Neodymium,H01F1/057\n\
          A5,2014,DE,Short row\n\
          A6,2014,DE,\xff\xfe,cerium,C01F17/00\n\
          ,2014,DE,No number,cerium,C01F17/00\n",
    )
    .unwrap();
    let out = folder.path().join("out");
    let summary = run(&Source::Csv(vec![file]), &out, &Settings::default());
    assert_eq!((summary.files[0].rows, summary.files[0].malformed, summary.duplicates), (8, 4, 1));
    assert_eq!((summary.candidates, summary.naming), (2, 1));
    let malformed = std::fs::read_to_string(out.join("malformed.csv")).unwrap();
    let lines: Vec<&str> = malformed.lines().collect();
    assert_eq!(lines.len(), 6, "{malformed}");
    for (line, expected) in lines[1..].iter().zip([
        "mine.csv,4,year is `soon`",
        "mine.csv,7,\"it has 4 fields, the heading 6\"",
        "mine.csv,8,title is not UTF-8",
        "mine.csv,9,id is empty",
        "mine.csv,6,the patent was described by an earlier row",
    ]) {
        assert_eq!(*line, expected);
    }
    let mut found = candidates(&out);
    found.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!((found[0].id.as_str(), found[0].year, found[0].country.as_str()), ("A1", 2011, "JPN"));
    assert_eq!(found[0].mentions, ["Nd2Fe14B"]);
    assert_eq!(found[1].codes, ["C22B3/04", "C22B59/00"]);
    assert!(!out.join(".unfinished").exists());
}

fn patentsview(folder: &Path) {
    let gz = |name: &str, text: &str| {
        let file = std::fs::File::create(folder.join(name)).unwrap();
        let mut writer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap();
    };
    std::fs::write(
        folder.join("g_patent.tsv"),
        "\"patent_id\"\t\"patent_type\"\t\"patent_date\"\t\"patent_title\"\t\"wipo_kind\"\n\
         \"100\"\t\"utility\"\t\"2012-01-03\"\t\"Rotor\"\t\"B2\"\n\
         \"101\"\t\"utility\"\t\"2013-02-05\"\t\"Cerium polishing\"\t\"B2\"\n\
         \"102\"\t\"utility\"\t\"2014-02-05\"\t\"Earth mover\"\t\"B2\"\n\
         \"103\"\t\"utility\"\t\"2015-02-05\"\t\"Extraction\"\t\"B2\"\n",
    )
    .unwrap();
    gz(
        "g_patent_abstract.tsv.gz",
        "\"patent_id\"\t\"patent_abstract\"\n\"100\"\t\"A rotor with\nneodymium magnets\"\n\"102\"\t\"La machine\"\n\"999\"\t\"Erbium\"\n",
    );
    let mut archive =
        zip::ZipWriter::new(std::fs::File::create(folder.join("g_cpc_current.tsv.zip")).unwrap());
    archive.start_file("g_cpc_current.tsv", zip::write::SimpleFileOptions::default()).unwrap();
    archive
        .write_all(
            b"patent_id\tcpc_sequence\tcpc_section\tcpc_class\tcpc_subclass\tcpc_group\tcpc_type\n\
              100\t0\tH\tH02\tH02K\tH02K1/27\tinventional\n101\t0\tB\tB24\tB24B\tB24B37/04\tinventional\n\
              103\t0\tC\tC22\tC22B\tC22B59/00\tinventional\n102\t0\tE\tE02\tE02F\tE02F3/76\tinventional\n",
        )
        .unwrap();
    archive.finish().unwrap();
    std::fs::write(
        folder.join("g_assignee_disambiguated.tsv"),
        "patent_id\tassignee_sequence\tassignee_id\tlocation_id\n100\t1\ta\tl2\n100\t0\tb\tl1\n101\t0\tc\tl2\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("g_location_disambiguated.tsv"),
        "location_id\tdisambig_city\tdisambig_state\tdisambig_country\nl1\tOsaka\t\tJP\nl2\tTroy\tMI\tUS\n",
    )
    .unwrap();
}

#[test]
fn patentsviews_tables_are_put_together() {
    let folder = tempfile::tempdir().unwrap();
    patentsview(folder.path());
    let out = folder.path().join("out");
    let summary = run(&Source::PatentsView(folder.path().to_owned()), &out, &Settings::default());
    assert_eq!((summary.candidates, summary.naming, summary.without_patent), (3, 2, 1));
    assert_eq!(summary.files.len(), 4, "each table once");
    let mut found = candidates(&out);
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let short: Vec<(&str, i32, &str, &str)> =
        found.iter().map(|p| (p.id.as_str(), p.year, p.country.as_str(), p.title.as_str())).collect();
    assert_eq!(
        short,
        [
            ("100", 2012, "JPN", "Rotor"),
            ("101", 2013, "USA", "Cerium polishing"),
            ("103", 2015, "", "Extraction"),
        ]
    );
    assert_eq!(found[0].mentions, ["neodymium"]);
    let malformed = std::fs::read_to_string(out.join("malformed.csv")).unwrap();
    assert!(malformed.contains("no row for patent 999"), "{malformed}");
}

#[test]
fn a_missing_table_or_column_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let terms = Terms::shipped().unwrap();
    let refuse = |source: Source| {
        retrieve(&source, &terms, &folder.path().join("out"), &small(), |_| {}).unwrap_err().to_string()
    };
    assert!(refuse(Source::PatentsView(folder.path().to_owned())).contains("g_patent"));
    let file = folder.path().join("no.csv");
    std::fs::write(&file, "id,year,country,title,abstract\n").unwrap();
    assert!(refuse(Source::Csv(vec![file.clone()])).contains("no column `cpc`"));
    std::fs::write(&file, "id,country,title,abstract,cpc\n").unwrap();
    assert!(refuse(Source::Csv(vec![file])).contains("no column `year`"));
}

#[test]
fn damage_is_counted_to_the_row_and_every_relevant_patent_found_whatever_the_blocks() {
    let folder = tempfile::tempdir().unwrap();
    // Texts that name a rare earth, so that each must be found.
    let terms = Terms::shipped().unwrap();
    let texts: Vec<_> = labelled::shipped()
        .unwrap()
        .into_iter()
        .filter(|t| {
            t.class != calibration::patent_text::Class::Irrelevant && !terms.mentions(&t.text()).is_empty()
        })
        .collect();
    let corpus = Corpus { seed: 7, share: 0.05, malformed: 0.01, words: 40 };
    let file = folder.path().join("corpus.csv");
    let written = write_csv(&corpus, &texts, 3 << 20, std::fs::File::create(&file).unwrap()).unwrap();
    let mut results = Vec::new();
    for (number, block_bytes) in [1, 1 << 20, 8 << 20].into_iter().enumerate() {
        let out = folder.path().join(format!("out{number}"));
        let settings = Settings { block_bytes, blocks_per_checkpoint: 2 };
        let summary = run(&Source::Csv(vec![file.clone()]), &out, &settings);
        assert_eq!((summary.files[0].rows, summary.files[0].malformed), (written.rows, written.malformed));
        assert_eq!(summary.candidates, written.relevant, "filler names no rare earth, every text does");
        assert_eq!(summary.files[0].bytes, written.bytes);
        results.push((
            std::fs::read(out.join("candidates.jsonl")).unwrap(),
            std::fs::read(out.join("malformed.csv")).unwrap(),
        ));
    }
    assert!(results[0] == results[1] && results[1] == results[2]);
}

#[test]
fn work_that_was_broken_off_goes_on_and_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let texts = labelled::shipped().unwrap();
    let corpus = Corpus { seed: 3, share: 0.05, malformed: 0.01, words: 40 };
    let file = folder.path().join("corpus.csv");
    write_csv(&corpus, &texts, 4 << 20, std::fs::File::create(&file).unwrap()).unwrap();
    let source = Source::Csv(vec![file.clone()]);
    let whole = folder.path().join("whole");
    let expected = run(&source, &whole, &small());

    let out = folder.path().join("out");
    let terms = Terms::shipped().unwrap();
    for stop in [3, 4, 5] {
        let mut blocks = 0;
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            retrieve(&source, &terms, &out, &small(), |_| {
                blocks += 1;
                assert!(blocks < stop, "broken off");
            })
        }));
        assert!(broken.is_err());
        assert!(!out.join("candidates.jsonl").exists(), "results appear when all is done");
    }
    let mut from = None;
    let summary = retrieve(&source, &terms, &out, &small(), |p| {
        from.get_or_insert(p.bytes);
    })
    .unwrap();
    assert!(from.unwrap() > 1 << 20, "it does not begin anew: {from:?}");
    assert_eq!(summary, expected);
    for name in ["candidates.jsonl", "malformed.csv", "summary.json"] {
        assert!(std::fs::read(out.join(name)).unwrap() == std::fs::read(whole.join(name)).unwrap(), "{name}");
    }

    // The input changes while work on it is unfinished: refused.
    let again = folder.path().join("again");
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        retrieve(&source, &terms, &again, &small(), |p| assert!(p.bytes < 600_000, "broken off"))
    }));
    std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"x,2001,US,t,a,c\n").unwrap();
    let error = retrieve(&source, &terms, &again, &small(), |_| {}).unwrap_err();
    assert!(error.to_string().contains("other inputs"), "{error}");
}

/// Breaks off a retrieval of many patents, so that `out` holds unfinished work.
fn broken_off(folder: &Path, out: &Path) -> Source {
    let texts = labelled::shipped().unwrap();
    let corpus = Corpus { seed: 3, share: 0.05, malformed: 0.01, words: 40 };
    let file = folder.join("corpus.csv");
    write_csv(&corpus, &texts, 2 << 20, std::fs::File::create(&file).unwrap()).unwrap();
    let source = Source::Csv(vec![file]);
    let mut blocks = 0;
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        retrieve(&source, &Terms::shipped().unwrap(), out, &small(), |_| {
            blocks += 1;
            assert!(blocks < 4, "broken off");
        })
    }));
    assert!(broken.is_err());
    source
}

#[test]
fn damage_to_unfinished_work_is_named_with_the_file_and_what_to_do() {
    /// Damages something in the folder, and says what the message must name.
    type Damage = fn(&Path) -> String;
    let damages: [Damage; 3] = [
        |unfinished| {
            std::fs::write(unfinished.join("checkpoint.json"), "{\"task\":").unwrap();
            "checkpoint.json is damaged".to_owned()
        },
        |unfinished| {
            std::fs::write(unfinished.join("malformed.csv"), "file").unwrap();
            "checkpoint.json is damaged (malformed.csv is shorter than it says)".to_owned()
        },
        |unfinished| {
            // A file of what was collected, as long as it was.
            let files = std::fs::read_dir(unfinished).unwrap().map(|entry| entry.unwrap().path());
            let part = files.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).min().unwrap();
            let mut bytes = std::fs::read(&part).unwrap();
            bytes[0] = b'?';
            std::fs::write(&part, bytes).unwrap();
            format!("{} is damaged", part.file_name().unwrap().display())
        },
    ];
    for damage in damages {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let source = broken_off(folder.path(), &out);
        let expected = damage(&out.join(".unfinished"));
        let refusal = retrieve(&source, &Terms::shipped().unwrap(), &out, &small(), |_| {}).unwrap_err();
        let message = refusal.to_string();
        for piece in [&*expected, "remove its folder to start anew"] {
            assert!(message.contains(piece), "`{piece}` is not in: {message}");
        }
        // Doing what it says helps.
        std::fs::remove_dir_all(out.join(".unfinished")).unwrap();
        run(&source, &out, &small());
    }
}

#[test]
fn an_archive_that_does_not_hold_one_table_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |file: &Path| {
        let source = Source::Csv(vec![file.to_owned()]);
        retrieve(&source, &Terms::shipped().unwrap(), &folder.path().join("out"), &small(), |_| {})
            .unwrap_err()
            .to_string()
    };
    let two = folder.path().join("two.zip");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&two).unwrap());
    for name in ["a.csv", "b.csv"] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(b"id,year,country,title,abstract,cpc\n").unwrap();
    }
    archive.finish().unwrap();
    let message = refuse(&two);
    assert!(
        message.ends_with("two.zip is not a zip archive with one table in it: it holds 2 files"),
        "{message}"
    );

    let text = folder.path().join("text.zip");
    std::fs::write(&text, "id,year,country,title,abstract,cpc\n").unwrap();
    assert!(refuse(&text).contains("text.zip is not a zip archive"));

    // A download that broke off.
    let half = folder.path().join("half.csv.gz");
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(b"id,year,country,title,abstract,cpc\n").unwrap();
    for id in 0..5000_u64 {
        let noise = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(writer, "{id},2011,JP,{noise:x},Contains neodymium,H01F").unwrap();
    }
    let bytes = writer.finish().unwrap();
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    let message = refuse(&half);
    assert!(message.contains("cannot read") && message.contains("half.csv.gz"), "{message}");
}

#[test]
fn rows_of_patentsviews_tables_that_are_not_taken_are_listed_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    patentsview(folder.path());
    let append = |name: &str, bytes: &[u8]| {
        let mut file = std::fs::OpenOptions::new().append(true).open(folder.path().join(name)).unwrap();
        file.write_all(bytes).unwrap();
    };
    append(
        "g_patent.tsv",
        b"\"101\"\t\"utility\"\t\"2013-02-05\"\t\"Cerium again\"\t\"B2\"\n104\tutility\tsoon\tYttrium lamp\tB2\n",
    );
    append("g_assignee_disambiguated.tsv", b"101\tfirst\td\tl1\n");
    append(
        "g_location_disambiguated.tsv",
        b"l3\tParis\nl4\tTroy\tMI\t\xff\xfe\nl5\t\"Lyon\t\tFR\nl6\tNara\t\tJP\n",
    );
    append("g_patent.tsv", b"105\tutility\t2016-01-05\tCeria paste\tB2\n");
    append("g_assignee_disambiguated.tsv", b"105\t0\te\tl6\n");
    let out = folder.path().join("out");
    let summary = run(&Source::PatentsView(folder.path().to_owned()), &out, &Settings::default());
    assert_eq!((summary.candidates, summary.duplicates), (4, 1));
    let malformed = std::fs::read_to_string(out.join("malformed.csv")).unwrap();
    for row in [
        "g_patent,6,the patent was described by an earlier row",
        "g_patent.tsv,7,patent_date is `soon`",
        "g_assignee_disambiguated.tsv,5,assignee_sequence is `first`",
        "g_location_disambiguated,4,\"it has 2 fields, the heading 4\"",
        "g_location_disambiguated,5,disambig_country is not UTF-8",
        "g_location_disambiguated,6,a quote is opened and not closed",
    ] {
        assert!(malformed.lines().any(|line| line == row), "`{row}` is not in:\n{malformed}");
    }
    let polishing = candidates(&out).into_iter().find(|p| p.id == "101").unwrap();
    assert_eq!((polishing.title.as_str(), polishing.country.as_str()), ("Cerium polishing", "USA"));
    let paste = candidates(&out).into_iter().find(|p| p.id == "105").unwrap();
    assert_eq!(paste.country, "JPN", "places after an open quote are read");
}
