//! The faults that explain knows: the sign of each, and the sentence with the likely mend.
//!
//! To teach explain another fault, add a row. For one thing that discovery found the first row whose sign fits
//! speaks; of several things the one with the earliest row heads the answer. Hence the order: what is scraped, then
//! failed scrapes, then what rules dropped, the likely slip before the plain wish, then what nobody found.
//!
//! Words in braces are filled in from the evidence (`evidence.rs` says what each is).

use super::names::Kind;

/// One fault.
#[derive(Debug)]
pub(super) struct Row {
    /// Its name for programs: it stays when the sentence is improved.
    pub(super) fault: &'static str,
    pub(super) sign: Sign,
    /// What is the matter and what to do.
    pub(super) says: &'static str,
}

/// How a fault is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The last scrape succeeded.
    Up,
    /// It is a target and has not been scraped yet.
    Waiting,
    /// The last scrape failed; its error has these texts in it, in this order.
    Error(&'static [&'static str]),
    /// The last scrape failed, and the pod has run to its end.
    ErrorOfEnded,
    /// The last scrape failed, and the pod's port annotation is no number.
    ErrorAtOtherPort,
    /// The rules left something that cannot be a target; the reason has this text in it.
    Invalid(&'static str),
    /// A rule dropped it over a label of this kind, whose value is like this.
    Dropped(Kind, Likeness),
    /// A rule dropped it, whatever over.
    DroppedAnyhow(Likeness),
    /// Discovery found nothing that was asked for, because of this.
    Absent(Cause),
}

/// How a label's value stands to what a rule wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It would be right in other letters, such as `True` for `true`.
    OtherCase,
    /// It would be right without blanks around it.
    Blanks,
    /// It would be right without quotation marks around it.
    Quotes,
    /// The label is missing, but there is one with a similar name.
    Misspelt,
    /// The label is missing.
    Missing,
    /// A pod that has not begun.
    Pending,
    /// A pod that has run to its end.
    Ended,
    /// It is another one.
    Other,
    /// The rule drops what matches, and it does.
    Unwanted,
    /// Two labels should be equal, or different, and are not.
    Unequal,
    /// No rule dropped it, but none left it a label.
    NothingLeft,
}

/// Why there is nothing to explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// No job looks for such things at all.
    NoRole,
    /// The jobs that look for them look into other namespaces.
    OtherNamespace,
    /// Jobs look for such objects, and there is none.
    NoObject,
    /// Jobs look for some of such objects, and not for this one, if there is one.
    NotSelected,
    /// The API server does not tell which objects there are.
    NotListed,
    /// It is a pod that has not begun.
    Pending,
    /// It is a pod that has run to its end.
    Ended,
    /// It is a pod without an address.
    NoAddress,
    /// It is a pod behind nothing of what the jobs look at.
    NothingBefore,
    /// No job has such a target.
    NoTarget,
}

const fn row(fault: &'static str, sign: Sign, says: &'static str) -> Row {
    Row { fault, sign, says }
}

use Likeness::{
    Blanks, Ended, Missing, Misspelt, NothingLeft, Other, OtherCase, Pending, Quotes, Unequal, Unwanted,
};
use Sign::{Absent, Dropped, DroppedAnyhow, Error, Invalid};

