"""Conversations with Chromium, scripted and headless: ws and wss, IPv4 and IPv6.

A tiny HTTP server on loopback serves chromium_page.html, which talks to the server under test and posts what it saw.
"""

import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import urllib.parse

import harness

PLAIN, TLS = 0, 1
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chromium_page.html")
BROWSER_DEADLINE_S = 150  # a browser's first start on a small machine takes its time
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--ignore-certificate-errors",
    "--remote-debugging-port=0",  # keeps it running
)


class PageServer(http.server.ThreadingHTTPServer):
    """Serves the page and takes its one result."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), PageHandler)
        self.result = None
        self.arrived = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self._thread.join()
        self.server_close()


class PageHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path != "/page":
            self.send_error(404)
            return
        with open(PAGE, "rb") as page:
            body = page.read()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.server.result = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.arrived.set()

    def log_message(self, *_):
        pass


class Chromium(harness.ServerCase):
    settings = {
        "listeners": harness.DUAL_LISTENERS,
        # The page comes from another port, which makes it another origin.
        "endpoints": tuple(
            {**endpoint, "origins": ["*"]}
            for endpoint in (
                *harness.DEFAULT_ENDPOINTS,
                {"path": "/chat", "handler": "echo", "auth": "none", "subprotocols": ["chat.v1"]},
            )
        ),
    }

    def browse(self, urls):
        """What the page saw, one result a URL."""
        browser = shutil.which("chromium")
        self.assertIsNotNone(browser, "Debian's chromium is needed: apt-get install chromium")
        query = urllib.parse.urlencode([("url", url) for url in urls])
        with PageServer() as page, tempfile.TemporaryDirectory(
            prefix="portcullis-chromium-", ignore_cleanup_errors=True
        ) as folder:
            log_name = os.path.join(folder, "log")
            with open(log_name, "w+b") as log:
                process = subprocess.Popen(
                    [
                        browser,
                        *OPTIONS,
                        f"--user-data-dir={folder}/profile",
                        f"http://127.0.0.1:{page.server_address[1]}/page?{query}",
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "HOME": folder},
                )
                try:
                    arrived = page.arrived.wait(BROWSER_DEADLINE_S)
                finally:
                    process.terminate()
                    try:
                        process.wait(harness.DEADLINE_S)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
                log.seek(0)
                self.assertTrue(arrived, f"no result from the page\n{log.read()[-4000:].decode(errors='replace')}")
            return page.result

    def test_conversations(self):
        urls = []
        for scheme, listener in (("ws", PLAIN), ("wss", TLS)):
            for host in ("127.0.0.1", "[::1]", "localhost"):
                base = f"{scheme}://{host}:{self.server.ports[listener]}"
                urls += [f"{base}/", f"{base}/chat"]
        refused = [f"ws://127.0.0.1:{self.server.ports[PLAIN]}/nowhere"]
        results = {result["url"]: result for result in self.browse(urls + refused)}
        for url in urls:
            with self.subTest(url=url):
                result = results[url]
                prefix = "" if url.endswith("/chat") else harness.PREFIX
                self.assertEqual(result["texts"], [prefix] * 4)
                self.assertTrue(result["binary"])
                self.assertEqual(result["code"], 4000)
                self.assertTrue(result["clean"])
                self.assertFalse(result["error"])
                self.assertEqual(result["protocol"], "chat.v1" if url.endswith("/chat") else "")
                self.assertTrue(result["extensions"].startswith("permessage-deflate"), result["extensions"])
        self.assertEqual(results[refused[0]]["code"], 1006)
        ends = self.server.records("session_end", cause="client_closed", code_received=4000)
        self.assertEqual(len(ends), len(urls))


if __name__ == "__main__":
    harness.main()
