//! The examples behind the options of each command's help.

/// `palisade`.
pub(super) const PALISADE: &str = "\
Examples:
  palisade init                                     write a starter folder into ./config
  palisade check                                    is the configuration sound, and wise?
  palisade serve --echo                             serve it, with an upstream that echoes requests
  palisade explain GET /server/rest/orders/list     what would happen to that request, and why
  palisade message verify message.jose --interceptor Partner
                                                    why a message is refused, step by step

Exit status: 0 all is well, findings included; 1 a refusal, or a score below --fail-below; 2 wrong use or configuration.";

/// `palisade serve`.
pub(super) const SERVE: &str = "\
Examples:
  palisade serve --echo
      Try a policy out: every accepted request is answered with itself, as JSON.
  palisade serve --set palisade.upstream.url=http://127.0.0.1:8080
      Guard a service on the same machine.
  palisade serve --config /etc/palisade --profile production --format json
      Say where it listens on one line of JSON.

Changed files are applied while it serves, whole or not at all; SIGHUP does so at once. SIGTERM and SIGINT let requests under \
way finish, a second one ends at once. The log goes to standard error: errors and severe findings, unless palisade.log.level \
says otherwise. Where --echo is given, palisade.upstream.url is not used.";

/// `palisade check`.
pub(super) const CHECK: &str = "\
Examples:
  palisade check
      Every error with its file and line; then what is allowed but unwise, and a score from 0 to 100.
  palisade check --profile production --fail-below 90 --format json
      For a pipeline: status 1 when the score is below 90.

A severe finding costs 25 points, a moderate one 10, a caution 3. A finding that somebody answers for counts no more until its \
day has passed: palisade.justify.<code>=reason, owner, until=YYYY-MM-DD";

/// `palisade explain`.
pub(super) const EXPLAIN: &str = "\
Examples:
  palisade explain GET /server/rest/orders/list
  palisade explain POST /server/rest/orders/create --peer 203.0.113.7 --tls TLSv1.2
  palisade explain GET /server/rest/orders/list --header 'X-Partner: acme' --format json
  palisade explain POST /server/rest/orders/create --body order.json
      What would be refused of that body: where, by which rule, and how it is told.
  palisade explain POST /server/rest/orders/create --header 'Content-Type: application/xml' --body - < order.xml

Status 1 when the request would be refused; 0 when it would pass, or when that hangs on something that was not supposed. Only \
the policy is compiled: certificates of listeners are not opened. What limits have left is asked as by palisade limits show, and \
nothing of it is taken.

A body is given to the stages as a request's would be: nothing is counted, no message is remembered. Where no Content-Type is given, \
files that end in .json, .xml and .jose have theirs. Where messages are secured, FILE is a secured one: palisade message sign and \
palisade message encrypt make one. One that was there before is not known for it here.";

/// `palisade limits`.
pub(super) const LIMITS: &str = "\
Examples:
  palisade limits show                              every limit, and what is left to those who used something
  palisade limits show Partners --key alice         what alice has left of the limits of Partners
  palisade limits reset Partners --stage quota --key alice

The server that runs with this configuration is asked, at palisade.admin.bind. Where none answers, the stores themselves are: the \
file in palisade.data-dir, and Redis. What is counted in the memory of a server is known to that server alone.";

/// `palisade limits show`.
pub(super) const LIMITS_SHOW: &str = "\
Examples:
  palisade limits show
  palisade limits show Partners --stage rate-limit --key 203.0.113.7
  palisade limits show Partners --keys 100 --format json

Looking takes nothing. Keys that are secret or long, such as the values of fields, are shown as # and a digest, which --key takes, too.";

/// `palisade limits reset`.
pub(super) const LIMITS_RESET: &str = "\
Examples:
  palisade limits reset Partners --key alice
      Gives alice back all that was used of the limits of Partners that have such a key. Others,
      such as a rate for each address, are left out, and named.
  palisade limits reset Partners --key 203.0.113.7
  palisade limits reset Partners --stage quota --all

In Redis that holds for all servers that share it. Where palisade.admin.token is set, it is shown to the server. Status 1 when the \
server or the store does not do it, and 2 when no limit that is meant has such a key.";

/// `palisade diff`.
pub(super) const DIFF: &str = "\
Examples:
  palisade diff /etc/palisade ./config
  palisade diff old new --profile production --format json | jq '.routes[] | select(.lost != [])'

Routes are found by trying: every combination of the web services, operations, methods and SOAP actions that groups of either \
folder name, others that none names, and an example of each path pattern. A stage that only reports counts as lost. Profiles, \
--set and variables apply to both folders. The status is 0 whether they differ or not.";

