//! An API server of our own: lists and watches over TLS, with tokens, a history that can be compacted, and faults on
//! demand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(super) const CA: &str = include_str!("certificates/ca.pem");

/// What the server does with `sendInitialEvents`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Streaming {
    /// Sends the list, then a bookmark, then events.
    Known,
    /// Answers 200 and an ERROR event.
    Refused,
    /// Does not know the parameter: sends what is there, and no bookmark.
    Ignored,
}

struct Change {
    version: u64,
    resource: String,
    kind: &'static str,
    object: Value,
}

struct State {
    version: u64,
    /// Changes up to this version are forgotten.
    compacted: u64,
    objects: BTreeMap<(String, String), Value>,
    history: Vec<Change>,
    token: String,
    forbidden: BTreeSet<String>,
    streaming: Streaming,
    /// Requests by path, watches and lists apart.
    requests: HashMap<(String, bool), usize>,
    codes: HashMap<u16, usize>,
}

/// The server. Clones are the same.
#[derive(Clone)]
pub(super) struct ApiServer {
    state: Arc<Mutex<State>>,
    /// The version, and how often all watches were broken off.
    told: Arc<watch::Sender<(u64, u64)>>,
    pub(super) port: u16,
    tasks: Arc<Mutex<Option<JoinSet<()>>>>,
    silence: watch::Sender<u64>,
    /// HTTP/1.1 only.
    is_old_http: bool,
}

impl ApiServer {
    pub(super) async fn start(streaming: Streaming, is_old_http: bool) -> Self {
        let state = State {
            version: 1,
            compacted: 0,
            objects: BTreeMap::new(),
            history: Vec::new(),
            token: "t0".to_owned(),
            forbidden: BTreeSet::new(),
            streaming,
            requests: HashMap::new(),
            codes: HashMap::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            state: Arc::new(Mutex::new(state)),
            told: Arc::new(watch::channel((1, 0)).0),
            port: listener.local_addr().unwrap().port(),
            tasks: Arc::default(),
            silence: watch::channel(0).0,
            is_old_http,
        };
        server.listen(listener);
        server
    }

