//! Drives a call to its output: the part that is compiled for each function.

use std::fmt;
use std::future::{Future, ready};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::admit::Rejected;
use super::found::{Failure, Output, Served};
use super::load::{Action, BodyError, FailedFlight, FailedLoad, Load};
use crate::collector::traced::Traced;
use crate::error::Shed;
use crate::gates::Refused;
use crate::output::{OutputKind, SharedErrors};
use crate::support::boxed::Boxed;
use crate::support::panics::{drop_each, unless_panicking};
use crate::tiers::origin::{Origin, Source};
use crate::value::{StoredKind, Value, owned, type_stored_by};

/// The next action of a call.
pub(crate) struct Next {
    pub(crate) action: Action,
    /// Called with the origin of the output.
    pub(crate) tell: Option<Box<dyn FnOnce(Origin) + Send>>,
    /// The call for its collector, if it has one.
    pub(crate) traced: Option<Box<Traced>>,
}

/// A call on its way to its output, and its body.
///
/// The output of the body may not be `Send`. So of the output, only the value to store is held between two
/// polls.
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
        let driver = Driver { state: DriverState::Looking(next), tell: None, traced: None };
        Run { driver, share, body }
    }
}

impl<K, F> Future for Run<'_, K, F>
where
    K: StoredKind,
    F: Future<Output = K::Output>,
{
    type Output = K::Output;

    // Not inlined: with link-time optimisation, the poll of a call that memory answers would contain all of
    // this.
    #[inline(never)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<K::Output> {
        let Run { driver, share, body } = self.get_mut();
        loop {
            let served = match ready!(driver.poll(context)) {
                Turn::Serve(served) => Some(served),
                Turn::Body => None,
                Turn::Shed(shed, flight) => match shed_error(*share, shed) {
                    Some(error) => {
                        driver.tell(Origin::new(Source::Load), true);
                        return Poll::Ready(K::join(Err(landed(flight, *share, error))));
                    }
                    // R3: the code of the error's type panics. It is always correct to run the body.
                    None => {
                        flight.land(None);
                        None
                    }
                },
            };
            let Some(served) = served else {
                let mut polled = Poll::Pending;
                driver.poll_body(context, &mut |context| {
                    polled = body.as_mut().poll(context);
                    polled.is_ready()
                });
                match K::split(ready!(polled)) {
                    Ok(value) => driver.returned(Value::new(type_stored_by::<K>(), value)),
                    Err(error) => return Poll::Ready(failed::<K>(driver, *share, error)),
                }
                continue;
            };
            let Served { output, origin } = served;
            let is_error = output.is_err();
            match join::<K>(output, *share) {
                Some(output) => {
                    driver.tell(origin, is_error);
                    return Poll::Ready(output);
                }
                // R3: the value has another type in spite of the check, or its `Clone` panics. It is always
                // correct to run the body.
                None => driver.state = DriverState::Body(None),
            }
        }
    }
}

impl<K: OutputKind, F> fmt::Debug for Run<'_, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Run")
    }
}

/// Returns the served output as an output of the function; `None` if it is of another type, or its `Clone`
/// panics.
fn join<K>(served: Output, share: SharedErrors<K::Error>) -> Option<K::Output>
where
    K: StoredKind,
{
    Some(K::join(match served {
        Ok(value) => Ok(owned(value)?),
        Err(Failure::Shared(shared)) => Err((share.how?.take)(&*shared)?),
        Err(Failure::Own(error)) => Err((share.unbox)(error)?),
    }))
}

/// Returns the error of a load that was given up; `None` if it cannot be made.
#[cold]
fn shed_error<E>(share: SharedErrors<E>, shed: Shed) -> Option<E> {
    let make = share.shed?;
    unless_panicking(|| make(shed))
}

