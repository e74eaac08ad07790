//! Running: the spec is deployed. At rest this looks, and does nothing.

use crate::adopt;
use crate::phase::{Running, monitor, repair, rescaling};
use crate::rule::Rule;
use crate::step::Step;
use crate::view::View;

pub(super) fn step(view: &View<'_>, _at: &Running) -> Step {
    let spec = match view.spec() {
        Err(refusal) => return view.refuse(refusal),
        Ok(spec) => spec,
    };
    if let Some(step) = adopt::deployed(view).or_else(|| repair::way_to_the_originals(view)) {
        return step;
    }
    // The version of this spec was torn down: only an edit deploys it again.
    let torn_down = view.ledger().torn_down.as_ref() == Some(spec.digest());
    if !view.asks_for_deployed(spec) && !torn_down {
        let deploy = || adopt::explained(view, spec, view.begin(Rule::SpecChanged, spec));
        return rescaling::begin(view, spec).unwrap_or_else(deploy);
    }
    let Some(objects) = view.objects() else {
        return view.kubernetes_awaited();
    };
    monitor::clean_up(view, objects)
        .or_else(|| repair::deployed(view, objects))
        .or_else(|| monitor::resume(view))
        .or_else(|| monitor::refresh(view))
        .or_else(|| monitor::recover(view))
        .unwrap_or_else(|| Rule::JobRests.stay().wake_at(monitor::next_look(view)))
}
