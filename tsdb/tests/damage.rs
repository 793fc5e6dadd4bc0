//! Flipped bits and cut ends in every kind of file: nothing wrong is answered, and what is lost is named.
//!
//! A sample of the places by default; 1,000 flips a file and every boundary with `NARTHEX_FULL=1`. `--nocapture` shows how
//! many there were and what they cost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_format::header::FileKind;
use narthex_model::histogram::{Histogram, ResetHint, Span};
use narthex_model::{HistogramValue, Labels, Matcher, SampleBuffer, Selection, SeriesSource, TimeRange};
use narthex_tsdb::disk::{Disk, MemoryDisk};
use narthex_tsdb::{Batch, Db, Error, Exemplar, Options, Tail, TailStep};

use crate::world::{NOW, labels, open};

/// Series and time to what was measured.
type Samples = BTreeMap<(String, i64), String>;

const STEP: i64 = 10;

fn options() -> Options {
    Options {
        wal_segment_bytes: 6_000,
        seal_interval_ms: 500,
        block_interval_ms: 1_000,
        max_block_ms: 3_000,
        out_of_order_window_ms: 2_000,
        max_exemplars: 100,
        ..Options::default()
    }
}

/// A value that no simple rule makes.
fn noise(seed: i64) -> f64 {
    let bits = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    f64::from_bits((bits ^ bits >> 29) >> 12 | 0x3ff0_0000_0000_0000)
}

fn histogram(time: i64) -> HistogramValue {
    HistogramValue::Integer(Arc::new(Histogram {
        schema: 1,
        count: time as u64 * 3,
        sum: noise(time),
        positive_spans: vec![Span {
            offset: -2,
            length: 3,
        }],
        positive_buckets: vec![time, 1, -1],
        ..Histogram::default()
    }))
}

fn batch(time: i64) -> Batch {
    let mut batch = Batch::new(time).with_group(1);
    for series in 0..6 {
        let name = labels("m", &format!("shared{series}"));
        if series != 4 || time % 30 != 0 {
            batch.push_float_labelled(&name, time, noise(time * 7 + series));
        }
        if series == 2 {
            batch.set_start_time(time - time % 100 - 1);
            let exemplar = Exemplar {
                labels: Labels::from_pairs([("trace_id", "abc")]),
                value: time as f64,
                time,
            };
            batch.push_exemplar_labelled(&name, exemplar);
        }
    }
    batch.push_float_labelled(&labels("m", "own"), time - 3, noise(-time));
    batch.push_histogram_labelled(&labels("h", "integer"), time, histogram(time));
    let float = HistogramValue::Float(histogram(time).to_float());
    batch.push_histogram_labelled(&labels("h", "float"), time, float);
    if time % 500 == 0 {
        batch.push_float_labelled(&labels("m", &format!("short{time}")), time, 1.0);
    }
    if time > 500 && time % 70 == 0 {
        batch.push_float_labelled(&labels("m", "shared0"), time - 405, noise(time));
        batch.push_float_labelled(&labels("m", "late"), time - 405, noise(time + 1));
    }
    batch
}

/// A store with files of every kind: what it holds, and what it would hold if nothing had been deleted.
struct Life {
    disk: MemoryDisk,
    truth: Samples,
    sent: Samples,
    files: Vec<PathBuf>,
}

impl Life {
    fn live() -> Self {
        let disk = MemoryDisk::new();
        let in_memory = Options {
            out_of_order_window_ms: 2_000,
            ..Options::default()
        };
        let (db, all) = (open(&disk, options()), open(&MemoryDisk::new(), in_memory));
        let _slow = db.tail("slow").unwrap();
        for time in (STEP..6_300).step_by(STEP as usize) {
            assert_eq!(db.append(&batch(time), NOW).unwrap().rejected, []);
            all.append(&batch(time), NOW).unwrap();
            if time % 100 == 0 {
                db.tick(time).unwrap();
                db.compact().unwrap();
            }
            if time == 4_400 {
                // Of blocks, of segments, and of what is in memory.
                let range = TimeRange { min: 500, max: 4_380 };
                db.delete(&[Matcher::equal("instance", "shared5")], range)
                    .unwrap();
            }
            if time == 5_000 {
                // All names into one file, as after damage.
                drop(db.copy("copy", true).unwrap());
            }
        }
        for (series, min, max) in [
            ("shared1", 1_000, 1_200),
            ("late", 300, 4_900),
            ("shared3", 6_000, 6_250),
        ] {
            let matchers = [Matcher::equal("instance", series)];
            db.delete(&matchers, TimeRange { min, max }).unwrap();
        }
        // As a killed process leaves it.
        let disk = disk.fork();
        let reopened = open(&disk.fork(), options());
        assert_eq!(reopened.stats().damage, Vec::<String>::new());
        let (truth, sent) = (read(&reopened).0, read(&all).0);
        assert!(truth.len() < sent.len() && truth.iter().all(|(k, v)| sent.get(k) == Some(v)));
        let mut files = Vec::new();
        walk(&disk, Path::new("data/narthex"), &mut files);
        Self {
            disk,
            truth,
            sent,
            files,
        }
    }
}

