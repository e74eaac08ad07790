//! A record of what the original operator really makes of resources. It is no part of the repository.

use std::path::{Path, PathBuf};

use flink_operator_core::application::Application;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::policy::Policy;
use serde_json::Value;

/// The recorded cases: `LYFT_GOLDEN` names the file, or else it is looked for beside the repository's directory.
/// None where there is no record.
pub fn golden() -> Option<Vec<Value>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap();
    let beside = || repository.with_file_name("shared").join("spec/lyft-golden.json");
    let path = std::env::var_os("LYFT_GOLDEN").map_or_else(beside, PathBuf::from);
    let Ok(text) = std::fs::read(&path) else {
        println!("not run: there is no record of the original's objects; name one in LYFT_GOLDEN");
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

/// The operator's configuration of a case.
pub fn policy(case: &Value) -> Policy {
    let text = |key: &str| case["operatorConfig"][key].as_str().unwrap().to_owned();
    Policy {
        container_name_format: text("containerNameFormat"),
        ingress_url_format: text("ingressUrlFormat"),
        scheduler_name: text("schedulerName"),
        ..Policy::default()
    }
}

/// The resource of a case without the values that this version refuses; none of them shapes an object.
pub fn served(case: &Value) -> Value {
    let mut input = case["input"].clone();
    // One recorded input has a boolean where the API server takes only text, and the object the text.
    for mount in input["spec"].get_mut("volumeMounts").and_then(Value::as_array_mut).into_iter().flatten() {
        if mount["subPath"] == true {
            mount["subPath"] = "true".into();
        }
    }
    let read = Application::parse(&serde_json::from_value::<FlinkApplication>(input.clone()).unwrap());
    let refused = read.spec.err().map(|refusal| refusal.to_string()).unwrap_or_default();
    input["spec"].as_object_mut().unwrap().retain(|field, _| {
        let refused = refused.contains(&format!("spec.{field}"));
        if refused {
            println!("left out {field}, which is not yet served");
        }
        !refused
    });
    input
}
