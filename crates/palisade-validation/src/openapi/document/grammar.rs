//! The objects of OpenAPI 3.0.3 and 3.1.0, and what their fields are: sections 4.7 and 4.8 of the specifications.

use super::Version;

/// An object of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    OpenApi,
    Info,
    Contact,
    License,
    Server,
    ServerVariable,
    Components,
    Paths,
    PathItem,
    Operation,
    ExternalDocs,
    Parameter,
    RequestBody,
    MediaType,
    Encoding,
    Responses,
    Response,
    Callback,
    Example,
    Link,
    Header,
    Tag,
    Schema,
    Discriminator,
    SecurityScheme,
    OauthFlows,
    OauthFlow,
    SecurityRequirement,
}

impl Kind {
    /// The name that the specification has for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OpenApi => "an OpenAPI Object",
            Self::Info => "an Info Object",
            Self::Contact => "a Contact Object",
            Self::License => "a License Object",
            Self::Server => "a Server Object",
            Self::ServerVariable => "a Server Variable Object",
            Self::Components => "a Components Object",
            Self::Paths => "a Paths Object",
            Self::PathItem => "a Path Item Object",
            Self::Operation => "an Operation Object",
            Self::ExternalDocs => "an External Documentation Object",
            Self::Parameter => "a Parameter Object",
            Self::RequestBody => "a Request Body Object",
            Self::MediaType => "a Media Type Object",
            Self::Encoding => "an Encoding Object",
            Self::Responses => "a Responses Object",
            Self::Response => "a Response Object",
            Self::Callback => "a Callback Object",
            Self::Example => "an Example Object",
            Self::Link => "a Link Object",
            Self::Header => "a Header Object",
            Self::Tag => "a Tag Object",
            Self::Schema => "a Schema Object",
            Self::Discriminator => "a Discriminator Object",
            Self::SecurityScheme => "a Security Scheme Object",
            Self::OauthFlows => "an OAuth Flows Object",
            Self::OauthFlow => "an OAuth Flow Object",
            Self::SecurityRequirement => "a Security Requirement Object",
        }
    }

    /// Whether a Reference Object may stand for it, or a `$ref` of its own.
    pub(super) fn is_referable(self) -> bool {
        matches!(
            self,
            Self::PathItem
                | Self::Parameter
                | Self::RequestBody
                | Self::Response
                | Self::Callback
                | Self::Example
                | Self::Link
                | Self::Header
                | Self::SecurityScheme
        )
    }

    pub(super) fn members(self) -> Members {
        match self {
            Self::Paths => Members::Named(Names::Path, Shape::Object(Self::PathItem)),
            Self::Responses => Members::Named(Names::Status, Shape::Object(Self::Response)),
            Self::Callback => Members::Named(Names::Any, Shape::Object(Self::PathItem)),
            Self::SecurityRequirement => Members::Named(Names::Any, Shape::Texts),
            _ => Members::Fields(self.fields()),
        }
    }

    fn fields(self) -> &'static [Field] {
        match self {
            Self::OpenApi => OPEN_API,
            Self::Info => INFO,
            Self::Contact => CONTACT,
            Self::License => LICENSE,
            Self::Server => SERVER,
            Self::ServerVariable => SERVER_VARIABLE,
            Self::Components => COMPONENTS,
            Self::PathItem => PATH_ITEM,
            Self::Operation => OPERATION,
            Self::ExternalDocs => EXTERNAL_DOCS,
            Self::Parameter => PARAMETER,
            Self::RequestBody => REQUEST_BODY,
            Self::MediaType => MEDIA_TYPE,
            Self::Encoding => ENCODING,
            Self::Response => RESPONSE,
            Self::Example => EXAMPLE,
            Self::Link => LINK,
            Self::Header => HEADER,
            Self::Tag => TAG,
            Self::Discriminator => DISCRIMINATOR,
            Self::SecurityScheme => SECURITY_SCHEME,
            Self::OauthFlows => OAUTH_FLOWS,
            Self::OauthFlow => OAUTH_FLOW,
            Self::Schema | Self::Paths | Self::Responses | Self::Callback | Self::SecurityRequirement => &[],
        }
    }
}

/// What the members of an object may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Members {
    /// Fields by their names, and extensions.
    Fields(&'static [Field]),
    /// Members of names that the document chooses, and extensions.
    Named(Names, Shape),
}