fn walk(disk: &MemoryDisk, folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in disk.list(folder).unwrap() {
        let path = folder.join(&entry.name);
        if entry.is_dir {
            walk(disk, &path, files);
        } else {
            files.push(path);
        }
    }
}

fn shown(value: &HistogramValue) -> String {
    // What is known of resets depends on the sample before.
    let mut float = (*value.to_float()).clone();
    float.hint = ResetHint::Unknown;
    format!("{float:?}")
}

/// Everything a store holds, and what its answers say is missing.
fn read(db: &Db) -> (Samples, Vec<String>) {
    let snapshot = db.snapshot();
    let selection = Selection {
        matchers: &[],
        range: TimeRange::ALL,
    };
    let set = match snapshot.select(&selection) {
        Ok(set) => set,
        Err(error) => return (Samples::new(), vec![error.to_string()]),
    };
    let (mut samples, mut lost) = (Samples::new(), Vec::new());
    let mut buffer = SampleBuffer::new();
    for at in 0..set.len() {
        if let Err(error) = set.read(at, &mut buffer) {
            lost.push(error.to_string());
            continue;
        }
        let name = set.labels(at).get("instance").unwrap_or_default().to_owned();
        for (time, value) in buffer.times().iter().zip(buffer.values()) {
            samples.insert((name.clone(), *time), format!("{:016x}", value.to_bits()));
        }
        for (place, value) in buffer.histograms() {
            samples.insert((name.clone(), buffer.times()[*place]), shown(value));
        }
    }
    lost.extend(set.lost());
    // Nothing of this may panic.
    let _ = snapshot.label_names(&[], TimeRange::ALL, 0);
    let _ = snapshot.label_values("instance", &[], TimeRange::ALL, 0);
    let _ = snapshot.exemplars(&[], TimeRange::ALL);
    let _ = (db.blocks(), db.cardinality(10, &[], None));
    (samples, lost)
}

/// What the follower of the log gets: nothing that was never sent.
fn follow(mut tail: Tail, sent: &Samples, context: &str) {
    while let Ok(step) = tail.read() {
        match step {
            TailStep::End => break,
            TailStep::Lost(_) => {}
            TailStep::Batch(batch) => {
                for sample in &batch.floats {
                    let Some(labels) = tail.labels(sample.series) else {
                        continue;
                    };
                    let key = (labels.get("instance").unwrap_or_default().to_owned(), sample.time);
                    let found = format!("{:016x}", sample.value.to_bits());
                    assert_eq!(sent.get(&key), Some(&found), "{context}: {key:?} by the log");
                }
            }
        }
    }
}

/// The kind of a file: its name without numbers and ids.
fn kind(path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    let folder = path.components().nth(2).unwrap().as_os_str().to_str().unwrap();
    let plain = name.find('.').map_or(name, |at| &name[at..]);
    let plain = if folder == "blocks" { name } else { plain };
    format!("{folder}/{plain}")
}

/// What the cases of one kind of file came to.
#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    told: usize,
    lost_most: usize,
    returned_most: usize,
}

