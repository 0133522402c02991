//! Requests to a call for something other than its output.
//!
//! [`CacheCall`](crate::CacheCall) polls the future of an annotated call with a request in a thread-local.
//! Generated code takes the request at its first step. So nested cached calls never see it, and it works for
//! every kind of function.
//!
//! A request is for one future. It carries the type name of the future, and generated code fulfils it only if
//! that is the future of its own function. The type name of a boxed `dyn Future` does not identify the
//! function. So the generated code that makes the box leaves a number in a thread-local, and the request is
//! for the box that was made last.

use std::any::{Any, type_name};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::collector::BypassReason;
use crate::deferral::InvalidationQueue;
use crate::error::Error;
use crate::site::without_closures;
use crate::support::ambient::Surrounded;
use crate::support::lock::Mutex;
use crate::tiers::core::Bound;
use crate::tiers::key::CallKey;
use crate::tiers::origin::Origin;
use crate::tiers::policy::Policy;

/// A request to a call.
pub(crate) enum Request {
    /// Resolves the entry. Nothing is run.
    Resolve,
    /// Returns the output if memory has it, and resolves the entry otherwise. Nothing is run.
    Look,
    /// Reads the stored value, if it is not older than this.
    Peek(Option<Duration>),
    /// Returns the output and its source.
    Fetch(FetchOptions),
    /// Runs the body, stores its output in place of the present entry, and returns the output.
    Refresh,
    /// Runs the body without the cache, and returns its output.
    Bypass,
    /// Stores this value as if the body had returned it.
    Put(Box<dyn Any + Send>),
}

/// The values that a caller accepts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FetchOptions {
    /// The age from which on a value is not accepted.
    pub(crate) max_age: Option<Duration>,
    /// True if no value is accepted that has to be loaded.
    pub(crate) only_if_cached: bool,
}

/// The response of generated code, besides the output that its future may return.
#[derive(Debug)]
pub(crate) enum Response {
    Resolved(Box<Resolved>),
    Absent,
    Stored,
    /// The output comes from here.
    Found(Origin),
    /// The call that received the request is not the one that the request is for.
    NotMine,
    Refused(Error),
}

/// A request that generated code has received.
pub(crate) enum Delivery {
    Mine(Request, Reply),
    /// The request is not for this call, which must not go on. The caller gets an error.
    NotMine,
}

impl Delivery {
    /// Returns true if memory is looked into first.
    pub(crate) fn looks(&self) -> bool {
        matches!(self, Delivery::Mine(Request::Look, _))
    }

    /// Returns true if the sender gets a value or an output.
    pub(crate) fn reads(&self) -> bool {
        !matches!(self, Delivery::NotMine | Delivery::Mine(Request::Resolve | Request::Put(_), _))
    }
}

/// The result of looking for the entry of a call in memory.
pub(crate) enum Looked<T> {
    /// Memory has the output.
    Hit(T),
    Missed(Box<Resolved>),
}

/// The entry of a call.
pub(crate) struct Resolved {
    pub(crate) bound: Bound,
    pub(crate) key: Arc<CallKey>,
    /// `None`: the function does not cache this call.
    pub(crate) policy: Option<Policy>,
    /// The reason for which the call bypasses the cache, if it does.
    pub(crate) bypass: Option<BypassReason>,
    /// The queue of the scope in which the call would run, also that of its option `within`.
    pub(crate) queue: Option<InvalidationQueue>,
}

/// A request on its way to the call it is for.
struct Envelope {
    request: Request,
    addressee: Addressee,
    reply: Reply,
}

/// The sender of the response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply(Arc<Mutex<Option<Response>>>);

impl Reply {
    pub(crate) fn send(&self, response: Response) {
        *self.0.lock() = Some(response);
    }

    fn take(&self) -> Option<Response> {
        self.0.lock().take()
    }
}

/// The call that a request is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Addressee {
    /// The call whose future has this type.
    Future(&'static str),
    /// The call whose boxed future has this number.
    Boxed(u64),
}

thread_local! {
    static ENVELOPE: RefCell<Option<Envelope>> = const { RefCell::new(None) };
    /// The number of the boxed call that was made last on this thread.
    static LAST_BOXED: Cell<u64> = const { Cell::new(0) };
}

/// The number of a call that does not return a box of its own.
pub const NOT_BOXED: u64 = 0;

/// Returns the number of a boxed call that is just being made.
pub fn boxed_call() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NEXT: Cell<u64> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) << 40);
    }
    let number = NEXT.try_with(|next| next.replace(next.get() + 1)).unwrap_or(NOT_BOXED);
    let _ = LAST_BOXED.try_with(|last| last.set(number));
    number
}

/// Takes the request that waits on this thread, if there is one. `function` is the type name of a
/// closure in the function's body.
pub(crate) fn take(function: &'static str, boxed: u64) -> Option<Delivery> {
    let asked = ENVELOPE.try_with(|asked| asked.borrow_mut().take()).ok().flatten()?;
    let Envelope { request, addressee, reply } = asked;
    let meant = match addressee {
        Addressee::Boxed(number) => number == boxed && boxed != NOT_BOXED,
        // An async block in the function's body has a longer name than the function's own future.
        Addressee::Future(name) => {
            name.strip_suffix("::{{closure}}") == Some(without_closures(function))
        }
    };
    if meant {
        return Some(Delivery::Mine(request, reply));
    }
    reply.send(Response::NotMine);
    Some(Delivery::NotMine)
}