/// What names a document may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Any,
    /// Names of components: `^[a-zA-Z0-9._-]+$`.
    Component,
    /// Templates of paths: they begin with `/`.
    Path,
    /// `default`, a status, or a class of them as `4XX`.
    Status,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Any,
    Text,
    Boolean,
    Number,
    /// An integer of zero or more.
    Count,
    /// A number above zero.
    Positive,
    Choice(&'static [&'static str]),
    /// One of these, or some of them.
    Choices(&'static [&'static str]),
    Texts,
    TextMap,
    /// Lists of texts by name.
    TextsMap,
    /// An array of anything.
    Values,
    /// Anything by name.
    Map,
    Object(Kind),
    /// A Schema Object, or a boolean.
    SchemaOrBoolean,
    List(Kind),
    /// A list that is not empty.
    Some(Kind),
    Named(Names, Kind),
}

/// A field of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// Whether it must be there, by version.
    required: [bool; 2],
    /// The only version that has it.
    only: Option<Version>,
}

impl Field {
    pub(super) fn is_required(&self, version: Version) -> bool {
        match version {
            Version::V3_0 => self.required[0],
            Version::V3_1 => self.required[1],
        }
    }

    pub(super) fn is_of(&self, version: Version) -> bool {
        self.only.is_none_or(|only| only == version)
    }
}

pub(super) const fn may(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        required: [false, false],
        only: None,
    }
}

const fn must(name: &'static str, shape: Shape) -> Field {
    Field {
        required: [true, true],
        ..may(name, shape)
    }
}

/// Demanded by 3.0 alone.
const fn must_3_0(name: &'static str, shape: Shape) -> Field {
    Field {
        required: [true, false],
        ..may(name, shape)
    }
}

const fn only_3_1(name: &'static str, shape: Shape) -> Field {
    Field {
        only: Some(Version::V3_1),
        ..may(name, shape)
    }
}

const fn component(name: &'static str, kind: Kind) -> Field {
    may(name, Shape::Named(Names::Component, kind))
}

const fn named(name: &'static str, kind: Kind) -> Field {
    may(name, Shape::Named(Names::Any, kind))
}

use Shape::{Any, Boolean, Choice, List, Object, Text, TextMap, Texts};

const OPEN_API: &[Field] = &[
    must("openapi", Text),
    must("info", Object(Kind::Info)),
    only_3_1("jsonSchemaDialect", Text),
    may("servers", List(Kind::Server)),
    must_3_0("paths", Object(Kind::Paths)),
    only_3_1("webhooks", Shape::Named(Names::Any, Kind::PathItem)),
    may("components", Object(Kind::Components)),
    may("security", List(Kind::SecurityRequirement)),
    may("tags", List(Kind::Tag)),
    may("externalDocs", Object(Kind::ExternalDocs)),
];

const INFO: &[Field] = &[
    must("title", Text),
    only_3_1("summary", Text),
    may("description", Text),
    may("termsOfService", Text),
    may("contact", Object(Kind::Contact)),
    may("license", Object(Kind::License)),
    must("version", Text),
];

const CONTACT: &[Field] = &[may("name", Text), may("url", Text), may("email", Text)];

const LICENSE: &[Field] = &[must("name", Text), only_3_1("identifier", Text), may("url", Text)];

const SERVER: &[Field] = &[
    must("url", Text),
    may("description", Text),
    named("variables", Kind::ServerVariable),
];

const SERVER_VARIABLE: &[Field] = &[
    may("enum", Texts),
    must("default", Text),
    may("description", Text),
];

const COMPONENTS: &[Field] = &[
    component("schemas", Kind::Schema),
    component("responses", Kind::Response),
    component("parameters", Kind::Parameter),
    component("examples", Kind::Example),
    component("requestBodies", Kind::RequestBody),
    component("headers", Kind::Header),
    component("securitySchemes", Kind::SecurityScheme),
    component("links", Kind::Link),
    component("callbacks", Kind::Callback),
    only_3_1("pathItems", Shape::Named(Names::Component, Kind::PathItem)),
];

const PATH_ITEM: &[Field] = &[
    may("summary", Text),
    may("description", Text),
    may("get", Object(Kind::Operation)),
    may("put", Object(Kind::Operation)),
    may("post", Object(Kind::Operation)),
    may("delete", Object(Kind::Operation)),
    may("options", Object(Kind::Operation)),
    may("head", Object(Kind::Operation)),
    may("patch", Object(Kind::Operation)),
    may("trace", Object(Kind::Operation)),
    may("servers", List(Kind::Server)),
    may("parameters", List(Kind::Parameter)),
];