impl Tally {
    /// Opens a damaged image and holds its answers against the truth.
    fn check(&mut self, life: &Life, image: &MemoryDisk, file: &Path, at_end: bool, context: &str) {
        let db = open(image, options());
        let (found, lost) = read(&db);
        let damage = db.stats().damage;
        let named = !damage.is_empty() || !lost.is_empty();
        let missing = life.truth.iter().filter(|(k, _)| !found.contains_key(*k)).count();
        let returned = found.iter().filter(|(k, _)| !life.truth.contains_key(*k)).count();
        for (key, value) in &found {
            assert_eq!(
                life.sent.get(key),
                Some(value),
                "{context}: {key:?} was never sent"
            );
        }
        // The end of a log that is gone whole record by record is what a power loss leaves.
        let unnamed = at_end && file.extension().is_some_and(|e| e == "wal");
        assert!(
            missing == 0 && returned == 0 || named || unnamed,
            "{context}: {missing} samples are missing and {returned} came back without a word"
        );
        for text in damage.iter().chain(&lost) {
            assert!(text.contains("data/narthex"), "{context}: {text:?} names no file");
        }
        self.cases += 1;
        self.told += usize::from(named);
        self.lost_most = self.lost_most.max(missing);
        self.returned_most = self.returned_most.max(returned);
        if let Ok(tail) = db.tail("slow") {
            follow(tail, &life.sent, context);
        }
        if self.cases.is_multiple_of(8) {
            goes_on(db, life, image, &found, context);
        }
    }
}

/// A damaged store takes what is new, and keeps what it has through sealing, cutting and merging. What was deleted and came
/// back may go again: a block may know of a deletion that the segment it was cut from has lost.
fn goes_on(db: Db, life: &Life, image: &MemoryDisk, found: &Samples, context: &str) {
    let mut expected = found.clone();
    for time in (6_300..7_800).step_by(100) {
        let mut batch = Batch::new(time);
        batch.push_float_labelled(&labels("m", "new"), time, 1.0);
        assert_eq!(db.append(&batch, NOW).unwrap().rejected, [], "{context}");
        expected.insert(("new".to_owned(), time), format!("{:016x}", 1_f64.to_bits()));
        db.tick(time).unwrap();
    }
    // A damaged block stays as it is.
    let _ = db.compact();
    let check = |db: &Db, when: &str| {
        let now = read(db).0;
        let deleted = |key: &(String, i64)| life.sent.contains_key(key) && !life.truth.contains_key(key);
        let differs = |a: &Samples, b: &Samples| -> Vec<(String, i64)> {
            let other = a.iter().filter(|(k, v)| b.get(*k) != Some(*v) && !deleted(k));
            other.map(|(k, _)| k.clone()).take(5).collect()
        };
        let (lost, new) = (differs(&expected, &now), differs(&now, &expected));
        assert!(
            lost.is_empty() && new.is_empty(),
            "{context}, {when}: lost {lost:?}, made {new:?}"
        );
    };
    check(&db, "compacted");
    db.close().unwrap();
    drop(db);
    check(&open(image, options()), "opened again");
}

/// Numbers that look random and are always the same.
fn numbers(seed: u64) -> impl Iterator<Item = usize> {
    let mut state = seed.wrapping_mul(2) + 1;
    std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    })
}

/// Where parts of a file begin and end: its header, frames, sections, entries of the footer.
fn boundaries(bytes: &[u8]) -> Vec<usize> {
    const MARKER: [u8; 4] = [0xf5, b'N', 0xff, 0xfe];
    let mut found = vec![0, 1, 8, 12, 20, 28, 32, bytes.len().saturating_sub(1)];
    let frames = bytes.windows(4).enumerate().filter(|(_, w)| *w == MARKER);
    found.extend(frames.flat_map(|(at, _)| [at, at + 4, at + 16]));
    if bytes.ends_with(b"NXEND\r\n\0") {
        let trailer = bytes.len() - 24;
        let count = u32::from_le_bytes(bytes[trailer..trailer + 4].try_into().unwrap()) as usize;
        for entry in (0..count).map(|n| trailer - 24 * (n + 1)) {
            let offset = u64::from_le_bytes(bytes[entry + 8..entry + 16].try_into().unwrap());
            found.extend([entry, offset as usize]);
        }
        found.push(trailer);
    }
    found.extend(
        bytes
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .map(|(at, _)| at + 1)
            .take(60),
    );
    found.retain(|at| *at < bytes.len());
    found.sort_unstable();
    found.dedup();
    found
}

/// How many flips, and whether all boundaries.
fn extent() -> (usize, usize) {
    if std::env::var_os("NARTHEX_FULL").is_some() {
        (1_000, 1)
    } else {
        (6, 9)
    }
}