/// Returns the call that a request to this future is for. Called where the future was made.
pub(crate) fn addressee<F>() -> Addressee {
    let name = unwrapped(type_name::<F>());
    let boxed = name.starts_with("dyn ");
    if boxed {
        Addressee::Boxed(LAST_BOXED.try_with(|last| last.replace(NOT_BOXED)).unwrap_or(NOT_BOXED))
    } else {
        Addressee::Future(name)
    }
}

/// Returns the name of the future inside of those that only forward to it.
fn unwrapped(mut name: &'static str) -> &'static str {
    const WRAPPERS: [&str; 3] =
        ["core::pin::Pin<", "alloc::boxed::Box<", "tracing::instrument::Instrumented<"];
    let inside = |name: &'static str| {
        let generic = WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper));
        let generic = generic.and_then(|inner| inner.strip_suffix('>'));
        generic.or_else(|| name.strip_prefix("&mut "))
    };
    while let Some(inner) = inside(name) {
        name = inner;
    }
    name
}

/// The outcome of a request: the future's output, if it has returned one, and the response.
pub(crate) type RequestOutcome<T> = (Option<T>, Response);

/// Sends a request to a call, and drives the call until it has responded.
///
/// # Errors
/// [`Error::NotACachedCall`], and the errors with which the call refuses the request.
pub(crate) async fn ask<F: Future>(
    mut call: Pin<Box<F>>,
    addressee: Addressee,
    request: impl FnOnce() -> Request,
) -> Result<RequestOutcome<F::Output>, Error> {
    let mut request = Some(request);
    let reply = Reply::default();
    let mut found = None;
    poll_fn(|context| {
        let polled = match request.take() {
            None => call.as_mut().poll(context),
            Some(request) => {
                let _open = Surrounded::new();
                let waiting = PendingRequest::new(Envelope {
                    request: request(),
                    addressee,
                    reply: reply.clone(),
                });
                let polled = call.as_mut().poll(context);
                if !waiting.taken() {
                    return Poll::Ready(Err(not_a_cached_call::<F>()));
                }
                polled
            }
        };
        match (polled, reply.take()) {
            (_, Some(Response::NotMine)) => Poll::Ready(Err(not_a_cached_call::<F>())),
            (_, Some(Response::Refused(error))) => Poll::Ready(Err(error)),
            (Poll::Ready(output), Some(response)) => Poll::Ready(Ok((Some(output), response))),
            // The output is known, but the future has work left before it returns it.
            (Poll::Pending, Some(response @ Response::Found(_))) => {
                found = Some(response);
                Poll::Pending
            }
            (Poll::Pending, Some(response)) => Poll::Ready(Ok((None, response))),
            (Poll::Ready(output), None) => Poll::Ready(match found.take() {
                Some(response) => Ok((Some(output), response)),
                None => Err(not_a_cached_call::<F>()),
            }),
            (Poll::Pending, None) => Poll::Pending,
        }
    })
    .await
}

/// Returns the entry of a call, without running it.
///
/// # Errors
/// As [`ask`].
pub(crate) fn resolve<F: Future>(
    call: Pin<Box<F>>,
    addressee: Addressee,
) -> Result<Resolved, Error> {
    let asked = pin!(ask(call, addressee, || Request::Resolve));
    match asked.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok((_, Response::Resolved(resolved)))) => Ok(*resolved),
        Poll::Ready(Err(error)) => Err(error),
        Poll::Ready(Ok(_)) | Poll::Pending => Err(not_a_cached_call::<F>()),
    }
}

/// Looks for the entry of a call in memory, without running it.
///
/// # Errors
/// As [`ask`].
pub(crate) fn look<F: Future>(call: F, addressee: Addressee) -> Result<Looked<F::Output>, Error> {
    let mut call = pin!(call);
    let (_open, reply) = (Surrounded::new(), Reply::default());
    let request = Request::Look;
    let waiting = PendingRequest::new(Envelope { request, addressee, reply: reply.clone() });
    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    if !waiting.taken() {
        return Err(not_a_cached_call::<F>());
    }
    match (polled, reply.take()) {
        (Poll::Ready(output), None) => Ok(Looked::Hit(output)),
        (_, Some(Response::Resolved(resolved))) => Ok(Looked::Missed(resolved)),
        (_, Some(Response::Refused(error))) => Err(error),
        _ => Err(not_a_cached_call::<F>()),
    }
}

fn not_a_cached_call<F>() -> Error {
    Error::NotACachedCall { future: type_name::<F>() }
}

/// A request that has not been taken yet. When this is dropped, the outer request, if there is one, is
/// restored.
struct PendingRequest {
    outer: Option<Option<Envelope>>,
}

impl PendingRequest {
    fn new(asked: Envelope) -> Self {
        PendingRequest {
            outer: Some(ENVELOPE.try_with(|slot| slot.replace(Some(asked))).ok().flatten()),
        }
    }

    /// Ends the wait. Returns true if the request has been taken.
    fn taken(mut self) -> bool {
        self.end().is_none()
    }

    fn end(&mut self) -> Option<Envelope> {
        let outer = self.outer.take()?;
        ENVELOPE.try_with(|slot| slot.replace(outer)).ok().flatten()
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolved").field("key", &self.key).finish_non_exhaustive()
    }
}
