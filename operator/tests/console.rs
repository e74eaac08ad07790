//! The console in a real browser, before a real operator on the model cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::net::TcpListener;
use std::path::Path;

use flink_operator_core::crd::FlinkApplication;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use support::chromium::Browser;
use support::process::{Cluster, Forbidding, Operator};
use support::real::until_running;
use support::{NUMBERS, until};

/// All that the page may weigh, in bytes.
const HEAVIEST: u64 = 200_000;
/// What a browser does with every text that a person can see: its contrast with what is behind it.
const CONTRASTS: &str = include_str!("console/contrasts.js");

/// A cluster with an operator that serves the console.
struct Stage {
    operator: Operator,
    cluster: Cluster,
    url: String,
}

fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

impl Stage {
    async fn set() -> Self {
        let cluster = Cluster::start().await;
        let address = free();
        let operator = cluster.operator(&["--console", &address]).start();
        Self { operator, cluster, url: format!("http://{address}/") }.served().await
    }

    /// The same, where the operator may not read events.
    async fn set_without_events() -> Self {
        let cluster = Cluster::start().await;
        let address = free();
        let wire = Forbidding::to(&cluster.sandbox).await;
        let operator = cluster.operator(&["--console", &address]).api_server_at(wire.port).start();
        Self { operator, cluster, url: format!("http://{address}/") }.served().await
    }

    async fn served(self) -> Self {
        let stage = self;
        until("the console answers", || async { stage.json("api/applications").await }).await;
        stage
    }

    /// A job that runs.
    async fn with(self, names: &[&str]) -> Self {
        for name in names {
            self.cluster.create(name).await;
        }
        for name in names {
            until_running(&self.cluster.applications(), name, 1).await;
        }
        self
    }

    async fn answer(&self, request: impl FnOnce(reqwest::Client, String) -> reqwest::RequestBuilder) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = request(client, self.url.clone()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn json(&self, path: &str) -> Option<Value> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(format!("{}{path}", self.url)).send().await.ok()?;
        serde_json::from_str(&answer.text().await.ok()?).ok()
    }

    async fn application(&self, name: &str) -> FlinkApplication {
        self.cluster.applications().get(name).await.unwrap()
    }

    fn log(&self) -> String {
        self.operator.log()
    }
}

/// The manifest of an application, with another parallelism.
fn edited(name: &str, parallelism: &str) -> String {
    NUMBERS.replace("name: numbers", &format!("name: {name}")).replace("parallelism: 1", parallelism)
}

/// What was asked for: method and address.
fn requests(browser: &Browser) -> Vec<(String, String)> {
    let sent = browser.happened("Network.requestWillBeSent");
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    sent.iter().map(|it| (word(&it["request"]["method"]), word(&it["request"]["url"]))).collect()
}

#[tokio::test]
async fn a_person_follows_an_application_with_the_keyboard_alone() {
    let stage = Stage::set().await.with(&["orders", "letters"]).await;
    let Some(mut browser) = Browser::start(&stage.cluster.directory) else { return };
    browser.open(&stage.url);
    browser.until("both are well", "document.querySelectorAll('.list tbody .glance.well').length >= 2");
    let first = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
    println!("first contentful paint: {} ms", browser.run(first));
    println!("loaded: {} bytes", weight(&browser));
    assert!(weight(&browser) < HEAVIEST);

    browser.tab_to("a[href='#/default/orders']");
    browser.press("Enter");
    browser.until("the phase is marked", "document.querySelector('.machine .now')?.dataset.phase === 'Running'");
    let road = browser.run("document.querySelector('.machine').getAttribute('aria-label')");
    assert!(
        road.as_str().unwrap().contains("It came by New, Updating, ClusterStarting, SubmittingJob, Running."),
        "{road}"
    );
    let taken = browser.run("[...document.querySelectorAll('.machine .taken')].length");
    assert_eq!(taken, 4);
    assert_eq!(browser.run("document.title"), "orders · Flink operator");

    let link = browser.run("document.querySelector('.head .end a').href").as_str().unwrap().to_owned();
    assert!(link.contains("/services/orders:8081/proxy/#/overview"), "{link}");

    browser.run("window.sameDocument = true");
    let before = browser.run("document.querySelectorAll('#timeline > li').length").as_u64().unwrap();
    stage.cluster.edit("orders", "--other arguments").await;
    let savepoint = "[data-rule=SavepointCompleted]";
    browser.until("the timeline grows", &format!("document.querySelector('#timeline {savepoint}')"));
    browser.until("it runs again", "document.querySelector('.machine .now')?.dataset.phase === 'Running'");
    let after = browser.run("document.querySelectorAll('#timeline > li').length").as_u64().unwrap();
    assert!(after > before, "{before} {after}");
    assert_eq!(browser.run("window.sameDocument"), true);
    let told = browser.run(&format!("document.querySelector('#timeline {savepoint}').innerText"));
    assert!(told.as_str().unwrap().contains("was stopped with savepoint"), "{told}");

    browser.tab_to(&format!("#timeline {savepoint} summary"));
    browser.press("Enter");
    browser.until("the snapshot is there", &format!("document.querySelector('{savepoint} .opened details > summary')"));
    browser.press("Tab");
    browser.press("Space");
    browser.until(
        "it opens",
        &format!("document.querySelector('{savepoint} .opened details').innerText.includes('observed')"),
    );
    browser.until("the new state is there", "document.querySelector('#memory').innerText.includes('Began from')");

    assert_eq!(browser.complaints(), Vec::<Value>::new());
    assert!(requests(&browser).iter().all(|(method, url)| method == "GET" && url.starts_with(&stage.url)));
}

