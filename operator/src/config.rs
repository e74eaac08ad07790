//! The operator's configuration: a flag wins over the environment, that over the file, that over the default.

mod args;
mod files;
mod keys;
pub mod page;
pub mod reload;
mod value;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use flink_operator_core::policy::Policy;
use serde_json::{Map, Value, json};

pub use args::{Election, RunArgs};
use files::Said;
use keys::{KEYS, Key};

use crate::cli::Failure;
use crate::log::Logger;

/// What the operator process needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// What decisions depend on.
    pub policy: Policy,
    /// The namespaces to watch; none means all.
    pub namespaces: Vec<String>,
    /// The port of the operator's own HTTP.
    pub port: u16,
    /// Where the console is served; None where it is not.
    pub console: Option<SocketAddr>,
    /// First part of every metric's name.
    pub metrics_prefix: String,
    /// How many applications talk to the API server at a time.
    pub workers: usize,
    /// What is logged and how.
    pub logger: Logger,
    use_proxy: bool,
    proxy_port: u16,
}

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Source {
    /// Nobody.
    Default,
    /// The file.
    File,
    /// An environment variable.
    Environment,
    /// An argument.
    Flag,
}

/// Every key's value as text, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<&'static str, (String, Source)>,
}

/// What was found at the start.
pub struct Loaded {
    /// The values.
    pub settings: Settings,
    /// The same as the process uses them.
    pub config: Config,
    /// What the log should say once there is one.
    pub warnings: Vec<String>,
    /// The files as they were read.
    texts: Vec<(PathBuf, String)>,
}

/// Reads files, environment and flags. All bad values are told at once.
pub fn load(args: &RunArgs) -> Result<Loaded, Failure> {
    args.election.check().map_err(Failure::BadInput)?;
    let texts = texts(args.config.as_deref())?;
    let said = files::read(&texts).map_err(Failure::BadInput)?;
    let settings = Settings::gather(&said, args, |name| std::env::var(name).ok());
    let config = settings.config().map_err(refused)?;
    let mut warnings = unknown(&said);
    warnings.extend(args.keys.ignored.iter().map(|flag| format!("the flag --{flag} means nothing here")));
    Ok(Loaded { settings, config, warnings, texts })
}

/// What decisions depend on, by the files of this pattern, if there are any, the environment, and this flag.
pub fn policy(files: Option<&str>, kubectl_proxy: Option<u16>) -> Result<Policy, Failure> {
    let said = files::read(&texts(files)?).map_err(Failure::BadInput)?;
    let flags = proxy_forms(kubectl_proxy).collect();
    let settings = Settings::lay(&said, &flags, |name| std::env::var(name).ok());
    settings.config().map(|config| config.policy).map_err(refused)
}

fn texts(pattern: Option<&str>) -> Result<Vec<(PathBuf, String)>, Failure> {
    pattern.map(files::texts).transpose().map(Option::unwrap_or_default).map_err(Failure::BadInput)
}

fn refused(problems: Vec<String>) -> Failure {
    Failure::BadInput(problems.join("\nerror: "))
}

fn unknown(said: &Said) -> Vec<String> {
    said.unknown.iter().map(|path| format!("the configuration key {path} is unknown and means nothing")).collect()
}

impl Settings {
    fn gather(said: &Said, args: &RunArgs, variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut flags: BTreeMap<&str, String> = args.keys.values.iter().cloned().collect();
        flags.extend(short_forms(args));
        Self::lay(said, &flags, variable)
    }

    /// Lays flags over the environment over the file over the defaults.
    fn lay(said: &Said, flags: &BTreeMap<&str, String>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let values = KEYS.iter().map(|key| {
            let flag = flags.get(key.path).map(|value| (value.clone(), Source::Flag));
            let environment = || variable(&key.variable()).map(|value| (value, Source::Environment));
            let file = || said.values.get(key.path).map(|value| (value.clone(), Source::File));
            let found = flag.or_else(environment).or_else(file);
            (key.path, found.unwrap_or_else(|| (key.default.to_owned(), Source::Default)))
        });
        Self { values: values.collect() }
    }

    /// The values as the process uses them, or what is wrong with them: key, value, and what to write.
    fn config(&self) -> Result<Config, Vec<String>> {
        let mut config = Config::default();
        let mut problems = Vec::new();
        for key in &KEYS {
            let Some((value, source)) = self.values.get(key.path) else { continue };
            if let Err(problem) = (key.set)(&mut config, value) {
                let from = match source {
                    Source::Default | Source::File => String::new(),
                    Source::Environment => format!(" ({})", key.variable()),
                    Source::Flag => format!(" (--{})", key.path),
                };
                problems.push(format!("{}{from}: {value:?}: {problem}", key.path));
            }
        }
        config.policy.kubectl_proxy = config.use_proxy.then_some(config.proxy_port);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// The keys whose values differ.
    fn changed(&self, other: &Self) -> Vec<&'static Key> {
        KEYS.iter().filter(|key| self.value(key) != other.value(key)).collect()
    }

    fn value(&self, key: &Key) -> &str {
        self.values.get(key.path).map_or(key.default, |(value, _)| value)
    }

    /// In the form of the file, and beside it who gave what is no default. There are no secrets among the keys.
    pub fn shown(&self) -> Value {
        let mut sections: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        let mut from = Map::new();
        for key in &KEYS {
            let (section, name) = key.section();
            sections.entry(section).or_default().insert(name.to_owned(), self.value(key).into());
            if let Some((_, source)) = self.values.get(key.path).filter(|(_, source)| *source != Source::Default) {
                from.insert(key.path.to_owned(), source.to_string().into());
            }
        }
        let mut shown: Map<String, Value> =
            sections.into_iter().map(|(name, values)| (name.to_owned(), values.into())).collect();
        shown.insert("from".to_owned(), json!(from));
        shown.into()
    }
}

/// Flags that are shorter to write than those of the keys.
fn short_forms(args: &RunArgs) -> Vec<(&'static str, String)> {
    let namespaces = args.namespaces.clone().map(|names| ("operator.limitNamespace", names));
    let format = args.log_format.map(|format| ("logger.formatter.type", format.to_string()));
    let level = args.log_level.clone().map(|level| ("logger.level", level));
    let console = args.console.map(|address| ("operator.console", address.to_string()));
    proxy_forms(args.kubectl_proxy).chain(namespaces).chain(console).chain(format).chain(level).collect()
}

fn proxy_forms(port: Option<u16>) -> impl Iterator<Item = (&'static str, String)> {
    let keys = |port: u16| [("operator.useKubectlProxy", "true".to_owned()), ("operator.proxyPort", port.to_string())];
    port.map(keys).into_iter().flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
