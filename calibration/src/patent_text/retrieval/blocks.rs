//! A delimited file as blocks of whole records, in one pass, whatever its size.
//!
//! Records end at line feeds outside quotes; a quote opens at the beginning of a field only, as in the `csv` crate, which parses
//! what is cut here. A quote that is not closed within [`MAX_RECORD`] bytes costs its own line and no other: reading goes on at
//! the next.

use crate::patent_text::PatentError;
use crate::source::LoadError;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use memchr::{memchr, memchr_iter, memchr2};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// No record is longer.
pub(super) const MAX_RECORD: usize = 1 << 20;
/// Blocks are cut for workers into pieces of about this size.
const PIECE: usize = 256 << 10;

/// Records that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// First byte within the block.
    pub(super) start: usize,
    /// The byte after the last.
    pub(super) end: usize,
    /// Line of the file, from one.
    pub(super) line: u64,
}

/// A block of whole records.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) pieces: Vec<Piece>,
    /// Lines that are no records, with what is wrong.
    pub(super) broken: Vec<(u64, &'static str)>,
    /// Where reading goes on: byte of the unpacked file, and line.
    pub(super) next: (u64, u64),
}

impl Piece {
    /// Hands on the records of the piece, each with its line; `bytes` are those of its block.
    pub(super) fn records(&self, bytes: &[u8], delimiter: u8, mut each: impl FnMut(u64, &csv::ByteRecord)) {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(1 << 16)
            .from_reader(bytes.get(self.start..self.end).unwrap_or_default());
        let mut record = csv::ByteRecord::new();
        // Reading from memory with any number of fields does not fail.
        while let Ok(true) = reader.read_byte_record(&mut record) {
            each(self.line + record.position().map_or(1, csv::Position::line) - 1, &record);
        }
    }
}

/// Opens a file, plain, gzipped or a zip archive of one table, at a byte of its unpacked content.
pub(super) fn open(path: &Path, offset: u64) -> Result<Box<dyn Read + Send>, PatentError> {
    let io = |source| PatentError::Load(LoadError::Io { path: path.to_owned(), source });
    let mut file = File::open(path).map_err(io)?;
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let mut reader: Box<dyn Read + Send> = if extension == "gz" {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)))
    } else if extension == "zip" {
        let archive = |message: String| PatentError::Archive { path: path.to_owned(), message };
        let mut contents = zip::ZipArchive::new(BufReader::new(&file)).map_err(|e| archive(e.to_string()))?;
        if contents.len() != 1 {
            return Err(archive(format!("it holds {} files", contents.len())));
        }
        let entry = contents.by_index_raw(0).map_err(|e| archive(e.to_string()))?;
        let (start, size, method) = (entry.data_start(), entry.compressed_size(), entry.compression());
        drop(entry);
        file.seek(SeekFrom::Start(start)).map_err(io)?;
        let packed = BufReader::with_capacity(1 << 16, file.take(size));
        match method {
            zip::CompressionMethod::Stored => Box::new(packed),
            zip::CompressionMethod::Deflated => Box::new(DeflateDecoder::new(packed)),
            other => return Err(archive(format!("its compression is {other}, which is not read"))),
        }
    } else {
        file.seek(SeekFrom::Start(offset)).map_err(io)?;
        return Ok(Box::new(file));
    };
    io::copy(&mut reader.by_ref().take(offset), &mut io::sink()).map_err(io)?;
    Ok(reader)
}

/// Cuts a stream into blocks.
pub(super) struct Blocks<R> {
    reader: R,
    delimiter: u8,
    size: usize,
    carry: Vec<u8>,
    offset: u64,
    line: u64,
    /// Within a line that is too long.
    skipping: bool,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    /// Starts at a byte and line of the unpacked file.
    pub(super) fn new(reader: R, delimiter: u8, size: usize, (offset, line): (u64, u64)) -> Self {
        Self { reader, delimiter, size, carry: Vec::new(), offset, line, skipping: false, ended: false }
    }

