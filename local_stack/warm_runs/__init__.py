"""Dagster runs that start at once: processes that have imported and opened everything wait for them.

The story, from the run's side: ``coordinator`` decides whether it is launched now or waits in Dagster's queue;
``launcher`` hands its id over a unix socket; a ``worker``, forked beforehand by the ``pool``, takes it, executes it as
``dagster api execute_run`` does, and exits. ``records`` knows by a file lock which run is in whose hands, so that the
run of a worker that died fails visibly, whoever asks first.
"""
