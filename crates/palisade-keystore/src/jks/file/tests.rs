use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::super::protection::of_file;
use super::{Broken, NewEntry, RawEntry, read, write};

const PASSWORD: &str = "pässword";

fn sample() -> Vec<u8> {
    let entries = [
        NewEntry {
            alias: "server",
            key: Some((b"a key", "another")),
            certificates: vec![b"leaf", b"root"],
        },
        NewEntry {
            alias: "partner",
            key: None,
            certificates: vec![b"certificate"],
        },
    ];
    write(&entries, PASSWORD, UNIX_EPOCH).unwrap().to_vec()
}

/// Puts the right digest behind a content, as an attacker does who knows the password.
fn signed(mut content: Vec<u8>) -> Vec<u8> {
    let digest = of_file(&content, PASSWORD);
    content.extend(digest);
    content
}

#[test]
fn what_is_written_is_read_back() {
    let file = sample();
    let entries = read(&file, PASSWORD).unwrap();
    assert!(
        matches!(&entries[0], RawEntry::Key { alias, chain, .. } if alias == "server" && chain == &[&b"leaf"[..], b"root"])
    );
    assert!(
        matches!(&entries[1], RawEntry::Trusted { alias, der } if alias == "partner" && der == b"certificate")
    );
    assert_eq!(read(&file, "password").unwrap_err(), Broken::Digest);
}

#[test]
fn version_1_has_certificates_without_a_type() {
    let content = [
        &b"\xfe\xed\xfe\xed\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\x01A"[..],
        &[0; 8],
        b"\0\0\0\x03der",
    ]
    .concat();
    let file = signed(content);
    let entries = read(&file, PASSWORD).unwrap();
    assert!(matches!(&entries[..], [RawEntry::Trusted { alias, der: b"der" }] if alias == "a"));
}

#[test]
fn counts_and_lengths_that_the_file_cannot_hold_are_refused_before_anything_is_reserved() {
    let head = b"\xfe\xed\xfe\xed\0\0\0\x02";
    for (content, reason) in [
        (
            &b"\xff\xff\xff\xff"[..],
            "it says it holds more entries than its size allows (byte 12)",
        ),
        (b"\0\0", "it ends in the middle of something (byte 8)"),
        (b"\0\0\0\0x", "bytes follow its last entry (byte 12)"),
        (
            b"\0\0\0\x01\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            "an entry is neither a key nor a certificate (byte 26)",
        ),
        (
            b"\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff",
            "it ends in the middle of something (byte 30)",
        ),
        (
            b"\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x7f\xff\xff\xff",
            "a chain says it is longer than the file (byte 34)",
        ),
    ] {
        let file = signed([head, content].concat());
        assert_eq!(
            read(&file, PASSWORD).unwrap_err(),
            Broken::Structure(reason.to_owned())
        );
    }
    let file = signed(b"\xfe\xed\xfe\xed\0\0\0\x03\0\0\0\0".to_vec());
    assert!(matches!(read(&file, PASSWORD), Err(Broken::Structure(reason)) if reason.contains("version")));
    // 36 bytes that have another reader abort: a count of entries that it reserves at once.
    let hostile = [&head[..], b"\x7f\xff\xff\xff\0\0\0\0", &[0; 20]].concat();
    assert_eq!(hostile.len(), 36);
    assert_eq!(read(&hostile, PASSWORD).unwrap_err(), Broken::Digest);
    let signed = signed(hostile[..16].to_vec());
    assert!(matches!(read(&signed, PASSWORD), Err(Broken::Structure(_))));
}

proptest! {
    #[test]
    fn an_altered_file_never_opens(place: prop::sample::Index, bit in 0_u8..8) {
        let mut file = sample();
        let place = place.index(file.len());
        file[place] ^= 1 << bit;
        prop_assert!(read(&file, PASSWORD).is_err());
    }

    #[test]
    fn a_truncated_file_never_opens(length: prop::sample::Index) {
        let file = sample();
        prop_assert!(read(&file[..length.index(file.len())], PASSWORD).is_err());
    }

    #[test]
    fn a_hostile_file_with_a_right_digest_never_panics(place: prop::sample::Index, byte: u8, length: prop::sample::Index) {
        let file = sample();
        let mut content = file[..file.len() - 20].to_vec();
        let place = place.index(content.len());
        content[place] = byte;
        let _ = read(&signed(content.clone()), PASSWORD);
        content.truncate(length.index(content.len()));
        let _ = read(&signed(content), PASSWORD);
    }

    #[test]
    fn no_content_with_a_right_digest_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let content = [&b"\xfe\xed\xfe\xed\0\0\0\x02"[..], &bytes].concat();
        let _ = read(&signed(content), PASSWORD);
    }
}
