//! Whether the namespace's quotas and the nodes have room for what is needed beside what runs.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod, ResourceQuota};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde::Serialize;

use super::extra::{Amounts, Asks, Extra, amount};

/// How long nodes and pods may take to be listed: a plan is made in two seconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where there is room, and where not.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// What is too small, and by how much.
    pub lacks: Vec<String>,
    /// What could not be looked at, and why.
    pub not_looked_at: Vec<String>,
}

/// Looks at quotas and nodes.
/// <https://kubernetes.io/docs/concepts/policy/resource-quotas/>
pub async fn look(client: &Client, namespace: &str, extra: &Extra) -> Room {
    let mut room = Room::default();
    let quotas: Api<ResourceQuota> = Api::namespaced(client.clone(), namespace);
    match quotas.list(&ListParams::default()).await {
        Ok(quotas) => quotas.iter().for_each(|quota| room.quota(quota, extra)),
        Err(error) => room.not_looked_at.push(format!("quotas: {}", why(&error))),
    }
    match tokio::time::timeout(PATIENCE, nodes(client)).await {
        Ok(Ok((nodes, pods))) => room.lacks.extend(on_nodes(&nodes, &pods, extra)),
        Ok(Err(error)) => room.not_looked_at.push(format!("nodes: {}", why(&error))),
        Err(_) => room.not_looked_at.push(format!("nodes: there are too many pods to list them in {PATIENCE:?}")),
    }
    room
}

