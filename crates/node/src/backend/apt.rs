//! `dpkg-query` and `apt-get`.

use super::packages::{Change, Outdated, Package};
use super::{Output, ProgramError, Programs};

const QUERY: &str = "dpkg-query";
const GET: &str = "apt-get";

/// What dpkg knows of a package.
pub(super) async fn status(programs: &Programs, name: &str) -> Result<Package, ProgramError> {
    const FORMAT: &str = "-f=${db:Status-Status} ${Version} ${Architecture}\n";
    let output = programs.run(QUERY, &["-W", FORMAT, "--", name]).await?;
    match output.code {
        0 => read_status(name, &output),
        1 => Ok(Package::absent(name, "apt")),
        _ => Err(unexpected(QUERY, output.success(QUERY)?)),
    }
}

fn read_status(name: &str, output: &Output) -> Result<Package, ProgramError> {
    // One line per architecture; the installed one counts.
    let lines = output.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut absent = None;
    for line in lines {
        match line.as_slice() {
            ["installed", version, arch] => return Ok(installed(name, version, arch)),
            [_, ..] => absent = Some(Package::absent(name, "apt")),
            [] => {}
        }
    }
    absent.ok_or_else(|| unexpected(QUERY, output.clone()))
}

/// `[epoch:]upstream[-revision]`.
fn installed(name: &str, full: &str, arch: &str) -> Package {
    let (epoch, rest) = full.split_once(':').unwrap_or(("0", full));
    let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
    Package {
        ensure: full.to_owned(),
        version: Some(version.to_owned()),
        release: Some(release.to_owned()),
        epoch: Some(epoch.to_owned()),
        arch: Some(arch.to_owned()),
        ..Package::absent(name, "apt")
    }
}

pub(super) async fn change(
    programs: &Programs,
    name: &str,
    change: Change<'_>,
) -> Result<(), ProgramError> {
    let wanted = match change {
        Change::Install(Some(version)) => format!("{name}={version}"),
        Change::Install(None) | Change::Update | Change::Uninstall => name.to_owned(),
    };
    // apt-get takes a sign at the end of a name that it does not know for the opposite of what is asked.
    let opposite = match change {
        Change::Install(_) | Change::Update => wanted.ends_with('-'),
        Change::Uninstall => {
            wanted.ends_with('+') && status(programs, name).await?.version.is_none()
        }
    };
    if opposite {
        return Err(ProgramError::Refused { program: GET.to_owned(), argument: wanted });
    }
    let verb: &[&str] = match change {
        Change::Install(_) => &["install"],
        Change::Update => &["--only-upgrade", "install"],
        Change::Uninstall => &["remove"],
    };
    // A name that it does not know is no pattern either.
    let literal = ["-q", "-y", "-o", "APT::Cmd::Pattern-Only=true"];
    let arguments: Vec<&str> = [&literal, verb, &["--", &wanted]].concat();
    programs.run(GET, &arguments).await?.success(GET).map(drop)
}

pub(super) async fn outdated(programs: &Programs) -> Result<Vec<Outdated>, ProgramError> {
    let output = programs.run(GET, &["-q", "--simulate", "dist-upgrade"]).await?.success(GET)?;
    Ok(output.stdout.lines().filter_map(read_outdated).collect())
}

/// `Inst name [old] (new repository [arch])`.
fn read_outdated(line: &str) -> Option<Outdated> {
    let (package, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let inner = rest.split_once('(')?.1.split_once(')')?.0;
    let (version, repo) = inner.split_once(' ')?;
    let repo = repo.split_once(" [").map_or(repo, |(repo, _)| repo);
    Some(Outdated {
        package: package.to_owned(),
        version: version.to_owned(),
        repo: repo.to_owned(),
    })
}

fn unexpected(program: &str, output: Output) -> ProgramError {
    ProgramError::Unexpected { program: program.to_owned(), answer: output.stdout }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_an_epoch_and_a_revision_or_not() {
        let package = installed("x", "1:2.3-4", "amd64");
        assert_eq!(package.epoch.as_deref(), Some("1"));
        assert_eq!(package.version.as_deref(), Some("2.3"));
        assert_eq!(package.release.as_deref(), Some("4"));
        assert_eq!(installed("x", "2.3", "all").version.as_deref(), Some("2.3"));
    }

    #[test]
    fn lines_of_a_simulated_upgrade_are_read() {
        let line = "Inst libc6 [2.36-9] (2.36-10 Debian:12.9/stable [amd64]) []";
        let outdated = read_outdated(line).unwrap();
        assert_eq!(outdated.package, "libc6");
        assert_eq!(
            (outdated.version.as_str(), outdated.repo.as_str()),
            ("2.36-10", "Debian:12.9/stable")
        );
        assert_eq!(read_outdated("Conf libc6 (2.36-10)"), None);
    }
}
