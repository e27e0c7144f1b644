//! What goes on beside the listeners of a server that runs: following files, and an orderly end.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use crate::control::Stop;
use crate::error::ServeError;
use crate::listener::ListenerHandle;
use crate::reload::Running;
use crate::status::{LifePhase, Reload};
use crate::watch::Watch;

/// Reloads when files change or somebody asks.
pub(crate) async fn follow_files(running: Arc<Running>, mut asked: mpsc::Receiver<oneshot::Sender<Reload>>) {
    let starting = Arc::clone(&running);
    let watch = spawn_blocking(move || Watch::new(&starting.files(), starting.seen.clone())).await;
    let Ok(mut watch) = watch.inspect_err(not_followed) else {
        return;
    };
    loop {
        let answer = tokio::select! {
            () = watch.changed() => None,
            answer = asked.recv() => match answer {
                Some(answer) => {
                    watch.look().await;
                    Some(answer)
                }
                None => return,
            },
        };
        let reloading = Arc::clone(&running);
        let Ok(outcome) = spawn_blocking(move || reloading.reload()).await else {
            tracing::error!(target: "palisade::reload", "the reload broke off; what applied before stays in force");
            continue;
        };
        let followed = Arc::clone(&running);
        let following = spawn_blocking(move || {
            watch.follow(&followed.files());
            watch
        });
        watch = match following.await.inspect_err(not_followed) {
            Ok(watch) => watch,
            Err(_) => return,
        };
        if let Some(answer) = answer {
            // Whoever asked may have gone.
            let _ = answer.send(outcome);
        }
    }
}

/// The end of the runtime is no news.
fn not_followed(error: &JoinError) {
    if error.is_panic() {
        tracing::error!(target: "palisade::reload", %error, "files are no longer followed; reloads need a restart");
    }
}

/// Waits for the end, and sees to it that it is orderly.
pub(crate) async fn supervise(
    mut serving: JoinSet<io::Result<()>>,
    handles: &[ListenerHandle],
    mut stop: watch::Receiver<Stop>,
    running: &Running,
) -> Result<(), ServeError> {
    let ended = tokio::select! {
        result = serving.join_next() => of_listener(result),
        () = told(&mut stop, Stop::Drain) => Ok(()),
    };
    let drain = running.started.drain_timeout.get();
    running.status.enter(LifePhase::Draining);
    tracing::info!(target: "palisade::listener", ?drain, "draining");
    for handle in handles {
        handle.drain(drain);
    }
    let finished = tokio::select! {
        finished = all(&mut serving) => finished,
        () = told(&mut stop, Stop::Now) => {
            for handle in handles {
                handle.stop();
            }
            all(&mut serving).await
        }
    };
    ended.and(finished)
}

/// Waits until the server is told to stop that far. The server itself holds a sender, so nothing else ends the wait.
async fn told(stop: &mut watch::Receiver<Stop>, how: Stop) {
    let _ = stop.wait_for(|stop| *stop >= how).await;
}

/// Waits for every listener; the first error counts.
async fn all(serving: &mut JoinSet<io::Result<()>>) -> Result<(), ServeError> {
    let mut outcome = Ok(());
    while let Some(result) = serving.join_next().await {
        outcome = outcome.and(of_listener(Some(result)));
    }
    outcome
}

fn of_listener(result: Option<Result<io::Result<()>, JoinError>>) -> Result<(), ServeError> {
    match result {
        None | Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(error))) => Err(ServeError::Listener(error)),
        Some(Err(error)) => Err(ServeError::Listener(io::Error::other(error))),
    }
}
