//! What a message costs besides cryptography, in allocations.

use palisade_jose::{decrypt, encrypt, sign, verify};
use palisade_test::ca::KeyKind;
use palisade_test::json;

use super::keys::{decryption, encryption, fresh, signing, verification};

/// The size of a message must not matter: nothing is copied piece by piece.
#[test]
fn allocations_do_not_grow_with_the_message() {
    let entry = fresh(KeyKind::Rsa2048, "own");
    let (decryption, encryption) = ([decryption(&entry, &[])], encryption(&entry, &[]));
    let (verification, signing) = ([verification(&entry, &[])], signing(&entry, &[]));
    let extra = json!({"cty": "JWT"});
    let extra = extra.as_object().unwrap();
    for len in [1024, 64 * 1024] {
        let payload = vec![b'x'; len];
        let (mut sealed, mut signed) = (Vec::new(), Vec::new());
        // What libraries set up on first use does not count.
        let warm = sign(&signing, extra, b"").unwrap();
        verify(&verification, &warm, &[]).unwrap();
        decrypt(&decryption, &encrypt(&encryption, extra, b"").unwrap(), &[]).unwrap();
        let costs = [
            (
                "encrypt",
                len + len / 3,
                allocation_counter::measure(|| sealed = encrypt(&encryption, extra, &payload).unwrap()),
            ),
            (
                "decrypt",
                len,
                allocation_counter::measure(|| drop(decrypt(&decryption, &sealed, &[]).unwrap())),
            ),
            (
                "sign",
                len + len / 3,
                allocation_counter::measure(|| signed = sign(&signing, extra, &payload).unwrap()),
            ),
            (
                "verify",
                len,
                allocation_counter::measure(|| drop(verify(&verification, &signed, &[]).unwrap())),
            ),
        ];
        for (name, bytes, cost) in costs {
            assert!(
                cost.count_total <= 40,
                "{name} of {len} bytes: {} allocations",
                cost.count_total
            );
            let bytes = u64::try_from(bytes).unwrap();
            assert!(
                cost.bytes_max <= bytes + 8 * 1024,
                "{name} of {len} bytes: {} bytes",
                cost.bytes_max
            );
        }
    }
}
