use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::MailUrl;
use super::dialogue::upgrade;
use super::lines::{MAX_LINE, MAX_LINES};
use super::url::MailProtocol::{self, Imap, Pop3, Smtp};
use crate::ErrorKind;

#[rstest]
#[case("smtp://mail.example", Smtp, true, "smtp://mail.example:587")]
#[case("smtps://mail.example", Smtp, false, "smtps://mail.example:465")]
#[case("imap://mail.example", Imap, true, "imap://mail.example:143")]
#[case("imaps://mail.example", Imap, false, "imaps://mail.example:993")]
#[case("pop3://mail.example", Pop3, true, "pop3://mail.example:110")]
#[case("pop3s://mail.example", Pop3, false, "pop3s://mail.example:995")]
#[case(" SMTP://192.0.2.7:25/ ", Smtp, true, "smtp://192.0.2.7:25")]
#[case("imaps://[2001:db8::7]", Imap, false, "imaps://[2001:db8::7]:993")]
fn an_address_has_a_protocol_a_way_and_a_port(
    #[case] text: &str,
    #[case] protocol: MailProtocol,
    #[case] upgrades: bool,
    #[case] shown: &str,
) {
    assert!(MailUrl::is_meant(text));
    let url: MailUrl = text.parse().unwrap();
    assert_eq!((url.protocol(), url.upgrades()), (protocol, upgrades));
    assert_eq!(url.to_string(), shown);
}

#[rstest]
#[case::no_scheme("mail.example:25")]
#[case::another("https://mail.example")]
#[case::no_host("smtp://")]
#[case::no_host_but_a_port("smtp://:25")]
#[case::a_user("smtp://somebody@mail.example")]
#[case::a_password("smtp://somebody:secret@mail.example")]
#[case::a_path("imap://mail.example/INBOX")]
#[case::a_query("imap://mail.example/?x")]
#[case::an_empty_query("imap://mail.example?")]
#[case::a_fragment("imap://mail.example#x")]
#[case::a_port_that_is_none("smtp://mail.example:99999")]
#[case::an_empty_port("smtp://mail.example:")]
#[case::white_space("smtp://mail example")]
fn what_is_more_or_less_than_scheme_host_and_port_is_refused(#[case] text: &str) {
    assert!(text.parse::<MailUrl>().is_err());
}

const EHLO: &str = "EHLO [127.0.0.1]\r\n";
const OFFER: &str = "250-mail.example greets you\r\n250-SIZE 1000\r\n250-starttls\r\n250 8BITMIME\r\n";

/// A server that gives each command its answer, and then says no more. How far it came, and what the client said beyond.
async fn converse(protocol: MailProtocol, script: &[(&str, &str)]) -> (Result<(), ErrorKind>, usize, String) {
    let (client, mut server) = duplex(64 * 1024);
    let ask = async move {
        let upgraded = upgrade(client, protocol).await;
        upgraded.map(drop).map_err(|failure| failure.kind())
    };
    let serve = async move {
        let mut answered = 0;
        for (command, answer) in script {
            let mut read = vec![0; command.len()];
            if server.read_exact(&mut read).await.is_err()
                || server.write_all(answer.as_bytes()).await.is_err()
            {
                break;
            }
            assert_eq!(String::from_utf8_lossy(&read), *command);
            answered += 1;
        }
        let mut rest = String::new();
        let _ = server.shutdown().await;
        let _ = server.read_to_string(&mut rest).await;
        (answered, rest)
    };
    let (outcome, (answered, rest)) = tokio::join!(ask, serve);
    (outcome, answered, rest)
}

async fn ends(protocol: MailProtocol, script: &[(&str, &str)]) -> Result<(), ErrorKind> {
    let (outcome, answered, rest) = converse(protocol, script).await;
    assert!(answered == script.len(), "the client stopped at {answered}");
    assert_eq!(rest, "", "nothing more is said in the clear");
    outcome
}

#[rstest]
#[case::plain("220 hello\r\n", OFFER, "220 go ahead\r\n")]
#[case::bare_codes("220\r\n", "250-a\r\n250 STARTTLS\r\n", "220\r\n")]
#[case::many_lines("220-hello\r\n220-we do not relay\r\n220 go\r\n", OFFER, "220-a\r\n220 b\r\n")]
#[tokio::test]
async fn smtp_is_upgraded(#[case] greeting: &str, #[case] offer: &str, #[case] answer: &str) {
    let script = [("", greeting), (EHLO, offer), ("STARTTLS\r\n", answer)];
    assert_eq!(ends(Smtp, &script).await, Ok(()));
}

