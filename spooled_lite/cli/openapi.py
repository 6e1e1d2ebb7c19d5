"""`spooled-lite openapi`: prints the description of the API, without a server."""

import click
import msgspec

from spooled_lite.wire.http.documents.text import document_text


@click.command()
@click.option(
    "--compact", is_flag=True, help="Print it without line breaks, as the server sends it."
)
def openapi(compact: bool) -> None:
    """Print the OpenAPI 3.1 document that a server serves at /openapi.json."""
    text = document_text()
    click.echo(text if compact else msgspec.json.format(text, indent=2))
