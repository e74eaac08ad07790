//! The beginning of an update is the same in most scenarios: it is told in one line.

/// `lines` with each plain beginning of an update in one line.
pub fn briefly(lines: &[String]) -> Vec<String> {
    let mut told = Vec::new();
    let mut rest = lines;
    while let [first, others @ ..] = rest {
        match others {
            [second, third, others @ ..] if let Some(line) = begins(first, second, third) => {
                told.push(line);
                rest = others;
            }
            _ => {
                told.push(first.clone());
                rest = others;
            }
        }
    }
    told
}

/// Three lines that say no more than that a new cluster is made and gets ready.
fn begins(first: &str, second: &str, third: &str) -> Option<String> {
    let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let phase = plain(first).strip_suffix(" SpecChanged ->")?.to_owned();
    let second = plain(second);
    let created = second.strip_prefix("Updating ClusterRequested (CreateDeployment ")?;
    let created = created.strip_suffix("), ClusterCreated ->")?;
    let revision = created.split('-').next()?;
    let is_plain = !created.contains(['(', '[']) && plain(third) == "ClusterStarting ClusterReady ->";
    is_plain.then(|| format!("      {phase:<15} SpecChanged -> Updating -> ClusterStarting: {revision} gets ready ->"))
}
