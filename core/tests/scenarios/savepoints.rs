use super::tale::Scenario;
pub const ALL: &[Scenario] = &[];