fn weight(browser: &Browser) -> u64 {
    let loaded = browser.happened("Network.loadingFinished");
    loaded.iter().map(|it| it["encodedDataLength"].as_f64().unwrap() as u64).sum()
}

#[tokio::test]
async fn a_pasted_spec_is_planned_a_bad_one_is_refused_and_nothing_is_changed() {
    let stage = Stage::set().await.with(&["orders"]).await;
    let Some(mut browser) = Browser::start(&stage.cluster.directory) else { return };
    let before = stage.application("orders").await;
    browser.open(&format!("{}#/default/orders", stage.url));
    browser.until("it is there", "document.querySelector('.machine .now')");

    browser.tab_to("#manifest");
    browser.write(&edited("orders", "parallelism: 3"));
    browser.tab_to("button");
    browser.press("Enter");
    browser.until("the plan is there", "document.querySelector('#planned pre')");
    let plan = browser.run("document.querySelector('#planned').innerText");
    for words in [
        "a new one is started",
        "Plan for default/orders, in Running",
        "spec.parallelism: 1 -> 3",
        "SavepointRequested",
    ] {
        assert!(plan.as_str().unwrap().contains(words), "{words}: {plan}");
    }
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");

    for (manifest, words) in [
        (edited("orders", "paralelism: 3"), "spec.paralelism"),
        (edited("others", "parallelism: 3"), "this is the manifest of others, and here is default/orders"),
        ("{{{".to_owned(), "manifest"),
    ] {
        browser.run("(document.querySelector('#manifest').value = '', document.querySelector('#manifest').focus())");
        browser.write(&manifest);
        browser.tab_to("button");
        browser.press("Enter");
        let refused = format!("document.querySelector('#planned .bad')?.innerText.includes({words:?})");
        browser.until(words, &refused);
    }

    browser.run("[...document.querySelectorAll('button')].find((it) => it.textContent === 'Look now').focus()");
    browser.press("Enter");
    let explained = "document.querySelector('#explained').innerText";
    browser.until("it is explained", &format!("{explained}.includes('It is in Running since')"));
    let explained = browser.run(explained);
    assert!(explained.as_str().unwrap().contains("Nothing that can be seen."), "{explained}");

    let posts: Vec<_> = requests(&browser).into_iter().filter(|(method, _)| method != "GET").collect();
    assert_eq!(posts.len(), 4);
    assert!(posts.iter().all(|(method, url)| method == "POST" && url.ends_with("/plan")), "{posts:?}");
    let after = stage.application("orders").await;
    assert_eq!((after.spec, after.metadata.generation), (before.spec, before.metadata.generation));
}

/// The wire is carried by this process, while the browser is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_may_not_be_read_are_told() {
    let stage = Stage::set_without_events().await.with(&["orders"]).await;
    let explained = stage.json("api/applications/default/orders/explain").await.unwrap();
    assert_eq!(explained["events"], Value::Null);
    assert!(explained["eventsProblem"].as_str().unwrap().contains("events is forbidden"), "{explained}");
    let Some(mut browser) = Browser::start(&stage.cluster.directory) else { return };
    browser.open(&format!("{}#/default/orders", stage.url));
    browser.until("it is there", "document.querySelector('.machine .now')");
    browser.tab_to("button");
    browser.press("Enter");
    browser.until("it is told", "document.querySelector('#explained').innerText.includes('The events cannot be read')");
}

