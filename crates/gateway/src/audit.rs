//! What operators change while a gateway runs: one line each, with who did it.

use tokio::net::unix::UCred;

/// The target of these lines, for filters: `ANTIPHON_LOG=warn,antiphon::audit=info`.
const TARGET: &str = "antiphon::audit";

/// Notes that `who` did `what`, at a level that is always logged.
pub(crate) fn note(who: &str, what: &str, detail: &str) {
    tracing::warn!(target: TARGET, who, what, detail, "an operator's order");
}

/// Who is at the other end of a Unix socket: `root (uid 0, pid 4242)`.
pub(crate) fn local(peer: Option<UCred>) -> String {
    let Some(peer) = peer else { return "somebody on this machine".to_owned() };
    let uid = peer.uid();
    let name = std::fs::read_to_string("/etc/passwd").ok().and_then(|text| name_of(&text, uid));
    let name = name.unwrap_or_else(|| "user".to_owned());
    match peer.pid() {
        Some(pid) => format!("{name} (uid {uid}, pid {pid})"),
        None => format!("{name} (uid {uid})"),
    }
}

/// The user of this number (`passwd(5)`: name, password, number, ...).
fn name_of(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number = fields.nth(1)?.parse::<u32>().ok()?;
        (number == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_that_the_system_gives() {
        let passwd = "# a comment\nroot:x:0:0::/root:/bin/sh\nops:x:1001:1001::/:/bin/sh\n";
        assert_eq!(name_of(passwd, 1001).as_deref(), Some("ops"));
        assert_eq!(name_of(passwd, 7), None);
    }
}
