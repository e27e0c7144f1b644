use std::net::SocketAddr;

use palisade_core::{ClientAddress, TlsVersion};
use proptest::prelude::*;
use proxy_header::{ProxiedAddress, ProxyHeader, SslInfo, Tlv};
use rstest::rstest;

use super::{BadProxyHeader, SIGNATURE_V2, crc32c, parse, read};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn v2(tlvs: Vec<Tlv<'_>>) -> Vec<u8> {
    let addresses = ProxiedAddress::stream(address("192.0.2.1:4711"), address("198.51.100.1:443"));
    let mut header = ProxyHeader::with_address(addresses);
    for tlv in tlvs {
        header.append_tlv(tlv);
    }
    encode(&header)
}

fn encode(header: &ProxyHeader<'_>) -> Vec<u8> {
    let mut bytes = vec![0; 65536];
    let length = header.encode_to_slice_v2(&mut bytes).unwrap();
    bytes.truncate(length);
    bytes
}

fn ssl(client_ssl: bool, version: &'static str, cipher: &'static str) -> SslInfo<'static> {
    let mut ssl = SslInfo::new(client_ssl, true, true, 0);
    ssl.append_tlv(Tlv::SslVersion(version.into()));
    ssl.append_tlv(Tlv::SslCipher(cipher.into()));
    ssl.append_tlv(Tlv::SslCn("partner".into()));
    ssl
}

fn known(text: &str) -> ClientAddress {
    ClientAddress::Known(text.parse().unwrap())
}

#[rstest]
#[case("PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n", known("192.0.2.1"))]
#[case("PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n", known("2001:db8::1"))]
#[case("PROXY TCP6 ::ffff:192.0.2.1 ::1 4711 443\r\n", known("192.0.2.1"))]
#[case("PROXY UNKNOWN\r\n", ClientAddress::Unknown)]
#[case("PROXY UNKNOWN ffff:f...f ffff:f...f 65535 65535\r\n", ClientAddress::Unknown)]
fn version_1_names_the_client(#[case] text: &str, #[case] client: ClientAddress) {
    let proxied = parse(text.as_bytes()).unwrap();
    assert_eq!((proxied.client, proxied.tls), (Some(client), None));
}

#[rstest]
#[case("GET / HTTP/1.1\r\n", BadProxyHeader::Missing)]
#[case("proxy TCP4 192.0.2.1 198.51.100.1 4711 443\r\n", BadProxyHeader::Missing)]
#[case("PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\n", BadProxyHeader::Malformed)]
#[case("PROXY TCP4 192.0.2.1 198.51.100.1 4711\r\n", BadProxyHeader::Malformed)]
#[case("PROXY TCP4 192.0.2.1 198.51.100.1 +711 443\r\n", BadProxyHeader::Malformed)]
#[case("PROXY TCP4 192.0.2.1 198.51.100.1 4711 70000\r\n", BadProxyHeader::Malformed)]
#[case("PROXY TCP4 192.0.2.1  198.51.100.1 4711 443\r\n", BadProxyHeader::Malformed)]
#[case("PROXY TCP4 2001:db8::1 2001:db8::2 4711 443\r\n", BadProxyHeader::Malformed)]
#[case("PROXY TCP4 192.0.2.01 198.51.100.1 4711 443\r\n", BadProxyHeader::Malformed)]
#[case("PROXY UNKNOWNED\r\n", BadProxyHeader::Malformed)]
#[case("PROXY UDP4 192.0.2.1 198.51.100.1 4711 443\r\n", BadProxyHeader::Malformed)]
#[case(
    "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\nGET",
    BadProxyHeader::Malformed
)]
fn version_1_must_be_spelt_exactly(#[case] text: &str, #[case] error: BadProxyHeader) {
    assert_eq!(parse(text.as_bytes()), Err(error));
}

