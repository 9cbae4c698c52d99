//! Files that R and pandas wrote (`tests/gravity/make.R` and `make.py`), and what is wrong with others.

use super::*;

const STATA_6: &[u8] = include_bytes!("../../../tests/gravity/stata6.dta");
const STATA_7: &[u8] = include_bytes!("../../../tests/gravity/stata7.dta");
const STATA_12: &[u8] = include_bytes!("../../../tests/gravity/stata12.dta");
const LITTLE: &[u8] = include_bytes!("../../../tests/gravity/stata10_little.dta");
const BIG: &[u8] = include_bytes!("../../../tests/gravity/stata10_big.dta");

fn read(bytes: &[u8]) -> Result<Vec<String>, LoadError> {
    let file = StataFile::from_bytes(Path::new("x.dta"), bytes)?;
    let names: Vec<&str> = file.names().collect();
    let mut lines = vec![names.join("|")];
    for record in file.records() {
        lines.push(record?.join("|"));
    }
    Ok(lines)
}

fn refused(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn what_r_wrote_for_stata_6_7_and_12_is_read() {
    let tiny = format!("-3|{}|x", -1e-300);
    for file in [STATA_6, STATA_7, STATA_12] {
        let lines = ["whole|number|country", "530560|7.163389|Argentina", "||Côte, d'Ivoire", tiny.as_str()];
        assert_eq!(read(file).unwrap(), lines);
    }
}

#[test]
fn every_type_is_read_in_either_byte_order_up_to_its_last_number() {
    let least = format!("2147483620|7.163389|{}|ARG", 0.1);
    let most = format!("530560|{}|{}|a, b", 1.7e38_f32, -8.9e307);
    let lines = [
        "v8|v16|v32|single|double_|text".to_owned(),
        format!("0|32740|{least}"),
        "-127|-32767|-2147483647|||".to_owned(),
        format!("100|0|{most}"),
    ];
    for file in [LITTLE, BIG] {
        assert_eq!(read(file).unwrap(), lines);
    }
}

#[test]
fn the_codes_for_missing_values_are_those_of_the_format() {
    let old = Layout { format: 112, big_endian: false };
    let new = Layout { format: 113, big_endian: true };
    for (value, before, since) in [(100, "100", "100"), (101, "101", ""), (126, "126", ""), (127, "", "")] {
        assert_eq!(old.text(Storage::Byte, &[value]).unwrap(), before);
        assert_eq!(new.text(Storage::Byte, &[value]).unwrap(), since);
    }
    for layout in [old, new] {
        for (bits, text) in
            [(0x7eff_ffff_u32, f32::from_bits(0x7eff_ffff).to_string()), (0x7f00_d000, String::new())]
        {
            let bytes = if layout.big_endian { bits.to_be_bytes() } else { bits.to_le_bytes() };
            assert_eq!(layout.text(Storage::Float, &bytes).unwrap(), text);
        }
    }
    assert_eq!(new.text(Storage::Float, &f32::INFINITY.to_be_bytes()), Err("inf".to_owned()));
    assert_eq!(old.text(Storage::Double, &f64::NAN.to_le_bytes()), Err("NaN".to_owned()));
}

#[test]
fn a_file_that_ends_anywhere_before_its_end_is_refused() {
    // value labels may follow the observations, in these files none does
    for file in [STATA_6, STATA_12, BIG] {
        for length in 0..file.len() {
            assert!(refused(&file[..length]).contains("is not a readable Stata data file"), "{length}");
        }
    }
}

#[test]
fn promises_that_the_file_has_no_room_for_are_refused() {
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = STATA_12.to_vec();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        refused(&file)
    };
    assert!(changed(4, &[0xff; 2]).contains("types of variables need 65535 bytes"));
    assert!(changed(6, &[0xff; 4]).contains("observations need"));
    assert!(changed(6, &[0; 4]).contains("no observations"));
    let fields = 10 + LABEL + TIME + 3 * (1 + 33 + 49 + 33 + LABEL) + 2 * 4;
    assert!(changed(fields + 1, &[0xff; 4]).contains("fields of Stata's own need 4294967295 bytes"));
}

#[test]
fn what_is_no_such_file_is_named() {
    assert!(refused(b"<stata_dta><header>").contains("Stata 13"));
    assert!(refused(b"<html>Not found</html>").contains("does not begin as one"));
    assert!(refused(&[116, 2, 1, 0]).contains("its format is 116"));
    assert!(refused(&[114, 3, 1, 0]).contains("byte order 3"));
    let mut file = STATA_12.to_vec();
    let types = 10 + LABEL + TIME;
    file[types] = 250;
    assert!(refused(&file).contains("250 is no type"));
    let mut file = STATA_12.to_vec();
    file[types + 3] = b'\n';
    assert!(refused(&file).contains(r"`\nhole` is no name"));
}