    /// The next block; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Block>> {
        if self.ended && self.carry.is_empty() {
            return Ok(None);
        }
        let mut bytes = std::mem::take(&mut self.carry);
        let wanted = self.size.max(bytes.len() + PIECE);
        let missing = wanted - bytes.len();
        bytes.reserve_exact(missing);
        let read = self.reader.by_ref().take(missing as u64).read_to_end(&mut bytes)?;
        self.ended = read < missing;
        let mut block = Block { bytes, ..Block::default() };
        let consumed = self.cut(&mut block);
        self.carry = block.bytes.split_off(consumed);
        self.offset += consumed as u64;
        block.next = (self.offset, self.line);
        Ok(Some(block))
    }

    /// Finds the records of a block, and how many of its bytes they take. On return `self.line` is the line after them.
    fn cut(&mut self, block: &mut Block) -> usize {
        let bytes = &block.bytes[..];
        let mut start = 0;
        if self.skipping {
            match memchr(b'\n', bytes) {
                Some(end) => {
                    start = end + 1;
                    self.line += 1;
                    self.skipping = false;
                }
                None => return bytes.len(),
            }
        }
        let mut piece = Piece { start, end: start, line: self.line };
        let (mut record, mut at) = (start, start);
        let mut lines = 0;
        loop {
            let found = memchr2(b'"', b'\n', &bytes[at..]).map(|p| at + p);
            match found {
                Some(p) if bytes[p] == b'\n' => {
                    self.line += lines + 1;
                    lines = 0;
                    record = p + 1;
                    at = record;
                    if record - piece.start >= PIECE {
                        block.pieces.push(Piece { end: record, ..piece });
                        piece = Piece { start: record, end: record, line: self.line };
                    }
                }
                Some(p) if p == record || bytes[p - 1] == self.delimiter => {
                    match self.closing(bytes, p + 1) {
                        Some(close) => {
                            lines += memchr_iter(b'\n', &bytes[p..close]).count() as u64;
                            at = close + 1;
                        }
                        None if self.ended || bytes.len() - record > MAX_RECORD => {
                            if record > piece.start {
                                block.pieces.push(Piece { end: record, ..piece });
                            }
                            block.broken.push((self.line, "a quote is opened and not closed"));
                            lines = 0;
                            self.line += 1;
                            record = memchr(b'\n', &bytes[record..]).map_or(bytes.len(), |p| record + p + 1);
                            at = record;
                            piece = Piece { start: record, end: record, line: self.line };
                        }
                        None => break,
                    }
                }
                Some(p) => at = p + 1,
                None => {
                    if self.ended {
                        record = bytes.len();
                    } else if bytes.len() - record > MAX_RECORD {
                        if record > piece.start {
                            block.pieces.push(Piece { end: record, ..piece });
                        }
                        block.broken.push((self.line, "the record is longer than a million bytes"));
                        self.skipping = true;
                        return bytes.len();
                    }
                    break;
                }
            }
        }
        if record > piece.start {
            block.pieces.push(Piece { end: record, ..piece });
        }
        record
    }

    /// The quote that closes the field whose content begins at `from`.
    fn closing(&self, bytes: &[u8], mut from: usize) -> Option<usize> {
        loop {
            let quote = from + memchr(b'"', bytes.get(from..)?)?;
            match bytes.get(quote + 1) {
                Some(b'"') => from = quote + 2,
                Some(_) => return Some(quote),
                None if self.ended => return Some(quote),
                None => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of a text: line and content; and the broken lines.
    fn records(text: &[u8], size: usize) -> (Vec<(u64, String)>, Vec<u64>) {
        let mut blocks = Blocks::new(text, b',', size, (0, 1));
        let (mut records, mut broken) = (Vec::new(), Vec::new());
        let mut total = 0;
        while let Some(block) = blocks.next().unwrap() {
            broken.extend(block.broken.iter().map(|b| b.0));
            for piece in &block.pieces {
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .from_reader(&block.bytes[piece.start..piece.end]);
                for record in reader.byte_records() {
                    let record = record.unwrap();
                    let line = piece.line + record.position().unwrap().line() - 1;
                    let cells: Vec<String> =
                        record.iter().map(|c| String::from_utf8_lossy(c).into_owned()).collect();
                    records.push((line, cells.join("|")));
                }
            }
            total = block.next.0;
        }
        assert_eq!(total, text.len() as u64);
        (records, broken)
    }

    #[test]
    fn quotes_hold_delimiters_quotes_and_lines() {
        let text = b"a,b\n1,\"x, \"\"y\"\"\nz\"\n2,5\" pipe\n3,last";
        let (found, broken) = records(text, 1 << 16);
        let expected = [(1, "a|b"), (2, "1|x, \"y\"\nz"), (4, "2|5\" pipe"), (5, "3|last")];
        assert_eq!(found, expected.map(|(l, t)| (l, t.to_owned())));
        assert!(broken.is_empty());
    }

    #[test]
    fn an_open_quote_costs_its_own_line() {
        let mut text = b"1,a\n2,\"never closed\n3,c\n".to_vec();
        text.extend(std::iter::repeat_n(b"4,plain text\n".as_slice(), 120_000).flatten());
        let (found, broken) = records(&text, 1 << 16);
        assert_eq!(broken, [2]);
        assert_eq!(found.len(), 120_002);
        assert_eq!(found[1], (3, "3|c".to_owned()));
        assert_eq!(found.last().unwrap().0, 120_003);
    }

    #[test]
    fn a_record_without_end_is_named_and_passed_over() {
        let mut text = b"1,a\n2,".to_vec();
        text.extend(std::iter::repeat_n(b'x', 3 * MAX_RECORD));
        text.extend(b"\n3,c\n");
        let (found, broken) = records(&text, 1 << 16);
        assert_eq!(broken, [2]);
        assert_eq!(found, [(1, "1|a".to_owned()), (3, "3|c".to_owned())]);
    }

    proptest::proptest! {
        #[test]
        fn blocks_of_any_size_give_the_records_of_the_csv_crate(
            cells in proptest::collection::vec(("[a-c\", \n]{0,8}", "[a-c\", \n]{0,8}"), 1..30),
            size in 1_usize..64,
        ) {
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            for (a, b) in &cells {
                writer.write_record([a, b]).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let (found, broken) = records(&text, size);
            let expected: Vec<String> = cells.iter().map(|(a, b)| format!("{a}|{b}")).collect();
            proptest::prop_assert_eq!(found.into_iter().map(|r| r.1).collect::<Vec<_>>(), expected);
            proptest::prop_assert!(broken.is_empty());
        }
    }
}
