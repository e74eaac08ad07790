//! DeployFailed: the last deploy was given up. What ran before is watched as in Running; the failed
//! cluster goes, and any edit that asks for something else begins another deploy.

use crate::adopt;
use crate::application::Spec;
use crate::phase::{DeployFailed, monitor, repair, rescaling};
use crate::rule::Rule;
use crate::step::Step;
use crate::view::View;

pub(super) fn step(view: &View<'_>, _at: &DeployFailed) -> Step {
    match view.spec() {
        Err(refusal) if !refused_before(view) => return view.refuse(refusal),
        Err(_) => {
            if let Some(step) = taken_over(view) {
                return step;
            }
        }
        Ok(spec) => {
            if let Some(step) = taken_over(view).or_else(|| edited(view, spec)) {
                return step;
            }
        }
    }
    let Some(objects) = view.objects() else {
        return view.kubernetes_awaited();
    };
    monitor::clean_up(view, objects)
        .or_else(|| repair::deployed(view, objects))
        .or_else(|| monitor::resume(view))
        .or_else(|| monitor::refresh(view))
        .or_else(|| monitor::recover(view))
        .unwrap_or_else(|| Rule::FailureRests.stay().wake_at(monitor::next_look(view)))
}

fn taken_over(view: &View<'_>) -> Option<Step> {
    adopt::deployed(view).or_else(|| repair::way_to_the_originals(view))
}

/// This very edit was refused.
fn refused_before(view: &View<'_>) -> bool {
    view.ledger().failed.as_ref().is_some_and(|failed| failed.generation == view.app.generation)
}

fn edited(view: &View<'_>, spec: &Spec) -> Option<Step> {
    let runs_as_asked = view.asks_for_deployed(spec) && view.deployed_job_untouched();
    if runs_as_asked && !monitor::was_stopped(view) {
        Some(view.revert())
    } else if view.has_failed(spec) {
        None
    } else {
        let deploy = || adopt::explained(view, spec, view.begin(Rule::SpecChanged, spec));
        Some(rescaling::begin(view, spec).unwrap_or_else(deploy))
    }
}
