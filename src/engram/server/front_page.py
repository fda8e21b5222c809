"""What is shown where the pages were not built: why, how to build them, and what can be asked without. No scripts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: dark light; --page: #1a1a1a; --card: #2d2d2d; --text: #e6e6e6; --muted: #b3b7be; --link: #86b2fa;
  --edge: #4a4f57; --ok: #63d2a6; --warn: #f2b25c; }
@media (prefers-color-scheme: light) { :root { --page: #f5f5f5; --card: #ffffff; --text: #2d2d2d; --muted: #595e66;
  --link: #1558d6; --edge: #c9cdd3; --ok: #0b6e50; --warn: #8a4b00; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 Inter, system-ui, sans-serif; }
h1 { font: 700 2rem/1.2 "Space Grotesk", system-ui, sans-serif; margin: 0; }
h2 { font: 700 1.25rem/1.3 "Space Grotesk", system-ui, sans-serif; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; text-transform: capitalize; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
code, pre { font: 450 .9rem/1.5 "Fira Code", ui-monospace, monospace; }
pre { background: var(--card); border: 1px solid var(--edge); border-radius: .6rem; padding: 1rem; margin: 0;
  overflow-x: auto; }
.state { border-left: .3rem solid; padding: .4rem .9rem; background: var(--card); border-radius: .3rem; }
.ready { border-color: var(--ok); } .waiting { border-color: var(--warn); }
.muted { color: var(--muted); }
table { width: 100%; border-collapse: collapse; }
td { border-top: 1px solid var(--edge); padding: .35rem .6rem .35rem 0; vertical-align: top; }
td:first-child { width: 4.5rem; color: var(--muted); } td:nth-child(2) { width: 45%; overflow-wrap: anywhere; }
@media (max-width: 40rem) { td { display: block; width: auto; border: 0; padding: .1rem 0; }
  td:first-child { border-top: 1px solid var(--edge); padding-top: .5rem; } td:nth-child(2) { width: auto; } }
"""

STEPS = """
URL={url}/api/v1
JSON='Content-Type: application/json'

# Sign in with the password that the terminal showed; change it, then sign in with the new one.
curl -s $URL/sessions -H "$JSON" -d '{{"name": "admin", "password": "…"}}'
AUTH="Authorization: Bearer …"   # the access_token of the answer
curl -s $URL/users/me/password -H "$JSON" -H "$AUTH" -d '{{"old": "…", "new": "…"}}'

# Queue a run and look at it.
curl -s $URL/runs -H "$JSON" -H "$AUTH" -d '{{"recipe": "quickstart"}}'
curl -s $URL/runs -H "$AUTH"
"""

BUILDING = """
./start.sh                          # builds them itself, with Node or without
(cd ui && npm ci && npm run build)  # with Node 20.19 or newer
"""


def front_page(url: str, version: str, problems: Mapping[str, str], schema: Mapping[str, Any], missing: str) -> str:
    """Return the page as HTML.

    url: where the server is reached. problems: what is not well, by part; empty when it is ready. schema: OpenAPI.
    missing: why the pages were not built.
    """
    state, said = ("waiting", "Not ready yet") if problems else ("ready", "Ready")
    lines = "".join(f"<br>{escape(part)}: {escape(what)}" for part, what in problems.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Engram</title><style>{STYLE}</style></head><body>
<header><h1>Engram</h1><p class="muted">{escape(version)} · trains specialist models, admits only those that pass their
gates, and certifies each one.</p></header>
<main>
<p class="state {state}"><strong>{said}</strong>{lines}</p>
<h2>The pages are missing</h2>
<p>{escape(missing)} Everything works without them, from the command line and over the API. To build them, run one
of these in the folder of the checkout, then start the server again:</p>
<pre tabindex="0">{escape(BUILDING.strip())}</pre>
<h2>First steps</h2>
<pre tabindex="0">{escape(STEPS.format(url=url).strip())}</pre>
<h2>What can be asked</h2>
<p>The whole description for programs: <a href="/api/v1/openapi.json">OpenAPI</a>.</p>
{_operations(schema)}
</main></body></html>
"""


def _operations(schema: Mapping[str, Any]) -> str:
    """Return a table of operations for each tag, in the order of the schema."""
    tables: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        for method, said in methods.items():
            words = str(said.get("description") or said.get("summary", "")).split("\n")[0]
            row = f"<td>{method.upper()}</td><td><code>{escape(path)}</code></td><td>{escape(words)}</td>"
            tables.setdefault(str((said.get("tags") or ["server"])[0]), []).append(f"<tr>{row}</tr>")
    return "".join(f"<h3>{escape(tag)}</h3><table>{''.join(rows)}</table>" for tag, rows in tables.items())
