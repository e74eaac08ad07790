//! What can go wrong between the operator and the two it talks to, and whose trouble it is.

use std::time::Duration;

use flink_operator_core::snapshot::{Trouble, TroubleClass};

use crate::flink::NoAnswer;

/// Longest message that is kept of anything; it ends up in a status and in events.
const LONGEST_MESSAGE: usize = 300;

/// A request that did not bring what it was made for. `asked` says what was asked of whom.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused, or was not reached.
    #[error("{asked}: {}", kubernetes_cause(source))]
    Kubernetes {
        /// What was asked, such as `create Deployment ns/name`.
        asked: String,
        /// What the client says.
        source: Box<kube::Error>,
    },
    /// A JobManager was not reached.
    #[error("{asked}: {source}")]
    Transport {
        /// What was asked.
        asked: String,
        /// Why.
        source: NoAnswer,
    },
    /// Nobody answered in time.
    #[error("{asked}: no answer within {} s", after.as_secs())]
    TimedOut {
        /// What was asked.
        asked: String,
        /// How long was waited.
        after: Duration,
    },
    /// An answer that makes no sense.
    #[error("{asked}: the answer cannot be understood: {detail}")]
    Garbled {
        /// What was asked.
        asked: String,
        /// What is wrong with the answer.
        detail: String,
    },
    /// An answer that was understood and is a no.
    #[error("{asked}: {cause}")]
    Refused {
        /// What was asked.
        asked: String,
        /// Whose trouble it is.
        class: TroubleClass,
        /// The root cause in one line, and what to do where anything can be done.
        cause: String,
    },
}

impl Error {
    /// A failed request to the API server.
    pub fn kubernetes(asked: impl Into<String>, source: kube::Error) -> Self {
        Self::Kubernetes { asked: asked.into(), source: Box::new(source) }
    }

    /// A no with a reason.
    pub fn refused(asked: impl Into<String>, class: TroubleClass, cause: impl Into<String>) -> Self {
        Self::Refused { asked: asked.into(), class, cause: cause.into() }
    }

    /// Who can do something about it.
    pub fn class(&self) -> TroubleClass {
        match self {
            Self::Kubernetes { source, .. } => class_of_kubernetes(source),
            Self::Transport { source: NoAnswer::Unmade(_), .. } => TroubleClass::OurBug,
            Self::Transport { source: NoAnswer::NotConnected | NoAnswer::Broken(_), .. } | Self::TimedOut { .. } => {
                TroubleClass::TryAgain
            }
            Self::Garbled { .. } => TroubleClass::OurBug,
            Self::Refused { class, .. } => *class,
        }
    }

    /// The status with which the API server said no, if it answered.
    pub(crate) fn status(&self) -> Option<u16> {
        let Self::Kubernetes { source, .. } = self else { return None };
        if let kube::Error::Api(status) = source.as_ref() { Some(status.code) } else { None }
    }

    /// The same in the words of the core, under the name of the call that failed.
    pub fn trouble(&self, method: &str) -> Trouble {
        Trouble { class: self.class(), method: method.to_owned(), message: one_line(&self.to_string()) }
    }
}

/// The text in one line of bounded length.
pub(crate) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn class_of_kubernetes(error: &kube::Error) -> TroubleClass {
    if let kube::Error::Api(status) = error {
        return class_of_status(status.code, &status.message);
    }
    let garbled = matches!(
        error,
        kube::Error::SerdeError(_)
            | kube::Error::FromUtf8(_)
            | kube::Error::HttpError(_)
            | kube::Error::BuildRequest(_)
            | kube::Error::LinesCodecMaxLineLengthExceeded
    );
    // What remains: connections, TLS, credentials that rotate.
    if garbled { TroubleClass::OurBug } else { TroubleClass::TryAgain }
}

/// What a status of the API server means for a request that was made for the user's spec.
///
/// A 403 is tried again: a missing permission or an exhausted quota is mended by somebody else than
/// the author of the spec. An admission webhook that says no means the spec, whatever its status.
fn class_of_status(code: u16, message: &str) -> TroubleClass {
    match code {
        400..=499 if message.starts_with("admission webhook") && message.contains("denied") => TroubleClass::UsersFault,
        400 | 405 | 406 | 415 => TroubleClass::OurBug,
        401 | 403 | 404 | 408 | 409 | 410 | 429 => TroubleClass::TryAgain,
        402..=499 => TroubleClass::UsersFault,
        _ => TroubleClass::TryAgain,
    }
}

fn kubernetes_cause(error: &kube::Error) -> String {
    let kube::Error::Api(status) = error else { return innermost(error) };
    let text = if status.message.is_empty() { &status.reason } else { &status.message };
    format!("{text} (status {})", status.code)
}

/// The text of the last error in the chain: the outer ones only say that there is one.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answered(code: u16, message: &str) -> Error {
        let status = Status { code, message: message.to_owned(), ..Status::default() };
        Error::kubernetes("create Deployment ns/app-1-jm", kube::Error::Api(status.boxed()))
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for code in [401, 403, 404, 408, 409, 410, 429, 500, 502, 503, 504] {
            assert_eq!(answered(code, "no").class(), TroubleClass::TryAgain, "{code}");
        }
    }

    #[test]
    fn an_invalid_object_is_the_users_fault() {
        assert_eq!(answered(422, "Deployment is invalid: spec.template...").class(), TroubleClass::UsersFault);
        assert_eq!(answered(413, "too large").class(), TroubleClass::UsersFault);
    }

    #[test]
    fn a_webhook_that_says_no_means_the_spec_but_one_that_fails_does_not() {
        let denied = "admission webhook \"policy.example.com\" denied the request: images must be pinned";
        assert_eq!(answered(403, denied).class(), TroubleClass::UsersFault);
        assert_eq!(answered(400, denied).class(), TroubleClass::UsersFault);
        assert_eq!(answered(500, "failed calling webhook \"policy.example.com\"").class(), TroubleClass::TryAgain);
    }

    #[test]
    fn a_request_that_is_not_understood_is_our_bug() {
        assert_eq!(answered(400, "the server could not understand").class(), TroubleClass::OurBug);
        let garbled = kube::Error::SerdeError(serde_json::from_str::<u8>("{").unwrap_err());
        assert_eq!(Error::kubernetes("list Pods", garbled).class(), TroubleClass::OurBug);
    }

    #[test]
    fn a_trouble_says_what_was_asked_and_what_was_answered_in_one_line() {
        let trouble = answered(403, "forbidden:\n  exceeded quota: pods").trouble("CreateDeployment");
        assert_eq!(trouble.method, "CreateDeployment");
        assert_eq!(trouble.message, "create Deployment ns/app-1-jm: forbidden: exceeded quota: pods (status 403)");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = one_line(&"ä".repeat(1000));
        assert_eq!(cut.chars().count(), LONGEST_MESSAGE + 1);
        assert!(cut.ends_with('…'));
    }
}