/// `palisade init`.
pub(super) const INIT: &str = "\
Examples:
  palisade init
      Writes ./config, with certificates for a demonstration on this machine.
  palisade init /etc/palisade
  palisade init native --from-blueriq application.properties
      Writes the settings of a Blueriq runtime under native names; encrypted values stay as they are.

Files that exist are never overwritten: nothing is written then, and the status is 2.";

/// `palisade encrypt`.
pub(super) const ENCRYPT: &str = "\
Examples:
  palisade encrypt palisade.keystores.main.password
      Asks for the value twice, prints ENC(v2:...) alone.
  palisade encrypt palisade.keystores.main.password --stdin --encryption-password-file /run/secrets/password < value
  palisade encrypt blueriq.security.keystore.password --jasypt
      Prints ENC(...) as Jasypt reads it.

The password comes from --encryption-password-file, else from palisade.properties.encryption.password of the configuration \
(PALISADE__PROPERTIES__ENCRYPTION__PASSWORD), else from a prompt. A value is bound to the property's full name: under another \
name it does not decrypt. A name of Blueriq's is taken for the native one it is translated to, so that the value may stand under \
either.";

/// `palisade keystore`.
pub(super) const KEYSTORE: &str = "\
Examples:
  palisade keystore list
  palisade keystore show demo-server
  palisade keystore show demo-server --public-key jwk";

/// `palisade keystore list`.
pub(super) const KEYSTORE_LIST: &str = "\
Examples:
  palisade keystore list
  palisade keystore list --format json | jq '.entries[] | select(.certificates[0].\"days-left\" < 30)'

Keystores that do not load are reported, and the status is 2; the others are listed all the same.";

/// `palisade keystore show`.
pub(super) const KEYSTORE_SHOW: &str = "\
Examples:
  palisade keystore show demo-server
  palisade keystore show partners/acme --format json
  palisade keystore show bank --public-key jwk > bank.jwk
      What a partner is given: the key as a JWK, with the kid by which messages name it. It goes into the member keys of a set.
  palisade keystore show bank --public-key pem

Shows the chain with subjects, names, validity, keys and usages. Private keys are never shown.";

/// `palisade message`.
pub(super) const MESSAGE: &str = "\
Examples:
  palisade message verify message.jose --interceptor Partner
  palisade message sign order.json --interceptor Bank | palisade message encrypt --interceptor Bank

Keys are those of the configured keystores, and are never shown.";

/// `palisade message sign`.
pub(super) const MESSAGE_SIGN: &str = "\
Examples:
  palisade message sign order.json --interceptor Bank --method POST --target /server/rest/orders/create
      Signed as palisade.client.interceptors.Bank signs requests: its key, algorithms, format, audience and times.
  palisade message sign answer.json --interceptor Partner --response --in-reply-to 0198c2f4
      Signed as palisade.interceptors.Partner signs responses.
  palisade message sign order.json --key-alias me --encrypt-alias bank --ttl 60s > message.jose
      With keys by their aliases: signed, then encrypted.
  palisade message sign order.json --key-alias me | palisade message encrypt --key-alias bank

The result is a compact JWS and nothing else, with a line break behind it on a terminal only; its jti, which the answer has to \
name, is told on standard error. It is signed and no more: \
palisade message encrypt makes the whole message of an interceptor that also encrypts. A message without --method and --target \
is bound to no request.";

/// `palisade message encrypt`.
pub(super) const MESSAGE_ENCRYPT: &str = "\
Examples:
  palisade message encrypt order.json --interceptor Bank --method POST --target /server/rest/orders/create > message.jose
      The whole message, with everything that palisade.client.interceptors.Bank does to requests: times, signed, encrypted.
  palisade message encrypt answer.json --interceptor Partner --response
      The whole message, as palisade.interceptors.Partner makes responses.
  palisade message encrypt order.json --key-alias bank
      Encrypted to the key under an alias, and not signed.
  palisade message sign order.json --key-alias me | palisade message encrypt --key-alias bank
      A signed message is encrypted as it is; --as-body takes it for a body.

The jti of what is made, which the answer has to name (palisade message verify --in-reply-to), is told on standard error.";

