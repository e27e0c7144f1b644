//! Stage `validation`: what requests, and answers, look like.
//!
//! It is being built: the modules below are, and the stage that joins them comes last.

#[doc(hidden)]
pub mod json;
mod settings;

pub use settings::{
    JsonSettings, MultipartSettings, ParameterSettings, ParameterType, ResponseSetting, Unknown,
    ValidationSettings, XmlSettings,
};
