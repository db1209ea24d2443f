//! `rpm` and `dnf`.

use super::packages::{Change, Outdated, Package};
use super::{ProgramError, Programs};

const QUERY: &str = "rpm";
const DNF: &str = "dnf";

/// `dnf check-update` says with this code that there are updates.
const UPDATES_AVAILABLE: i32 = 100;

/// What rpm knows of a package.
pub(super) async fn status(programs: &Programs, name: &str) -> Result<Package, ProgramError> {
    const FORMAT: &str = "%|EPOCH?{%{EPOCH}}:{0}| %{VERSION} %{RELEASE} %{ARCH}\n";
    let output = programs.run(QUERY, &["-q", "--qf", FORMAT, "--", name]).await?;
    match output.code {
        0 => read_status(name, &output.stdout).ok_or_else(|| ProgramError::Unexpected {
            program: QUERY.to_owned(),
            answer: output.stdout.clone(),
        }),
        1 => Ok(Package::absent(name, "dnf")),
        _ => Err(ProgramError::Unexpected { program: QUERY.to_owned(), answer: output.stderr }),
    }
}

/// Of several installed versions the last line is the newest.
fn read_status(name: &str, stdout: &str) -> Option<Package> {
    let words: Vec<&str> = stdout.lines().last()?.split_whitespace().collect();
    let [epoch, version, release, arch] = words.as_slice() else { return None };
    Some(Package {
        ensure: format!("{version}-{release}"),
        version: Some((*version).to_owned()),
        release: Some((*release).to_owned()),
        epoch: Some((*epoch).to_owned()),
        arch: Some((*arch).to_owned()),
        ..Package::absent(name, "dnf")
    })
}

pub(super) async fn change(
    programs: &Programs,
    name: &str,
    change: Change<'_>,
) -> Result<(), ProgramError> {
    let wanted = match change {
        Change::Install(Some(version)) => format!("{name}-{version}"),
        Change::Install(None) | Change::Update | Change::Uninstall => name.to_owned(),
    };
    let verb = match change {
        Change::Install(_) => "install",
        Change::Update => "update",
        Change::Uninstall => "remove",
    };
    programs.run(DNF, &["-q", "-y", verb, wanted.as_str()]).await?.success(DNF).map(drop)
}

pub(super) async fn outdated(programs: &Programs) -> Result<Vec<Outdated>, ProgramError> {
    let output = programs.run(DNF, &["-q", "check-update"]).await?;
    if output.code == UPDATES_AVAILABLE {
        return Ok(output.stdout.lines().filter_map(read_outdated).collect());
    }
    output.success(DNF).map(|_| Vec::new())
}

/// `name.arch version repository`.
fn read_outdated(line: &str) -> Option<Outdated> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [package, version, repo] = words.as_slice() else { return None };
    let (package, _) = package.rsplit_once('.')?;
    Some(Outdated {
        package: package.to_owned(),
        version: (*version).to_owned(),
        repo: (*repo).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_several_versions_counts() {
        let package = read_status("kernel", "0 6.1 1.el9 x86_64\n0 6.2 1.el9 x86_64\n").unwrap();
        assert_eq!(package.ensure, "6.2-1.el9");
        assert_eq!(read_status("kernel", "what"), None);
    }

    #[test]
    fn lines_of_check_update_are_read() {
        let outdated = read_outdated("bash.x86_64   5.1.8-9.el9   baseos").unwrap();
        assert_eq!((outdated.package.as_str(), outdated.repo.as_str()), ("bash", "baseos"));
        assert_eq!(read_outdated("Obsoleting Packages"), None);
    }
}