#[test]
fn version_2_brings_the_session_of_the_client() {
    let proxied = parse(&v2(vec![
        Tlv::Alpn(b"h2".as_slice().into()),
        Tlv::Authority("API.example.org".into()),
        Tlv::Ssl(ssl(true, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")),
    ]))
    .unwrap();
    assert_eq!(proxied.client, Some(known("192.0.2.1")));
    let tls = proxied.tls.unwrap();
    assert_eq!(tls.version, TlsVersion::Tls12);
    assert_eq!(&*tls.cipher_suite, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_eq!(tls.server_name.as_deref(), Some("api.example.org"));
    assert_eq!(tls.alpn.as_deref(), Some("h2"));
}

#[rstest]
#[case::the_client_did_not_use_tls(ssl(false, "TLSv1.3", "TLS_AES_128_GCM_SHA256"))]
#[case::the_version_is_unknown(ssl(true, "TLSv9", "TLS_AES_128_GCM_SHA256"))]
fn a_session_that_cannot_be_judged_is_none(#[case] ssl: SslInfo<'static>) {
    assert_eq!(parse(&v2(vec![Tlv::Ssl(ssl)])).unwrap().tls, None);
}

#[test]
fn a_certificate_is_taken_only_when_the_proxy_verified_it() {
    for (presented, verify, taken) in [(true, 0, true), (true, 18, false), (false, 0, false)] {
        let mut ssl = SslInfo::new(true, presented, presented, verify);
        ssl.append_tlv(Tlv::SslVersion("TLSv1.3".into()));
        ssl.append_tlv(Tlv::Custom(0x28, b"der".as_slice().into()));
        assert_eq!(
            parse(&v2(vec![Tlv::Ssl(ssl)])).unwrap().certificate.is_some(),
            taken
        );
    }
}

#[test]
fn local_is_the_proxy_itself() {
    let proxied = parse(&encode(&ProxyHeader::with_local())).unwrap();
    assert_eq!(
        (proxied.client, proxied.tls, proxied.certificate),
        (None, None, None)
    );
}

#[test]
fn an_unspecified_family_is_an_unknown_client() {
    let mut bytes = SIGNATURE_V2.to_vec();
    bytes.extend([0x21, 0x00, 0, 0]);
    assert_eq!(parse(&bytes).unwrap().client, Some(ClientAddress::Unknown));
}

#[test]
fn the_checksum_is_that_of_the_standard() {
    // RFC 3720 appendix B.4, the same polynomial.
    assert_eq!(crc32c(!0, &[0; 32]) ^ !0, 0x8a91_36aa);
    assert_eq!(crc32c(!0, b"123456789") ^ !0, 0xe306_9283);
}

#[test]
fn a_wrong_checksum_is_refused() {
    let zeroed = v2(vec![
        Tlv::Noop(3),
        Tlv::Crc32c(0),
        Tlv::Alpn(b"h2".as_slice().into()),
    ]);
    let sum = crc32c(!0, &zeroed) ^ !0;
    let right = v2(vec![
        Tlv::Noop(3),
        Tlv::Crc32c(sum),
        Tlv::Alpn(b"h2".as_slice().into()),
    ]);
    assert_eq!(parse(&right).unwrap().client, Some(known("192.0.2.1")));
    let wrong = v2(vec![
        Tlv::Noop(3),
        Tlv::Crc32c(sum ^ 1),
        Tlv::Alpn(b"h2".as_slice().into()),
    ]);
    assert_eq!(parse(&wrong), Err(BadProxyHeader::Checksum));
}

#[test]
fn datagrams_and_unknown_commands_are_refused() {
    let good = v2(vec![]);
    for (position, byte) in [(13, 0x12), (13, 0x22), (13, 0x41), (12, 0x22), (12, 0x11)] {
        let mut bytes = good.clone();
        bytes[position] = byte;
        assert_eq!(parse(&bytes), Err(BadProxyHeader::Malformed), "{position} {byte}");
    }
}

#[rstest]
#[case(v2(vec![Tlv::Authority("a".into())]))]
#[case(b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n".to_vec())]
#[tokio::test]
async fn what_follows_the_header_is_left_for_the_client(#[case] header: Vec<u8>) {
    let bytes = [header.as_slice(), b"GET /"].concat();
    let mut stream = bytes.as_slice();
    assert_eq!(read(&mut stream).await.unwrap().client, Some(known("192.0.2.1")));
    assert_eq!(stream, b"GET /");
}

#[tokio::test]
async fn a_header_that_never_ends_is_not_read_on() {
    let endless = [b"PROXY TCP4 ".as_slice(), &[b'1'; 500]].concat();
    let mut stream = endless.as_slice();
    assert!(read(&mut stream).await.is_err());
    assert_eq!(stream.len(), endless.len() - 107);

    let huge = [
        SIGNATURE_V2.as_slice(),
        &[0x21, 0x11, 0xff, 0xff],
        &vec![0; 70000],
    ]
    .concat();
    let mut stream = huge.as_slice();
    assert!(read(&mut stream).await.is_err());
    assert_eq!(stream.len(), huge.len() - 16);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..80), command in any::<u8>(), family in any::<u8>()) {
        let _ = parse(&bytes);
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let _ = parse(&[&SIGNATURE_V2, &[command, family][..], &length, &bytes].concat());
        let _ = parse(&[&SIGNATURE_V2, &[0x21, 0x11][..], &length, &bytes].concat());
        let _ = parse(&[b"PROXY ", bytes.as_slice(), b"\r\n"].concat());
    }

    #[test]
    fn every_address_is_read_back(source in any::<std::net::IpAddr>(), port in any::<u16>()) {
        let other = if source.is_ipv4() { address("127.0.0.1:1") } else { address("[::1]:1") };
        let header = ProxyHeader::with_address(ProxiedAddress::stream(SocketAddr::new(source, port), other));
        prop_assert_eq!(parse(&encode(&header)).unwrap().client, Some(source.into()));
        let mut text = vec![0; 200];
        let length = header.encode_to_slice_v1(&mut text).unwrap();
        text.truncate(length);
        prop_assert_eq!(parse(&text).unwrap().client, Some(source.into()));
    }
}
