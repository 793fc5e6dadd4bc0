//! Pages without HTTP: what of them gets into the store.

use std::sync::Arc;

use narthex_model::{HistogramValue, Matcher, SampleBuffer, Selection, SeriesSource, TimeRange};
use parking_lot::Mutex;

use super::super::append::{Appender, Arrival, Page};
use super::super::metadata::MetadataCache;
use super::super::negotiate::PageFormat;
use super::super::settings::{AppendSettings, ScrapeOptions};
use super::{Store, counter, metrics, store, target_labels};
use crate::clock::Clock;
use crate::config::{RelabelAction, RelabelConfig, ScrapeConfig};
use crate::exposition::{Format, MetricKind};
use crate::telemetry::metrics::Registry;

const T0: i64 = 1_700_000_000_000;

struct Fixture {
    store: Store,
    registry: Arc<Registry>,
    clock: Clock,
    appender: Appender,
    metadata: Mutex<MetadataCache>,
    format: PageFormat,
}

fn fixture(change: impl FnOnce(&mut ScrapeConfig)) -> Fixture {
    let store = store();
    let (registry, _) = metrics();
    let clock = Clock::manual(T0);
    Fixture {
        appender: appender(&store, &registry, &clock, change),
        store,
        registry,
        clock,
        metadata: Mutex::default(),
        format: PageFormat::Text(Format::Classic),
    }
}

fn appender(
    store: &Store,
    registry: &Registry,
    clock: &Clock,
    change: impl FnOnce(&mut ScrapeConfig),
) -> Appender {
    let mut config = ScrapeConfig::new("j");
    change(&mut config);
    let options = ScrapeOptions {
        exemplars: true,
        ..ScrapeOptions::default()
    };
    let settings = AppendSettings::new(&config, &options, target_labels(), 10.0);
    let metrics = super::super::metrics::ScrapeMetrics::new(registry);
    Appender::new(store.db.clone(), clock.clone(), metrics, settings, 7)
}

impl Fixture {
    /// The `nth` scrape, 15 s after the one before.
    fn scrape(&mut self, nth: i64, page: Result<&str, &str>) -> Result<(), String> {
        self.scrape_bytes(nth, page.map(str::as_bytes))
    }

    fn scrape_bytes(&mut self, nth: i64, page: Result<&[u8], &str>) -> Result<(), String> {
        let time_ms = T0 + nth * 15_000;
        self.clock.set(time_ms);
        let format = self.format;
        self.appender.take(&Arrival {
            time_ms,
            page: page
                .map(|page| Page { bytes: page, format })
                .map_err(str::to_owned),
            body_bytes: page.map_or(0, |page| page.len() as i64),
            elapsed: &|| 0.25,
            metadata: &self.metadata,
        })
    }

    fn lines(&self) -> Vec<String> {
        let own = r#", instance="h:1", job="j""#;
        let short = |line: String| line.replace(own, "").replace("17000000", "");
        self.store.dump(false).into_iter().map(short).collect()
    }

    /// The native histograms of the only series of that name.
    fn histograms(&self, name: &str) -> Vec<HistogramValue> {
        let snapshot = self.store.db.snapshot();
        let matcher = Matcher::equal("__name__", name);
        let selection = Selection {
            matchers: &[matcher],
            range: TimeRange::ALL,
        };
        let set = snapshot.select(&selection).unwrap();
        assert_eq!(set.len(), 1);
        let mut buffer = SampleBuffer::new();
        set.read(0, &mut buffer).unwrap();
        buffer
            .histograms()
            .iter()
            .map(|(_, value)| value.clone())
            .collect()
    }

    fn report(&self, name: &str) -> Vec<String> {
        let samples = self.store.report(name);
        samples
            .split(' ')
            .map(|s| s.split_once(':').map_or("", |(_, v)| v).to_owned())
            .collect()
    }
}

