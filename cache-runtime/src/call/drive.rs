//! Driving a call to its output: the part that is compiled for each function.

use std::fmt;
use std::future::{Future, ready};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::load::{Failed, FailedFlight, Load};
use super::{Origin, Output, Served, Source, Turn};
use crate::boxed::Boxed;
use crate::output::{CacheValue, OutputKind, SharedErrors};
use crate::panics::drop_each;
use crate::value::{Value, owned};

/// What a call does next.
pub(crate) struct Next {
    pub(crate) turn: Turn,
    /// To be told where the output came from.
    pub(crate) tell: Option<Box<dyn FnOnce(Origin) + Send>>,
}

/// A call on its way to its output, and its body.
///
/// What the body returns may not be `Send`: nothing of it but a value to be stored is held from one
/// poll to the next.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Run<'b, K: OutputKind, F> {
    driver: Driver,
    share: SharedErrors<K::Error>,
    body: Pin<&'b mut F>,
}

impl<'b, K: OutputKind, F> Run<'b, K, F> {
    pub(crate) fn new(
        next: Boxed<Next>,
        share: SharedErrors<K::Error>,
        body: Pin<&'b mut F>,
    ) -> Self {
        Run { driver: Driver { state: State::Looking(next), tell: None }, share, body }
    }
}

impl<K, F> Future for Run<'_, K, F>
where
    K: OutputKind,
    K::Value: CacheValue,
    F: Future<Output = K::Output>,
{
    type Output = K::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<K::Output> {
        let Run { driver, share, body } = self.get_mut();
        loop {
            let Some(served) = ready!(driver.poll(context)) else {
                let mut polled = Poll::Pending;
                driver.poll_body(context, &mut |context| {
                    polled = body.as_mut().poll(context);
                    polled.is_ready()
                });
                match K::split(ready!(polled)) {
                    Ok(value) => driver.returned(Arc::new(value)),
                    Err(error) => return Poll::Ready(failed::<K>(driver, *share, error)),
                }
                continue;
            };
            match join::<K>(served, *share) {
                Some(output) => return Poll::Ready(output),
                // R3: its type is another one, though that has been checked, or its `Clone` panics. The body is
                // always right.
                None => driver.state = State::Body(None),
            }
        }
    }
}

impl<K: OutputKind, F> fmt::Debug for Run<'_, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Run")
    }
}

/// Returns what is served as the output of a function; `None` if it is of another type, or its `Clone` panics.
fn join<K>(served: Output, share: SharedErrors<K::Error>) -> Option<K::Output>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    Some(K::join(match served {
        Ok(value) => Ok(owned(value)?),
        Err(shared) => Err((share.how?.take)(&*shared)?),
    }))
}

/// Returns the output of a body that has failed: the error, or a value of before.
fn failed<K>(driver: &mut Driver, share: SharedErrors<K::Error>, error: K::Error) -> K::Output
where
    K: OutputKind,
    K::Value: CacheValue,
{
    match driver.failed(&|| (share.text)(&error)) {
        Ok(instead) => match join::<K>(instead, share) {
            Some(output) => {
                drop_each([error]);
                output
            }
            None => K::join(Err(error)),
        },
        Err(Some(flight)) => K::join(Err(landed(flight, share, error))),
        Err(None) => K::join(Err(error)),
    }
}

/// Ends the flight of a load that has failed, and returns the error.
fn landed<E>(flight: FailedFlight, share: SharedErrors<E>, error: E) -> E {
    match share.how.filter(|_| flight.awaited()) {
        Some(how) => {
            let (shared, error) = (how.put)(error);
            flight.land(shared);
            error
        }
        None => {
            flight.land(None);
            error
        }
    }
}

/// The part that is the same for every function.
struct Driver {
    state: State,
    tell: Option<Box<dyn FnOnce(Origin) + Send>>,
}

enum State {
    Looking(Boxed<Next>),
    /// The body is to be polled, as a part of a load if there is one.
    Body(Option<Box<Load>>),
    Storing(Boxed<Value>),
}

impl Driver {
    /// The output; `None` if the body is to be polled.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Output>> {
        loop {
            match &mut self.state {
                State::Looking(next) => {
                    let Next { turn, tell } = ready!(next.as_mut().poll(context));
                    self.tell = tell;
                    self.state = match turn {
                        Turn::Done(served) => return Poll::Ready(Some(self.told(served))),
                        Turn::Load(load) => State::Body(Some(load)),
                        Turn::Bypass => State::Body(None),
                    };
                }
                State::Body(_) => return Poll::Ready(None),
                State::Storing(stored) => {
                    let output = Ok(ready!(stored.as_mut().poll(context)));
                    let origin = Origin::new(Source::Load);
                    return Poll::Ready(Some(self.told(Served { output, origin })));
                }
            }
        }
    }

    fn poll_body(
        &mut self,
        context: &mut Context<'_>,
        body: &mut dyn FnMut(&mut Context<'_>) -> bool,
    ) {
        match &mut self.state {
            State::Body(Some(load)) => load.poll(context, body),
            _ => _ = body(context),
        }
    }

    /// The body has returned this.
    fn returned(&mut self, value: Value) {
        self.state = State::Storing(match self.take_load() {
            Some(load) => load.finish(value),
            None => Box::pin(ready(value)),
        });
    }

    /// The body has failed: what is served instead, or the flight that is to be told so.
    fn failed(&mut self, error: &dyn Fn() -> String) -> Result<Output, Option<FailedFlight>> {
        let loaded = Origin::new(Source::Load);
        match self.take_load().map(|load| load.fail(error)) {
            Some(Failed::Instead(served)) => Ok(self.told(served)),
            Some(Failed::Error(flight)) => {
                self.tell(loaded);
                Err(Some(flight))
            }
            None => {
                self.tell(loaded);
                Err(None)
            }
        }
    }

    fn take_load(&mut self) -> Option<Box<Load>> {
        match mem::replace(&mut self.state, State::Body(None)) {
            State::Body(load) => load,
            State::Looking(_) | State::Storing(_) => None,
        }
    }

    fn told(&mut self, served: Served) -> Output {
        self.tell(served.origin);
        served.output
    }

    fn tell(&mut self, origin: Origin) {
        if let Some(tell) = self.tell.take() {
            tell(origin);
        }
    }
}
