//! Who is let in, and what a browser is told about every answer.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::ask::Refusal;

/// The page takes everything from where it comes from, and no page of another may show it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    // What an application is doing is nobody else's, and old at once.
    (CACHE_CONTROL, "no-store"),
];

/// Which hosts may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Addresses and localhost. A name that somebody else lets lead to this machine would make their page one of ours.
    Local,
    /// Any.
    Any,
}

impl Host {
    /// Of a listener on this address.
    pub fn of(address: SocketAddr) -> Self {
        if address.ip().is_loopback() { Self::Local } else { Self::Any }
    }

    fn admits(self, host: Option<&HeaderValue>) -> bool {
        self == Self::Any || host.and_then(|host| host.to_str().ok()).is_some_and(is_local)
    }
}

/// An address or localhost, with a port or without.
fn is_local(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(address, _)| address.parse::<IpAddr>().is_ok_and(|it| it.is_ipv6()));
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Lets a request in or not, and puts the headers on the answer.
pub async fn keep(State(host): State<Host>, request: Request, next: Next) -> Response {
    let no = |why: &str| Refusal(StatusCode::FORBIDDEN, why.to_owned()).into_response();
    let mut answer = if !host.admits(request.headers().get(HOST)) {
        no("ask for localhost or an address; other names are refused")
    } else if is_of_another_page(&request) {
        no("this is for the console's own page")
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Asked for by a page from elsewhere. It could not read the answer, but the question costs a look.
fn is_of_another_page(request: &Request) -> bool {
    let said = request.headers().get("sec-fetch-site").and_then(|site| site.to_str().ok());
    request.uri().path().starts_with("/api/") && matches!(said, Some("cross-site" | "same-site"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn on_loopback_only_addresses_and_localhost_are_let_in() {
        let local = Host::of("127.0.0.1:8082".parse().unwrap());
        assert_eq!(local, Host::of("[::1]:8082".parse().unwrap()));
        let admits = |host: &'static str| local.admits(Some(&HeaderValue::from_static(host)));
        for host in ["localhost", "localhost:8082", "LocalHost:1", "127.0.0.1:8082", "10.0.0.7", "[::1]:8082", "[::1]"]
        {
            assert!(admits(host), "{host}");
        }
        for host in
            ["", "evil.example", "evil.example:8082", "localhost.evil.example", "127.0.0.1.evil.example", "[evil]"]
        {
            assert!(!admits(host), "{host}");
        }
        assert!(!local.admits(None));
    }

    #[test]
    fn elsewhere_names_are_let_in() {
        let any = Host::of("0.0.0.0:8082".parse().unwrap());
        assert!(any.admits(Some(&HeaderValue::from_static("operator.example"))));
    }
}
