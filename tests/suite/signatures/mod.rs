//! Functions as people write them: each is cached by what its arguments are.

mod functions;
mod generics;
mod methods;
mod results;
