//! What an API server and the way to it may do, and that the targets are right again after it.

use super::api_server::{ApiServer, Streaming};
use super::world::{hasty, pod, two_pods, world};

const BOTH: [&str; 2] = ["10.0.0.1:80", "10.0.0.2:80"];
const THREE: [&str; 3] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_stay_while_the_server_is_down_and_what_it_missed_is_caught_up_with() {
    let mut world = two_pods(Streaming::Known, false).await;
    world.api.go_down().await;
    let failures = || world.metric("prometheus_sd_kubernetes_failures_total") >= 3.0;
    world.when("failures", failures).await;
    assert_eq!(world.addresses("j"), BOTH);
    let view = &world.discovery.kubernetes_views()[0];
    let fault = view.fault().unwrap();
    assert!(fault.contains("connection refused"), "{fault}");
    world.api.apply("pods", pod("n", "c", "10.0.0.3"));
    world.api.delete("pods", "n/a");
    world.api.come_back().await;
    world.until("j", &["10.0.0.2:80", "10.0.0.3:80"]).await;
    assert_eq!(view.fault(), None);
    assert_eq!(world.api.lists("pods"), 0, "the watch went on where it had ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compacted_history_is_listed_again() {
    for streaming in [Streaming::Known, Streaming::Refused] {
        let mut world = two_pods(streaming, false).await;
        let lists = world.api.lists("pods");
        // What happens while nobody watches is not in the history either.
        world.api.go_down().await;
        world.api.apply("pods", pod("n", "c", "10.0.0.3"));
        world.api.delete("pods", "n/b");
        world.api.compact();
        world.api.come_back().await;
        world.until("j", &["10.0.0.1:80", "10.0.0.3:80"]).await;
        assert_eq!(
            world.api.lists("pods") - lists,
            usize::from(streaming == Streaming::Refused)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_is_noticed() {
    for is_old_http in [false, true] {
        let mut world = two_pods(Streaming::Known, is_old_http).await;
        world.api.fall_silent();
        world.api.apply("pods", pod("n", "c", "10.0.0.3"));
        world.until("j", &THREE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_token_is_used_at_once() {
    let mut world = two_pods(Streaming::Known, false).await;
    world.api.set_token("t1");
    world.api.break_watches();
    world.when("401", || world.api.answers(401) >= 2).await;
    assert_eq!(world.addresses("j"), BOTH);
    world.api.apply("pods", pod("n", "c", "10.0.0.3"));
    std::fs::write(world.folder.path().join("token"), "t1\n").unwrap();
    world.until("j", &THREE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_that_are_taken_and_given_back_change_no_target() {
    let mut world = two_pods(Streaming::Known, false).await;
    world.api.set_forbidden(&["pods"]);
    world.api.break_watches();
    world.when("403", || world.api.answers(403) >= 3).await;
    assert_eq!(world.addresses("j"), BOTH);
    let fault = world.discovery.kubernetes_views()[0].fault().unwrap();
    assert_eq!(fault, "pods: pods is forbidden");
    world.api.apply("pods", pod("n", "c", "10.0.0.3"));
    world.api.set_forbidden(&[]);
    world.until("j", &THREE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_without_streaming_lists_are_listed_page_by_page() {
    for streaming in [Streaming::Refused, Streaming::Ignored] {
        let api = ApiServer::start(streaming, false).await;
        let addresses: Vec<String> = (0..1_201)
            .map(|i| format!("10.1.{}.{}:80", i / 250, i % 250))
            .collect();
        for (i, address) in addresses.iter().enumerate() {
            let ip = address.trim_end_matches(":80");
            api.apply("pods", pod("n", &format!("p{i:04}"), ip));
        }
        let mut world = world(api, hasty());
        world.apply("- role: pod").await;
        let mut wanted: Vec<&str> = addresses.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        world.until("j", &wanted).await;
        assert_eq!(world.api.lists("pods"), 3);
        world.api.apply("pods", pod("n", "z", "10.2.0.1"));
        wanted.push("10.2.0.1:80");
        wanted.sort_unstable();
        world.until("j", &wanted).await;
        assert_eq!(world.api.lists("pods"), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_over_http1_end_and_go_on() {
    let mut world = two_pods(Streaming::Known, true).await;
    world
        .when("a second watch", || world.api.watches("pods") >= 3)
        .await;
    world.api.apply("pods", pod("n", "c", "10.0.0.3"));
    world.until("j", &THREE).await;
    assert_eq!(world.metric("prometheus_sd_kubernetes_failures_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_found_before_everything_was_listed() {
    let api = ApiServer::start(Streaming::Known, false).await;
    api.set_forbidden(&["services"]);
    let endpoints = serde_json::json!({"metadata": {"namespace": "n", "name": "e"},
        "subsets": [{"addresses": [{"ip": "10.0.0.9"}], "ports": [{"port": 1, "protocol": "TCP"}]}]});
    api.apply("endpoints", endpoints);
    let mut world = world(api, hasty());
    world.apply("- role: endpoints").await;
    world.when("403", || world.api.answers(403) >= 2).await;
    let view = world.discovery.kubernetes_views().remove(0);
    assert!(!view.is_synced() && world.addresses("j").is_empty());
    let record = world.discovery.kubernetes_objects("n", "e").remove(0);
    assert_eq!(
        record.sights[0].reason.as_deref(),
        Some("services were not listed yet")
    );
    world.api.set_forbidden(&[]);
    world.until("j", &["10.0.0.9:1"]).await;
    assert!(view.is_synced());
}
