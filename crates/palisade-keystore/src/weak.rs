//! RSA keys whose primes can be found from the modulus.
//!
//! 1. ROCA (CVE-2017-15361): some smart cards and TPMs made primes that are a power of 65537 modulo every small prime. So is
//!    their product. Of other keys that holds for one in some 200 million, which is then refused without cause.
//!
//! It does not find primes that are small, close to one another, or shared with another key.

/// The odd primes up to 167: every size of key of that kind has its trace in these.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether a modulus, big-endian, is one of ROCA.
pub(crate) fn is_roca(modulus: &[u8]) -> bool {
    PRIMES
        .iter()
        .all(|prime| is_power_of_65537(remainder(modulus, *prime), *prime))
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number
        .iter()
        .fold(0, |rest, byte| ((rest << 8) | u32::from(*byte)) % prime)
}

fn is_power_of_65537(remainder: u32, prime: u32) -> bool {
    std::iter::successors(Some(1), |power| Some(power * (65537 % prime) % prime))
        .take(prime as usize)
        .any(|power| power == remainder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_is_a_power_modulo_every_small_prime() {
        // 65537 cubed, and a number that differs in one of the primes alone.
        let cube = 65537_u128.pow(3);
        assert!(is_roca(&cube.to_be_bytes()));
        let others: u128 = 5 * 7 * 11 * 13 * 17 * 19 * 23 * 29 * 31 * 37 * 41 * 43 * 47;
        assert!(!is_roca(&(cube + others).to_be_bytes()));
        assert!(!is_roca(&[]));
    }
}
