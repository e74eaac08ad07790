//! What the API server refuses beyond types and ranges, as CEL rules.
//!
//! Each message names the field and says what to do. The parser in [`crate::application`] refuses the
//! same for objects that were written before these rules existed.

use serde_json::{Value, json};

use super::spec::FlinkApplicationSpec;

/// The longest name of an application, in characters.
///
/// The Service of a revision is called `<name>-<8 hex digits>` and a Service's name has at most 63
/// characters. All other names derived from it may be longer or are shorter.
pub const LONGEST_NAME: usize = 54;

/// A value that the resource has and that this version does not serve.
#[derive(Clone, Copy, Debug)]
pub struct NotYetServed {
    /// The field below `spec`.
    pub field: &'static str,
    /// The value, in words.
    pub value: &'static str,
    /// CEL over the spec: the field has that value.
    asked_in_cel: &'static str,
    /// The field has that value.
    pub asked: fn(&FlinkApplicationSpec) -> bool,
    /// What to write instead.
    pub advice: &'static str,
}

/// Every value that is not yet served. The release that serves one deletes its row.
pub const NOT_YET_SERVED: [NotYetServed; 6] = [
    NotYetServed {
        field: "deploymentMode",
        value: "BlueGreen",
        asked_in_cel: "self.deploymentMode == 'BlueGreen'",
        asked: |spec| spec.deployment_mode.as_deref() == Some("BlueGreen"),
        advice: "use Dual or leave the field out",
    },
    NotYetServed {
        field: "scaleMode",
        value: "InPlace",
        asked_in_cel: "self.scaleMode == 'InPlace'",
        asked: |spec| spec.scale_mode.as_deref() == Some("InPlace"),
        advice: "use NewCluster or leave the field out",
    },
    NotYetServed {
        field: "savepointDisabled",
        value: "true",
        asked_in_cel: "self.savepointDisabled",
        asked: |spec| spec.savepoint_disabled == Some(true),
        advice: "leave the field out: an update takes a savepoint",
    },
    NotYetServed {
        field: "forceRollback",
        value: "true",
        asked_in_cel: "self.forceRollback",
        asked: |spec| spec.force_rollback == Some(true),
        advice: "leave the field out and write the former spec back",
    },
    NotYetServed {
        field: "tearDownVersionHash",
        value: "a hash",
        asked_in_cel: "self.tearDownVersionHash != ''",
        asked: |spec| spec.tear_down_version_hash.as_deref().is_some_and(|hash| !hash.is_empty()),
        advice: "leave the field out: it belongs to the mode BlueGreen",
    },
    NotYetServed {
        field: "fallbackWithoutState",
        value: "true",
        asked_in_cel: "self.fallbackWithoutState",
        asked: |spec| spec.fallback_without_state == Some(true),
        advice: "leave the field out: a job is not started without its state",
    },
];

impl NotYetServed {
    /// What is wrong, without the field's name.
    pub fn problem(&self) -> String {
        format!("{} is not yet served by this version", self.value)
    }

    fn rule(&self) -> Value {
        rule(
            &format!("!(has(self.{field}) && {asked})", field = self.field, asked = self.asked_in_cel),
            &format!("spec.{}: {}; {}", self.field, self.problem(), self.advice),
            Some(self.field),
        )
    }
}

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
    let mut rules = vec![
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
    ];
    rules.extend(NOT_YET_SERVED.iter().map(NotYetServed::rule));
    rules
}

fn rule(rule: &str, message: &str, field: Option<&str>) -> Value {
    let mut written = json!({"rule": rule, "message": message});
    if let (Some(field), Some(object)) = (field, written.as_object_mut()) {
        object.insert("fieldPath".into(), format!(".{field}").into());
    }
    written
}
