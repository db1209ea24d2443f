//! The `.creds` text of NATS: a JWT and a seed, each between a BEGIN and an END line.

/// The JWT and the seed in a `.creds` text.
///
/// # Errors
/// What is missing.
pub(super) fn split(text: &str) -> Result<(&str, &str), &'static str> {
    let jwt = section(text, "USER JWT").ok_or("holds no NATS user JWT")?;
    let seed = section(text, "NKEY SEED").ok_or("holds no user nkey seed")?;
    Ok((jwt, seed))
}

/// The line after the BEGIN line that names `title`.
fn section<'a>(text: &'a str, title: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let begins =
        |line: &str| line.starts_with("---") && line.contains("BEGIN") && line.contains(title);
    lines.find(|line| begins(line))?;
    lines.next().filter(|line| !line.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "-----BEGIN NATS USER JWT-----\r\neyJ0.eyJ1.c2ln\r\n------END NATS USER JWT------\r\n\
        \n*** IMPORTANT ***\nkeep it\n\n-----BEGIN USER NKEY SEED-----\nSUAA\n------END USER NKEY SEED------\n";

    #[test]
    fn jwt_and_seed_are_the_lines_after_their_begin_lines() {
        assert_eq!(split(TEXT), Ok(("eyJ0.eyJ1.c2ln", "SUAA")));
    }

    #[test]
    fn what_is_missing_is_named() {
        let (jwt_only, _) = TEXT.split_once("*** IMPORTANT").unwrap();
        assert_eq!(split(jwt_only), Err("holds no user nkey seed"));
        assert_eq!(split("SUAA"), Err("holds no NATS user JWT"));
        assert_eq!(
            split("-----BEGIN NATS USER JWT-----\n------END NATS USER JWT------"),
            Err("holds no NATS user JWT")
        );
    }
}
