//! A real browser, driven by the DevTools protocol over a pipe.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Directory, PATIENCE, word};

/// Flags of a browser without a screen, which looks for nothing on the net and keeps nothing.
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A browser with one page; it ends with this.
pub struct Browser {
    child: Child,
    pipe: Option<ChildStdin>,
    heard: Receiver<Value>,
    /// What happened in the page since it was opened.
    pub events: VecDeque<Value>,
    session: Option<String>,
    next: u64,
}

/// The program, or a word why there is none.
pub fn program() -> Result<PathBuf, String> {
    let named = std::env::var("CHROMIUM").ok().map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut found = std::env::split_paths(&path).flat_map(|directory| names.map(|name| directory.join(name)));
    named.or_else(|| found.find(|program| program.is_file())).ok_or_else(|| "there is no chromium".to_owned())
}

impl Browser {
    /// Starts one, with its files in this directory. Where there is none, says so.
    pub fn start(directory: &Directory) -> Option<Self> {
        let program = program().map_err(|why| eprintln!("not tested in a browser: {why}")).ok()?;
        let log = std::fs::File::create(directory.0.join("chromium.log")).unwrap();
        // The browser speaks on the descriptors 3 and 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh", word(&program)]).args(FLAGS);
        command.arg(format!("--user-data-dir={}", word(&directory.0.join("chromium"))));
        command.arg("--window-size=1280,900").arg("about:blank");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let (tell, heard) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let messages = output.split(0).map_while(Result::ok);
            messages.filter_map(|it| serde_json::from_slice(&it).ok()).all(|it: Value| tell.send(it).is_ok())
        });
        let pipe = child.stdin.take();
        let mut browser = Self { child, pipe, heard, events: VecDeque::new(), session: None, next: 0 };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Asks for something, and waits for the answer.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.pipe.as_mut().unwrap().write_all(&bytes).unwrap();
        let began = Instant::now();
        loop {
            match self.heard.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok(answer) if answer["id"] == self.next => {
                    assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                    return answer["result"].clone();
                }
                Ok(event) => self.events.push_back(event),
                Err(RecvTimeoutError::Timeout) => panic!("no answer to {method}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the browser ended at {method}"),
            }
        }
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url}));
        self.until("the page is loaded", "document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// The value of an expression in the page; a promise is waited for.
    pub fn run(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, what: &str, expression: &str) {
        let began = Instant::now();
        while self.run(&format!("Boolean({expression})")) != true {
            let seen = || "document.body.innerText";
            assert!(began.elapsed() < PATIENCE, "in vain: {what}\n{}", self.run(seen()));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key: Tab, Enter or Space.
    pub fn press(&mut self, key: &str) {
        let (code, number, text) = match key {
            "Tab" => ("Tab", 9, ""),
            "Enter" => ("Enter", 13, "\r"),
            "Space" => ("Space", 32, " "),
            other => panic!("no key {other}"),
        };
        let key = if key == "Space" { " " } else { key };
        let about = json!({"key": key, "code": code, "windowsVirtualKeyCode": number, "text": text});
        for kind in [if text.is_empty() { "rawKeyDown" } else { "keyDown" }, "keyUp"] {
            let mut event = about.clone();
            event["type"] = json!(kind);
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Goes on by Tab until the focus is on what this selector names.
    pub fn tab_to(&mut self, selector: &str) {
        for _ in 0..60 {
            self.press("Tab");
            if self.run(&format!("document.activeElement.matches({selector:?})")) == true {
                return;
            }
        }
        panic!("no way by Tab to {selector}");
    }

    /// Writes a text where the focus is.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Sets what the person prefers: dark or light.
    pub fn prefer(&mut self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Sets the size of the window.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Draws the page into a file.
    pub fn draw(&mut self, path: &Path) {
        let drawn = self.call("Page.captureScreenshot", json!({"format": "png"}));
        std::fs::write(path, decoded(drawn["data"].as_str().unwrap())).unwrap();
    }

    /// What happened of this kind.
    pub fn happened(&self, method: &str) -> Vec<Value> {
        self.events.iter().filter(|event| event["method"] == method).map(|event| event["params"].clone()).collect()
    }

    /// Errors that a person would find in the browser's console.
    pub fn complaints(&self) -> Vec<Value> {
        let logged = self.happened("Log.entryAdded").into_iter().filter(|it| it["entry"]["level"] == "error");
        let said = self.happened("Runtime.consoleAPICalled").into_iter().filter(|it| it["type"] == "error");
        logged.chain(said).chain(self.happened("Runtime.exceptionThrown")).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From base64.
fn decoded(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').map(value).collect();
    let bits = |group: &[u8]| {
        let number = group.iter().fold(0u32, |sum, digit| sum << 6 | u32::from(*digit)) << (6 * (4 - group.len()));
        number.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(bits).collect()
}
