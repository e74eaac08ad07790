//! The original's hash of a spec. It is only asked whether a spec is the one that the original gave up: what it
//! gave up has no Deployments any more with which the spec could be compared.

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::content::Asked;
use crate::application::Colour;
use crate::id::RevisionId;
use crate::manifest::{APPLICATION_VERSION, FLINK_PROPERTIES, OPERATOR_FLINK_CONFIG, names};

/// Whether `hash` is the original's hash of what is asked for. In BlueGreen the colour goes into it, and after a
/// teardown an empty one.
pub(super) fn is_of(asked: &Asked<'_>, blue_green: bool, hash: &RevisionId) -> bool {
    let colours: &[Option<&str>] = if blue_green { &[Some(""), Some("blue"), Some("green")] } else { &[None] };
    colours.iter().any(|colour| of(asked, *colour) == *hash)
}

/// 8 hex digits.
fn of(asked: &Asked<'_>, colour: Option<&str>) -> RevisionId {
    let any = colour.map(|_| Colour::Green);
    let revision = super::revision(RevisionId::known("hash"), asked.spec.job.clone(), any);
    let made = super::content::rendered(asked, &revision);
    let mut fnv: u32 = 0x811c_9dc5;
    for deployment in [&made.jobmanager, &made.taskmanager] {
        for byte in digest(&hashed(asked, deployment, colour)) {
            fnv = (fnv ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
    RevisionId::known(format!("{fnv:08x}"))
}

/// The Deployment as the original hashes it: before it is named, and with the empty fields that Go writes.
fn hashed(asked: &Asked<'_>, deployment: &Deployment, colour: Option<&str>) -> Value {
    let mut deployment = deployment.clone();
    colour.into_iter().for_each(|colour| paint(&mut deployment, colour));
    let metadata = &mut deployment.metadata;
    (metadata.name, metadata.owner_references) = (None, None);
    let labels = metadata.labels.get_or_insert_default();
    labels.remove(names::REVISION);
    // The original copies every annotation, kubectl's memory too, and to the pods as well.
    let users = || asked.app.annotations.clone();
    let mut annotations = users();
    annotations.extend(metadata.annotations.take().unwrap_or_default());
    metadata.annotations = Some(annotations);
    if let Some(spec) = &mut deployment.spec {
        spec.selector.match_labels.get_or_insert_default().remove(names::SELECTOR);
        let template = spec.template.metadata.get_or_insert_default();
        template.name = None;
        template.annotations = Some(users()).filter(|annotations| !annotations.is_empty());
        template.labels.get_or_insert_default().remove(names::SELECTOR);
        let containers = spec.template.spec.iter_mut().flat_map(|pod| &mut pod.containers);
        for variables in containers.filter_map(|container| container.env.as_mut()) {
            variables.retain(|variable| variable.name != OPERATOR_FLINK_CONFIG);
            for variable in variables.iter_mut().filter(|variable| variable.name == FLINK_PROPERTIES) {
                let plain = variable.value.as_deref().and_then(|text| text.rsplit_once("\n\n"));
                variable.value = plain.map(|(lines, _)| format!("{lines}\n"));
            }
        }
    }
    let mut value = serde_json::to_value(&deployment).unwrap_or_default();
    for place in ["/metadata", "/spec/template/metadata"] {
        if let Some(Value::Object(metadata)) = value.pointer_mut(place) {
            metadata.insert("creationTimestamp".to_owned(), Value::Null);
        }
    }
    if let Value::Object(fields) = &mut value {
        fields.insert("status".to_owned(), json!({}));
    }
    value
}

/// Writes a colour wherever there is one. Go leaves an empty variable without a value.
fn paint(deployment: &mut Deployment, colour: &str) {
    let mut places = vec![&mut deployment.metadata.labels, &mut deployment.metadata.annotations];
    if let Some(spec) = &mut deployment.spec {
        places.push(&mut spec.selector.match_labels);
        let template = spec.template.metadata.get_or_insert_default();
        places.push(&mut template.labels);
        let containers = spec.template.spec.iter_mut().flat_map(|pod| &mut pod.containers);
        let variables = containers.filter_map(|container| container.env.as_mut()).flatten();
        for variable in variables.filter(|variable| variable.name == APPLICATION_VERSION).take(1) {
            variable.value = Some(colour.to_owned()).filter(|colour| !colour.is_empty());
        }
    }
    for value in places.into_iter().flatten().filter_map(|place| place.get_mut(names::COLOUR)) {
        *value = colour.to_owned();
    }
}

/// objecthash: SHA-256 over a tag of the type and the content.
fn digest(value: &Value) -> [u8; 32] {
    let (tag, content) = match value {
        Value::Null => (b'n', Vec::new()),
        Value::Bool(is) => (b'b', vec![if *is { b'1' } else { b'0' }]),
        Value::Number(number) => (b'f', normal(number.as_f64().unwrap_or_default()).into_bytes()),
        Value::String(text) => (b'u', text.clone().into_bytes()),
        Value::Array(items) => (b'l', items.iter().flat_map(digest).collect()),
        Value::Object(fields) => {
            let of = |(name, value): (&String, &Value)| [digest(&Value::from(name.as_str())), digest(value)];
            let mut pairs: Vec<_> = fields.iter().map(of).collect();
            pairs.sort();
            (b'd', pairs.concat().concat())
        }
    };
    Sha256::new().chain_update([tag]).chain_update(content).finalize().into()
}

/// A number as its sign, the power of two that brings it into (1/2, 1], a colon, and its binary digits.
fn normal(number: f64) -> String {
    if number == 0.0 {
        return "+0:".to_owned();
    }
    let mut text = if number < 0.0 { "-" } else { "+" }.to_owned();
    let (mut rest, mut exponent) = (number.abs(), 0);
    while rest > 1.0 {
        rest /= 2.0;
        exponent += 1;
    }
    while rest <= 0.5 {
        rest *= 2.0;
        exponent -= 1;
    }
    text.push_str(&format!("{exponent}:"));
    while rest != 0.0 && text.len() < 1_000 {
        if rest >= 1.0 {
            text.push('1');
            rest -= 1.0;
        } else {
            text.push('0');
        }
        rest *= 2.0;
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::application::{Application, Spec};
    use crate::policy::Policy;

    /// A small application.
    fn parsed(change: impl FnOnce(&mut Value)) -> (Application, Spec) {
        let mut manifest = json!({
            "apiVersion": "flink.k8s.io/v1beta1", "kind": "FlinkApplication",
            "metadata": { "name": "app", "namespace": "ns", "uid": "uid-1" },
            "spec": {
                "image": "repo/img:1", "flinkVersion": "1.16", "jarName": "a.jar", "parallelism": 5,
                "entryClass": "com.x.Main",
            },
        });
        change(&mut manifest);
        let app = Application::parse(&serde_json::from_value(manifest).unwrap());
        let spec = Spec::clone(app.spec.as_ref().unwrap());
        (app, spec)
    }

    /// Its hash, as the original computes it.
    fn hash((app, spec): &(Application, Spec), colour: Option<&str>) -> String {
        of(&Asked { app, spec, policy: &Policy::default() }, colour).to_string()
    }

    #[test]
    fn it_is_the_originals() {
        assert_eq!(hash(&parsed(|_| {}), None), "e604d38a");
        let labelled = parsed(|app| {
            app["metadata"]["labels"] = json!({ "env": "dev", "team": "a" });
            app["metadata"]["annotations"] = json!({ "k": "v", "other": "multi word" });
        });
        assert_eq!(hash(&labelled, None), "6b5d75bc");
    }

    #[test]
    fn the_colour_goes_into_it() {
        let small = parsed(|app| app["spec"]["deploymentMode"] = "BlueGreen".into());
        assert_eq!(hash(&small, Some("green")), "2133ad79");
        let asked = Asked { app: &small.0, spec: &small.1, policy: &Policy::default() };
        let all: Vec<_> = ["", "blue", "green"].map(|colour| of(&asked, Some(colour))).into();
        assert!(all.iter().all(|hash| is_of(&asked, true, hash)) && !is_of(&asked, false, &all[2]));
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{all:?}");
    }

    #[test]
    fn numbers_are_written_in_binary() {
        assert_eq!((normal(0.0), normal(1.0), normal(-2.0)), ("+0:".into(), "+0:1".into(), "-1:1".into()));
        assert_eq!((normal(3.0), normal(0.5)), ("+2:011".into(), "+-1:1".into()));
    }
}
