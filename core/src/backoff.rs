//! Delays and deadlines: pure arithmetic on the time that came in.

use jiff::{SignedDuration, Timestamp};

use crate::id::fraction;
use crate::memory::Tries;
use crate::policy::Policy;

/// The time `ms` milliseconds after `from`.
pub fn after(from: Timestamp, ms: u32) -> Timestamp {
    from.checked_add(SignedDuration::from_millis(i64::from(ms))).unwrap_or(Timestamp::MAX)
}

/// Milliseconds from `from` to `to`; zero when the clock went back.
pub fn elapsed_ms(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

/// One more failed try: the next one waits `min(2^n * (b + jitter), max)`, where b is the first delay
/// and the jitter, below b, is a function of `seed`.
pub fn failed_once_more(tries: Tries, now: Timestamp, policy: &Policy, seed: &str) -> Tries {
    let base = f64::from(policy.base_backoff_ms.max(1));
    let jitter = base * fraction(&[seed, &tries.failed.to_string()]);
    let delay = (base + jitter) * 2f64.powi(i32::try_from(tries.failed.min(40)).unwrap_or(40));
    let bounded = delay.min(f64::from(policy.max_backoff_ms.max(1)));
    Tries { failed: tries.failed.saturating_add(1), not_before: Some(after(now, whole_ms(bounded))) }
}

/// The next try waits until `at` at least.
pub fn not_before(tries: Tries, at: Timestamp) -> Tries {
    Tries { not_before: Some(tries.not_before.map_or(at, |before| before.max(at))), ..tries }
}

/// When to poll something that was asked for at `since`: after 20 ms at first, then an eighth longer each time, up to
/// a second. No job runs while a savepoint is polled, so its end is noticed late by an eighth at most.
pub fn next_poll(since: Timestamp, now: Timestamp) -> Timestamp {
    let wait = (20 + elapsed_ms(since, now) / 8).min(1_000);
    after(now, u32::try_from(wait).unwrap_or(1_000))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by max_backoff_ms, a u32")]
fn whole_ms(ms: f64) -> u32 {
    ms as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_is_no_time_at_all() {
        let (now, later) = (Timestamp::UNIX_EPOCH, after(Timestamp::UNIX_EPOCH, 3_600_000));
        assert_eq!(elapsed_ms(later, now), 0);
        assert_eq!(next_poll(later, now), after(now, 20), "it is asked as soon as if it had just begun");
    }

    #[test]
    fn delays_double_up_to_the_longest_and_then_stay() {
        let policy = Policy { base_backoff_ms: 100, max_backoff_ms: 1_000, ..Policy::default() };
        let now = Timestamp::UNIX_EPOCH;
        let mut tries = Tries::default();
        for n in 0..50 {
            tries = failed_once_more(tries, now, &policy, "uid");
            let waited = tries.not_before.map_or(0, |at| elapsed_ms(now, at));
            let least = (100u64 << n.min(5)).min(1_000);
            assert!((least..=1_000).contains(&waited), "try {n} waits {waited} ms");
        }
        assert_eq!(tries.failed, 50);
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_elapsed_time() {
        assert_eq!(elapsed_ms(after(Timestamp::UNIX_EPOCH, 5), Timestamp::UNIX_EPOCH), 0);
    }

    #[test]
    fn polling_begins_at_20_ms_and_slows_to_a_second() {
        let start = Timestamp::UNIX_EPOCH;
        assert_eq!(elapsed_ms(start, next_poll(start, start)), 20);
        let later = after(start, 60_000);
        assert_eq!(elapsed_ms(later, next_poll(start, later)), 1_000);
    }
}
