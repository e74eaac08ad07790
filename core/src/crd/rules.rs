//! What the API server refuses beyond types and ranges, as CEL rules.
//!
//! Each message names the field and says what to do. The parser in [`crate::application`] refuses the
//! same for objects that were written before these rules existed.

use serde_json::{Value, json};

/// The longest name of an application, in characters.
///
/// The Service of a revision is called `<name>-<8 hex digits>` and a Service's name has at most 63
/// characters. All other names derived from it may be longer or are shorter.
pub const LONGEST_NAME: usize = 54;

/// The rules that need the name, at the root of the object.
pub(super) fn of_the_object() -> Vec<Value> {
    vec![
        rule(
            &format!("size(self.metadata.name) <= {LONGEST_NAME}"),
            &format!(
                "metadata.name: longer than {LONGEST_NAME} characters, and the Service of a deploy is called \
                 <name>-<8 characters> with at most 63; choose a shorter name"
            ),
            None,
        ),
        rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "metadata.name: Services are named after the application, so the name must start with a letter, \
             end with a letter or a digit and hold only a-z, 0-9 and '-'; choose such a name",
            None,
        ),
    ]
}

/// The rules over the spec. They stay silent while the spec stays as it is, so that a status can be
/// written and a finalizer be removed on an object that is older than the rules.
pub(super) fn of_the_spec() -> Vec<Value> {
    let blue_green = |spec: &str| format!("(has({spec}.deploymentMode) && {spec}.deploymentMode == 'BlueGreen')");
    vec![
        rule(
            &format!("{} == {}", blue_green("self"), blue_green("oldSelf")),
            "spec.deploymentMode: an application does not change between BlueGreen and the other modes (no mode \
             means Dual); delete it and create it anew",
            Some("deploymentMode"),
        ),
        rule(
            "!self.jarName.contains('/')",
            "spec.jarName: Flink knows jars by their file name; write the name without a path",
            Some("jarName"),
        ),
        rule(
            &format!("!({} && has(self.scaleMode) && self.scaleMode == 'InPlace')", blue_green("self")),
            "spec.scaleMode: InPlace scales the one running job, and BlueGreen runs two; leave scaleMode out, or use \
             deploymentMode Dual",
            Some("scaleMode"),
        ),
    ]
}

fn rule(rule: &str, message: &str, field: Option<&str>) -> Value {
    let mut written = json!({"rule": rule, "message": message});
    if let (Some(field), Some(object)) = (field, written.as_object_mut()) {
        object.insert("fieldPath".into(), format!(".{field}").into());
    }
    written
}
