"""Takes away the contents that erased versions named (server/rest/erasures.py): nobody else can name them any more."""

from __future__ import annotations

from server.jobs.step import Step


async def drop_contents(step: Step) -> None:
    """A `Worker` (server/jobs/step.py). What is gone already is no fault: it may have been killed before it could say so."""
    for content in step.payload["contents"]:
        await step.services.store.blobs.remove(bytes.fromhex(content))
    step.done = step.total
    await step.finish()