    fn listen(&self, listener: TcpListener) {
        let mut tasks = JoinSet::new();
        let server = self.clone();
        tasks.spawn(async move {
            // The connections go with this task.
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                connections.spawn(server.clone().connection(tcp));
            }
        });
        *self.tasks.lock() = Some(tasks);
    }

    /// Nothing listens any more, and every connection is closed.
    pub(super) async fn go_down(&self) {
        let tasks = self.tasks.lock().take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
    }

    /// Listens again where it did before.
    pub(super) async fn come_back(&self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.listen(listener);
    }

    /// Connections that are open now carry no byte any more, and nobody is told. New ones do.
    pub(super) fn fall_silent(&self) {
        self.silence.send_modify(|count| *count += 1);
    }

    /// Ends every watch.
    pub(super) fn break_watches(&self) {
        self.told.send_modify(|(_, breaks)| *breaks += 1);
    }

    pub(super) fn set_token(&self, token: &str) {
        self.state.lock().token = token.to_owned();
    }

    pub(super) fn set_forbidden(&self, resources: &[&str]) {
        self.state.lock().forbidden = resources.iter().map(|r| (*r).to_owned()).collect();
    }

    /// Forgets the history: whoever watches from before has to list again.
    pub(super) fn compact(&self) {
        let mut state = self.state.lock();
        state.version += 1;
        state.compacted = state.version;
        state.history.clear();
    }

    /// How often a list of this kind was asked for.
    pub(super) fn lists(&self, resource: &str) -> usize {
        let key = (resource.to_owned(), false);
        self.state.lock().requests.get(&key).copied().unwrap_or_default()
    }

    /// How often a watch of this kind was asked for.
    pub(super) fn watches(&self, resource: &str) -> usize {
        let key = (resource.to_owned(), true);
        self.state.lock().requests.get(&key).copied().unwrap_or_default()
    }

    /// How often that status was answered.
    pub(super) fn answers(&self, code: u16) -> usize {
        self.state.lock().codes.get(&code).copied().unwrap_or_default()
    }

    /// Adds or changes an object.
    pub(super) fn apply(&self, resource: &str, mut object: Value) {
        let mut state = self.state.lock();
        state.version += 1;
        object["metadata"]["resourceVersion"] = Value::from(state.version.to_string());
        let key = (resource.to_owned(), key(&object));
        let before = state.objects.insert(key, object.clone());
        let kind = if before.is_some() { "MODIFIED" } else { "ADDED" };
        state.record(resource, kind, object);
        self.tell(state.version);
    }

    /// Removes an object.
    pub(super) fn delete(&self, resource: &str, name: &str) {
        let mut state = self.state.lock();
        let Some(mut object) = state.objects.remove(&(resource.to_owned(), name.to_owned())) else {
            panic!("there is no {resource} {name}")
        };
        state.version += 1;
        object["metadata"]["resourceVersion"] = Value::from(state.version.to_string());
        state.record(resource, "DELETED", object);
        self.tell(state.version);
    }

    fn tell(&self, version: u64) {
        self.told.send_modify(|(told, _)| *told = version);
    }

    /// Brings all objects of a kind to this state, with no more changes than needed.
    pub(super) fn bring_to(&self, resource: &str, objects: &[Value]) {
        let wanted: BTreeMap<String, &Value> = objects.iter().map(|object| (key(object), object)).collect();
        let before: BTreeMap<String, Value> = {
            let state = self.state.lock();
            let of_kind = state.objects.iter().filter(|((r, _), _)| r == resource);
            of_kind
                .map(|((_, key), object)| (key.clone(), object.clone()))
                .collect()
        };
        for gone in before.keys().filter(|key| !wanted.contains_key(*key)) {
            self.delete(resource, gone);
        }
        for (key, object) in wanted {
            let mut same = object.clone();
            if let Some(before) = before.get(&key) {
                same["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
            }
            if before.get(&key) != Some(&same) {
                self.apply(resource, object.clone());
            }
        }
    }

    async fn connection(self, tcp: TcpStream) {
        // The client's bytes go through a pair of sockets in between, so that silence leaves both ends open.
        let (near, far) = tokio::io::duplex(1 << 16);
        let mut silence = self.silence.subscribe();
        silence.mark_unchanged();
        let relay = async move {
            let (mut tcp, mut far) = (tcp, far);
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut tcp, &mut far) => {}
                _ = silence.changed() => std::future::pending::<()>().await,
            }
        };
        let speak = async {
            let Ok(stream) = acceptor(self.is_old_http).accept(near).await else {
                return;
            };
            let server = self.clone();
            let service = service_fn(move |request| {
                let server = server.clone();
                async move { Ok::<_, Infallible>(server.answer(&request)) }
            });
            let builder = auto::Builder::new(TokioExecutor::new());
            // A client that goes away is no fault of this one.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        };
        tokio::join!(relay, speak);
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Channel> {
        let (status, body) = self.handle(request);
        *self.state.lock().codes.entry(status).or_default() += 1;
        Response::builder().status(status).body(body).unwrap()
    }

    fn handle(&self, request: &Request<Incoming>) -> (u16, Channel) {
        let query = parameters(request.uri().query().unwrap_or_default());
        let parameter = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let segments: Vec<&str> = request.uri().path().split('/').collect();
        let resource = segments.last().copied().unwrap_or_default();
        let namespace = match segments.iter().position(|segment| *segment == "namespaces") {
            Some(at) if at + 2 < segments.len() => segments[at + 1],
            _ => "",
        };
        let filter = Filter {
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            label: parameter("labelSelector").to_owned(),
            field: parameter("fieldSelector").to_owned(),
        };
        let is_watch = parameter("watch") == "true";
        let mut state = self.state.lock();
        let count = state.requests.entry((resource.to_owned(), is_watch)).or_default();
        *count += 1;
        let bearer = format!("Bearer {}", state.token);
        let sent = request.headers().get("authorization");
        if sent.and_then(|sent| sent.to_str().ok()) != Some(&bearer) {
            return (401, status(401, "Unauthorized"));
        }
        if state.forbidden.contains(resource) {
            return (403, status(403, &format!("{resource} is forbidden")));
        }
        if is_watch {
            let version = parameter("resourceVersion").parse().ok();
            let seconds = parameter("timeoutSeconds").parse().unwrap_or(300);
            return (200, self.watch(&state, filter, version, seconds));
        }
        (
            200,
            list(&state, &filter, parameter("limit"), parameter("continue")),
        )
    }

    fn watch(&self, state: &State, filter: Filter, from: Option<u64>, seconds: u64) -> Channel {
        let (sender, body) = channel();
        let mut at = state.version;
        let send = move |value: Value| sender.send(Bytes::from(format!("{value}\n"))).is_ok();
        let mut first = Vec::new();
        match (from, state.streaming) {
            (Some(version), _) if version < state.compacted => {
                first.push(error(410, "too old resource version"));
            }
            (Some(version), _) => at = version,
            (None, Streaming::Refused) => first.push(error(
                422,
                "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
            )),
            (None, streaming) => {
                let all = state.objects.iter().filter(|((r, _), o)| filter.takes(r, o));
                first.extend(all.map(|(_, object)| json!({"type": "ADDED", "object": object})));
                if streaming == Streaming::Known {
                    let meta = json!({"resourceVersion": at.to_string(),
                        "annotations": {"k8s.io/initial-events-end": "true"}});
                    first.push(json!({"type": "BOOKMARK", "object": {"metadata": meta}}));
                }
            }
        }
        let mut told = self.told.subscribe();
        let breaks = told.borrow().1;
        let server = self.clone();
        let run = async move {
            for value in first {
                let is_end = value["type"] == "ERROR";
                if !send(value) || is_end {
                    return;
                }
            }
            loop {
                told.mark_unchanged();
                let events = server.since(&filter, at);
                for (version, event) in events {
                    at = at.max(version);
                    if !send(event) {
                        return;
                    }
                }
                if told.changed().await.is_err() || told.borrow().1 != breaks {
                    return;
                }
            }
        };
        tokio::spawn(tokio::time::timeout(Duration::from_secs(seconds), run));
        body
    }

    fn since(&self, filter: &Filter, version: u64) -> Vec<(u64, Value)> {
        let state = self.state.lock();
        state
            .history
            .iter()
            .filter(|change| change.version > version && filter.takes(&change.resource, &change.object))
            .map(|change| {
                let event = json!({"type": change.kind, "object": change.object});
                (change.version, event)
            })
            .collect()
    }
}

