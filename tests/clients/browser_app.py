"""A small SMART app of two pages, on an origin of its own: it launches, reads, refreshes, and says what came of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

LAUNCH = """<!doctype html><html lang="en"><title>Launching</title><link rel="icon" href="data:,"><script src="/fhir-client.js"></script><script>
const asked = new URLSearchParams(location.search);
FHIR.oauth2.authorize({
  clientId: asked.get("client"), redirectUri: "/app",
  scope: (asked.has("launch") ? "launch" : "launch/patient") + " openid fhirUser offline_access patient/*.rs",
}).catch(error => { document.title = "Failed"; document.body.textContent = error; });
</script><body></body></html>"""

APP = """<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,"><script src="/fhir-client.js"></script><script>
(async () => {
  const told = {};
  const client = await FHIR.oauth2.ready();
  const before = client.state.tokenResponse;
  told.granted = before.scope;
  told.encounter = client.encounter.id;
  told.context = before.fhirContext;
  told.fhirUser = client.user.fhirUser;
  told.user = (await client.user.read()).resourceType;
  told.patient = (await client.patient.read()).id;
  const found = await client.request(`Observation?patient=${client.patient.id}&_count=5`, {flat: true, pageLimit: 2});
  told.observations = found.map(each => each.subject.reference);
  told.other = await client.request("Patient").then(bundle => bundle.total ?? bundle.entry.length);
  await client.refresh();
  const after = client.state.tokenResponse;
  told.refreshed = after.access_token !== before.access_token && after.refresh_token !== before.refresh_token;
  told.again = (await client.patient.read({cache: "reload"})).id;
  return told;
})().then(told => { window.told = told; }, error => { window.told = {error: String(error)}; });
</script><body></body></html>"""

PAGES = {"/launch": LAUNCH.encode(), "/app": APP.encode()}


@contextmanager
def served(script: bytes) -> Iterator[str]:
    """The app's origin, while it is served."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            body = script if path == "/fhir-client.js" else PAGES.get(path)
            self.send_response(404 if body is None else 200)
            kind = "text/javascript" if path.endswith(".js") else "text/html; charset=utf-8"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing is written: addresses hold codes."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
