//! Certificates are renewed, log-ins are kept alive, and trouble passes.

use std::{fs, sync::mpsc, time::Duration};

use antiphon_identity::vault::{Enrolment, Keeper, VaultConfig};
use tokio::{
    sync::watch,
    task::{self, JoinHandle},
    time::{self, timeout},
};

use crate::server::{Bao, PATIENCE, any};

fn keep(bao: &Bao, config: VaultConfig) -> (watch::Receiver<Enrolment>, JoinHandle<()>) {
    let mut keeper = Keeper::new(config, bao.files(), any).unwrap();
    let state = keeper.watch();
    let run = tokio::spawn(async move {
        keeper.first().await;
        keeper.run().await;
    });
    (state, run)
}

async fn reached(
    state: &mut watch::Receiver<Enrolment>,
    what: impl FnMut(&Enrolment) -> bool,
) -> Enrolment {
    let reached = timeout(2 * PATIENCE, state.wait_for(what)).await;
    reached.expect("in time").expect("the keeper goes on").clone()
}

#[tokio::test]
async fn certificates_follow_each_other_on_one_log_in_that_is_kept_alive() {
    let bao = Bao::up().await;
    let approle = bao.approle("");
    bao.run(&["write", approle.trim_end_matches('/'), "token_ttl=9s", "token_max_ttl=1h"]);
    let mut config = bao.config();
    config.ttl = Some(Duration::from_secs(12));
    let (mut state, run) = keep(&bao, config);
    reached(&mut state, |state| state.renewals == 1).await;
    let first = bao.files().load().unwrap();
    // 2/3 of 12 s each, or a little less: the log-in of 9 s must have been kept alive.
    reached(&mut state, |state| state.renewals == 4).await;
    run.abort();
    let last = bao.files().load().unwrap();
    let between = last.not_after().as_secs() - first.not_after().as_secs();
    assert!((16..=40).contains(&between), "three renewals at two thirds: {between} s");
    assert_eq!(bao.asked("auth/approle/login"), 1);
    assert!(bao.asked("auth/token/renew-self") >= 2, "{}", bao.asked("auth/token/renew-self"));
}

/// After a leak: the secret id and every log-in made with it are revoked while a gateway runs.
#[tokio::test]
async fn a_revoked_secret_id_is_told_and_a_new_one_in_the_file_is_taken_without_a_restart() {
    let bao = Bao::up().await;
    let mut config = bao.config();
    config.ttl = Some(Duration::from_secs(6));
    let secret = config.secret_id.clone().unwrap().file;
    let (mut state, run) = keep(&bao, config);
    reached(&mut state, |state| state.renewals == 1).await;
    let revoked = format!("secret_id={}", fs::read_to_string(&secret).unwrap());
    bao.run(&["write", &bao.approle("secret-id/destroy"), &revoked]);
    bao.run(&["lease", "revoke", "-sync", "-prefix", "auth/approle/login"]);
    let met = reached(&mut state, |state| state.trouble.is_some()).await;
    // One of the renewals before may have been under way.
    let (renewals, before) = (met.renewals, bao.files().load().unwrap().fingerprint());
    let trouble = met.trouble.unwrap();
    assert_eq!(trouble.kind, "login-refused", "{trouble:?}");
    assert!(trouble.text.contains("make a new secret id"), "{}", trouble.text);

    let new = bao.run(&["write", "-f", "-field=secret_id", &bao.approle("secret-id")]);
    fs::write(secret, new).unwrap();
    let now = reached(&mut state, |state| state.renewals > renewals).await;
    assert_eq!(now.trouble, None);
    assert_ne!(bao.files().load().unwrap().fingerprint(), before);
    run.abort();
}

/// A restart forgets what was unwrapped. The certificate is good for days yet.
#[tokio::test]
async fn a_spent_wrapping_is_told_at_the_start_and_a_new_one_is_used_before_it_ends() {
    let bao = Bao::up().await;
    let wrapped = || {
        let path = bao.approle("secret-id");
        bao.run(&["write", "-wrap-ttl=10m", "-field=wrapping_token", "-f", &path])
    };
    let config = bao.config_with(&wrapped(), true);
    let secret = config.secret_id.clone().unwrap().file;
    let (mut state, run) = keep(&bao, config.clone());
    reached(&mut state, |state| state.renewals == 1).await;
    run.abort();
    let before = bao.files().load().unwrap().fingerprint();

    let (mut state, run) = keep(&bao, config);
    let met = reached(&mut state, |state| state.trouble.is_some()).await;
    assert_eq!((met.renewals, met.trouble.unwrap().kind), (0, "wrapping-spent"));
    assert_eq!(bao.files().load().unwrap().fingerprint(), before);
    fs::write(secret, wrapped()).unwrap();
    let now = reached(&mut state, |state| state.renewals == 1).await;
    assert_eq!(now.trouble, None);
    assert_eq!(bao.asked("auth/approle/login"), 2);
    run.abort();
}

/// Ten minutes pass at once: the clock is moved on after each attempt, by what it waits for.
#[tokio::test]
async fn sealed_for_ten_minutes_costs_nothing_but_alarms() {
    let bao = Bao::up().await;
    let mut config = bao.config();
    config.ttl = Some(Duration::from_secs(3600));
    let (mut state, run) = keep(&bao, config);
    reached(&mut state, |state| state.renewals == 1).await;
    let before = bao.files().load().unwrap().fingerprint();
    bao.seal();

    let held = hold_the_clock();
    time::advance(Duration::from_secs(3600)).await;
    let mut sealed = Duration::ZERO;
    let mut attempts = 0;
    while sealed < Duration::from_secs(600) {
        attempts += 1;
        let now = reached(&mut state, |state| state.failures >= attempts).await;
        let trouble = now.trouble.expect("it says what is wrong");
        assert_eq!(trouble.kind, "sealed");
        assert!(trouble.text.contains("unseal it"), "{}", trouble.text);
        assert_eq!(bao.files().load().unwrap().fingerprint(), before);
        // The longest pause after so many failures.
        let pause = Duration::from_millis(1250) * 2u32.pow((attempts - 1).min(6));
        time::advance(pause.min(Duration::from_secs(75))).await;
        sealed += pause.min(Duration::from_secs(75));
    }
    assert!((8..=30).contains(&attempts), "backoff: {attempts} attempts in ten minutes");

    bao.unseal().await;
    let mut renewed = None;
    while renewed.is_none() {
        time::advance(Duration::from_secs(75)).await;
        let change = time::timeout(Duration::MAX, state.changed()).await;
        change.unwrap().unwrap();
        let now = state.borrow_and_update().clone();
        renewed = (now.renewals == 2).then_some(now);
    }
    assert_eq!(renewed.unwrap().trouble, None);
    assert_ne!(bao.files().load().unwrap().fingerprint(), before);
    run.abort();
    drop(held);
}

/// The runtime's clock stands still until it is moved: a blocking task keeps it from running ahead
/// while sockets are waited for. Ends with what is returned.
fn hold_the_clock() -> mpsc::Sender<()> {
    let (held, end) = mpsc::channel::<()>();
    task::spawn_blocking(move || end.recv());
    time::pause();
    held
}
