//! Choosing how a server is loaded.

use std::sync::Arc;

use palisade_config::{Errors, Sources};
use palisade_core::{Clock, Resources, SystemClock};
use palisade_endpoint::{Environment, Registry};

use crate::assembly::Recipe;
use crate::server::Server;

/// Chooses how a [`Server`] is loaded.
#[derive(Debug)]
pub struct Loader {
    recipe: Recipe,
}

impl Loader {
    /// Loads from these sources, with these kinds of stage.
    pub fn new(sources: Sources, registry: Registry) -> Self {
        let environment = Environment::new(Arc::new(SystemClock::new()));
        Self {
            recipe: Recipe::new(sources, registry, environment),
        }
    }

    /// Demands `palisade.upstream.url`, for [`Server::serve_gateway`].
    #[must_use]
    pub fn for_gateway(mut self) -> Self {
        self.recipe.needs_upstream = true;
        self
    }

    /// Takes time from that clock and shares these things with stages.
    #[must_use]
    pub fn environment(mut self, clock: Arc<dyn Clock>, resources: Resources) -> Self {
        self.recipe.environment = Environment::new(clock);
        self.recipe.environment.resources = resources;
        self
    }

    /// Reads and checks everything: configuration, keystores, listeners, policy, upstream. All errors come at once, sorted.
    pub fn load(self) -> Result<Server, Errors> {
        let assembly = self.recipe.assemble(None).map_err(|refused| refused.errors)?;
        Ok(Server::new(self.recipe, assembly))
    }
}
