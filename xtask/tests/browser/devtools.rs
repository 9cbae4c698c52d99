//! A browser without a window, driven over the DevTools protocol.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// Colours of a picture: how many, and the share of the commonest.
const COLOURS: &str = "(async () => {
  const bytes = Uint8Array.from(atob('DATA'), (c) => c.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  return [counts.size, Math.max(...counts.values()) / pixels.length];
})()";
const PATIENCE: Duration = Duration::from_secs(60);

/// A page of the browser.
pub(crate) struct Page {
    browser: Child,
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    scratch: Option<String>,
    commands: u64,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

/// Chromium or Chrome, where there is one.
fn executable() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let found = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    found.into_iter().find(|file| file.is_file())
}

impl Page {
    /// An empty page; nothing, and a word about it, where there is no browser.
    pub(crate) fn open() -> Option<Self> {
        let Some(executable) = executable() else {
            eprintln!("skipped: neither Chromium nor Chrome is in PATH");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let browser = Command::new(executable)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (port, path) = wait("the browser's address", || {
            let text = std::fs::read_to_string(profile.path().join("DevToolsActivePort")).ok()?;
            let (port, path) = text.split_once('\n')?;
            Some((port.parse::<u16>().ok()?, path.trim().to_owned()))
        });
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}{path}"), stream).unwrap();
        let mut page = Self {
            browser,
            socket,
            session: None,
            scratch: None,
            commands: 0,
            events: Vec::new(),
            _profile: profile,
        };
        page.scratch = page.attach();
        page.session = page.attach();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.command(&format!("{domain}.enable"), json!({}));
        }
        Some(page)
    }

    /// Opens an empty tab and gives its session.
    fn attach(&mut self) -> Option<String> {
        let page = self.session.take();
        let target = self.command("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.command("Target.attachToTarget", attach);
        self.session = page;
        session["sessionId"].as_str().map(str::to_owned)
    }

    /// Sets the size of the window and whether the reader prefers dark pages.
    pub(crate) fn looks(&mut self, (width, height): (u32, u32), dark: bool) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.command("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", features);
    }

    /// Goes to an address and waits until it is loaded.
    pub(crate) fn go(&mut self, address: &str) {
        self.events.clear();
        let gone = self.command("Page.navigate", json!({ "url": address }));
        assert!(gone.get("errorText").is_none(), "{address}: {gone}");
        self.until("the page to load", "document.readyState === 'complete'");
    }

    /// The value of an expression.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let arguments = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.command("Runtime.evaluate", arguments);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, what: &str, expression: &str) {
        let start = Instant::now();
        while self.value(expression) != json!(true) {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}; seen: {:?}", self.problems());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the page complained of since it was opened: exceptions, errors and warnings of the console, failed requests.
    pub(crate) fn problems(&self) -> Vec<&Value> {
        let bad = |event: &&Value| {
            let level = &event["params"]["entry"]["level"];
            let kind = &event["params"]["type"];
            match event["method"].as_str() {
                Some("Runtime.exceptionThrown" | "Network.loadingFailed") => true,
                Some("Runtime.consoleAPICalled") => kind == "error" || kind == "warning",
                Some("Log.entryAdded") => level == "error" || level == "warning",
                _ => false,
            }
        };
        self.events.iter().filter(bad).collect()
    }

    /// The addresses that were asked for since the page was opened.
    pub(crate) fn requests(&self) -> Vec<String> {
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.filter_map(|event| Some(event["params"]["request"]["url"].as_str()?.to_owned())).collect()
    }

    /// A picture of what is seen: how many colours it has, and the share of the commonest. Also kept as a file in the folder
    /// that LODESTONE_LOOK_AT_PAGES names.
    pub(crate) fn picture(&mut self, name: &str) -> (usize, f64) {
        let shot = self.command("Page.captureScreenshot", json!({ "format": "png" }));
        let data = shot["data"].as_str().unwrap();
        if let Ok(folder) = std::env::var("LODESTONE_LOOK_AT_PAGES") {
            let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
        }
        // Decoded on an empty page of its own: what is shown may forbid to load anything.
        let page = std::mem::replace(&mut self.session, self.scratch.clone());
        let counted = self.value(&COLOURS.replace("DATA", data));
        self.session = page;
        (counted[0].as_u64().unwrap() as usize, counted[1].as_f64().unwrap())
    }

    fn command(&mut self, method: &str, arguments: Value) -> Value {
        self.commands += 1;
        let mut message = json!({ "id": self.commands, "method": method, "params": arguments });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(message.to_string())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else { continue };
            let mut heard: Value = serde_json::from_str(&text).unwrap();
            if heard["id"] == json!(self.commands) {
                assert!(heard.get("error").is_none(), "{method}: {heard}");
                return heard["result"].take();
            }
            self.events.push(heard);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.session = None;
        let close = json!({ "id": self.commands + 1, "method": "Browser.close" });
        let _ = self.socket.send(Message::text(close.to_string()));
        let start = Instant::now();
        while matches!(self.browser.try_wait(), Ok(None)) && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

/// Waits for something.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
