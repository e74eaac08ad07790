//! The root cause of a failure, out of the Java stack traces that Flink answers with.

use crate::error::one_line;

/// Exceptions that only carry another one across threads or the network.
const WRAPPERS: [&str; 4] = [
    "java.util.concurrent.CompletionException",
    "java.util.concurrent.ExecutionException",
    "org.apache.flink.util.SerializedThrowable",
    "org.apache.flink.runtime.rest.handler.RestHandlerException",
];

/// The innermost cause of a stack trace in one line: class and message.
///
/// Causes of suppressed exceptions are indented and do not count.
pub fn root_cause(trace: &str) -> String {
    let chain = chain(trace);
    match chain.last() {
        Some(cause) => one_line(without_wrappers(cause)),
        None => one_line(trace),
    }
}

/// Whether an exception of this class (without its package) is anywhere in the chain of causes.
pub fn mentions(trace: &str, class: &str) -> bool {
    chain(trace).iter().any(|cause| cause.split([':', '.', ' ', '$']).any(|word| word == class))
}

/// The head of every exception in the chain, the outermost first.
fn chain(trace: &str) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    let mut in_message = false;
    for line in trace.lines() {
        let line = line.strip_prefix("<Exception on server side:").unwrap_or(line);
        if line.trim().is_empty() || line.starts_with("End of exception on server side") {
            continue;
        }
        if line.starts_with(|first: char| first.is_whitespace()) {
            // A frame, or something suppressed. An indented line of a message is worth little.
            in_message = false;
        } else if let Some(head) = line.strip_prefix("Caused by:") {
            chain.push(head.trim().to_owned());
            in_message = true;
        } else if chain.is_empty() || is_head(line) {
            chain.push(line.trim().to_owned());
            in_message = true;
        } else if let (true, Some(head)) = (in_message, chain.last_mut()) {
            head.push(' ');
            head.push_str(line.trim());
        }
    }
    chain
}

/// Whether a line begins with the name of an exception class.
fn is_head(line: &str) -> bool {
    let name = line.split([':', ' ']).next().unwrap_or_default();
    let in_a_package = name.contains('.') && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$'));
    in_a_package && ["Exception", "Error", "Throwable"].iter().any(|end| name.ends_with(end))
}

/// `wrapper: cause` is `cause`; a wrapper that has only its own message stays.
fn without_wrappers(mut head: &str) -> &str {
    for _ in 0..WRAPPERS.len() {
        let Some((class, rest)) = head.split_once(": ") else { break };
        if !WRAPPERS.contains(&class.trim()) {
            break;
        }
        head = rest.trim();
    }
    head
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const DUPLICATE: &str = "org.apache.flink.runtime.rest.handler.RestHandlerException: Could not execute application.\n\
        \tat org.apache.flink.runtime.webmonitor.handlers.JarRunHandler.lambda$handleRequest$1(JarRunHandler.java:114)\n\
        \tat java.base/java.lang.Thread.run(Thread.java:840)\n\
        Caused by: java.util.concurrent.CompletionException: org.apache.flink.util.FlinkRuntimeException: Could not execute application.\n\
        \tat java.base/java.util.concurrent.CompletableFuture.encodeThrowable(CompletableFuture.java:315)\n\
        \t... 2 more\n\
        Caused by: org.apache.flink.util.FlinkRuntimeException: Could not execute application.\n\
        \t... 2 more\n\
        Caused by: org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: Failed to execute job 'count'.\n\
        \t... 4 more\n\
        Caused by: org.apache.flink.runtime.client.DuplicateJobSubmissionException: Job has already been submitted.\n\
        \tat org.apache.flink.runtime.client.DuplicateJobSubmissionException.of(DuplicateJobSubmissionException.java:29)\n\
        \t... 8 more\n";

    #[test]
    fn the_innermost_cause_is_the_root() {
        assert_eq!(
            root_cause(DUPLICATE),
            "org.apache.flink.runtime.client.DuplicateJobSubmissionException: Job has already been submitted."
        );
        assert!(mentions(DUPLICATE, "DuplicateJobSubmissionException"));
        assert!(mentions(DUPLICATE, "ProgramInvocationException"));
        assert!(!mentions(DUPLICATE, "JobSubmissionException"), "part of a longer name is another class");
    }

    #[test]
    fn a_trace_from_the_server_side_loses_its_frame() {
        let trace = "<Exception on server side:\n\
            java.util.concurrent.CompletionException: org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (aa11)\n\
            \tat java.base/java.util.concurrent.CompletableFuture.encodeThrowable(CompletableFuture.java:332)\n\
            \n\
            End of exception on server side>";
        assert_eq!(
            root_cause(trace),
            "org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (aa11)"
        );
    }

    #[test]
    fn serialized_throwables_are_looked_through() {
        let trace = "org.apache.flink.util.SerializedThrowable: java.util.concurrent.CompletionException: \
            java.io.FileNotFoundException: /data/orders.csv (No such file or directory)\n\tat a.B.c(B.java:1)\n";
        assert_eq!(root_cause(trace), "java.io.FileNotFoundException: /data/orders.csv (No such file or directory)");
    }

    #[test]
    fn what_was_suppressed_is_no_cause() {
        let trace = "java.lang.IllegalStateException: the real one\n\
            \tat a.B.c(B.java:1)\n\
            \tSuppressed: java.io.IOException: while closing\n\
            \t\tat a.B.d(B.java:2)\n\
            \tCaused by: java.net.SocketException: beside the point\n\
            \t\tat a.B.e(B.java:3)\n";
        assert_eq!(root_cause(trace), "java.lang.IllegalStateException: the real one");
    }

    #[test]
    fn a_message_of_several_lines_becomes_one() {
        let trace = "org.apache.flink.client.program.ProgramInvocationException: Neither a 'Main-Class',\n\
            nor a 'program-class' entry was found in the jar file.\n\tat a.B.c(B.java:1)\n";
        assert_eq!(
            root_cause(trace),
            "org.apache.flink.client.program.ProgramInvocationException: Neither a 'Main-Class', \
             nor a 'program-class' entry was found in the jar file."
        );
    }

    #[test]
    fn a_sentence_without_a_trace_is_its_own_cause() {
        assert_eq!(root_cause("Job could not be found.\n"), "Job could not be found.");
        assert_eq!(root_cause(""), "");
    }
}
