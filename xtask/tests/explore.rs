//! The server of `explore` from outside, without a browser: whom it answers, what it refuses, how it ends.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        Self::of(xtask(0))
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
        assert!(line.starts_with("http://127.0.0.1:"), "{line}");
        Self { child, port }
    }

    /// Status and body of a request by hand, so that every header is the test's.
    fn ask(&self, head: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        write!(
            stream,
            "{head} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn solve(&self, body: &str) -> (u16, serde_json::Value) {
        let headers = [("Host", self.host()), ("Content-Type", "application/json".to_owned())];
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, text) = self.ask("POST /solve", &headers, body);
        (status, serde_json::from_str(&text).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn xtask(port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["explore", "--port", &port.to_string()]);
    command
}

fn question(exporter: &str, sigma: f64) -> String {
    serde_json::json!({
        "channels": false,
        "controls": {
            "restriction": "quota", "size": 0.6, "exporter": exporter, "sector": "Rare earths", "years": null, "sigma": sigma,
            "theta": 8, "technology": "directed", "lambda": 0.5, "phi": 0.5, "xi": 0.01,
        },
    })
    .to_string()
}

#[test]
fn it_answers_this_machine_alone_and_only_by_its_own_address() {
    let server = Server::start();
    let (host, local) = (server.host(), format!("localhost:{}", server.port));
    for good in [&host, &local] {
        let (status, page) = server.ask("GET /", &[("Host", good)], "");
        assert_eq!(status, 200);
        assert!(page.contains("A restriction on a critical input"));
    }
    let origin = format!("http://{host}");
    assert_eq!(server.ask("GET /economy", &[("Host", &host), ("Origin", &origin)], "").0, 200);
    for bad in [
        vec![("Host", "evil.example")],
        vec![("Host", "127.0.0.1")],
        vec![("Host", &host), ("Origin", "http://evil.example")],
        vec![("Host", &host), ("Origin", "null")],
    ] {
        assert_eq!(server.ask("GET /economy", &bad, "").0, 403, "{bad:?}");
    }
    assert_eq!(server.ask("GET /secrets", &[("Host", &host)], "").0, 404);
    // A form of another site can send this type without asking; it is refused.
    let form = [("Host", host.as_str()), ("Content-Type", "text/plain")];
    assert_eq!(server.ask("POST /solve", &form, &question("CHN", 0.2)).0, 400);
}

#[test]
fn bad_questions_get_the_words_of_the_scenario_parser() {
    let server = Server::start();
    let (status, answer) = server.solve(&question("CHN", 0.2));
    assert_eq!(status, 200, "{answer}");
    assert!(answer["residual"].as_f64().unwrap() < 1e-9);
    let (status, answer) = server.solve(&question("Atlantis", 0.2));
    assert_eq!(status, 422);
    let problem = answer["error"].as_str().unwrap();
    assert!(problem.contains("Atlantis") && problem.contains("line"), "{problem}");
    let (status, answer) = server.solve(&question("CHN", -3.0));
    assert_eq!(status, 422);
    assert!(answer["error"].as_str().unwrap().contains("sigma"), "{answer}");
    let (status, answer) = server.solve("{\"controls\": 1}");
    assert_eq!(status, 400);
    assert!(answer["error"].is_string());
    assert_eq!(server.solve(&question("CHN", 0.2)).0, 200, "a bad question leaves the server as it was");
}

#[test]
fn an_economy_of_ones_own_is_asked_by_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 3_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let economy = model_core::synthetic::Recipe::new(3, 2, 2).draw(&mut uniform).unwrap();
    calibration::store::save(&economy, &folder.path().join("mine")).unwrap();
    let mut command = xtask(0);
    command.args(["--economy", "mine"]).current_dir(folder.path());
    let server = Server::of(command);
    let (status, text) = server.ask("GET /economy", &[("Host", &server.host())], "");
    assert_eq!(status, 200);
    let described: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (countries, sectors) = (economy.labels().countries(), economy.labels().sectors());
    assert_eq!(described["countries"], serde_json::json!(countries));
    assert!(described["world"].as_array().unwrap().iter().all(|country| country["economy"].is_null()));

    let asked = question(&countries[0], 0.5).replace("Rare earths", &sectors[1]).replace("0.6", "0.9");
    let (status, answer) = server.solve(&asked);
    assert_eq!(status, 200, "{answer}");
    let file = folder.path().join("scenario.toml");
    std::fs::write(&file, answer["scenario"].as_str().unwrap()).unwrap();
    let result = folder.path().join("result");
    let solved = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["solve", "--scenario"])
        .arg(&file)
        .arg("--out")
        .arg(&result)
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    assert!(solved.status.success(), "{}", String::from_utf8_lossy(&solved.stderr));
    let mut reader = csv::Reader::from_path(result.join("countries.csv")).unwrap();
    let at = reader.headers().unwrap().iter().position(|name| name == "welfare_pct").unwrap();
    let written: Vec<f64> = reader.records().map(|row| row.unwrap()[at].parse().unwrap()).collect();
    let shown = answer["tables"]["countries"]["exact"].as_array().unwrap();
    assert_eq!(shown.len(), written.len());
    for (row, written) in shown.iter().zip(written) {
        // The last bit may be lost in reading JSON here.
        let shown = row[1].as_f64().unwrap();
        assert!((shown - written).abs() <= 1e-15 * written.abs(), "{shown} {written}");
    }
}

#[test]
fn a_port_that_is_taken_is_said_with_what_to_do() {
    let server = Server::start();
    let refused = xtask(server.port).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("could not listen on 127.0.0.1") && said.contains("--port 0"), "{said}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_well() {
    let mut server = Server::start();
    let _idle = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let sent = Command::new("kill").args(["-INT", &server.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let start = std::time::Instant::now();
    while server.child.try_wait().unwrap().is_none() {
        assert!(start.elapsed().as_secs() < 20, "the interrupt was not heeded");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(server.child.wait().unwrap().success());
}
