//! The server: one page, its style and script, what the economy is, and answers. It listens on this machine alone, and answers
//! only those who address it by this machine's name, so that no other site's page can ask through a name of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::answer::Asked;
use super::controls::Controls;
use crate::error::Error;

const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");
/// Nothing comes from elsewhere and nothing goes there.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Solves at once; a page has at most one under way.
const SOLVES: usize = 2;

struct Shared {
    asked: Asked,
    description: String,
    solves: Semaphore,
    /// The `Host` headers that are answered.
    hosts: [String; 2],
}

/// A question of the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    controls: Controls,
    /// Whether welfare is to be decomposed.
    channels: bool,
}

/// Serves until interrupted; `ready` is told the address.
pub(super) fn serve(
    asked: Asked,
    (host, port): (Ipv4Addr, u16),
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Error> {
    let description = asked.describe()?.to_string();
    let failed = |source| Error::Listen { host, port, source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let listener = TcpListener::bind((host, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let hosts = [format!("{host}:{}", address.port()), format!("localhost:{}", address.port())];
        let shared = Arc::new(Shared { asked, description, solves: Semaphore::new(SOLVES), hosts });
        ready(address);
        axum::serve(listener, router(shared)).with_graceful_shutdown(interrupted()).await.map_err(failed)
    })
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the interrupt ends the process, which is as good.
        std::future::pending::<()>().await;
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(|| async { file("text/html; charset=utf-8", PAGE) }))
        .route("/style.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/script.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/economy", get(economy))
        .route("/solve", post(solve))
        .layer(middleware::from_fn_with_state(shared.clone(), only_this_machine))
        .with_state(shared)
}

fn file(kind: &'static str, text: impl Into<String>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text.into()).into_response()
}

/// Refuses requests that name another host or come from another site's page.
async fn only_this_machine(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if is_ours(&shared.hosts, request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "this page answers only on this machine, by its own address\n")
            .into_response()
    }
}

fn is_ours(hosts: &[String], headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let known = |host: &str| hosts.iter().any(|known| known == host);
    let origin = text(header::ORIGIN).is_none_or(|origin| origin.strip_prefix("http://").is_some_and(known));
    text(header::HOST).is_some_and(known) && origin
}

async fn economy(State(shared): State<Arc<Shared>>) -> Response {
    file("application/json", shared.description.clone())
}

async fn solve(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let asked = if is_json {
        serde_json::from_slice::<Body>(&body).map_err(|e| e.to_string())
    } else {
        Err("questions are application/json".to_owned())
    };
    let Body { controls, channels } = match asked {
        Ok(body) => body,
        Err(problem) => return refusal(StatusCode::BAD_REQUEST, &problem),
    };
    let Ok(_permit) = shared.solves.acquire().await else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the server is ending");
    };
    let solver = shared.clone();
    let solved = tokio::task::spawn_blocking(move || solver.asked.solve(&controls, channels)).await;
    match solved {
        Ok(Ok(answer)) => file("application/json", answer.to_string()),
        Ok(Err(error)) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.explain()),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "the solver stopped: a defect of the project"),
    }
}

fn refusal(status: StatusCode, problem: &str) -> Response {
    let body: Json = json!({ "error": problem });
    (status, file("application/json", body.to_string())).into_response()
}