/// All faults.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("none", Sign::Up, "{subject} is scraped by job {job} at {url}"),
    row("waiting", Sign::Waiting, "{subject} is a target of job {job} and has not been scraped yet: its first scrape comes within {interval}"),

    // The page itself. Before all others: its faults quote the page, which may hold any text.
    row("parse error", Error(&["(line ", ", column "]), "{url} answers, but its page cannot be read: {error}; mend the exporter's output there (`curl -s {url} | promtool check metrics` shows it too)"),

    // The connection.
    row("pod ended", Sign::ErrorOfEnded, "{subject} has ended (phase {phase}), so nothing listens there any more; drop such pods with a rule: {{source_labels: [__meta_kubernetes_pod_phase], regex: Succeeded|Failed, action: drop}}"),
    row("port annotation not a number", Sign::ErrorAtOtherPort, "annotation {port_annotation} of {subject} is {port_value}, which is not a number, so port {port} is scraped and fails ({error}): write the number, as in {port_annotation}: \"8080\""),
    row("proxy", Error(&["proxyconnect"]), "the proxy of job {job} did not make the connection ({error}): check proxy_url, or exempt {host} with no_proxy"),
    row("connection refused", Error(&["connection refused"]), "nothing listens on {address}: check the port (annotation prometheus.io/port, or the declared container port), and that the process listens on all addresses and not on 127.0.0.1 alone"),
    row("no such host", Error(&["no such host"]), "the name {host} does not resolve here: check the address, and the DNS of this server"),
    row("no route", Error(&["no route to host"]), "there is no route to {host}: it may be gone, or a firewall or network policy refuses this server"),
    row("no network", Error(&["network is unreachable"]), "the network of {host} cannot be reached from here: check the address family (IPv4 or IPv6) and the routes of this server"),
    row("connection timeout", Error(&["connection timed out"]), "{address} does not answer at all: allow the traffic from this server in network policies and firewalls, and check that the host lives"),
    row("timeout", Error(&["Get \"", "context deadline exceeded"]), "{address} did not answer within {timeout}: if it is alive, allow the traffic from this server in network policies and firewalls; if its page is slow to make, raise scrape_timeout (and scrape_interval, which must not be shorter)"),
    row("slow body", Error(&["context deadline exceeded"]), "{url} began to answer, but its page was not there within {timeout}: make the page smaller, or raise scrape_timeout (and scrape_interval, which must not be shorter)"),

    // TLS.
    row("plain HTTP", Error(&["server gave HTTP response to HTTPS client"]), "{address} speaks plain HTTP, but is scraped with https: set scheme: http for job {job}, or annotation prometheus.io/scheme: \"http\" if a rule reads it"),
    row("unknown authority", Error(&["x509", "signed by unknown authority"]), "the certificate of {address} is signed by an authority that this server does not know: give job {job} its certificate with tls_config.ca_file"),
    row("expired certificate", Error(&["x509", "expired or is not yet valid"]), "the certificate of {address} has expired or is not valid yet: renew it, and compare the clocks"),
    row("certificate of another name", Error(&["x509"]), "the certificate of {address} does not hold for {host} ({error}): set tls_config.server_name of job {job} to a name that it has"),
    row("TLS", Error(&["tls: "]), "the TLS handshake with {address} failed ({error}): check versions on both sides, and give tls_config.cert_file and key_file if the target asks for a client's certificate"),

    // Settings.
    row("credentials file", Error(&["unable to ", " file "]), "job {job} cannot use a file that it names ({error}): check that it is mounted and readable for this process"),
    row("credentials file", Error(&["unable to load specified "]), "job {job} cannot use a file that it names ({error}): check that it is mounted and readable for this process"),
    row("redirects", Error(&["stopped after ", "redirects"]), "{url} leads from redirect to redirect: set metrics_path, or annotation prometheus.io/path, to where the page is"),

    // HTTP.
    row("scheme", Error(&["HTTP status 400"]), "{url} answered 400: a server that speaks TLS answers plain HTTP so; try scheme: https (annotation prometheus.io/scheme), else ask the target what it misses"),
    row("not authenticated", Error(&["HTTP status 401"]), "{url} wants to know who asks (401): give job {job} basic_auth or authorization with credentials_file"),
    row("not allowed", Error(&["HTTP status 403"]), "{url} knows who asks and refuses (403): allow this server's identity there; for pages behind the Kubernetes API that is the ClusterRole of its service account"),
    row("wrong path", Error(&["HTTP status 404"]), "there is no page at path {path} of {address} (404): set annotation prometheus.io/path, or metrics_path of job {job}, to where the metrics are"),
    row("redirect", Error(&["HTTP status 3"]), "{url} redirects and job {job} does not follow: set metrics_path to where the page is, or follow_redirects: true"),
    row("client error", Error(&["HTTP status 4"]), "{url} refuses the request ({error}): the target's log says why"),
    row("server error", Error(&["HTTP status 5"]), "{url} fails on its side ({error}): the target's log says why; 502 to 504 come from a proxy before it"),
    row("odd status", Error(&["HTTP status "]), "{url} answers without a page ({error}): only status 200 carries one; check path {path}"),
    row("not HTTP", Error(&["malformed HTTP response"]), "{address} does not speak HTTP (perhaps gRPC or TLS): scrape the port of the metrics instead, or with scheme: https"),
    row("connection reset", Error(&["connection reset by peer"]), "{address} closed the connection in the middle: a proxy or sidecar may refuse this server, or the process restarts; its log says more"),
    row("connection closed", Error(&["EOF"]), "{address} closed the connection before the page was whole ({error}): the process may restart, or a proxy cuts the answer; its log says more"),
    row("compression", Error(&["gzip: "]), "{url} announces gzip and sends something else ({error}): mend the target, or set enable_compression: false for job {job}"),

    // The page as a whole.
    row("blank content type", Error(&["blank Content-Type"]), "{url} does not say in which format its page is (no Content-Type): let it send \"text/plain; version=0.0.4\", or set fallback_scrape_protocol: PrometheusText0.0.4 for job {job}"),
    row("unknown content type", Error(&["unsupported Content-Type"]), "{url} calls its page something that is no format of metrics ({error}): if that is a page for people, mend path {path}; if it is metrics, set fallback_scrape_protocol: PrometheusText0.0.4 for job {job}"),
    row("unknown content type", Error(&["cannot parse Content-Type"]), "{url} sends a Content-Type that cannot be read ({error}): mend the target, or set fallback_scrape_protocol: PrometheusText0.0.4 for job {job}"),
    row("sample limit", Error(&["sample limit exceeded"]), "the page of {url} has more samples than sample_limit of job {job} allows ({sample_limit}): raise it, or drop series with metric_relabel_configs"),
    row("body size limit", Error(&["body size limit exceeded"]), "the page of {url} has more bytes than body_size_limit of job {job} allows: raise it, or let the target show less"),
    row("label limit", Error(&["label_limit exceeded"]), "a series of {url} has too many labels ({error}): raise label_limit of job {job}, or drop labels with metric_relabel_configs"),
    row("label limit", Error(&["label_name_length_limit exceeded"]), "a label of {url} has too long a name ({error}): raise label_name_length_limit of job {job}, or drop it with metric_relabel_configs"),
    row("label limit", Error(&["label_value_length_limit exceeded"]), "a label of {url} has too long a value ({error}): raise label_value_length_limit of job {job}, or shorten it with metric_relabel_configs"),
    row("bucket limit", Error(&["bucket limit exceeded"]), "a native histogram of {url} has more buckets than native_histogram_bucket_limit of job {job} allows, however coarse: raise it"),
    row("target limit", Error(&["target_limit exceeded"]), "job {job} has more targets than its target_limit, so that none is scraped ({error}): raise the limit, or drop targets with relabel_configs"),
    row("invalid name", Error(&["missing metric name"]), "metric_relabel_configs of job {job} leave a series of {url} without a name: do not remove __name__"),
    row("invalid name", Error(&["invalid metric name or label names"]), "{url} uses names that job {job} does not allow ({error}): set metric_name_validation_scheme: utf8"),
    row("store", Error(&["storing the scrape failed"]), "the page of {url} arrived, but could not be stored ({error}): look at the disk of this server"),
    row("scrape failed", Error(&[]), "the scrape of {url} failed: {error}"),

    // Rules left something that cannot be a target.
    row("no address", Invalid("no address"), "after the rules of job {job}, {subject} has no address: a rule empties __address__ (look at the last rule that writes it)"),
    row("bad address", Invalid("is not a valid hostname"), "after the rules of job {job}, the address of {subject} has a path in it ({error}): write host:port into __address__ and the path into __metrics_path__"),
    row("bad times", Invalid("scrape timeout cannot be greater"), "after the rules of job {job}, {subject} may take longer than its interval ({error}): set __scrape_timeout__ below __scrape_interval__"),
    row("bad target", Invalid(""), "after the rules of job {job}, {subject} cannot be a target: {error}"),

    // A rule dropped it: annotations.
    row("annotation in other letters", Dropped(Kind::Annotation, OtherCase), "annotation {name} of {object} is {value}, and rule {rule} of job {job} takes {wanted} only, in exactly these letters: write {name}: {wanted}"),
    row("annotation with blanks", Dropped(Kind::Annotation, Blanks), "annotation {name} of {object} is {value}, with a blank that rule {rule} of job {job} does not take: write {name}: {wanted}"),
    row("annotation quoted twice", Dropped(Kind::Annotation, Quotes), "annotation {name} of {object} is {value}: the quotation marks have become part of it, as when a template quotes twice, and rule {rule} of job {job} does not take them; write {name}: {wanted}"),
    row("annotation misspelt", Dropped(Kind::Annotation, Misspelt), "{object} has no annotation {name}, which rule {rule} of job {job} asks for, but it has {near}: write {name}: {wanted}"),
    row("pod pending", Dropped(Kind::Phase, Pending), "{object} is not running yet (phase Pending), and rule {rule} of job {job} drops such pods: it will be scraped once it runs; `kubectl describe pod` says what it waits for"),
    row("pod ended", Dropped(Kind::Phase, Ended), "{object} has ended (phase {phase}), and rule {rule} of job {job} drops such pods: there is nothing to scrape any more"),
    row("pod not ready", Dropped(Kind::Ready, Other), "{object} is not ready, and rule {rule} of job {job} keeps only what is: its readiness probe says why"),
    row("init container", Dropped(Kind::Init, Unwanted), "this port of {object} belongs to an init container, and rule {rule} of job {job} drops those: give the metrics a port of a container that stays"),
    row("init container", Dropped(Kind::Init, Other), "this port of {object} belongs to an init container, and rule {rule} of job {job} drops those: give the metrics a port of a container that stays"),
    row("port not declared", Dropped(Kind::PortNumber, Missing), "{object} declares no port, and rule {rule} of job {job} needs one: add ports: [{{containerPort: {port_hint}}}] to the container that has the metrics"),
    row("port not declared", Dropped(Kind::PortName, Missing), "the port {port} of {object} has no name, and rule {rule} of job {job} keeps ports named {wanted}: name it so in the manifest"),
    row("other port", Dropped(Kind::PortName, Other), "the port {port} of {object} is named {value}, and rule {rule} of job {job} keeps ports named {wanted}: rename the port, or change the rule"),
    row("other port", Dropped(Kind::PortNumber, Other), "the port of {object} is {value}, and rule {rule} of job {job} keeps {wanted}: declare that port, or change the rule"),
    row("annotation missing", Dropped(Kind::Annotation, Missing), "{object} has no annotation {name}: add {name}: {wanted} to {place}, with the quotation marks, since a bare true is not a string and the API server refuses it (rule {rule} of job {job} asks for it)"),
    row("annotation differs", Dropped(Kind::Annotation, Other), "annotation {name} of {object} is {value}, and rule {rule} of job {job} takes {wanted} only: write {name}: {wanted}"),
    row("annotation excludes", Dropped(Kind::Annotation, Unwanted), "annotation {name} of {object} is {value}, and rule {rule} of job {job} drops that: remove the annotation to be scraped"),

    // Labels and the rest.
    row("label misspelt", Dropped(Kind::Label, Misspelt), "{object} has no label {name}, which rule {rule} of job {job} asks for, but it has {near}: add {name}: {wanted}"),
    row("label missing", Dropped(Kind::Label, Missing), "{object} has no label {name}: job {job} is only for things that have it with the value {wanted} (rule {rule}); add it, or use another job"),
    row("label excludes", Dropped(Kind::Label, Unwanted), "label {name} of {object} is {value}, and rule {rule} of job {job} drops that"),
    row("label differs", Dropped(Kind::Label, Other), "label {name} of {object} is {value}, and job {job} is only for things where it is {wanted} (rule {rule})"),
    row("wrong namespace", Dropped(Kind::Namespace, Other), "{object} is in namespace {value}, and rule {rule} of job {job} keeps only {wanted}: add the namespace to the rule, or move the object"),
    row("wrong namespace", Dropped(Kind::Namespace, Unwanted), "{object} is in namespace {value}, and rule {rule} of job {job} drops that namespace: take it out of the rule"),
    row("labels differ", DroppedAnyhow(Unequal), "rule {rule} of job {job} ({action}) drops {subject}: it compares {name}, which is {value}, with {target_label}, which is {target_value}"),
    row("rule drops", DroppedAnyhow(Unwanted), "rule {rule} of job {job} drops whatever has {wanted} in {name}, and {subject} has {value} there"),
    row("rule keeps others", DroppedAnyhow(Missing), "rule {rule} of job {job} keeps only what has {wanted} in {name}, and {subject} has nothing there"),
    row("no label left", DroppedAnyhow(NothingLeft), "the rules of job {job} leave {subject} without any label: a labeldrop or labelkeep takes them all"),
    row("rule keeps others", DroppedAnyhow(Other), "rule {rule} of job {job} keeps only what has {wanted} in {name}, and {subject} has {value} there"),

    // Nothing found.
    row("wrong namespace", Absent(Cause::OtherNamespace), "no job looks for pods in namespace {namespace}: kubernetes_sd_configs of {jobs} are limited to {namespaces}; add {namespace} to their namespaces.names"),
    row("no such job", Absent(Cause::NoRole), "no job looks for pods: add one with kubernetes_sd_configs: [{{role: pod}}], or start without a configuration file, which in a cluster scrapes what is annotated"),
    row("pod pending", Absent(Cause::Pending), "{object} is not running yet (phase {phase}) and has no IP, so {jobs} cannot find a target in it: it will be found once it has one; `kubectl describe pod` says what it waits for"),
    row("pod ended", Absent(Cause::Ended), "{object} has ended (phase {phase}) and has no IP any more: there is nothing to scrape"),
    row("pod without IP", Absent(Cause::NoAddress), "{object} has no IP (phase {phase}), so {jobs} cannot find a target in it: `kubectl describe pod` says what its node makes of it"),
    row("pod behind no service", Absent(Cause::NothingBefore), "{object} is there, but {jobs} find only pods that stand behind a service, and it does not: give it the labels that the service selects, or add a job with kubernetes_sd_configs: [{{role: pod}}]"),
    row("API server", Absent(Cause::NotListed), "{jobs} look for pods, but the API server does not tell which there are ({error}): check its address, the credentials, and that their ClusterRole allows get, list and watch"),
    row("not selected", Absent(Cause::NotSelected), "{jobs} look only for what {wanted} selects, and did not find {question}: check the name and namespace, then its labels against the selectors"),
    row("no such pod", Absent(Cause::NoObject), "{jobs} look for pods, and the API server has no {question}: check the name and namespace (`kubectl get pods --all-namespaces`)"),
    row("no such target", Absent(Cause::NoTarget), "no job has found {question}, before or after its rules: check its spelling, and what discovery finds (/api/v1/targets)"),
];
