use super::*;

const LONG: Duration = Duration::from_secs(30);

fn shell(folder: &Path, script: &str) -> Process {
    let arguments = vec!["-c".into(), script.into()];
    Process::new("the script", Path::new("/bin/sh"), arguments, &folder.join("log"))
}

fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_process_ends_when_its_owner_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = shell(folder.path(), "exec sleep 600");
    process.start().unwrap();
    let pid = process.pid().unwrap();
    assert!(process.is_running());
    assert!(exists(pid));

    drop(process);

    assert!(!exists(pid));
}

#[test]
fn a_process_ends_when_its_owner_panics() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = shell(folder.path(), "exec sleep 600");
    process.start().unwrap();
    let pid = process.pid().unwrap();

    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _owner = process;
        panic!("on purpose");
    }));

    assert!(panicked.is_err());
    assert!(!exists(pid));
}

#[tokio::test]
async fn a_process_that_ends_early_is_reported_with_the_end_of_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = shell(folder.path(), "echo the address is taken; exit 3");
    process.start().unwrap();

    let error = process.ready(LONG, "never speaks", async || None::<()>).await.unwrap_err();

    assert!(matches!(error, ProcessError::Ended { .. }));
    let text = error.to_string();
    assert!(text.contains("exit status: 3") && text.contains("the address is taken"), "{text}");
}

#[tokio::test]
async fn a_process_that_is_not_ready_in_time_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = shell(folder.path(), "exec sleep 600");
    process.start().unwrap();

    let error = process.ready(Duration::ZERO, "never speaks", async || None::<()>).await;

    let error = error.unwrap_err();
    assert!(error.to_string().starts_with("the script never speaks within 0ns"), "{error}");
}

#[tokio::test]
async fn a_process_is_asked_to_end_and_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut process =
        shell(folder.path(), "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done");
    process.start().unwrap();
    let log = process.log().to_owned();
    process
        .ready(LONG, "is not up", async || {
            fs::read_to_string(&log).ok().filter(|log| !log.is_empty())
        })
        .await
        .unwrap();

    process.terminate();
    let status = process.end(LONG).await.unwrap();

    assert_eq!(status.code(), Some(7));
    assert!(!process.is_running());
}

#[test]
fn a_program_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut process =
        Process::new("x", Path::new("/no/such/program"), Vec::new(), &folder.path().join("log"));
    let error = process.start().unwrap_err();
    assert_eq!(error.to_string(), "x: /no/such/program cannot be started");
}
