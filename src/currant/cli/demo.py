"""x"""

import typer

app = typer.Typer()