/// `palisade message verify`.
pub(super) const MESSAGE_VERIFY: &str = "\
Examples:
  palisade message verify message.jose --interceptor Partner
      By the request profiles of palisade.interceptors.Partner.
  palisade message verify answer.jose --interceptor Bank --response --in-reply-to 0198c2f4
      By the response profiles of palisade.client.interceptors.Bank.
  palisade message verify --interceptor Partner --method POST --target /server/rest/orders/create --at 2026-11-22T10:00:00Z < m
      As it would have been read then, for that request.
  palisade message verify message.jose --decrypt-alias me,me-old --verify-alias partner | jq .

Each step is told on standard error, the failed one with its reason; the clear body goes to standard output, of an accepted \
message alone. With --format json all of it is one document. The status is 1 when the message would be refused. The replay memory \
is never asked and never told: a message that verifies here may have been accepted before, and can still be sent. White space \
around a message, as files have it, is left out with a remark; on the wire it is refused. Without --method and --target, or \
without --in-reply-to, the verdict names what a server or client would still compare. What is told here is for the operator: \
a partner learns none of it.";

/// `palisade cert`.
pub(super) const CERT: &str = "\
Examples:
  palisade cert ca                                  a certificate authority in the configuration folder
  palisade cert issue --user alice                  alice.p12, and its password in alice.p12.password
  palisade cert list --expiring 30d                 what ends soon
  palisade cert revoke --user alice --reason keyCompromise
                                                    refused by running servers within seconds

Certificates are registered in the directory that palisade.directory names, in which servers find their owner by fingerprint. With \
the property files as directory (config), the record is kept in directory.db of palisade.data-dir, and the line for the property \
file is printed.";

/// `palisade cert ca`.
pub(super) const CERT_CA: &str = "\
Examples:
  palisade cert ca
      Makes ca.crt, ca.key and an empty ca.crl in config/ca, and prints what a listener needs to trust it.
  palisade cert ca --name 'Acme clients' --organization Acme --valid 1825d --dir /secure/ca --ca-password-file password
      With an encrypted key, in a folder of its own.
  palisade cert ca --key rsa3072 --format json

Nothing that exists is overwritten. Servers need ca.crt and ca.crl; ca.key is needed to issue and to revoke alone, and is best kept \
elsewhere. A listener with revocation lists refuses every certificate whose issuer has none, which is why an empty one is made at \
once, and renewed by palisade cert renew-crl.";

/// `palisade cert issue`.
pub(super) const CERT_ISSUE: &str = "\
Examples:
  palisade cert issue --user alice
      alice.p12 with key, certificate and issuer; its password goes to alice.p12.password.
  curl --cert-type P12 --cert alice.p12:$(cat alice.p12.password) https://localhost:8443/server/rest/orders/list
  palisade cert issue --tenant acme --create --type jks --valid 180d --out acme-2026.jks
  palisade cert issue --user alice --csr alice.csr
      The key stays with alice: alice.pem has the certificate and its issuer.
  palisade cert issue --user alice --type pem --password-stdin < password
      PEM, its key encrypted.
  palisade cert issue --server api.example.org --server 192.0.2.7 --type pem
      For a server, in whose listener's keystore it belongs; nobody signs in with it. servers.crt of the authority records it.

A user's certificate names the user (CN) and the user's tenant (O). There is no copy of a key: what is lost is issued anew. Random \
passwords have 24 characters, and are printed with --print-password alone.";

/// `palisade cert import`.
pub(super) const CERT_IMPORT: &str = "\
Examples:
  palisade cert import alice.crt --user alice
      Checked against the issuers that the listeners trust (tls.client-ca-aliases), and the authority.
  palisade cert import acme.pem --tenant acme --issuer acme-ca.crt

Refused is what a listener would refuse: an unknown issuer, a signature that does not fit, an issuer that is no authority, a \
certificate that is not valid now, or not for clients, an RSA key below 2048 bits, X.509 before version 3. A private key beside it \
is left alone. The certificate's issuer must be among those that a listener trusts, or its handshake fails.";

/// `palisade cert export`.
pub(super) const CERT_EXPORT: &str = "\
Examples:
  palisade cert export --user alice
      Writes alice.crt.
  palisade cert export --serial 5f0c6a --type der --out - | sha256sum
  palisade cert export --user alice --type txt --out -

The certificate alone: private keys are not kept once a certificate is issued. Where a user has several that are good, --serial says \
which; sha256: and a fingerprint name one too.";

/// `palisade cert list`.
pub(super) const CERT_LIST: &str = "\
Examples:
  palisade cert list
  palisade cert list --expiring 30d --format json | jq -r '.certificates[] | [.user, .\"not-after\"] | @tsv'
      For a report each week: what ends within 30 days, or has ended.
  palisade cert list --user alice --revoked
  palisade cert list --as alice
      What alice may see: her own.

