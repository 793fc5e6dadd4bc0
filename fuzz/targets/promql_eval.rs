//! Any query over a small source is answered or refused before its deadline, with any times.
#![no_main]

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use narthex_promql::{Engine, EngineOptions, Features, InstantQuery, Interrupt, QueryOptions, RangeQuery};
use narthex_promql_tests::generate::Queries;
use narthex_promql_tests::memory_source::MemorySource;
use narthex_promql_tests::random::Random;
use narthex_promql_tests::store::Store;
use narthex_promql_tests::{random_data, random_natives};

/// When a query has to end. The run's own `-timeout` is longer and finds those that do not.
const DEADLINE: Duration = Duration::from_secs(1);
const TIMES: [i64; 8] = [300_000, 0, -1, 600_001, 1 << 40, 1 << 53, i64::MIN, i64::MAX];
const STEPS: [i64; 8] = [0, 15_000, 1, 1_000, 60_000, -1, 1 << 40, i64::MAX];
const LENGTHS: [i64; 4] = [0, 10, 200, 100_000];

fn source() -> &'static MemorySource {
    static SOURCE: OnceLock<MemorySource> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let mut source = MemorySource::default();
        let mut random = Random::new(1);
        let mut series = random_data::series(&mut random, 0);
        series.extend(random_natives::series(&mut random, 0));
        source.append(&series).expect("a map takes anything");
        source
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&[how, time, step, length], rest)) = input.split_first_chunk::<4>() else {
        return;
    };
    let text = if how & 1 == 0 {
        String::from_utf8_lossy(rest).into_owned()
    } else {
        let seed = rest.iter().fold(0_u64, |seed, byte| seed.rotate_left(8) ^ u64::from(*byte));
        let mut random = Random::new(seed);
        let mut queries = Queries {
            random: &mut random,
            base: 0,
            delayed: false,
        };
        queries.any(usize::from(how >> 4) % 6, false)
    };
    let engine = Engine::new(EngineOptions {
        features: if how & 2 == 0 { Features::ALL } else { Features::default() },
        parallelism: 1 + usize::from(how & 4) / 2,
        max_samples: 1_000_000,
        ..EngineOptions::default()
    });
    let begun = Instant::now();
    let interrupt = || (begun.elapsed() > DEADLINE).then_some(Interrupt::Timeout);
    let options = QueryOptions {
        interrupt: Some(&interrupt),
        per_step_stats: how & 8 != 0,
        ..QueryOptions::default()
    };
    let source = source().source();
    let start = TIMES[usize::from(time) % TIMES.len()];
    let step = STEPS[usize::from(step) % STEPS.len()];
    let _ = engine.instant(source.as_ref(), &InstantQuery { text: &text, time: start, options });
    let length = LENGTHS[usize::from(length) % LENGTHS.len()];
    let end = start.saturating_add(step.saturating_mul(length));
    let _ = engine.range(source.as_ref(), &RangeQuery { text: &text, start, end, step, options });
});