#[test]
fn damage_in_any_file_gives_no_wrong_answer_and_what_is_lost_is_named() {
    let life = Life::live();
    let (flips, step) = extent();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (number, file) in life.files.iter().enumerate() {
        let kind = kind(file);
        // Of files of one kind, two get all flips.
        let nth = seen.entry(kind.clone()).or_default();
        *nth += 1;
        let bytes = life.disk.read(file).unwrap();
        if *nth > 2 || bytes.is_empty() {
            continue;
        }
        let tally = tallies.entry(kind).or_default();
        let shown = file.display();
        for place in numbers(number as u64).take(flips).map(|n| n % (bytes.len() * 8)) {
            let image = life.disk.fork();
            image
                .damage(file, |bytes| bytes[place / 8] ^= 1 << (place % 8))
                .unwrap();
            let context = format!("{shown}: bit {} of byte {}", place % 8, place / 8);
            tally.check(&life, &image, file, false, &context);
        }
        for place in boundaries(&bytes).into_iter().step_by(step) {
            let image = life.disk.fork();
            image.damage(file, |bytes| bytes.truncate(place)).unwrap();
            tally.check(
                &life,
                &image,
                file,
                true,
                &format!("{shown}: cut to {place} bytes"),
            );
        }
    }
    let cases: usize = tallies.values().map(|t| t.cases).sum();
    println!(
        "{cases} cases in {} kinds of file, of {} samples:",
        tallies.len(),
        life.truth.len()
    );
    for (kind, tally) in &tallies {
        println!(
            "{kind}: {} cases, {} named, {} samples lost at most, {} deleted ones back at most",
            tally.cases, tally.told, tally.lost_most, tally.returned_most
        );
    }
    // A file with a copy costs nothing, nor does a place in the log that a reader keeps.
    for kind in [
        "catalog/.log",
        "catalog/.log.copy",
        "catalog/.snapshot",
        "catalog/.snapshot.copy",
        "wal/.cursor",
        "wal/.kept",
    ] {
        let tally = tallies
            .get(kind)
            .unwrap_or_else(|| panic!("no {kind} among {:?}", seen));
        assert_eq!((tally.lost_most, tally.returned_most), (0, 0), "{kind}");
    }
    for kind in [
        "wal/.wal",
        "head/.segment",
        "head/.tombstones",
        "blocks/index",
        "blocks/chunks",
        "blocks/meta.json",
        "blocks/tombstones",
    ] {
        assert!(tallies.contains_key(kind), "no {kind} among {seen:?}");
    }
}

#[test]
fn files_of_a_newer_version_are_refused_and_left_as_they_are() {
    let life = Life::live();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for file in &life.files {
        let count = kinds.entry(kind(file)).or_default();
        *count += 1;
        let bytes = life.disk.read(file).unwrap();
        // What opening does not look at is refused by who reads it.
        let unread =
            file.extension().is_some_and(|e| e == "kept") || file.extension().is_some_and(|e| e == "copy");
        if *count > 1 || unread || bytes.is_empty() {
            continue;
        }
        let image = life.disk.fork();
        let mut known = 1;
        if file.ends_with("meta.json") {
            let newer = String::from_utf8(bytes)
                .unwrap()
                .replace("\"version\": 1", "\"version\": 2");
            image.damage(file, |bytes| *bytes = newer.into_bytes()).unwrap();
        } else {
            let newer = FileKind {
                what: "file",
                magic: bytes[..8].try_into().unwrap(),
                version: u16::from(bytes[8]),
            };
            known = newer.version;
            let version = known + 1;
            let header = newer.decode(&bytes).unwrap();
            let header = FileKind { version, ..newer }.encode(header);
            image
                .damage(file, |bytes| bytes[..header.len()].copy_from_slice(&header))
                .unwrap();
        }
        let before = image.fork();
        let opened = Db::open_on(Arc::new(image.clone()) as Arc<dyn Disk>, "data", options());
        let shown = file.display().to_string();
        let error = opened.err().unwrap_or_else(|| panic!("{shown} is taken"));
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&shown) && text.contains(&format!("version or kind {}", known + 1)),
            "{text}"
        );
        let advice = format!("reads up to {known}: use a newer narthex");
        assert!(text.contains(&advice), "{text}");
        for file in &life.files {
            assert!(
                image.read(file).unwrap() == before.read(file).unwrap(),
                "{}",
                file.display()
            );
        }
    }
    assert_eq!(kinds.len(), 13, "{kinds:?}");
}
