//! What is asked of a client of a library, one after the other.

use crate::Refusal;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use tokio::sync::mpsc;

/// What a library does when it is asked for something.
pub type Job = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// What comes of a handler that waits for nothing.
pub fn done() -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async {})
}

/// The jobs of one client.
pub struct Jobs {
    jobs: mpsc::UnboundedSender<Job>,
    /// How many are not done.
    busy: Arc<AtomicUsize>,
}

impl Jobs {
    /// None yet. Within a runtime, with which they end.
    pub fn new() -> Self {
        let (jobs, mut waiting) = mpsc::unbounded_channel::<Job>();
        let busy = Arc::new(AtomicUsize::new(0));
        let left = busy.clone();
        tokio::spawn(async move {
            while let Some(job) = waiting.recv().await {
                if let Err(error) = job.await {
                    eprintln!("after it was answered: {error:?}");
                }
                left.fetch_sub(1, Ordering::SeqCst);
            }
        });
        Self { jobs, busy }
    }

    /// Does a job up to its first wait. The rest, and what comes after it, is done later.
    pub async fn run(&self, mut job: Job) -> Result<(), Refusal> {
        if self.busy.load(Ordering::SeqCst) == 0
            && let Poll::Ready(done) = poll_fn(|context| Poll::Ready(job.as_mut().poll(context))).await
        {
            return done;
        }
        self.busy.fetch_add(1, Ordering::SeqCst);
        let _ends_with_the_runtime = self.jobs.send(job);
        Ok(())
    }
}
