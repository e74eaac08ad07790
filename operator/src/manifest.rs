//! Reading FlinkApplication manifests from files, with errors that say where and what.

use std::path::Path;

use flink_operator_core::application::Application;
use flink_operator_core::crd::{self, FlinkApplication};
use serde_json::Value;

use crate::cli::Failure;

/// Reads every FlinkApplication of a file and refuses what the operator would refuse.
pub fn read(path: &Path) -> Result<Vec<FlinkApplication>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::BadInput(format!("cannot read {}: {error}", path.display())))?;
    parse(&text).map_err(|problem| Failure::BadInput(format!("{}: {problem}", path.display())))
}

/// Reads every FlinkApplication of a text. The error is what is wrong, and what to do.
pub fn parse(text: &str) -> Result<Vec<FlinkApplication>, String> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| format!("this is not YAML: {error}"))?;
    let applications = documents.iter().filter(|document| !document.is_null()).map(application);
    let applications = applications.collect::<Result<Vec<_>, _>>()?;
    if applications.is_empty() {
        return Err("there is no FlinkApplication in it".to_owned());
    }
    Ok(applications)
}

fn application(document: &Value) -> Result<FlinkApplication, String> {
    let resource = crd::read(document).map_err(|refusal| refusal.to_string())?;
    match &Application::parse(&resource).spec {
        Ok(_) => Ok(resource),
        Err(refusal) => Err(refusal.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: flink.k8s.io/v1beta1\nkind: FlinkApplication\nmetadata:\n  name: numbers\nspec:\n  image: flink:2.1\n\
                        \x20 jarName: numbers.jar\n  entryClass: Numbers\n  parallelism: 2\n  flinkVersion: '2.1'\n";

    #[test]
    fn a_good_manifest_is_read() {
        assert_eq!(parse(GOOD).unwrap().len(), 1);
    }

    #[test]
    fn two_documents_are_two_applications() {
        assert_eq!(parse(&format!("{GOOD}---\n{GOOD}")).unwrap().len(), 2);
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = parse(&format!("{GOOD}  paralelism: 3\n")).unwrap_err();
        assert!(error.contains("spec.paralelism"), "{error}");
    }

    #[test]
    fn parallelism_0_is_refused_by_name() {
        let error = parse(&GOOD.replace("parallelism: 2", "parallelism: 0")).unwrap_err();
        assert!(error.contains("spec.parallelism"), "{error}");
    }

    #[test]
    fn a_wrong_type_is_named() {
        let error = parse(&GOOD.replace("parallelism: 2", "parallelism: many")).unwrap_err();
        assert!(error.contains("parallelism") || error.contains("wrong type"), "{error}");
    }

    #[test]
    fn what_is_not_yaml_is_refused() {
        assert!(parse("{{{").unwrap_err().contains("not YAML"));
    }
}
