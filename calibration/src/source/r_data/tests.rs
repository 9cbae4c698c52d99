//! Files that R wrote (`tests/gravity/make.R`), and what is wrong with others.

use super::*;

const PLAIN: &[u8] = include_bytes!("../../../tests/gravity/plain.rda");
const PACKED: [&[u8]; 3] = [
    include_bytes!("../../../tests/gravity/gzip.rda"),
    include_bytes!("../../../tests/gravity/bzip2.rda"),
    include_bytes!("../../../tests/gravity/xz.rda"),
];

fn read(bytes: &[u8], name: &str) -> Result<Vec<String>, LoadError> {
    let path = Path::new("x.rda");
    let frame = DataFrame::from_bytes(path, bytes, name)?;
    let names: Vec<&str> = frame.names().collect();
    let mut lines = vec![names.join("|")];
    for record in frame.records(path) {
        lines.push(record?.join("|"));
    }
    Ok(lines)
}

fn refused(bytes: &[u8], name: &str) -> String {
    read(bytes, name).unwrap_err().to_string()
}

#[test]
fn what_r_saved_is_read_however_it_was_packed() {
    let lines = [
        "exporter|importer|pair_id|year|trade|dist|cntg|lang|clny|rta",
        "ARG|AUS|1|1986|27.7648739067614|12044.5741337353|0|0|0|1",
        "AUS|||1990||12044.5741337353|0|0|0|0",
        "|ARG|12339|1994|0.1|12044.5741337353|0|0|0|",
    ];
    for file in PACKED.into_iter().chain([PLAIN]) {
        assert_eq!(read(file, "agtpa_applications").unwrap(), lines);
    }
}

#[test]
fn what_is_no_such_file_is_named() {
    assert!(refused(PLAIN, "other").contains("has nothing for an object other"));
    assert!(refused(PACKED[0], "other").contains("`other`: it is no data frame"));
    assert!(refused(b"<html>Not found</html>", "x").contains("is not a readable file of R objects"));
    assert!(refused(b"RDX3\nA\n3\n", "x").contains("is not a readable file of R objects"));
    for file in PACKED {
        assert!(refused(&file[..file.len() / 2], "agtpa_applications").contains("file of R objects"));
    }
}

#[test]
fn a_vector_that_the_file_has_no_room_for_is_refused() {
    // the three levels of importers, as a vector of characters
    let vector = [0, 0, 0, 16, 0, 0, 0, 3];
    let at = PLAIN.windows(vector.len()).position(|bytes| bytes == vector).unwrap();
    for length in [[0, 0x7f, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff], [0xff; 4]] {
        let mut file = PLAIN.to_vec();
        file[at + 4..at + 8].copy_from_slice(&length);
        assert!(refused(&file, "agtpa_applications").contains("file of R objects"));
    }
}
