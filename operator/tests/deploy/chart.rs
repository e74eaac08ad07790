//! The chart's values.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rendered::{chart, helm, of_kind, text, the, with_component};

/// The keys of a section in docs/configuration.md, and whether they are live.
fn keys(section: &str) -> Vec<(String, bool)> {
    let page = text("docs/configuration.md");
    let part = page.split(&format!("### Section `{section}`")).nth(1).unwrap();
    let rows = part.split("\n#").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim);
        let key = cells.next().unwrap().trim_matches('`').to_owned();
        (key, cells.nth(1).unwrap() == "yes")
    })
    .collect()
}

/// The keys of an object in the schema, those of objects in it with a dot.
fn properties(schema: &Value) -> BTreeSet<String> {
    let all = schema["properties"].as_object().unwrap().iter();
    all.flat_map(|(key, value)| match value["properties"].as_object() {
        Some(inner) => inner.keys().map(|inner| format!("{key}.{inner}")).collect(),
        None => vec![key.clone()],
    })
    .collect()
}

#[test]
fn the_schema_knows_every_key_of_the_configuration() {
    let schema: Value = serde_json::from_str(&text("deploy/chart/values.schema.json")).unwrap();
    // The chart writes these itself.
    let written = ["limitNamespace", "profilerPort", "console"];
    for section in ["operator", "logger"] {
        let documented = keys(section).into_iter().map(|(key, _)| key).filter(|key| !written.contains(&key.as_str()));
        assert_eq!(properties(&schema["properties"][section]), documented.collect(), "{section}");
    }
}

#[test]
fn the_schema_knows_every_value() {
    let schema: Value = serde_json::from_str(&text("deploy/chart/values.schema.json")).unwrap();
    let values: Value = serde_saphyr::from_str(&text("deploy/chart/values.yaml")).unwrap();
    let of = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let mut known = of(&schema["properties"]);
    // Helm gives it to every chart.
    known.remove("global");
    assert_eq!(of(&values), known);
}

/// A live key is heard by the pod that runs; any other one needs a new pod, which the annotation brings.
#[test]
fn a_changed_value_restarts_the_operator_only_where_it_would_not_hear_it() {
    let pod = |values: &[&str]| Some(the(&chart(values)?, "Deployment", "flinkoperator")["spec"]["template"].clone());
    let Some(plain) = pod(&[]) else { return };
    let live: Vec<_> = keys("operator").into_iter().filter(|(_, live)| *live).map(|(key, _)| key).collect();
    assert!(live.len() > 10);
    for key in live {
        let value = match key.as_str() {
            "useKubectlProxy" => "true",
            "proxyPort" => "9",
            _ => "1m",
        };
        assert_eq!(pod(&[&format!("operator.{key}={value}")]).as_ref(), Some(&plain), "{key}");
    }
    for value in ["operator.workers=8", "operator.metricsPrefix=other", "logger.level=debug"] {
        assert_ne!(pod(&[value]).as_ref(), Some(&plain), "{value}");
    }
}

#[test]
fn namespaces_of_the_chart_bring_a_role_each_and_are_what_is_watched() {
    let values = ["rbac.scope=namespaced", "namespaces={batch,streams}"];
    let Some(objects) = chart(&values) else { return };
    for kind in ["Role", "RoleBinding"] {
        let all = of_kind(&objects, kind).into_iter().filter(|object| object["metadata"]["name"] == "flinkoperator");
        let namespaces: Vec<_> = all.map(|object| object["metadata"]["namespace"].clone()).collect();
        assert_eq!(namespaces, ["batch", "streams"], "{kind}");
    }
    let env = &the(&objects, "Deployment", "flinkoperator")["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(env[0]["value"], "batch,streams");
}

/// On loopback: what `kubectl port-forward` reaches, and nobody else.
#[test]
fn the_console_is_off_unless_it_is_wanted_and_then_only_on_loopback() {
    let arguments = |objects: &[Value]| {
        let deployment = the(objects, "Deployment", "flinkoperator");
        deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap().clone()
    };
    let wanted = ["console.enabled=true", "console.port=9000"];
    let [Some(plain), Some(usual), Some(other)] = [chart(&[]), chart(&wanted[..1]), chart(&wanted)] else { return };
    assert_eq!(arguments(&plain).len(), 3);
    assert_eq!(arguments(&usual).last().unwrap(), "--console=127.0.0.1:8082");
    assert_eq!(arguments(&other).last().unwrap(), "--console=127.0.0.1:9000");
    let Some(overlaid) = with_component("console") else { return };
    assert_eq!(arguments(&overlaid), arguments(&usual));
}

#[test]
fn what_the_chart_does_not_understand_is_refused_with_its_name() {
    let wrong = [
        ("replica=2", "replica"),
        ("rbac.scope=all", "rbac/scope"),
        ("namespaces={Upper}", "namespaces"),
        ("logger.level=7", "logger/level"),
        ("operator.resyncPeriod=30", "operator/resyncPeriod"),
        ("operator.limitNamespace=a", "limitNamespace"),
        ("console.port=80", "console/port"),
        ("metrics.service=false,metrics.serviceMonitor.enabled=true", "metrics.service"),
    ];
    for (value, name) in wrong {
        let Some(mut command) = helm(&[value]) else { return };
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).replace('.', "/");
        assert!(!output.status.success(), "{value} was taken");
        assert!(told.contains(&name.replace('.', "/")), "{value}: {told}");
    }
}

#[test]
fn what_is_off_by_default_can_be_had() {
    let values = [
        "metrics.serviceMonitor.enabled=true",
        "metrics.podMonitor.enabled=true",
        "priorityClassName=important",
        "extraLabels.team=data",
        "image.repository=example.com/flink",
        "image.tag=v7",
    ];
    let (Some(plain), Some(full)) = (chart(&[]), chart(&values)) else { return };
    for kind in ["ServiceMonitor", "PodMonitor"] {
        assert!(of_kind(&plain, kind).is_empty());
        assert_eq!(of_kind(&full, kind).len(), 1);
    }
    let deployment = the(&full, "Deployment", "flinkoperator");
    let pod = &deployment["spec"]["template"];
    assert_eq!(pod["spec"]["priorityClassName"], "important");
    assert_eq!(pod["spec"]["containers"][0]["image"], "example.com/flink:v7");
    assert_eq!(pod["metadata"]["labels"]["team"], "data");
    let labelled = full.iter().filter(|object| object["kind"] != "CustomResourceDefinition");
    for object in labelled {
        assert_eq!(object["metadata"]["labels"]["team"], "data", "{}", object["kind"]);
    }
    assert_eq!(deployment["spec"]["selector"]["matchLabels"]["team"], Value::Null);
}