/// Returns the output of a body that has failed: the error, or the stale value.
fn failed<K>(driver: &mut Driver, share: SharedErrors<K::Error>, error: K::Error) -> K::Output
where
    K: StoredKind,
{
    let remembers = share.how.filter(|_| driver.keeps_errors());
    // Sharing may wrap the error, and `serve_stale_if` decides on the one of the body.
    let decided = remembers.map(|_| share.stand_in(&error));
    let (kept, error) = match remembers {
        Some(how) => (how.put)(error),
        None => (None, error),
    };
    let of_body = BodyError {
        text: &|| (share.text)(&error),
        stand_in: &|| decided.unwrap_or_else(|| share.stand_in(&error)),
        kept: kept.clone(),
    };
    match driver.failed(&of_body) {
        Ok(Served { output, origin }) => match join::<K>(output, share) {
            Some(output) => {
                driver.tell(origin, false);
                drop_each([error]);
                output
            }
            None => {
                driver.tell(Origin::new(Source::Load), true);
                K::join(Err(error))
            }
        },
        Err(Some(flight)) if kept.is_some() => {
            flight.land(kept);
            K::join(Err(error))
        }
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
    state: DriverState,
    tell: Option<Box<dyn FnOnce(Origin) + Send>>,
    traced: Option<Box<Traced>>,
}

/// The next step of a run.
enum Turn {
    /// The body has to be polled.
    Body,
    Serve(Served),
    /// The load has been given up. The error is for this flight as well.
    Shed(Shed, FailedFlight),
}

enum DriverState {
    Looking(Boxed<Next>),
    /// Polls the body, as a part of a load if there is one.
    Body(Option<Box<Load>>),
    Storing(Boxed<(Value, Origin)>),
}

impl Driver {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        loop {
            match &mut self.state {
                DriverState::Looking(next) => {
                    let Next { action, tell, traced } = ready!(next.as_mut().poll(context));
                    (self.tell, self.traced) = (tell, traced);
                    self.state = match action {
                        Action::Return(served) => return Poll::Ready(Turn::Serve(served)),
                        Action::Load(load) => DriverState::Body(Some(load)),
                        Action::Bypass => DriverState::Body(None),
                    };
                }
                DriverState::Body(Some(load)) => match ready!(load.admit(context)) {
                    Ok(()) => return Poll::Ready(Turn::Body),
                    Err(refused) => return Poll::Ready(self.reject(refused)),
                },
                DriverState::Body(None) => return Poll::Ready(Turn::Body),
                DriverState::Storing(stored) => {
                    let (value, origin) = ready!(stored.as_mut().poll(context));
                    return Poll::Ready(Turn::Serve(Served { output: Ok(value), origin }));
                }
            }
        }
    }

    /// Ends a load that has been given up before its body.
    #[cold]
    fn reject(&mut self, refused: Refused) -> Turn {
        match self.take_load().map(|load| load.reject(refused)) {
            Some(Rejected::Served(served)) => Turn::Serve(served),
            Some(Rejected::Shed(shed, flight)) => Turn::Shed(shed, flight),
            None => Turn::Body,
        }
    }

    fn poll_body(
        &mut self,
        context: &mut Context<'_>,
        body: &mut dyn FnMut(&mut Context<'_>) -> bool,
    ) {
        let _collecting = self.traced.as_mut().map(|traced| traced.enter_body());
        match &mut self.state {
            DriverState::Body(Some(load)) => load.poll(context, body),
            _ => _ = body(context),
        }
    }

    /// Begins to store the value that the body has returned.
    fn returned(&mut self, value: Value) {
        self.state = DriverState::Storing(match self.take_load() {
            Some(load) => load.finish(value),
            None => Box::pin(ready((value, Origin::new(Source::Load)))),
        });
    }

    fn keeps_errors(&self) -> bool {
        matches!(&self.state, DriverState::Body(Some(load)) if load.keeps_errors())
    }

    /// Ends a load whose body has failed. Returns the output that is served instead, or the flight that waits
    /// for the error.
    fn failed(&mut self, error: &BodyError<'_>) -> Result<Served, Option<FailedFlight>> {
        let loaded = Origin::new(Source::Load);
        match self.take_load().map(|load| load.fail(error)) {
            Some(FailedLoad::Instead(served)) => Ok(served),
            Some(FailedLoad::Error(flight)) => {
                self.tell(loaded, true);
                Err(Some(flight))
            }
            None => {
                self.tell(loaded, true);
                Err(None)
            }
        }
    }

    fn take_load(&mut self) -> Option<Box<Load>> {
        match mem::replace(&mut self.state, DriverState::Body(None)) {
            DriverState::Body(load) => load,
            DriverState::Looking(_) | DriverState::Storing(_) => None,
        }
    }

    /// Passes on the origin of the output that the call returns.
    fn tell(&mut self, origin: Origin, is_error: bool) {
        if let Some(tell) = self.tell.take() {
            tell(origin);
        }
        if let Some(traced) = self.traced.take() {
            traced.end(origin, is_error);
        }
    }
}
