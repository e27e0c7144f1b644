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

# need COMMAND PACKAGE: installs the Debian package where the command is missing.
need() {
    have "$1" && return 0
    say "installing $2 for $1"
    have apt-get || die "$1 is missing; install it and run this again"
    if [ -z "${apt_updated:-}" ]; then
        as_root apt-get update -qq || die "$1 is missing, and installing $2 needs root or sudo"
        apt_updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null || die "cannot install $2"
    have "$1" || die "$1 is still missing after installing $2"
}

need_rust() {
    have cargo || die "cargo is missing; install Rust with rustup (https://rustup.rs) and run this again"
    # aws-lc and the linker need a C compiler.
    need cc gcc
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
    (need python3 python3) && as_root apt-get install -y -qq python3-venv >/dev/null 2>&1
}
