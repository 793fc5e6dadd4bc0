//! Which blocks are merged next. Source: Prometheus `tsdb/compact.go`.

/// Part of a block's series from which on deleted ranges make it worth rewriting, in percent.
const TOMBSTONES_PERCENT: u64 = 5;

/// What has to be known of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The first millisecond.
    pub(super) min: i64,
    /// The first millisecond after it.
    pub(super) max: i64,
    /// Deleted ranges of series.
    pub(super) tombstones: u64,
    pub(super) series: u64,
}

/// Positions of the blocks to be made one, of blocks sorted by their first millisecond; one alone is to be rewritten
/// without what was deleted; none if nothing is due. `levels` are the windows of time, ascending.
pub(super) fn plan(blocks: &[Candidate], levels: &[i64]) -> Vec<usize> {
    let overlapping = overlapping(blocks);
    if !overlapping.is_empty() {
        return overlapping;
    }
    // The newest block may still get company.
    let older = blocks.split_last().map_or(&[][..], |(_, older)| older);
    let newest = older.last().map_or(i64::MIN, |b| b.min);
    for window in levels.iter().skip(1) {
        for part in windows(older, *window) {
            let (Some(first), Some(last)) = (part.first(), part.last()) else {
                continue;
            };
            let (Some(first), Some(last)) = (older.get(*first), older.get(*last)) else {
                continue;
            };
            let complete = last.max.saturating_sub(first.min) == *window || last.max <= newest;
            if part.len() > 1 && complete {
                return part;
            }
        }
    }
    let worth = |b: &Candidate| b.tombstones * 100 > (b.series + 1) * TOMBSTONES_PERCENT;
    older.iter().rposition(worth).into_iter().collect()
}

/// The first blocks that overlap each other.
fn overlapping(blocks: &[Candidate]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    let mut end = i64::MIN;
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 && block.min < end {
            if found.is_empty() {
                found.push(at - 1);
            }
            found.push(at);
        } else if !found.is_empty() {
            break;
        }
        end = end.max(block.max);
    }
    found
}

/// Runs of blocks that lie in the same aligned window, as far as they fit into one.
fn windows(blocks: &[Candidate], length: i64) -> Vec<Vec<usize>> {
    let mut runs: Vec<(i64, Vec<usize>)> = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let start = block.min.div_euclid(length).saturating_mul(length);
        if block.max > start.saturating_add(length) {
            continue;
        }
        match runs.last_mut() {
            Some((window, run)) if *window == start => run.push(at),
            _ => runs.push((start, vec![at])),
        }
    }
    runs.into_iter().map(|(_, run)| run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, first and last millisecond of each block, what is to be merged.
    type Case<'c> = (&'c str, &'c [(i64, i64)], &'c [usize]);

    #[test]
    fn blocks_are_chosen_as_prometheus_does() {
        let levels = [20, 60, 180, 540];
        let cases: &[Case<'_>] = &[
            ("one", &[(0, 20)], &[]),
            ("two, nothing newer", &[(0, 20), (20, 40)], &[]),
            ("the newest fills no window", &[(0, 20), (20, 40), (40, 60)], &[]),
            ("full", &[(0, 20), (20, 40), (40, 60), (60, 80)], &[0, 1, 2]),
            (
                "gap, but something newer",
                &[(0, 20), (40, 60), (60, 80)],
                &[0, 1],
            ),
            ("gap at the end", &[(0, 20), (20, 40), (60, 80)], &[]),
            (
                "gap at the end, behind",
                &[(0, 20), (20, 40), (60, 80), (80, 100)],
                &[0, 1],
            ),
            ("alone in its window", &[(0, 20), (60, 80), (120, 140)], &[]),
            (
                "next level",
                &[(0, 60), (60, 120), (120, 180), (180, 200)],
                &[0, 1, 2],
            ),
            ("next level, not full", &[(0, 60), (60, 120), (120, 140)], &[]),
            (
                "next level, behind",
                &[(0, 60), (60, 120), (180, 200), (200, 220)],
                &[0, 1],
            ),
            (
                "overlap first",
                &[(0, 20), (20, 40), (40, 60), (60, 80), (70, 80)],
                &[3, 4],
            ),
            (
                "overlapping chain",
                &[(0, 60), (0, 20), (20, 40), (60, 80)],
                &[0, 1, 2],
            ),
            ("equal windows", &[(0, 20), (0, 20)], &[0, 1]),
            ("misaligned", &[(10, 30), (50, 70), (70, 90), (200, 220)], &[]),
            (
                "negative",
                &[(-60, -40), (-40, -20), (-20, 0), (0, 20)],
                &[0, 1, 2],
            ),
        ];
        for (name, blocks, expected) in cases {
            let blocks: Vec<_> = blocks
                .iter()
                .map(|(min, max)| Candidate {
                    min: *min,
                    max: *max,
                    tombstones: 0,
                    series: 100,
                })
                .collect();
            assert_eq!(plan(&blocks, &levels), *expected, "{name}");
        }
    }

    #[test]
    fn a_block_with_many_deletions_is_rewritten() {
        let block = |min: i64, tombstones| Candidate {
            min,
            max: min + 20,
            tombstones,
            series: 100,
        };
        let levels = [20, 60];
        assert_eq!(plan(&[block(0, 6), block(60, 5), block(120, 90)], &levels), [0]);
        assert_eq!(plan(&[block(0, 5), block(60, 5)], &levels), Vec::<usize>::new());
        assert_eq!(plan(&[block(0, 9), block(60, 9), block(120, 0)], &levels), [1]);
    }
}