async fn nodes(client: &Client) -> kube::Result<(Vec<Node>, Vec<Pod>)> {
    let (nodes, pods): (Api<Node>, Api<Pod>) = (Api::all(client.clone()), Api::all(client.clone()));
    let (all, live) =
        (ListParams::default(), ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed"));
    let (nodes, pods) = futures::try_join!(nodes.list(&all), pods.list(&live))?;
    Ok((nodes.items, pods.items))
}

fn why(error: &kube::Error) -> String {
    if let kube::Error::Api(refusal) = error { refusal.message.clone() } else { error.to_string() }
}

impl Room {
    /// What this quota leaves, against what is needed. One for some kinds of pods only may not be meant.
    fn quota(&mut self, quota: &ResourceQuota, extra: &Extra) {
        let name = quota.name_any();
        let scoped = quota.spec.as_ref().is_some_and(|spec| spec.scopes.is_some() || spec.scope_selector.is_some());
        if scoped {
            self.not_looked_at.push(format!("quota {name}: it is for some pods only (its scopes)"));
            return;
        }
        let Some(status) = &quota.status else { return };
        let (hard, used) = (status.hard.clone().unwrap_or_default(), status.used.clone().unwrap_or_default());
        let sum = |of: fn(&Asks) -> Amounts| extra.each.iter().map(of).fold(Amounts::default(), Amounts::plus);
        let (requests, limits) = (sum(|asks| asks.requests), sum(|asks| asks.limits));
        let pods = i128::try_from(extra.pods).unwrap_or(i128::MAX);
        for resource in hard.keys() {
            let left = amount(&hard, resource).unwrap_or_default() - amount(&used, resource).unwrap_or_default();
            let (needed, left, unit) = match resource.as_str() {
                "pods" | "count/pods" => (pods, left / NANOS, "pods"),
                "cpu" | "requests.cpu" => (requests.nano_cores / MILLIS, left / MILLIS, "millicores"),
                "limits.cpu" => (limits.nano_cores / MILLIS, left / MILLIS, "millicores"),
                "memory" | "requests.memory" => (requests.mebibytes(), left / NANOS / MEBI, "MiB"),
                "limits.memory" => (limits.mebibytes(), left / NANOS / MEBI, "MiB"),
                _ => continue,
            };
            if needed > left {
                self.lacks.push(format!("quota {name} leaves {left} {unit} ({resource}), and {needed} are needed"));
            }
        }
    }
}

const NANOS: i128 = 1_000_000_000;
/// Billionths in a thousandth.
const MILLIS: i128 = 1_000_000;
const MEBI: i128 = 1024 * 1024;

/// What a node has left.
struct Free {
    amounts: Amounts,
    pods: i128,
}

/// Puts the largest pods first, each on the first node that has room. None if all find one.
fn on_nodes(nodes: &[Node], pods: &[Pod], extra: &Extra) -> Option<String> {
    let mut free: Vec<Free> = nodes.iter().filter(|node| takes_pods(node)).map(|node| left(node, pods)).collect();
    let mut each = extra.each.clone();
    each.sort_by_key(|asks| std::cmp::Reverse((asks.requests.bytes, asks.requests.nano_cores)));
    let homeless: Vec<&Asks> = each.iter().filter(|asks| !placed(&mut free, asks.requests)).collect();
    let one = homeless.first()?.requests;
    Some(format!(
        "nodes: of {} pods {} find no node with room (one asks for {} cores and {} MiB), unless the cluster grows",
        each.len(),
        homeless.len(),
        one.cores(),
        one.mebibytes()
    ))
}

fn placed(free: &mut [Free], asks: Amounts) -> bool {
    let fits =
        |it: &&mut Free| it.pods > 0 && it.amounts.nano_cores >= asks.nano_cores && it.amounts.bytes >= asks.bytes;
    let Some(node) = free.iter_mut().find(fits) else { return false };
    node.pods -= 1;
    node.amounts.nano_cores -= asks.nano_cores;
    node.amounts.bytes -= asks.bytes;
    true
}

/// It is ready, and not cordoned off.
fn takes_pods(node: &Node) -> bool {
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or_default();
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.into_iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True");
    ready && !cordoned
}

fn left(node: &Node, pods: &[Pod]) -> Free {
    let allocatable = node.status.as_ref().and_then(|status| status.allocatable.clone()).unwrap_or_default();
    let has = |resource: &str| amount(&allocatable, resource).unwrap_or_default();
    let name = node.name_any();
    let on_it = pods.iter().filter_map(|pod| pod.spec.as_ref()).filter(|spec| spec.node_name.as_ref() == Some(&name));
    let start = Free { amounts: Amounts::each(has), pods: has("pods") / NANOS };
    on_it.map(|spec| Asks::of(spec).requests).fold(start, |free, taken| Free {
        amounts: Amounts {
            nano_cores: free.amounts.nano_cores - taken.nano_cores,
            bytes: free.amounts.bytes - taken.bytes,
        },
        pods: free.pods - 1,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Pods of so many cores and GiB; their limit is the double.
    fn extra(pods: &[(i64, i64)]) -> Extra {
        let spec = |(cores, gibibytes): &(i64, i64)| pod(*cores, *gibibytes, None).spec.unwrap();
        Extra::of(pods.iter().map(|pod| Asks::of(&spec(pod))).collect())
    }

    fn pod(cores: i64, gibibytes: i64, node: Option<&str>) -> Pod {
        let of =
            |factor: i64| json!({ "cpu": (cores * factor).to_string(), "memory": format!("{}Gi", gibibytes * factor) });
        let container = json!({ "name": "main", "resources": { "requests": of(1), "limits": of(2) } });
        serde_json::from_value(json!({ "spec": { "containers": [container], "nodeName": node } })).unwrap()
    }

    fn quota(spec: Value, hard: Value, used: Value) -> ResourceQuota {
        let quota = json!({ "metadata": { "name": "team" }, "spec": spec, "status": { "hard": hard, "used": used } });
        serde_json::from_value(quota).unwrap()
    }

    fn room(quota: &ResourceQuota, extra: &Extra) -> Room {
        let mut room = Room::default();
        room.quota(quota, extra);
        room
    }

    #[test]
    fn a_quota_is_compared_with_requests_limits_and_the_number_of_pods() {
        let hard = json!({ "requests.cpu": "10", "limits.memory": "16Gi", "pods": "5", "services": "1" });
        let used = json!({ "requests.cpu": "6500m", "limits.memory": "8Gi", "pods": "3", "services": "1" });
        let quota = quota(json!({}), hard, used);
        assert_eq!(room(&quota, &extra(&[(1, 2), (2, 2)])), Room::default());
        let lacks = room(&quota, &extra(&[(1, 2), (2, 2), (1, 1)])).lacks;
        assert_eq!(
            lacks,
            [
                "quota team leaves 8192 MiB (limits.memory), and 10240 are needed",
                "quota team leaves 2 pods (pods), and 3 are needed",
                "quota team leaves 3500 millicores (requests.cpu), and 4000 are needed",
            ]
        );
    }

    #[test]
    fn a_quota_with_scopes_may_not_be_meant_and_is_told_of() {
        let quota = quota(json!({ "scopes": ["BestEffort"] }), json!({ "pods": "0" }), json!({ "pods": "0" }));
        let room = room(&quota, &extra(&[(1, 1)]));
        assert_eq!((room.lacks.len(), room.not_looked_at.len()), (0, 1));
    }

    fn node(name: &str, cores: i64, gibibytes: i64, spec: Value) -> Node {
        let allocatable = json!({ "cpu": cores.to_string(), "memory": format!("{gibibytes}Gi"), "pods": "3" });
        let status = json!({ "allocatable": allocatable, "conditions": [{ "type": "Ready", "status": "True" }] });
        serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec, "status": status })).unwrap()
    }

    #[test]
    fn pods_are_put_on_nodes_with_what_runs_there_set_off() {
        let nodes = [node("a", 4, 8, json!({})), node("b", 4, 8, json!({}))];
        let running = [pod(2, 4, Some("a")), pod(100, 100, Some("elsewhere"))];
        assert_eq!(on_nodes(&nodes, &running, &extra(&[(2, 4), (4, 8)])), None);
        let why = on_nodes(&nodes, &running, &extra(&[(3, 4), (3, 4)])).unwrap();
        assert!(
            why.starts_with("nodes: of 2 pods 1 find no node with room (one asks for 3 cores and 4096 MiB)"),
            "{why}"
        );
    }

    #[test]
    fn a_node_takes_no_more_pods_than_it_may_and_none_when_it_is_cordoned() {
        let small = extra(&[(0, 0), (0, 0), (0, 0), (0, 0)]);
        assert!(on_nodes(&[node("a", 64, 64, json!({}))], &[], &small).is_some());
        let cordoned = node("b", 64, 64, json!({ "unschedulable": true }));
        assert!(on_nodes(&[node("a", 64, 64, json!({})), cordoned], &[], &small).is_some());
        let two = [node("a", 64, 64, json!({})), node("b", 64, 64, json!({}))];
        assert_eq!(on_nodes(&two, &[], &small), None);
    }
}
