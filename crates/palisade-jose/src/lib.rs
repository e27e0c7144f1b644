//! Message security.

mod algorithms;
mod binding;
mod claims;
mod client;
mod format;
mod head;
mod json;
mod keys;
mod message;
mod parts;
mod pool;
mod profiles;
mod rejection;
mod server;
mod settings;
mod times;
mod wire;

pub use algorithms::{Algorithms, ContentEncryption, KeyManagement, SignatureAlgorithm, UnknownAlgorithm};
pub use binding::{BindingFault, Target, check_audience, check_binding};
pub use claims::{BadClaim, Claims, LONGEST_ID};
pub use client::{ClientMessageSecurity, ClientMessageSecurityBuilder};
pub use format::{Body, FormatError, Jwt, MessageFormat, MessageFormats, Raw, Written};
pub use keys::{DecryptionKey, EncryptionKey, KeyError, SigningKey, VerificationKey};
pub use message::{Passed, ReadError, ReadMessage, Reader, WriteError, Writer};
pub use parts::{Incoming, Outgoing, unverified_header};
pub use pool::{CryptoPool, PoolError};
pub use rejection::Refused;
pub use server::{MessageSecurity, MessageSecurityBuilder, Unusable};
pub use settings::{
    Binding, Bodiless, ClientMessageSecuritySettings, ClientRequestSettings, ClientResponseSettings,
    MessageSecuritySettings, MessageSettings, ReadProfileSettings, RequestSettings, ResponseSettings,
    TimestampSettings, WriteProfileSettings,
};
pub use times::{TimeFault, TimeRules};
pub use wire::{
    BadHeader, FailedStep, Failure, MAX_TRIED, Opened, ProtectedHeader, Reason, decrypt, encrypt, is_compact,
    sign, verify,
};