#[rstest]
#[case::turned_away("554 no\r\n", ErrorKind::UpgradeRefused)]
#[case::later("421 busy\r\n", ErrorKind::UpgradeRefused)]
#[case::another_protocol("* OK hello\r\n", ErrorKind::NotTheProtocol)]
#[case::no_digits("2x0 hello\r\n", ErrorKind::NotTheProtocol)]
#[case::too_short("22\r\n", ErrorKind::NotTheProtocol)]
#[case::glued("220hello\r\n", ErrorKind::NotTheProtocol)]
#[case::two_codes("220-hello\r\n250 hello\r\n", ErrorKind::NotTheProtocol)]
#[case::a_bare_line_feed("220 hello\n", ErrorKind::NotTheProtocol)]
#[case::a_bare_line_feed_within("220 hello\nagain\r\n", ErrorKind::NotTheProtocol)]
#[case::more_than_a_greeting("220 hello\r\n250 STARTTLS\r\n", ErrorKind::Injected)]
#[case::half_a_line("220 hel", ErrorKind::Broken)]
#[case::silence("", ErrorKind::Broken)]
#[tokio::test]
async fn an_smtp_greeting_that_is_none_ends_it_unasked(#[case] greeting: &str, #[case] kind: ErrorKind) {
    assert_eq!(ends(Smtp, &[("", greeting)]).await, Err(kind));
}

#[rstest]
#[case::no_extensions("250 mail.example\r\n", ErrorKind::UpgradeRefused)]
#[case::stripped("250-mail.example\r\n250-XXXXXXXX\r\n250 SIZE\r\n", ErrorKind::UpgradeRefused)]
#[case::in_a_greeting("250 STARTTLS\r\n", ErrorKind::UpgradeRefused)]
#[case::in_a_parameter("250-a\r\n250 X STARTTLS\r\n", ErrorKind::UpgradeRefused)]
#[case::an_old_server("502 what?\r\n", ErrorKind::UpgradeRefused)]
#[case::an_answer_to_come("250-a\r\n250 STARTTLS\r\n220 go\r\n", ErrorKind::Injected)]
#[tokio::test]
async fn smtp_without_an_offer_is_not_gone_on_with(#[case] offer: &str, #[case] kind: ErrorKind) {
    assert_eq!(ends(Smtp, &[("", "220 hi\r\n"), (EHLO, offer)]).await, Err(kind));
}

#[rstest]
#[case::not_now("454 not now\r\n", ErrorKind::UpgradeRefused)]
#[case::not_known("502 what?\r\n", ErrorKind::UpgradeRefused)]
#[case::another_success("250 fine\r\n", ErrorKind::UpgradeRefused)]
#[case::with_an_answer_for_later("220 go\r\n250-mail.example\r\n250 AUTH PLAIN\r\n", ErrorKind::Injected)]
#[case::with_half_a_line("220 go\r\n2", ErrorKind::Injected)]
#[case::with_a_byte("220 go\r\n\0", ErrorKind::Injected)]
#[tokio::test]
async fn smtp_that_does_not_upgrade_and_nothing_else_is_not_gone_on_with(
    #[case] answer: &str,
    #[case] kind: ErrorKind,
) {
    let script = [("", "220 hi\r\n"), (EHLO, OFFER), ("STARTTLS\r\n", answer)];
    assert_eq!(ends(Smtp, &script).await, Err(kind));
}

const STARTTLS: &str = "a1 STARTTLS\r\n";

#[rstest]
#[case::plain("* OK hello\r\n", "a1 OK go\r\n", Ok(()))]
#[case::capabilities("* OK [CAPABILITY IMAP4rev2 STARTTLS] hi\r\n", "* CAPABILITY IMAP4rev2\r\na1 OK\r\n", Ok(()))]
#[case::unasked("* OK hello\r\n* OK by the way\r\n", "a1 OK go\r\n", Ok(()))]
#[case::refused("* OK hello\r\n", "a1 NO not now\r\n", Err(ErrorKind::UpgradeRefused))]
#[case::not_known("* OK hello\r\n", "a1 BAD what?\r\n", Err(ErrorKind::UpgradeRefused))]
#[case::goodbye("* OK hello\r\n", "* BYE\r\na1 OK go\r\n", Err(ErrorKind::UpgradeRefused))]
#[case::anothers("* OK hello\r\n", "a2 OK go\r\n", Err(ErrorKind::NotTheProtocol))]
#[case::a_continuation("* OK hello\r\n", "+ go\r\n", Err(ErrorKind::NotTheProtocol))]
#[case::a_longer_word("* OK hello\r\n", "a1 OKAY go\r\n", Err(ErrorKind::NotTheProtocol))]
#[case::injected("* OK hello\r\n", "a1 OK go\r\n* PREAUTH\r\n", Err(ErrorKind::Injected))]
#[tokio::test]
async fn imap_is_upgraded_or_not_gone_on_with(
    #[case] greeting: &str,
    #[case] answer: &str,
    #[case] outcome: Result<(), ErrorKind>,
) {
    assert_eq!(ends(Imap, &[("", greeting), (STARTTLS, answer)]).await, outcome);
}

