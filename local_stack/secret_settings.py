"""Settings that name secrets (``aws-secret:NAME``): ``stack.json``, from which parts start, holds the name alone.

What it says, and what only we can make of it (Dagster's URL, the variables of S3 clients), a part is given when it
starts. It cannot ask for itself: where the stack has an S3 server, the part's AWS variables are those of that server.
"""

from collections.abc import Mapping
from dataclasses import replace

from local_stack.dagster_home import DATABASE_VARIABLE, dagster_environment
from local_stack.parts import Part
from rag_core.errors import RagError
from resources.clients.settings import PREFIX, Settings, load_settings, secret_references

_MADE_OF = {
    DATABASE_VARIABLE: {"database_url", "dagster_database_url"},
    "AWS_ACCESS_KEY_ID": {"s3_access_key_id"},
    "AWS_SECRET_ACCESS_KEY": {"s3_secret_access_key"},
}


def references_of(asked: Settings, filled: Settings) -> dict[str, str]:
    """Return setting → reference, of those settings that a stack takes as they were given."""
    return {
        name: reference
        for name, reference in secret_references().items()
        if getattr(asked, name) == getattr(filled, name)
    }


def without_secrets(part: Part, references: Mapping[str, str]) -> Part:
    """Return the part without the variables that hold secrets, but with their names."""
    if not references or not part.inherits_environment:
        return part
    named = {f"{PREFIX}{name.upper()}" for name in references}
    made = named | {name for name, settings in _MADE_OF.items() if settings & references.keys()}
    kept = {name: value for name, value in part.environment.items() if name not in made}
    return replace(part, environment=kept, made_at_start=tuple(sorted(made & part.environment.keys())))


def made_at_start(part: Part) -> dict[str, str]:
    """Return the variables that hold secrets, in the environment that ``rag up`` had.

    Ends the process with the reason where a secret cannot be read; the supervisor starts it again, ever later.
    """
    try:
        settings = load_settings(with_stack=False)
    except RagError as error:
        raise SystemExit(f"{part.name}: {error}") from None
    given = {f"{PREFIX}{name.upper()}": str(getattr(settings, name)) for name in secret_references()}
    known = given | dagster_environment(settings) | settings.aws_environment()
    return {name: known[name] for name in part.made_at_start}
