"""A mail server that takes nothing before STARTTLS: `smtp.py CERTIFICATE` writes its port, and then each message it got."""

import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP


class Printer:
    async def handle_DATA(self, server, session, envelope):
        text = envelope.content.decode()
        print(f"{session.ssl is not None} {envelope.mail_from} {envelope.rcpt_tos[0]} {text!r}", flush=True)
        return "250 Taken"


async def serve(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Printer(), hostname="mail.example", tls_context=context, require_starttls=True), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve(sys.argv[1]))