#[test]
fn a_scrape_is_stored_with_its_report() {
    let mut f = fixture(|config| config.extra_scrape_metrics = true);
    f.scrape(0, Ok("a 1\nb{x=\"y\"} 2\n")).unwrap();
    f.scrape(1, Ok("a 3\nb{x=\"y\"} 2\nc 1\n")).unwrap();
    assert_eq!(
        f.lines(),
        [
            r#"{__name__="a"} 00000:1 15000:3"#,
            r#"{__name__="b", x="y"} 00000:2 15000:2"#,
            r#"{__name__="c"} 15000:1"#,
        ]
    );
    for (name, samples) in [
        ("up", ["1", "1"]),
        ("scrape_duration_seconds", ["0.25", "0.25"]),
        ("scrape_samples_scraped", ["2", "3"]),
        ("scrape_samples_post_metric_relabeling", ["2", "3"]),
        ("scrape_series_added", ["2", "1"]),
        ("scrape_timeout_seconds", ["10", "10"]),
        ("scrape_sample_limit", ["0", "0"]),
        ("scrape_body_size_bytes", ["15", "19"]),
    ] {
        assert_eq!(f.report(name), samples, "{name}");
    }
}

#[test]
fn series_carry_type_and_unit_where_that_is_wanted() {
    let page =
        "# TYPE a counter\na{__type__=\"x\",__unit__=\"y\"} 1\n# TYPE b gauge\nb 2\n# TYPE c untyped\nc 3\n";
    let mut plain = fixture(|_| {});
    plain.scrape(0, Ok(page)).unwrap();
    assert_eq!(plain.lines()[1], r#"{__name__="b"} 00000:2"#);
    let mut f = fixture(|_| {});
    f.appender.family = super::super::family::Family::new(true);
    f.scrape(0, Ok(page)).unwrap();
    assert_eq!(
        f.lines(),
        [
            r#"{__name__="a", __type__="counter", __unit__="y"} 00000:1"#,
            r#"{__name__="b", __type__="gauge"} 00000:2"#,
            r#"{__name__="c"} 00000:3"#,
        ]
    );
    f.format = PageFormat::Text(Format::OpenMetrics);
    f.scrape(
        1,
        Ok("# TYPE d_seconds gauge\n# UNIT d_seconds seconds\nd_seconds 1\n# TYPE e gauge\ne 1\n# EOF\n"),
    )
    .unwrap();
    let lines = f.lines();
    assert!(
        lines.contains(&r#"{__name__="d_seconds", __type__="gauge", __unit__="seconds"} 15000:1"#.to_owned())
    );
    assert!(lines.contains(&r#"{__name__="e", __type__="gauge"} 15000:1"#.to_owned()));
}

#[test]
fn series_that_vanish_end_and_all_end_when_a_scrape_fails() {
    let mut f = fixture(|_| {});
    f.scrape(0, Ok("a 1\nb 2\n")).unwrap();
    f.scrape(1, Ok("b 2\n")).unwrap();
    f.scrape(2, Ok("b 2\n")).unwrap();
    assert_eq!(f.scrape(3, Err("no")), Err("no".to_owned()));
    f.scrape(4, Ok("a 1\nb 2\n")).unwrap();
    let error = f.scrape(5, Ok("a 1\nnew 5\n]]]\n")).unwrap_err();
    assert_eq!(
        error,
        r#"expected a valid start token, got "]" ("INVALID") while parsing: "]" (line 3, column 1)"#
    );
    f.scrape(6, Ok("")).unwrap();
    assert_eq!(
        f.lines(),
        [
            r#"{__name__="a"} 00000:1 15000:stale 60000:1 75000:stale"#,
            r#"{__name__="b"} 00000:2 15000:2 30000:2 45000:stale 60000:2 75000:stale"#,
        ]
    );
    assert_eq!(f.report("up"), ["1", "1", "1", "0", "1", "0", "1"]);
    assert_eq!(
        f.report("scrape_samples_scraped"),
        ["2", "1", "1", "0", "2", "2", "0"]
    );
}

#[test]
fn series_with_times_of_their_own_do_not_end_unless_asked_for() {
    for (track, expected) in [(false, "-1000:1"), (true, "-1000:1 15000:stale")] {
        let mut f = fixture(|config| config.track_timestamps_staleness = track);
        f.scrape(0, Ok(&format!("a 1 {}\n", T0 - 1000))).unwrap();
        f.scrape(1, Ok("")).unwrap();
        let samples = expected.replace("-1000", "1699999999000");
        assert_eq!(f.lines(), [format!(r#"{{__name__="a"}} {samples}"#)]);
    }
    let mut f = fixture(|config| config.honor_timestamps = false);
    f.scrape(0, Ok("a 1 5\n")).unwrap();
    f.scrape(1, Ok("")).unwrap();
    assert_eq!(f.lines(), [r#"{__name__="a"} 00000:1 15000:stale"#]);
}

#[test]
fn of_two_lines_of_a_series_the_first_counts() {
    let mut f = fixture(|_| {});
    let page = "a 1\na 2\na 1\nb{x=\"1\",y=\"2\"} 1\nb{y=\"2\",x=\"1\"} 2\n";
    for nth in 0..2 {
        f.scrape(nth, Ok(page)).unwrap();
    }
    assert!(f.lines()[0].ends_with("00000:1 15000:1"));
    assert!(f.lines()[1].ends_with("00000:1 15000:1"));
    assert_eq!(f.report("scrape_samples_post_metric_relabeling"), ["5", "5"]);
    let dropped = counter(
        &f.registry,
        "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    );
    assert_eq!(dropped, 6.0);
}

#[test]
fn samples_at_impossible_times_are_left_out_alone() {
    let mut f = fixture(|_| {});
    f.scrape(0, Ok("a 1\nb 1\n")).unwrap();
    let page = format!("a 2 {}\nb 2\nc 1 {}\nd 1 5\n", T0 - 5, T0 + 3_600_000);
    f.scrape(1, Ok(&page)).unwrap();
    assert_eq!(
        f.lines(),
        [
            r#"{__name__="a"} 00000:1 15000:stale"#,
            r#"{__name__="b"} 00000:1 15000:2"#
        ]
    );
    assert_eq!(f.report("up"), ["1", "1"]);
    assert_eq!(
        counter(&f.registry, "prometheus_target_scrapes_sample_out_of_order_total"),
        1.0
    );
    assert_eq!(
        counter(
            &f.registry,
            "prometheus_target_scrapes_sample_out_of_bounds_total"
        ),
        2.0
    );
}

#[test]
fn limits_undo_the_scrape_and_count_it() {
    let mut f = fixture(|config| config.limits.sample_limit = 2);
    f.scrape(0, Ok("a 1\nb 2\n")).unwrap();
    assert_eq!(
        f.scrape(1, Ok("a 1\nb 2\nc 3\nd 4\n")),
        Err("sample limit exceeded".to_owned())
    );
    f.scrape(2, Ok("a 1\n")).unwrap();
    assert_eq!(f.lines()[0], r#"{__name__="a"} 00000:1 15000:stale 30000:1"#);
    assert_eq!(f.lines().len(), 2);
    assert_eq!(f.report("scrape_samples_scraped"), ["2", "4", "1"]);
    assert_eq!(f.report("scrape_samples_post_metric_relabeling"), ["2", "4", "1"]);
    assert_eq!(
        counter(
            &f.registry,
            "prometheus_target_scrapes_exceeded_sample_limit_total"
        ),
        1.0
    );

    let mut f = fixture(|config| config.limits.label_limit = 3);
    let error = f.scrape(0, Ok("a 1\nb{x=\"1\"} 2\n")).unwrap_err();
    assert_eq!(
        error,
        "label_limit exceeded (metric: b, number of labels: 4, limit: 3)"
    );
    assert_eq!(f.lines().len(), 0);
    assert_eq!(
        counter(
            &f.registry,
            "prometheus_target_scrape_pool_exceeded_label_limits_total"
        ),
        1.0
    );
}

#[test]
fn rules_over_samples_leave_the_report_alone() {
    let mut f = fixture(|config| {
        let mut rule = RelabelConfig::with_action(RelabelAction::Drop).unwrap();
        rule.source_labels = vec!["__name__".into()];
        rule.regex = narthex_model::Pattern::new("a|up|scrape_.*").unwrap();
        config.metric_relabel_configs = vec![rule];
    });
    for nth in 0..2 {
        f.scrape(nth, Ok("a 1\nb 2\n")).unwrap();
    }
    assert_eq!(f.lines(), [r#"{__name__="b"} 00000:2 15000:2"#]);
    assert_eq!(f.report("up"), ["1", "1"]);
    assert_eq!(f.report("scrape_samples_scraped"), ["2", "2"]);
    assert_eq!(f.report("scrape_samples_post_metric_relabeling"), ["1", "1"]);
}

#[test]
fn an_exposed_report_series_wins() {
    let mut f = fixture(|config| config.honor_labels = true);
    for nth in 0..2 {
        f.scrape(nth, Ok("up 7\nup{instance=\"x\"} 5\n")).unwrap();
    }
    assert_eq!(f.report("up"), ["7", "7"]);
    assert_eq!(
        counter(
            &f.registry,
            "prometheus_target_scrapes_sample_duplicate_timestamp_total"
        ),
        0.0
    );
}

#[test]
fn what_a_target_says_about_its_metrics_is_kept() {
    let mut f = fixture(|_| {});
    f.format = PageFormat::Text(Format::OpenMetrics);
    let page = "# HELP a_seconds Time.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
        a_seconds_total 1 # {trace_id=\"x\"} 0.5\n# EOF\n";
    f.scrape(0, Ok(page)).unwrap();
    let metadata = f.metadata.lock().list();
    assert_eq!(metadata.len(), 1);
    assert_eq!(
        (
            metadata[0].kind,
            metadata[0].help.as_str(),
            metadata[0].unit.as_str()
        ),
        (MetricKind::Counter, "Time.", "seconds")
    );
    assert_eq!(f.lines(), [r#"{__name__="a_seconds_total"} 00000:1"#]);
}

#[test]
fn references_that_the_store_no_longer_knows_are_found_anew() {
    let mut f = fixture(|_| {});
    f.scrape(0, Ok("a 1\nb 2\n")).unwrap();
    // Another store knows none of the references.
    let other = store();
    let mut moved = appender(&other, &f.registry, &f.clock, |_| {});
    std::mem::swap(&mut moved, &mut f.appender);
    f.appender.inherit(moved);
    f.store = other;
    f.scrape(1, Ok("a 3\nb 4\n")).unwrap();
    f.scrape(2, Ok("a 5\nb 6\n")).unwrap();
    assert_eq!(
        f.lines(),
        [
            r#"{__name__="a"} 15000:3 30000:5"#,
            r#"{__name__="b"} 15000:4 30000:6"#
        ]
    );
    assert_eq!(f.report("up"), ["1", "1"]);
}

#[test]
fn a_closed_store_fails_the_scrape_and_says_so() {
    let mut f = fixture(|_| {});
    f.scrape(0, Ok("a 1\n")).unwrap();
    f.store.db.close().unwrap();
    let error = f.scrape(1, Ok("a 1\nb 2\n")).unwrap_err();
    assert_eq!(error, "storing the scrape failed: the store is closed");
}

#[test]
fn a_target_that_is_gone_ends_all_its_series() {
    let mut f = fixture(|_| {});
    f.appender.end_of_run(T0);
    assert_eq!(f.store.dump(true).len(), 0);
    f.scrape(0, Ok("a 1\n")).unwrap();
    f.appender.end_of_run(T0 + 15_000);
    assert!(f.store.dump(true).iter().all(|line| line.ends_with(":stale")));
    // Series that have newer samples go on.
    f.scrape(2, Ok("a 1\n")).unwrap();
    f.appender.end_of_run(T0 + 20_000);
    assert!(f.lines()[0].ends_with("30000:1"));
}

#[test]
fn classic_histograms_become_native_ones_and_end_as_such() {
    for (format, end) in [(Format::Classic, ""), (Format::OpenMetrics, "# EOF\n")] {
        let mut f = fixture(|config| config.convert_classic_histograms_to_nhcb = true);
        f.format = PageFormat::Text(format);
        let page = format!(
            "# TYPE h histogram\nh_bucket{{le=\"1\"}} 2\nh_bucket{{le=\"+Inf\"}} 3\nh_sum 4\nh_count 3\n\
             # TYPE g gauge\ng_count 1\n{end}"
        );
        let other = format!("g_count 1\n{end}");
        f.scrape(0, Ok(&page)).unwrap();
        f.scrape(1, Ok(&page)).unwrap();
        f.scrape(2, Ok(&other)).unwrap();
        assert_eq!(f.report("scrape_samples_scraped"), ["2", "2", "1"]);
        assert_eq!(f.report("scrape_series_added"), ["2", "0", "0"]);
        let histograms = f.histograms("h");
        assert_eq!(histograms.len(), 3, "{format:?}");
        let first = histograms[0].to_float();
        assert_eq!((first.schema, first.count, first.sum), (-53, 3.0, 4.0));
        assert_eq!(
            (&first.custom_values[..], &first.positive_buckets[..]),
            (&[1.0][..], &[2.0, 1.0][..])
        );
        assert!(histograms[2].is_stale());
        assert_eq!(f.lines().len(), 2);
    }
}

/// A family `h` of one metric with native buckets of 2 and 1 observations, delimited.
const NATIVE: &[u8] = b"\x29\x0a\x01h\x18\x04\x22\x22\x3a\x20\x08\x03\x11\0\0\0\0\0\0\x0c\x40\x28\0\x62\x04\x08\0\x10\x02\x6a\x02\x04\x01\x31\0\0\0\0\0\0\0\0";

#[test]
fn native_histograms_are_stored_and_limited() {
    let mut f = fixture(|config| {
        config.scrape_native_histograms = true;
        config.native_histogram_bucket_limit = 2;
    });
    f.format = PageFormat::Protobuf;
    f.scrape_bytes(0, Ok(NATIVE)).unwrap();
    f.scrape_bytes(1, Err("down")).unwrap_err();
    let histograms = f.histograms("h");
    assert_eq!(histograms.len(), 2);
    let first = histograms[0].to_float();
    assert_eq!(
        (first.count, first.sum, &first.positive_buckets[..]),
        (3.0, 3.5, &[2.0, 1.0][..])
    );
    assert!(histograms[1].is_stale());
    assert_eq!(f.report("scrape_samples_scraped"), ["1", "0"]);

    let mut f = fixture(|config| {
        config.scrape_native_histograms = true;
        config.convert_classic_histograms_to_nhcb = true;
        config.native_histogram_bucket_limit = 1;
    });
    f.format = PageFormat::Text(Format::Classic);
    let page = "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n";
    assert_eq!(
        f.scrape(0, Ok(page)),
        Err("histogram bucket limit exceeded".to_owned())
    );
    let counted = "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total";
    assert_eq!(counter(&f.registry, counted), 1.0);
}

#[test]
fn a_target_that_changes_its_format_goes_on() {
    let gauge = b"\x12\x0a\x01a\x18\x01\x22\x0b\x12\x09\x09\0\0\0\0\0\0\x08\x40";
    let mut f = fixture(|_| {});
    f.scrape(0, Ok("a 1\n")).unwrap();
    f.format = PageFormat::Protobuf;
    f.scrape_bytes(1, Ok(gauge)).unwrap();
    f.scrape_bytes(2, Ok(gauge)).unwrap();
    assert_eq!(f.lines(), [r#"{__name__="a"} 00000:1 15000:3 30000:3"#]);
}
