//! Stage `validation`: what requests, and answers, look like.
//!
//! It is being built: the modules below are, and the stage that joins them comes last.

#[doc(hidden)]
pub mod form;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod multipart;
#[doc(hidden)]
pub mod parameters;
#[doc(hidden)]
pub mod schema;
mod settings;

pub use settings::{
    JsonSettings, MultipartSettings, ParameterSettings, ParameterType, ResponseSetting, Unknown,
    ValidationSettings, XmlSettings,
};