impl State {
    fn record(&mut self, resource: &str, kind: &'static str, object: Value) {
        self.history.push(Change {
            version: self.version,
            resource: resource.to_owned(),
            kind,
            object,
        });
    }
}

/// `namespace/name`.
pub(super) fn key(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap();
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

struct Filter {
    resource: String,
    namespace: String,
    /// `name=value`, or empty.
    label: String,
    /// `path.to.field=value`, or empty.
    field: String,
}

impl Filter {
    fn takes(&self, resource: &str, object: &Value) -> bool {
        let holds = |selector: &str, root: &Value, splits: bool| {
            let Some((path, wanted)) = selector.split_once('=') else {
                return true;
            };
            let found = if splits {
                path.split('.').fold(root, |value, name| &value[name])
            } else {
                &root[path]
            };
            found.as_str() == Some(wanted)
        };
        let meta = &object["metadata"];
        resource == self.resource
            && (self.namespace.is_empty() || meta["namespace"].as_str() == Some(&self.namespace))
            && holds(&self.label, &meta["labels"], false)
            && holds(&self.field, object, true)
    }
}

/// A page of a list; the token is where the next one begins.
fn list(state: &State, filter: &Filter, limit: &str, token: &str) -> Channel {
    let from: usize = token.parse().unwrap_or_default();
    let limit: usize = limit.parse().unwrap_or(usize::MAX);
    let all: Vec<&Value> = state
        .objects
        .iter()
        .filter(|((resource, _), object)| filter.takes(resource, object))
        .map(|(_, object)| object)
        .collect();
    let page: Vec<&&Value> = all.iter().skip(from).take(limit).collect();
    let next = match from + page.len() {
        next if next < all.len() => next.to_string(),
        _ => String::new(),
    };
    let meta = json!({"resourceVersion": state.version.to_string(), "continue": next});
    whole(&json!({"kind": "List", "metadata": meta, "items": page}))
}

fn error(code: u16, message: &str) -> Value {
    json!({"type": "ERROR", "object": {"kind": "Status", "code": code, "message": message}})
}

fn status(code: u16, message: &str) -> Channel {
    whole(&json!({"kind": "Status", "code": code, "message": message}))
}

fn parameters(query: &str) -> HashMap<String, String> {
    let plain = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (plain(name), plain(value))).collect()
}

/// A body whose parts come when they come.
pub(super) struct Channel(mpsc::UnboundedReceiver<Bytes>);

fn channel() -> (mpsc::UnboundedSender<Bytes>, Channel) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Channel(receiver))
}

fn whole(value: &Value) -> Channel {
    let (sender, body) = channel();
    sender.send(Bytes::from(value.to_string())).unwrap();
    body
}

impl Body for Channel {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn acceptor(is_old_http: bool) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("certificates/server.pem"));
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("certificates/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    if !is_old_http {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    TlsAcceptor::from(Arc::new(config))
}
