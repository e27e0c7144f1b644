//! Compiles the snippets of the README and of the book: each is a doctest.

/// Pages whose snippets are doctests.
macro_rules! pages {
    ($($name:ident = $file:literal;)*) => {
        $(
            #[doc = include_str!(concat!("../../", $file))]
            #[derive(Debug)]
            pub struct $name;
        )*
    };
}

pages! {
    Readme = "README.md";
    Overview = "docs/guide/overview.md";
    Configuration = "docs/guide/configuration.md";
    EndpointGroups = "docs/guide/endpoint-groups.md";
    Stages = "docs/guide/stages.md";
    Authentication = "docs/guide/authentication.md";
    Access = "docs/guide/access.md";
    Limits = "docs/guide/limits.md";
    Listeners = "docs/guide/listeners.md";
    Proxies = "docs/guide/proxies.md";
    Keystores = "docs/guide/keystores.md";
    Gateway = "docs/guide/gateway.md";
    CallingPartners = "docs/guide/calling-partners.md";
    Partners = "docs/guide/partners.md";
    MessageSecurity = "docs/guide/message-security.md";
    KeyRotation = "docs/guide/key-rotation.md";
    Operations = "docs/guide/operations.md";
    CustomStage = "docs/guide/custom-stage.md";
    Blueriq = "docs/guide/blueriq.md";
    Validation = "docs/guide/validation.md";
    PolicyTests = "docs/guide/policy-tests.md";
    ThreatModel = "docs/guide/threat-model.md";
}
