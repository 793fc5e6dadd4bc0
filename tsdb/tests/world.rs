//! Words that the tests share: stores in memory, labels, and what a query sees.

use std::sync::Arc;

use narthex_model::{Labels, Matcher, Projection, SampleBuffer, Selection, SeriesSource, TimeRange};
use narthex_tsdb::disk::{Disk, MemoryDisk};
use narthex_tsdb::{Db, Options, Snapshot};

/// A clock far enough ahead that nothing lies in the future.
pub(crate) const NOW: i64 = i64::MAX / 4;

pub(crate) fn labels(name: &str, instance: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("instance", instance)])
}

pub(crate) fn open(disk: &MemoryDisk, options: Options) -> Db {
    Db::open_on(Arc::new(disk.clone()) as Arc<dyn Disk>, "data", options).unwrap()
}

/// All samples of all series that fulfil the matchers: labels, then time and bits.
pub(crate) fn select(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    range: TimeRange,
) -> Vec<(Labels, Vec<(i64, u64)>)> {
    let set = snapshot.select(&Selection { matchers, range }).unwrap();
    let newest_only = snapshot.select_newest(&Selection { matchers, range }).unwrap();
    let (mut buffer, mut newest) = (SampleBuffer::new(), SampleBuffer::new());
    let last = |b: &SampleBuffer| {
        b.times()
            .last()
            .copied()
            .zip(b.values().last().map(|v| v.to_bits()))
    };
    let mut found = Vec::new();
    let mut lasts = Vec::new();
    let labels: Vec<Labels> = (0..set.len()).map(|at| set.labels(at)).collect();
    for (names, without) in [
        (&["instance"][..], false),
        (&["instance"], true),
        (&[], false),
        (&[], true),
    ] {
        let projection = Projection { names, without };
        assert_eq!(set.group(&projection), projection.group(labels.iter()));
    }
    for at in 0..set.len() {
        set.read(at, &mut buffer).unwrap();
        assert_eq!(buffer.times().len(), buffer.values().len());
        set.read_newest(at, &mut newest).unwrap();
        assert_eq!(last(&newest), last(&buffer));
        lasts.extend(last(&buffer).map(|last| (set.labels(at), last)));
        let samples: Vec<_> = buffer
            .times()
            .iter()
            .copied()
            .zip(buffer.values().iter().map(|v| v.to_bits()))
            .collect();
        if !samples.is_empty() {
            found.push((set.labels(at), samples));
        }
    }
    let newest = (0..newest_only.len()).filter_map(|at| {
        newest_only.read_newest(at, &mut buffer).unwrap();
        Some((newest_only.labels(at), last(&buffer)?))
    });
    assert_eq!(newest.collect::<Vec<_>>(), lasts);
    found
}

pub(crate) fn everything(db: &Db) -> Vec<(Labels, Vec<(i64, u64)>)> {
    select(&db.snapshot(), &[], TimeRange::ALL)
}
