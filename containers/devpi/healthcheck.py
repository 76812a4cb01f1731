"""Ends with status 0 if devpi-server answers its API on this machine."""

import os
import urllib.request

port = os.environ.get("DEVPI_LISTEN_PORT") or "3141"
# No proxy: http_proxy is for devpi's downloads, not for this request.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
opener.open(f"http://127.0.0.1:{port}/+api", timeout=4).close()
