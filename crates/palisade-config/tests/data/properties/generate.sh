#!/bin/sh
# Makes expected.jsonl anew with the Java on the path (17 or later). The tests do not need Java.
set -eu
cd "$(dirname "$0")"
java Generate.java expected.jsonl
wc -l expected.jsonl