#[rstest]
#[case::authenticated("* PREAUTH welcome\r\n", ErrorKind::UpgradeRefused)]
#[case::goodbye("* BYE\r\n", ErrorKind::UpgradeRefused)]
#[case::another_protocol("220 hello\r\n", ErrorKind::NotTheProtocol)]
#[tokio::test]
async fn an_imap_greeting_that_is_none_ends_it_unasked(#[case] greeting: &str, #[case] kind: ErrorKind) {
    assert_eq!(ends(Imap, &[("", greeting)]).await, Err(kind));
}

#[rstest]
#[case::plain("+OK go\r\n", Ok(()))]
#[case::bare("+OK\r\n", Ok(()))]
#[case::refused("-ERR what?\r\n", Err(ErrorKind::UpgradeRefused))]
#[case::another("+OKAY\r\n", Err(ErrorKind::NotTheProtocol))]
#[case::injected("+OK go\r\n+OK welcome\r\n", Err(ErrorKind::Injected))]
#[tokio::test]
async fn pop3_is_upgraded_or_not_gone_on_with(#[case] answer: &str, #[case] outcome: Result<(), ErrorKind>) {
    assert_eq!(
        ends(Pop3, &[("", "+OK hello\r\n"), ("STLS\r\n", answer)]).await,
        outcome
    );
}

#[rstest]
#[case::turned_away("-ERR no\r\n", ErrorKind::UpgradeRefused)]
#[case::more_than_a_greeting("+OK hello\r\n+OK go\r\n", ErrorKind::Injected)]
#[tokio::test]
async fn a_pop3_greeting_that_is_none_ends_it_unasked(#[case] greeting: &str, #[case] kind: ErrorKind) {
    assert_eq!(ends(Pop3, &[("", greeting)]).await, Err(kind));
}

/// `220 xx…\r\n` of that many bytes.
fn greeting(length: usize) -> String {
    format!("220 {}\r\n", "x".repeat(length - 6))
}

#[tokio::test]
async fn lines_have_a_length_and_a_number() {
    let fits = greeting(MAX_LINE);
    let script = [("", fits.as_str()), (EHLO, OFFER), ("STARTTLS\r\n", "220 go\r\n")];
    assert_eq!(ends(Smtp, &script).await, Ok(()));
    let too_long = greeting(MAX_LINE + 1);
    assert_eq!(
        ends(Smtp, &[("", too_long.as_str())]).await,
        Err(ErrorKind::NotTheProtocol)
    );

    let many = |count: usize| format!("* OK hello\r\n{}a1 OK go\r\n", "* OK x\r\n".repeat(count - 2));
    let fits = many(MAX_LINES);
    assert_eq!(ends(Imap, &[("", "")]).await, Err(ErrorKind::Broken));
    let (outcome, ..) = converse(Imap, &[("", fits.as_str())]).await;
    assert_eq!(outcome, Ok(()));
    let (outcome, ..) = converse(Imap, &[("", many(MAX_LINES + 1).as_str())]).await;
    assert_eq!(outcome, Err(ErrorKind::NotTheProtocol));
}

proptest::proptest! {
    #[test]
    fn no_server_makes_it_stall_or_panic(
        protocol in proptest::sample::select(vec![Smtp, Imap, Pop3]),
        said in proptest::collection::vec("(220|250|\\*|a1|\\+OK|-ERR)[ -](OK|STARTTLS|[ -~]{0,20})(\r\n|\n|)", 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (outcome, ..) = runtime.block_on(converse(protocol, &[("", said.concat().as_str())]));
        // A server that says everything at once is never upgraded, but for IMAP, whose server may speak unasked.
        proptest::prop_assert!(outcome.is_err() || protocol == Imap);
    }
}