const OPERATION: &[Field] = &[
    may("tags", Texts),
    may("summary", Text),
    may("description", Text),
    may("externalDocs", Object(Kind::ExternalDocs)),
    may("operationId", Text),
    may("parameters", List(Kind::Parameter)),
    may("requestBody", Object(Kind::RequestBody)),
    must_3_0("responses", Object(Kind::Responses)),
    named("callbacks", Kind::Callback),
    may("deprecated", Boolean),
    may("security", List(Kind::SecurityRequirement)),
    may("servers", List(Kind::Server)),
];

const EXTERNAL_DOCS: &[Field] = &[may("description", Text), must("url", Text)];

const STYLES: Shape = Choice(&[
    "matrix",
    "label",
    "form",
    "simple",
    "spaceDelimited",
    "pipeDelimited",
    "deepObject",
]);

const PARAMETER: &[Field] = &[
    must("name", Text),
    must("in", Choice(&["query", "header", "path", "cookie"])),
    may("description", Text),
    may("required", Boolean),
    may("deprecated", Boolean),
    may("allowEmptyValue", Boolean),
    may("style", STYLES),
    may("explode", Boolean),
    may("allowReserved", Boolean),
    may("schema", Object(Kind::Schema)),
    may("example", Any),
    named("examples", Kind::Example),
    named("content", Kind::MediaType),
];

const HEADER: &[Field] = &[
    may("description", Text),
    may("required", Boolean),
    may("deprecated", Boolean),
    may("allowEmptyValue", Boolean),
    may("style", Choice(&["simple"])),
    may("explode", Boolean),
    may("allowReserved", Boolean),
    may("schema", Object(Kind::Schema)),
    may("example", Any),
    named("examples", Kind::Example),
    named("content", Kind::MediaType),
];

const REQUEST_BODY: &[Field] = &[
    may("description", Text),
    must("content", Shape::Named(Names::Any, Kind::MediaType)),
    may("required", Boolean),
];

const MEDIA_TYPE: &[Field] = &[
    may("schema", Object(Kind::Schema)),
    may("example", Any),
    named("examples", Kind::Example),
    named("encoding", Kind::Encoding),
];

const ENCODING: &[Field] = &[
    may("contentType", Text),
    named("headers", Kind::Header),
    may(
        "style",
        Choice(&["form", "spaceDelimited", "pipeDelimited", "deepObject"]),
    ),
    may("explode", Boolean),
    may("allowReserved", Boolean),
];

const RESPONSE: &[Field] = &[
    must("description", Text),
    named("headers", Kind::Header),
    named("content", Kind::MediaType),
    named("links", Kind::Link),
];

const EXAMPLE: &[Field] = &[
    may("summary", Text),
    may("description", Text),
    may("value", Any),
    may("externalValue", Text),
];

const LINK: &[Field] = &[
    may("operationRef", Text),
    may("operationId", Text),
    may("parameters", Shape::Map),
    may("requestBody", Any),
    may("description", Text),
    may("server", Object(Kind::Server)),
];

const TAG: &[Field] = &[
    must("name", Text),
    may("description", Text),
    may("externalDocs", Object(Kind::ExternalDocs)),
];

const DISCRIMINATOR: &[Field] = &[must("propertyName", Text), may("mapping", TextMap)];

const SECURITY_SCHEME: &[Field] = &[
    must(
        "type",
        Choice(&["apiKey", "http", "mutualTLS", "oauth2", "openIdConnect"]),
    ),
    may("description", Text),
    may("name", Text),
    may("in", Choice(&["query", "header", "cookie"])),
    may("scheme", Text),
    may("bearerFormat", Text),
    may("flows", Object(Kind::OauthFlows)),
    may("openIdConnectUrl", Text),
];

const OAUTH_FLOWS: &[Field] = &[
    may("implicit", Object(Kind::OauthFlow)),
    may("password", Object(Kind::OauthFlow)),
    may("clientCredentials", Object(Kind::OauthFlow)),
    may("authorizationCode", Object(Kind::OauthFlow)),
];

const OAUTH_FLOW: &[Field] = &[
    may("authorizationUrl", Text),
    may("tokenUrl", Text),
    may("refreshUrl", Text),
    must("scopes", TextMap),
];
