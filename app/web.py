"""The page as a web application: gradio's, the report beside it, and nothing that leaves this machine."""

from __future__ import annotations

from typing import Any

import gradio as gr
from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from .desk import Desk
from .offline import Offline
from .page import CSS, REPORT, THEME, page


def web_app(desk: Desk, hosts: tuple[str, ...]) -> Any:
    """The application of a desk.

    Args:
        hosts: names by which it may be asked for.  Pages of others in the same browser could name it otherwise,
            and would be let in.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get(REPORT)
    def report() -> Response:
        found = desk.report
        if found is None or not found.is_file():
            return PlainTextResponse("There is no report yet.", status_code=404)
        return FileResponse(found, media_type="text/html", headers={"cache-control": "no-store"})

    app = gr.mount_gradio_app(
        app, page(desk), path="/", theme=THEME, css=CSS, footer_links=[], ssr_mode=False, show_error=False
    )
    app.add_middleware(Offline)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return app