Soonest first, certificates of servers among them. With --expiring the authority's own certificate and its revocation list are told \
of too, where they end within that time. The status is 0 whether there are any or not.";

/// `palisade cert show`.
pub(super) const CERT_SHOW: &str = "\
Examples:
  palisade cert show --user alice
  palisade cert show --serial 5f0c6a --format json";

/// `palisade cert delete`.
pub(super) const CERT_DELETE: &str = "\
Examples:
  palisade cert delete --serial 5f0c6a
  palisade cert delete --serial sha256:9b1c...

Nobody is recognised by the certificate any more. It can still complete a handshake until it ends: palisade cert revoke ends that.";

/// `palisade cert revoke`.
pub(super) const CERT_REVOKE: &str = "\
Examples:
  palisade cert revoke --serial 5f0c6a --reason superseded
  palisade cert revoke --user alice --reason keyCompromise
      All of them.

The revocation list is written at once and whole; servers that watch it (tls.crl-files) refuse the certificate within seconds, in new \
handshakes and in requests of connections that are open. A certificate of another authority stands in no list of this one: it is not \
recognised any more, and its issuer is to be told.";

/// `palisade cert renew-crl`.
pub(super) const CERT_RENEW_CRL: &str = "\
Examples:
  palisade cert renew-crl
      For a timer, well before the list is due: listeners refuse everybody it covers from then on.
  palisade cert renew-crl --crl-valid 7d --ca-password-file /run/secrets/ca
  palisade cert renew-crl --rebuild
      The list is lost: it is made of what the directory knows to be revoked.

What the directory has as revoked and the list has not is added to it.";

/// `palisade user`.
pub(super) const USER: &str = "\
Examples:
  palisade user add alice --tenant acme --create-tenant --role clerk
                                                    asks for a password; palisade cert issue --user alice goes on
  palisade user list                                who signs in how, and what they may do
  palisade user disable alice                       refused by running servers within seconds

Users and tenants are kept in the database that palisade.directory names, sqlite:<file> or postgres://…; servers that run see a change \
within seconds. With the property files as directory (config), commands work on directory.db of palisade.data-dir, which servers \
read once palisade.directory=sqlite:data/directory.db is set: a remark says so. Who can run these commands with these files may do \
everything. --as is for tools that act for people: an administrator may do everything, others may list themselves, set their own \
password and manage their own API keys.";

/// `palisade user add`.
pub(super) const USER_ADD: &str = "\
Examples:
  palisade user add alice --role clerk
      Asks for the password twice.
  palisade user add alice --tenant acme --create-tenant --stdin < password
  palisade user add orders-batch --tenant acme --no-password
      For a program, which gets an API key or a certificate.

A password has 12 characters at least, of all four classes, lower case, upper case, digits and others, and not the user's name in \
it; a weak one is refused (status 1) with every reason. That another user has the same, or that it stands in the configuration, is a \
warning. Names have letters, digits and punctuation other than : , \" and \\.";

/// `palisade user add-tenant`.
pub(super) const USER_ADD_TENANT: &str = "\
Examples:
  palisade user add-tenant acme

A tenant's certificates speak for the tenant, and for users of it.";

/// `palisade user list`.
pub(super) const USER_LIST: &str = "\
Examples:
  palisade user list
  palisade user list --format json | jq -r '.users[] | select(.\"is-active\") | .name'
  palisade user list alice
  palisade user list --as alice

What somebody may do is what the rules of each endpoint group admit, by the methods GET, POST, PUT, PATCH and DELETE; groups that \
do not ask who is calling, and those without rules, are named once. Rules that ask for a scope admit nobody here but through an API \
key that has it, which is shown beside the key. Users of the property files are listed too, where servers read those.";

/// `palisade user disable`.
pub(super) const USER_DISABLE: &str = "\
Examples:
  palisade user disable alice

Nothing that the user signs in with is accepted any more; all of it stays, for palisade user enable.";

/// `palisade user enable`.
pub(super) const USER_ENABLE: &str = "\
Examples:
  palisade user enable alice

What was revoked in the meantime stays revoked.";

/// `palisade user set-password`.
pub(super) const USER_SET_PASSWORD: &str = "\
Examples:
  palisade user set-password alice
  palisade user set-password alice --stdin < password
  printf '%s\\n%s\\n' \"$current\" \"$new\" | palisade user set-password alice --as alice --stdin
      Whoever is no administrator gives the current password first.";

