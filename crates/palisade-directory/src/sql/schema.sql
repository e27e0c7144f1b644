-- Times are seconds since 1970. Digests are 64 lower-case hexadecimal digits. Whoever changes a row by hand adds one to
-- palisade_directory.version: servers look at nothing else to see whether something changed.

CREATE TABLE palisade_directory (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    schema_version BIGINT NOT NULL,
    version BIGINT NOT NULL,
    mark_salt BYTEA NOT NULL
);

CREATE TABLE palisade_tenants (
    name TEXT PRIMARY KEY,
    added_at BIGINT NOT NULL
);

CREATE TABLE palisade_users (
    name TEXT PRIMARY KEY,
    tenant TEXT REFERENCES palisade_tenants (name),
    added_at BIGINT NOT NULL,
    disabled_at BIGINT,
    password_hash TEXT,
    password_mark BYTEA,
    password_set_at BIGINT,
    CHECK ((password_hash IS NULL) = (password_set_at IS NULL)),
    CHECK ((password_hash IS NULL) = (password_mark IS NULL))
);

CREATE TABLE palisade_roles (
    user_name TEXT NOT NULL REFERENCES palisade_users (name) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (user_name, role)
);

-- What is revoked stays, so that it does not come back.
CREATE TABLE palisade_certificates (
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('user', 'tenant')),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    user_name TEXT REFERENCES palisade_users (name) ON DELETE CASCADE,
    tenant_name TEXT REFERENCES palisade_tenants (name) ON DELETE CASCADE,
    label TEXT,
    is_issued BIGINT NOT NULL CHECK (is_issued IN (0, 1)),
    added_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revocation_reason TEXT,
    subject TEXT,
    issuer TEXT,
    serial TEXT,
    not_before BIGINT,
    not_after BIGINT,
    der BYTEA,
    PRIMARY KEY (owner_kind, sha256),
    CHECK ((user_name IS NOT NULL) = (owner_kind = 'user')),
    CHECK ((tenant_name IS NOT NULL) = (owner_kind = 'tenant'))
);

CREATE TABLE palisade_api_keys (
    name TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
    user_name TEXT NOT NULL REFERENCES palisade_users (name) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
