//! The configuration file while the operator runs: what may change is taken over, what is wrong is refused.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use flink_operator_core::policy::Policy;
use flink_operator_interpreter::metrics::Metrics;

use super::files;
use super::{Loaded, RunArgs, Settings, unknown};

/// How often the file is looked at. A mounted ConfigMap changes by a swapped link, which no inode tells.
const PERIOD: Duration = Duration::from_secs(2);

/// The configuration as it is now.
#[derive(Clone)]
pub struct Current {
    /// What decisions depend on.
    pub policy: Arc<RwLock<Policy>>,
    settings: Arc<RwLock<Settings>>,
    /// The files as they were read at the start.
    texts: Vec<(PathBuf, String)>,
}

impl Current {
    /// The configuration of the start.
    pub fn new(loaded: &Loaded) -> Self {
        Self {
            policy: Arc::new(RwLock::new(loaded.config.policy.clone())),
            settings: Arc::new(RwLock::new(loaded.settings.clone())),
            texts: loaded.texts.clone(),
        }
    }

    /// Every key's value.
    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over what may change while the operator runs. Keys that wait for the next start keep their value
    /// here too.
    fn take_over(&self, new: &Settings) -> Result<(), Vec<String>> {
        let config = new.config()?;
        let mut running = self.settings();
        for key in running.changed(new) {
            let (old, value) = (running.value(key).to_owned(), new.value(key));
            if !key.live {
                tracing::warn!(key = key.path, old, new = value, "this key is heard at the next start of the operator");
                continue;
            }
            tracing::info!(key = key.path, old, new = value, "the configuration changed");
            if let Some(found) = new.values.get(key.path) {
                running.values.insert(key.path, found.clone());
            }
        }
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = config.policy;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = running;
        Ok(())
    }
}

/// Looks at the file again and again. It never ends.
pub async fn watch(args: &RunArgs, current: &Current, metrics: &Metrics) {
    let Some(pattern) = &args.config else { return std::future::pending().await };
    let mut known = Ok(current.texts.clone());
    loop {
        tokio::time::sleep(PERIOD).await;
        let found = files::texts(pattern);
        if found == known {
            continue;
        }
        match reload(&found, args, current) {
            Ok(()) => metrics.reloaded(true),
            Err(problems) => {
                metrics.reloaded(false);
                for problem in problems {
                    tracing::error!("the new configuration is refused and the old one stays: {problem}");
                }
            }
        }
        known = found;
    }
}

fn reload(
    found: &Result<Vec<(PathBuf, String)>, String>,
    args: &RunArgs,
    current: &Current,
) -> Result<(), Vec<String>> {
    let texts = found.as_ref().map_err(|problem| vec![problem.clone()])?;
    let said = files::read(texts).map_err(|problem| vec![problem])?;
    current.take_over(&Settings::gather(&said, args, |name| std::env::var(name).ok()))?;
    unknown(&said).iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(())
}