#[tokio::test]
async fn every_control_has_a_name_and_every_text_contrast_in_dark_and_in_light() {
    let stage = Stage::set().await.with(&["orders"]).await;
    let wrong = json!({"spec": {"entryClass": "Throws"}});
    stage.cluster.create("broken").await;
    until_running(&stage.cluster.applications(), "broken", 1).await;
    stage.cluster.applications().patch("broken", &PatchParams::default(), &Patch::Merge(wrong)).await.unwrap();
    let Some(mut browser) = Browser::start(&stage.cluster.directory) else { return };
    browser.open(&stage.url);
    browser.until("one is in trouble", "document.querySelector('.list tbody .glance.trouble')");
    for (page, there) in
        [("#/", ".list tbody tr"), ("#/default/broken", ".machine .now"), ("#/default/orders", ".machine .now")]
    {
        browser.run(&format!("location.hash = {page:?}"));
        browser.until(page, &format!("document.querySelector({there:?})"));
        browser.run("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
        for scheme in ["dark", "light"] {
            browser.prefer(scheme);
            let poor = browser.run(CONTRASTS);
            assert!(poor["texts"].as_u64().unwrap() > 10, "{poor}");
            assert_eq!(poor["poor"], json!([]), "{page} {scheme}");
        }
        browser.resize(400, 800);
        let wide = browser.run("document.documentElement.scrollWidth");
        assert!(wide.as_u64().unwrap() <= 400, "{page} is {wide} wide on a telephone");
        browser.resize(1280, 900);
        let nodes = browser.call("Accessibility.getFullAXTree", json!({}));
        let controls: Vec<_> = nodes["nodes"].as_array().unwrap().iter().filter(|node| is_control(node)).collect();
        assert!(controls.len() >= 4, "{controls:?}");
        for control in controls {
            let name = control["name"]["value"].as_str().unwrap_or_default();
            assert!(!name.trim().is_empty(), "{page}: {control}");
        }
    }
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_long_list_is_sifted_by_names() {
    let stage = Stage::set().await.with(&["orders", "letters"]).await;
    let Some(mut browser) = Browser::start(&stage.cluster.directory) else { return };
    // Nonsense in the address is no reason for an empty page.
    browser.open(&format!("{}#/%E0%A4%A/x", stage.url));
    browser.until("both are there", "document.querySelectorAll('.list tbody tr').length === 2");
    let shown = "[...document.querySelectorAll('.list tbody tr')].filter((it) => it.checkVisibility()).map((it) => it.querySelector('a').textContent)";
    browser.tab_to("#filter");
    browser.write("ORD");
    for width in [1280, 400] {
        browser.resize(width, 800);
        assert_eq!(browser.run(shown), json!(["orders"]), "{width}");
    }
    browser.write("x");
    assert_eq!(browser.run(shown), json!([]));
    assert_eq!(browser.run("document.querySelector('.empty').innerText"), "No application is called so.");
    stage.cluster.applications().delete("letters", &DeleteParams::default()).await.unwrap();
    browser.run("document.querySelector('#filter').value = ''");
    browser.until("one is gone", "document.querySelectorAll('.list tbody tr').length === 1");
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

fn is_control(node: &Value) -> bool {
    let focusable = node["properties"].as_array().into_iter().flatten();
    let focusable = focusable.filter(|it| it["name"] == "focusable").any(|it| it["value"]["value"] == true);
    node["ignored"] == false && focusable && node["role"]["value"] != "RootWebArea"
}

#[tokio::test]
async fn a_page_whose_operator_is_gone_says_so() {
    let stage = Stage::set().await.with(&["orders"]).await;
    let Some(mut browser) = Browser::start(&stage.cluster.directory) else { return };
    browser.open(&stage.url);
    let link = "document.querySelector('#link').textContent";
    browser.until("it is live", &format!("{link} === 'live'"));
    stage.operator.signal("KILL");
    browser.until("it is told", &format!("{link}.startsWith('the operator does not answer')"));
    assert_eq!(browser.run("document.querySelectorAll('.list tbody tr').length"), 1, "what was known stays");
    browser.run("location.hash = '#/default/orders'");
    browser.until("it asks in vain", "document.querySelector('button')");
    browser.run("document.querySelector('button').click()");
    browser.until(
        "it is told there",
        "document.querySelector('#explained').innerText === 'The operator does not answer.'",
    );
    browser.run("location.hash = '#/'");

    let address = stage.url.trim_start_matches("http://").trim_end_matches('/');
    let _again = stage.cluster.operator(&["--console", address]).start();
    browser.until("it is live again", &format!("{link}.startsWith('live')"));
    browser.until("it acts", "document.querySelector('.list tbody .glance.well')");
}

#[tokio::test]
async fn a_process_that_stands_by_says_that_another_one_acts() {
    let stage = Stage::set().await.with(&["orders"]).await;
    let address = free();
    let other = stage.cluster.operator(&["--console", &address]).start();
    let other = Stage { operator: other, url: format!("http://{address}/"), cluster: stage.cluster };
    until("it stands by", || async {
        let told = other.json("api/applications").await?;
        (told["role"] == "standsBy" && told["leader"].is_string() && told["applications"] == json!([])).then_some(())
    })
    .await;
    let Some(mut browser) = Browser::start(&other.cluster.directory) else { return };
    browser.open(&other.url);
    browser.until("it is told", "document.querySelector('#notice').innerText.includes('holds the Lease and acts')");
}

#[tokio::test]
async fn requests_that_could_do_harm_are_refused() {
    let stage = Stage::set().await.with(&["orders"]).await;
    let plan = "api/applications/default/orders/plan";
    let (status, _) = stage.answer(|client, url| client.get(url).header("host", "evil.example")).await;
    assert_eq!(status, 403);
    let explain = "api/applications/default/orders/explain";
    let (status, _) =
        stage.answer(|client, url| client.get(format!("{url}{explain}")).header("sec-fetch-site", "cross-site")).await;
    assert_eq!(status, 403);
    let (status, text) = stage.answer(|client, url| client.post(format!("{url}{plan}")).body(NUMBERS)).await;
    assert_eq!(status, 415, "{text}");
    for path in ["", "api/applications", "api/applications/default/orders"] {
        let (status, _) = stage.answer(|client, url| client.delete(format!("{url}{path}"))).await;
        assert_eq!(status, 405, "{path}");
    }
    let (status, text) =
        stage.answer(|client, url| client.get(format!("{url}api/applications/default/none/explain"))).await;
    assert_eq!(status, 404, "{text}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(&stage.url).send().await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store")]
    {
        assert_eq!(answer.headers()[name], value);
    }
}

#[tokio::test]
async fn secrets_of_a_spec_are_in_no_snapshot() {
    let stage = Stage::set().await.with(&["orders"]).await;
    stage.cluster.edit("orders", "--password hunter22").await;
    let found = until("the edit was decided on", || async {
        let told = stage.json("api/applications/default/orders").await?;
        let steps = told["steps"].as_array()?.clone();
        steps.into_iter().find(|step| step["rule"] == "SpecChanged")
    });
    let id = found.await["id"].as_u64().unwrap();
    let record = stage.json(&format!("api/applications/default/orders/steps/{id}")).await.unwrap().to_string();
    assert!(record.contains("--password <redacted") && !record.contains("hunter22"), "{record}");
}

#[tokio::test]
async fn without_its_flag_there_is_none_and_where_it_cannot_be_served_it_is_said() {
    let cluster = Cluster::start().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let operator = cluster.operator(&["--console", &address]).start();
    operator.until_it_logs("").await;
    until("it ends and says why", || async {
        operator.log().contains(&format!("cannot serve the console on {address}")).then_some(())
    })
    .await;
    let plain = cluster.operator(&[]).start();
    plain.until_it_logs("the operator starts").await;
    assert!(!plain.log().contains("the console is served"));
}

/// Draws docs/console.png: `cargo test --workspace --test console -- --ignored screenshot`.
#[tokio::test]
#[ignore = "it writes docs/console.png"]
async fn screenshot() {
    let stage = Stage::set().await.with(&["orders", "letters"]).await;
    let Some(mut browser) = Browser::start(&stage.cluster.directory) else { return };
    stage.cluster.edit("orders", "--topic orders").await;
    until_running(&stage.cluster.applications(), "orders", 2).await;
    browser.resize(1120, 940);
    browser.prefer("light");
    browser.open(&format!("{}#/default/orders", stage.url));
    browser.until("the phase is marked", "document.querySelector('.machine .now')?.dataset.phase === 'Running'");
    browser.draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/console.png"));
    println!("{}", stage.log().lines().count());
}