/// `palisade user set-roles`.
pub(super) const USER_SET_ROLES: &str = "\
Examples:
  palisade user set-roles alice clerk buyer
  palisade user set-roles alice administrator
      Manages everybody with --as alice.
  palisade user set-roles alice
      No roles at all.";

/// `palisade user set-tenant`.
pub(super) const USER_SET_TENANT: &str = "\
Examples:
  palisade user set-tenant alice acme
  palisade user set-tenant alice --none";

/// `palisade api-key`.
pub(super) const API_KEY: &str = "\
Examples:
  palisade api-key create orders-batch --scope orders.read --expires 90d
  palisade api-key list
  palisade api-key revoke 2bb80d537b1d              refused by running servers within seconds

Keys are of users of the directory; palisade user --help tells where that is. A key begins with plsd_, followed by 49 letters, digits, - \
and _, by which scanners for secrets find it.";

/// `palisade api-key create`.
pub(super) const API_KEY_CREATE: &str = "\
Examples:
  palisade api-key create orders-batch > key
      The key alone goes to standard output; its ID to standard error.
  palisade api-key create orders-batch --scope orders.read --scope orders.write --expires 2027-01-31
  curl -H \"X-API-Key: $(cat key)\" https://localhost:8443/server/rest/orders/list

Its SHA-256 is all that is kept: a key that is lost is revoked, and another one made. Without --scope it has its \
user's roles, and no scopes. With --scope it has these scopes and no roles at all: it opens what rules by scope admit, and \
nothing else. Scopes are given by administrators alone, with --as too.";

/// `palisade api-key list`.
pub(super) const API_KEY_LIST: &str = "\
Examples:
  palisade api-key list
  palisade api-key list orders-batch --format json | jq '.\"api-keys\"[] | select(.state == \"usable\")'
  palisade api-key list --as alice";

/// `palisade api-key revoke`.
pub(super) const API_KEY_REVOKE: &str = "\
Examples:
  palisade api-key revoke 2bb80d537b1d

It cannot be brought back.";

/// `palisade hash-password`.
pub(super) const HASH_PASSWORD: &str = "\
Examples:
  palisade hash-password
      Asks for the password twice, and prints $argon2id$v=19$m=19456,t=2,p=1$…
  printf %s \"$password\" | palisade hash-password --stdin --user alice
  echo \"palisade.users.alice.password-hash=$(palisade hash-password)\" >> config/application.properties

For users of the property files (palisade.users.<name>.password-hash). The rule for passwords is that of palisade user add.";

/// `palisade probe`.
pub(super) const PROBE: &str = "\
Examples:
  palisade probe https://partner.example
  palisade probe https://partner.example:8443 --minimum-version TLSv1.3 --trust partner-ca.pem
  palisade probe https://192.0.2.7 --server-name partner.example --format json | jq '.chain[0].\"days-left\"'
  palisade probe --connection bank
      As palisade.connections.bank of the configuration connects.
  palisade probe smtp://mail.example
      At port 587, with STARTTLS.

Nothing is sent but handshakes, and before them what STARTTLS needs: no request, and no client certificate. A chain that does not \
verify ends the handshake, and is shown. Revocation is not looked up. A peer below the floor is asked again for what it speaks. That \
it demands a client certificate is told, and refuses nothing.

Status 0 when a connection would come about; 1 when none would, because the peer is below the floor, is not trusted, has another \
name or does not answer; 2 for a URL that is none, or of a scheme without TLS, and a configuration that is not sound.";

/// `palisade test`.
pub(super) const TEST: &str = "\
Examples:
  palisade test config/policy-tests.yaml
  palisade test policy-tests.json --config /etc/palisade --profile production --format json
  palisade test policy-tests.yaml --junit results.xml

  cases:
    - name: nobody from outside lists orders
      request: {method: GET, path: /server/rest/orders/list, peer: 203.0.113.7}
      expect: {verdict: refused, status: 403, code: ip-not-allowed, stage: ip-filter, group: orders}

A request has method and path, and may have peer, tls, user, tenant, roles, scopes, headers, body or body-file (beside the file). \
Under defaults stands what requests have that do not say otherwise. What is expected is a verdict (accepted, refused, unknown), and \
if you like status and code, the group (null: none takes it), the stage that decides, all stages of the group in order, or what an \
unknown verdict hangs-on. A stage is named as ip-filter, or with its interceptor, as Partners.ip-filter.

Cases are explained as by palisade explain, with limits supposed to be whole. What hangs on something that a case does not suppose \
passes only where unknown is expected. Status 0 when all cases pass, 1 when one does not, 2 when the file or the configuration is \
wrong, or there is no case.";
