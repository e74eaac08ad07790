//! New: nothing was decided yet.

use crate::rule::Rule;
use crate::step::Step;
use crate::view::View;

pub(super) fn step(view: &View<'_>) -> Step {
    match view.spec() {
        Ok(spec) => view.begin(Rule::DeployBegun, spec),
        Err(refusal) => view.refuse(refusal),
    }
}
