//! Every hex block of the spec pages is what the writer writes, and reads as what the page says.

use std::collections::BTreeMap;
use std::path::Path;

use narthex_format::block::BlockMeta;
use narthex_format::chunk::{HistogramDecoder, TimeDecoder, TimeEncoder, ValueDecoder, encode};
use narthex_format::cursor::Cursor;
use narthex_format::frame::{Frames, Step};
use narthex_format::index::Index;
use narthex_format::segment::{self, ChunksFile};
use narthex_format::wal::{Record, SegmentHeader};
use narthex_format::{Histogram, catalog, tombstones};

use crate::examples;

/// The hex blocks of a page by name: fenced as "```hex NAME", each line bytes, then "#" and words.
fn blocks(page: &str) -> BTreeMap<String, Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec").join(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut blocks = BTreeMap::new();
    let mut open: Option<(String, Vec<u8>)> = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("```hex ") {
            open = Some((name.to_owned(), Vec::new()));
        } else if line.starts_with("```") {
            blocks.extend(open.take());
        } else if let Some((_, bytes)) = &mut open {
            let hex = line.split('#').next().unwrap_or_default();
            bytes.extend(
                hex.split_whitespace()
                    .map(|byte| u8::from_str_radix(byte, 16).unwrap()),
            );
        }
    }
    blocks
}

fn assert_block(page: &str, name: &str, written: &[u8]) {
    let blocks = blocks(page);
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let block = blocks.get(name).map(Vec::as_slice).unwrap_or_default();
    assert_eq!(hex(block), hex(written), "spec/{page}: {name}");
}

#[test]
fn wal() {
    let batch = examples::small_batch();
    let file = examples::wal_segment(std::slice::from_ref(&batch));
    assert_block("wal.md", "segment", &file);
    let file = &blocks("wal.md")["segment"];
    let header = SegmentHeader::decode(file).unwrap();
    assert_eq!(
        header,
        SegmentHeader {
            number: 12,
            id: examples::ID
        }
    );
    let steps: Vec<_> = Frames::new(file, header.id).collect();
    let [Step::Frame { offset: 32, payload }] = steps[..] else {
        panic!("{steps:?}")
    };
    assert_eq!(Record::decode(payload), Ok(Record::Batch(batch)));
}

#[test]
fn catalog_files() {
    assert_block("catalog.md", "log", &examples::catalog_log());
    assert_block("catalog.md", "snapshot", &examples::catalog_snapshot());
    let file = &blocks("catalog.md")["snapshot"];
    let mut series = Vec::new();
    let summary = catalog::read_snapshot(file, examples::ID, |table| series.push(table)).unwrap();
    assert!(summary.is_complete());
    assert_eq!(series, [examples::series()]);
}

#[test]
fn chunks() {
    for (name, values) in examples::chunks() {
        assert_block("chunk.md", name, &encode(&values).unwrap());
        let mut read = Vec::new();
        ValueDecoder::default()
            .decode(&blocks("chunk.md")[name], values.len(), &mut read)
            .unwrap();
        assert!(
            read.iter()
                .map(|v| v.to_bits())
                .eq(values.iter().map(|v| v.to_bits())),
            "{name}"
        );
    }
    let (mut written, mut read) = (Vec::new(), Vec::new());
    TimeEncoder::default()
        .encode(&examples::times(), &mut written)
        .unwrap();
    assert_block("chunk.md", "times", &written);
    TimeDecoder::default()
        .decode(&blocks("chunk.md")["times"], 12, &mut read)
        .unwrap();
    assert_eq!(read, examples::times());
}

#[test]
fn histograms() {
    assert_block("chunk.md", "histogram", &examples::histogram_chunk());
    let mut read = Vec::new();
    HistogramDecoder::default()
        .decode::<u64, i64>(&blocks("chunk.md")["histogram"], 3, &mut read)
        .unwrap();
    assert_eq!(
        read,
        [examples::histogram(), examples::histogram(), Histogram::default()]
    );
}

#[test]
fn segment() {
    assert_block("segment.md", "segment", &examples::head_segment());
    let file = &blocks("segment.md")["segment"];
    let segment = ChunksFile::open(file, &segment::SEGMENT).unwrap();
    assert_eq!(examples::samples(&segment), examples::head_samples());
}

#[test]
fn index() {
    assert_block("index.md", "index", &examples::index());
    let file = &blocks("index.md")["index"];
    let index = Index::open(file).unwrap();
    let job = index.names().find("job").unwrap().unwrap();
    let node = index.values(job).unwrap().find("node").unwrap().unwrap();
    let mut series = Vec::new();
    index.postings(job, node, &mut series).unwrap();
    assert_eq!(series, [1, 2]);
}

#[test]
fn cursor_file() {
    assert_block("cursor.md", "cursor", &examples::cursor().encode().unwrap());
    let file = &blocks("cursor.md")["cursor"];
    assert_eq!(Cursor::decode(file), Ok(examples::cursor()));
}

#[test]
fn tombstones_file() {
    assert_block("tombstones.md", "tombstones", &examples::tombstones_file());
    let file = &blocks("tombstones.md")["tombstones"];
    assert_eq!(
        tombstones::decode(file, examples::ID).unwrap().ranges,
        examples::tombstones()
    );
}

#[test]
fn block_meta() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/block.md")).unwrap();
    let json = page
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    assert_eq!(json.as_bytes(), examples::block_meta().encode().unwrap());
    assert_eq!(BlockMeta::decode(json.as_bytes()), Ok(examples::block_meta()));
}

#[test]
fn every_module_is_named_in_a_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = std::fs::read_to_string(root.join("SPEC.md")).unwrap();
    for page in std::fs::read_dir(root.join("spec")).unwrap() {
        pages.push_str(&std::fs::read_to_string(page.unwrap().path()).unwrap());
    }
    let mut missing = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            let declarations = name.ends_with("mod.rs") || name.ends_with("lib.rs");
            if !declarations && !pages.contains(&format!("`{name}`")) {
                missing.push(name);
            }
        }
    }
    assert!(missing.is_empty(), "modules that no page names: {missing:?}");
}

#[test]
fn every_page_is_listed_and_every_named_module_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let index = std::fs::read_to_string(root.join("SPEC.md")).unwrap();
    for page in std::fs::read_dir(root.join("spec")).unwrap() {
        let page = page.unwrap().path();
        let name = page.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(
            index.contains(&format!("(spec/{name})")),
            "SPEC.md does not list {name}"
        );
        for word in std::fs::read_to_string(&page)
            .unwrap()
            .split('`')
            .filter(|w| w.starts_with("src/"))
        {
            assert!(root.join(word).exists(), "{name} names {word}, which is gone");
        }
    }
}
