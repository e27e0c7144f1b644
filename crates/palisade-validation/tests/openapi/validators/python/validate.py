"""Says what openapi-core makes of requests, read as Werkzeug reads them.

  python validate.py DOCUMENT <REQUESTS

Writes a line for each line of input: {"method","target","headers","body"} gives {"accepted"} or {"refused"} with the reasons.
"""

import io
import json
import sys
import warnings
from urllib.parse import unquote_to_bytes, urlsplit

from openapi_core import Config, OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request

warnings.simplefilter("ignore")

# Of media types that end with +json it reads those that it is told of.
JSON = {name: lambda value, **_: json.loads(value) for name in ["application/merge-patch+json", "application/vnd.parcels.route+json"]}


def environ(given, server):
    """The request as a server of WSGI tells it: the path decoded, the query as it came."""
    path, _, query = given["target"].partition("?")
    body = (given["body"] or "").encode()
    variables = {
        "REQUEST_METHOD": given["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": server.hostname,
        "SERVER_PORT": "80" if server.scheme == "http" else "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": server.scheme,
        "wsgi.input": io.BytesIO(body),
    }
    if body:
        variables["CONTENT_LENGTH"] = str(len(body))
    for name, value in given["headers"]:
        name = name.upper().replace("-", "_")
        name = name if name == "CONTENT_TYPE" else f"HTTP_{name}"
        variables[name] = f"{variables[name]},{value}" if name in variables else value
    return variables


def verdict(api, given, server):
    request = WerkzeugOpenAPIRequest(Request(environ(given, server)))
    # WSGI takes an underscore in a name for a hyphen.
    request.parameters.header = Headers([tuple(field) for field in given["headers"]])
    try:
        api.validate_request(request)
    except OpenAPIError as error:
        return {"refused": reasons(error)}
    except Exception as error:  # one that it does not handle answers nobody either
        return {"refused": f"unhandled {reasons(error)}"}
    return {"accepted": True}


def reasons(error):
    try:
        text = f"{type(error).__name__}: {error}".split("\n", 1)[0]
    except Exception:  # some errors cannot be written
        text = type(error).__name__
    cause = error.__cause__ or error.__context__
    return text if cause is None else f"{text} <- {reasons(cause)}"


def main(path):
    api = OpenAPI.from_file_path(path, config=Config(extra_media_type_deserializers=JSON))
    server = urlsplit(api.spec["servers"][0]["url"])
    for line in sys.stdin:
        print(json.dumps(verdict(api, json.loads(line), server)), flush=True)


main(sys.argv[1])
